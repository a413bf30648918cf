/* SPDX-License-Identifier: MIT */
/* What the examples in headers and documents use without declaring it; see check-examples.py. */
#include <dmabuf/dmabuf.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern struct dma_fence *fence, *head;
extern struct dma_fence_timeline *engine;
extern struct dma_resv *obj;
extern struct dma_buf *dmabuf, **buffer;
extern struct device *dev;
extern unsigned int i, n;
extern uint64_t point;
extern int err;

void use(const void *address, size_t size);
