/* SPDX-License-Identifier: MIT */
/* What a struct dma_buf is inside, for the sources of this folder. */
#ifndef BUF_BUFFER_H
#define BUF_BUFFER_H

#include <dmabuf/dma-buf.h>

#include "buf/registry.h"
#include "debug/lockdep.h"
#include "os/report.h"

struct buffer {
	struct dma_buf base;
	uint32_t refs;			 /* atomic; the last one under the registry's lock */
	int fd;				 /* constant after export; descriptor of the memory, or -1 */
	bool fd_writable;		 /* constant after export */
	bool writable;			 /* constant after export; implies fd_writable, if there is fd */
	struct registry_node registered; /* under the registry's lock */
	char name[DMA_BUF_NAME_LEN];	 /* under base.name_lock */
	struct dma_resv own_resv;	 /* unused if base.resv is another */
	struct dmabuf_spinlock list_lock; /* short; with the reservation lock: base.attachments */
	uint64_t attached;		 /* under list_lock; attachments so far */
};

struct attachment {
	struct dma_buf_attachment base;
	uint64_t number;     /* constant after attach; rises along the list */
	unsigned int tables; /* atomic: made by the exporter, and not unmapped */
};

static inline struct buffer *to_buffer(struct dma_buf *dmabuf)
{
	return container_of(dmabuf, struct buffer, base);
}

static inline struct attachment *to_attachment(struct dma_buf_attachment *attach)
{
	return container_of(attach, struct attachment, base);
}

/*
 * dma_buf_export() with a name that fits, or NULL, and with the memory's descriptor, which
 * the buffer consumes on success; -1: there is none.
 */
struct dma_buf *buffer_export(const struct dma_buf_export_info *info, const char *name, int fd);

/* Take and drop the reservation lock of this buffer alone, which cannot fail. */
void buffer_lock(struct dma_buf *dmabuf) DMABUF_ACQUIRE(dmabuf->resv->lock);
void buffer_unlock(struct dma_buf *dmabuf) DMABUF_RELEASE(dmabuf->resv->lock);

/* The caller of @function must not hold the reservation lock. */
void buffer_assert_not_held(struct dma_buf *dmabuf, const char *function)
	DMABUF_EXCLUDES(dmabuf->resv->lock);

static inline void buffer_check_alive(const struct dma_buf *dmabuf, const char *function)
{
	if (lockdep_is_on())
		lockdep_check_alive(dmabuf, "buffer", function);
}

static inline void attachment_check_alive(const struct dma_buf_attachment *attach,
					  const char *function)
{
	if (lockdep_is_on())
		lockdep_check_alive(attach, "attachment", function);
}

/* The caller may take the buffer's reservation lock, and wait for that. */
void buffer_might_lock(struct dma_buf *dmabuf);

/* Wait for fences, interruptibly: 0, or -EINTR. */
int buffer_wait(struct dma_buf *dmabuf, enum dma_resv_usage usage);

/* Would dma_buf_set_name() take it? */
bool buffer_name_fits(const char *name);

static inline bool direction_is_valid(enum dma_data_direction direction)
{
	return direction == DMA_BIDIRECTIONAL || direction == DMA_TO_DEVICE ||
	       direction == DMA_FROM_DEVICE;
}

#endif
