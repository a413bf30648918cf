/* SPDX-License-Identifier: MIT */
/*
 * compat/buffer-fd.h - descriptors of buffers that hold a reference
 *
 * In Linux a descriptor of a buffer is a reference, which close() puts. The library's
 * descriptors are of the memory, and nobody hears of their end. Here are both kinds that
 * a driver's dma_buf_fd() may give:
 *
 * memory: one of the library's. The caller's reference is entered under its number, and
 *	close_fd() puts it. After a plain close() the entry is stale, which shows when the
 *	number comes again. Copies, by dup() or in another process, keep the memory, not the
 *	buffer.
 * handle: of a buffer that has no descriptor of its memory. One end of a socket pair, which
 *	dma_buf_get() knows by its inode, and which cannot be mapped. Our end hears when all
 *	copies are closed. The reference is put when the next of these calls looks.
 *
 * Locking: lc_buffer_fds.lock guards the list. What is taken out is put without it.
 */
#ifndef LINUX_COMPAT_BUFFER_FD_H
#define LINUX_COMPAT_BUFFER_FD_H

#include <compat/tags.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dmabuf/dma-buf.h>
#include <dmabuf/sync-file.h>

struct lc_buffer_fd {
	struct lc_buffer_fd *next; /* under lock */
	struct dma_buf *dmabuf;	   /* constant; a reference */
	int fd;			   /* constant; its number */
	int other_end;		   /* constant; -1: it is of the memory */
	ino_t inode;		   /* constant; of a handle */
};

struct lc_buffer_fds {
	struct dmabuf_spinlock lock;
	struct lc_buffer_fd *first; /* under lock */
};
LC_SHARED struct lc_buffer_fds lc_buffer_fds;

static inline bool lc_buffer_fd_is_closed(const struct lc_buffer_fd *entry)
{
	struct pollfd poll_fd = { .fd = entry->other_end };

	return entry->other_end >= 0 && poll(&poll_fd, 1, 0) == 1 && poll_fd.revents & POLLHUP;
}

/* Let go of closed handles, and of the memory whose number is @fd; enter @added, if not NULL. */
static inline void lc_buffer_fds_update(int fd, struct lc_buffer_fd *added)
{
	struct lc_buffer_fd **link, *entry, *gone = NULL;

	dmabuf_spin_lock(&lc_buffer_fds.lock);
	link = &lc_buffer_fds.first;
	while ((entry = *link) != NULL) {
		if (entry->other_end < 0 ? entry->fd != fd : !lc_buffer_fd_is_closed(entry)) {
			link = &entry->next;
			continue;
		}
		*link = entry->next;
		entry->next = gone;
		gone = entry;
	}
	*link = added;
	dmabuf_spin_unlock(&lc_buffer_fds.lock);

	while ((entry = gone) != NULL) {
		gone = entry->next;
		if (entry->other_end >= 0)
			close(entry->other_end);
		dma_buf_put(entry->dmabuf);
		free(entry);
	}
}

/* A descriptor of the memory, with the access that the exporter allows. */
static inline int lc_memory_fd(struct dma_buf *dmabuf, int flags)
{
	const int cloexec = flags & O_CLOEXEC;
	const int fd = (dma_buf_fd)(dmabuf, O_RDWR | cloexec);

	return fd == -EACCES ? (dma_buf_fd)(dmabuf, O_RDONLY | cloexec) : fd;
}

static inline int lc_handle_fd(struct lc_buffer_fd *entry, int flags)
{
	const int type = SOCK_STREAM | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0);
	struct stat file;
	int ends[2];

	if (socketpair(AF_UNIX, type, 0, ends))
		return -errno;
	if (fcntl(ends[1], F_SETFD, FD_CLOEXEC) || fstat(ends[0], &file)) {
		const int err = -errno;

		close(ends[0]);
		close(ends[1]);
		return err;
	}
	entry->inode = file.st_ino;
	entry->other_end = ends[1];
	return ends[0];
}

/* dma_buf_fd() as Linux has it: on success the caller's reference is the descriptor's. */
static inline int lc_buffer_fd(struct dma_buf *dmabuf, int flags)
{
	struct lc_buffer_fd *entry;
	int fd;

	if (!dmabuf)
		return -EINVAL;
	entry = (struct lc_buffer_fd *)calloc(1, sizeof(*entry));
	if (!entry)
		return -ENOMEM;
	entry->dmabuf = dmabuf;
	entry->other_end = -1;
	fd = lc_memory_fd(dmabuf, flags);
	if (fd == -EOPNOTSUPP)
		fd = lc_handle_fd(entry, flags);
	if (fd < 0) {
		free(entry);
		return fd;
	}
	entry->fd = fd;
	lc_buffer_fds_update(fd, entry);
	return fd;
}

/* dma_buf_get() that knows handles, too. */
static inline struct dma_buf *lc_buffer_get(int fd)
{
	struct dma_buf *dmabuf = (dma_buf_get)(fd);
	struct lc_buffer_fd *entry;
	struct stat file;

	if (!dmabuf_is_err(dmabuf) || dmabuf_ptr_err(dmabuf) != -EINVAL)
		return dmabuf;
	if (fstat(fd, &file) || !S_ISSOCK(file.st_mode))
		return dmabuf;
	dmabuf_spin_lock(&lc_buffer_fds.lock);
	for (entry = lc_buffer_fds.first; entry; entry = entry->next) {
		if (entry->other_end >= 0 && entry->inode == file.st_ino) {
			dmabuf = entry->dmabuf;
			get_dma_buf(dmabuf);
			break;
		}
	}
	dmabuf_spin_unlock(&lc_buffer_fds.lock);
	return dmabuf;
}

/* close() that puts what the descriptor held, a buffer or a fence: 0, or a negative errno. */
static inline int close_fd(unsigned int fd)
{
	const int err = close((int)fd) ? -errno : 0;

	lc_buffer_fds_update((int)fd, NULL);
	(void)sync_file_get_fence(-1); /* no descriptor: only lets go of those that are closed */
	return err;
}

#endif
