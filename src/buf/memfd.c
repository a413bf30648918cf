/* SPDX-License-Identifier: MIT */
/*
 * The memfd exporter.
 *
 * Seals first, size second: once a file is sealed against shrinking, the size that is
 * read is true for ever, whoever else has a descriptor.
 */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-memfd.h>

#include <errno.h>
#include <fcntl.h>

#include "buf/buffer.h"
#include "buf/memory.h"
#include "os/file.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

/* The size in whole pages; 0 if there is none. */
static size_t whole_pages(size_t size)
{
	const size_t page = os_page_size();

	return (size + page - 1) & ~(page - 1);
}

int dma_buf_memfd_create(const char *name, size_t size, struct dma_buf **ret_buf)
{
	const size_t rounded = whole_pages(size);
	int err, fd;

	lockdep_might_alloc();
	if (!ret_buf || !buffer_name_fits(name) || !rounded)
		return -EINVAL;
	fd = os_memfd_create(name ? name : "dmabuf");
	if (fd < 0)
		return fd;
	err = os_file_resize(fd, rounded);
	if (err)
		goto close_fd;
	/* Importers map all of it. It must never shrink under a mapping. */
	err = os_file_add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	if (err)
		goto close_fd;
	err = memory_export_file(name, fd, rounded, true, NULL, ret_buf);
	if (err)
		goto close_fd;
	return 0;

close_fd:
	os_file_close(fd);
	return err;
}

/* What a stranger's file is worth. */
struct worth {
	size_t size;
	bool writable;
	bool misleading; /* opened for writing, but sealed against it */
};

static int inspect(int fd, struct worth *ret_worth)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;
	size_t size;
	int err;

	if (seals < 0)
		return seals;
	if (!(seals & F_SEAL_SHRINK))
		return -EINVAL;
	err = os_file_inspect(fd, &file);
	if (err)
		return err;
	size = (size_t)file.size;
	if (!size || size != file.size || whole_pages(size) != size)
		return -EINVAL;
	*ret_worth = (struct worth){
		.size = size,
		.writable = file.writable && !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)),
		.misleading = file.writable && seals & F_SEAL_WRITE,
	};
	return 0;
}

/* Linux before 6.7 maps a file that is sealed against writing through a reader's descriptor only. */
static int become_reader(int *fd)
{
	const int reader = os_file_reopen_readonly(*fd, true);

	if (reader < 0)
		return reader;
	os_file_close(*fd);
	*fd = reader;
	return 0;
}

int dma_buf_memfd_import(int fd, struct dma_buf **ret_buf)
{
	struct worth worth;
	int err, own;

	lockdep_might_alloc();
	if (!ret_buf)
		return -EINVAL;
	/* Look at the descriptor that is kept: @fd's number may be another file's soon. */
	own = os_file_dup(fd, true);
	if (own < 0)
		return own;
	err = inspect(own, &worth);
	if (!err && worth.misleading)
		err = become_reader(&own);
	if (err)
		goto close_own;
	err = memory_export_file(NULL, own, worth.size, worth.writable, NULL, ret_buf);
	if (err)
		goto close_own;
	return 0;

close_own:
	os_file_close(own);
	return err;
}
