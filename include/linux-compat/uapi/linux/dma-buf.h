/* SPDX-License-Identifier: MIT */
/* uapi/linux/dma-buf.h - the system's header of that name: ioctl numbers and structures */
#ifndef LINUX_COMPAT_UAPI_LINUX_DMA_BUF_H
#define LINUX_COMPAT_UAPI_LINUX_DMA_BUF_H

#include_next <linux/dma-buf.h>

#endif
