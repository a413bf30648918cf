/* SPDX-License-Identifier: MIT */
/* dmabuf.h - all of libdmabuf */
#ifndef DMABUF_DMABUF_H
#define DMABUF_DMABUF_H

#include <dmabuf/dma-buf-attach.h>
#include <dmabuf/dma-buf-cpu.h>
#include <dmabuf/dma-buf-memfd.h>
#include <dmabuf/dma-buf-ops.h>
#include <dmabuf/dma-buf-sync-file.h>
#include <dmabuf/dma-buf.h>
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-chain.h>
#include <dmabuf/dma-fence-timeline.h>
#include <dmabuf/dma-fence-unwrap.h>
#include <dmabuf/dma-fence.h>
#include <dmabuf/dma-resv-guard.h>
#include <dmabuf/dma-resv.h>
#include <dmabuf/dmabuf-types.h>
#include <dmabuf/drm-exec.h>
#include <dmabuf/scatterlist.h>
#include <dmabuf/sync-file.h>
#include <dmabuf/ww-mutex.h>

#endif
