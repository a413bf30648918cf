/* SPDX-License-Identifier: MIT */
/* Categories, for layers above. */
#ifndef RESV_USAGE_H
#define RESV_USAGE_H

#include <dmabuf/dma-resv.h>

/* A category in one word, for people and for programs: "kernel" and so on. */
const char *resv_usage_name(enum dma_resv_usage usage);

#endif
