/* SPDX-License-Identifier: MIT */
/* Bytes that are allocated, as malloc_usable_size() has them. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>

#include "rows.h"

/* So many of each, that what a thread keeps for all of them does not count. */
#define BYTES_OBJECTS 512

size_t bytes_live(void);

static inline double bytes_each(size_t before)
{
	return (double)(bytes_live() - before) / BYTES_OBJECTS;
}

extern const struct design ours_bytes_rows, flat_bytes_rows, inline_bytes_rows, classic_bytes_rows;

#endif
