/* SPDX-License-Identifier: MIT */
/*
 * linux/file.h - descriptors for sync_files
 *
 * The only struct file here is that of a sync_file. A descriptor is set aside first, then
 * installed, as in Linux.
 */
#ifndef LINUX_COMPAT_FILE_H
#define LINUX_COMPAT_FILE_H

#include <compat/tags.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/types.h>

#include <fcntl.h>

#include <dmabuf/sync-file.h>

static inline int get_unused_fd_flags(unsigned int flags)
{
	return sync_file_reserve_fd(flags);
}

static inline void put_unused_fd(unsigned int fd)
{
	sync_file_cancel_fd((int)fd);
}

static inline void fd_install(unsigned int fd, struct file *file)
{
	sync_file_install_fd((int)fd, (struct sync_file *)file);
}

static inline void fput(struct file *file)
{
	sync_file_put((struct sync_file *)file);
}

/* CLASS(get_unused_fd, fd)(O_CLOEXEC): given back at the end of the scope, unless take_fd(fd) */
DEFINE_CLASS(get_unused_fd, int, if (_T >= 0) put_unused_fd((unsigned int)_T),
	     get_unused_fd_flags(flags), unsigned int flags)
#define take_fd(fd) __get_and_null(fd, -1)

#endif
