/* SPDX-License-Identifier: MIT */
/* What the built-in exporters share: memory in one piece, that never moves. */
#ifndef BUF_MEMORY_H
#define BUF_MEMORY_H

#include <dmabuf/dma-buf.h>

/* The exporter's side of a buffer; its priv. Constant but for what is under lock. */
struct memory {
	void *address; /* what importers get, and, but in debug builds, the CPU */
	size_t size;
	int fd;	       /* the buffer's, borrowed; -1: none */
	bool writable; /* importers may write */
	struct memory_owner *owner; /* optional */
	void *block;   /* what to free; NULL: a mapping is to be undone */
#ifdef DMABUF_CHECKS
	void *cpu;     /* a second mapping, closed but for CPU access; NULL: none */
	struct dmabuf_spinlock lock;
	unsigned int readers, writers; /* begun and not ended; under lock */
#endif
};

/* Of a buffer that is part of something: whose reservation it has, and who wants to hear of its end. */
struct memory_owner {
	const char *exp_name;
	struct dma_resv *resv;
	int (*check)(struct memory_owner *owner);     /* 0, or why the CPU must not touch it */
	void (*released)(struct memory_owner *owner); /* the buffer is gone */
};

/* A buffer of the file behind @fd, which is consumed on success. @owner: optional. */
int memory_export_file(const char *name, int fd, size_t size, bool writable,
		       struct memory_owner *owner, struct dma_buf **ret_buf);

/* A buffer of zeroed memory without a file. */
int memory_export_block(const char *name, size_t size, struct dma_buf **ret_buf);

#endif
