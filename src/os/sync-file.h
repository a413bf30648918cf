/* SPDX-License-Identifier: MIT */
/* Sync_files of the kernel, by the ioctls on their descriptors. 0 or -errno. */
#ifndef OS_SYNC_FILE_H
#define OS_SYNC_FILE_H

#include <stdint.h>

struct sync_file_info;

/* SYNC_IOC_FILE_INFO. -ENOTTY and others: @fd is none. */
int os_sync_file_info(int fd, struct sync_file_info *info);

/* SYNC_IOC_MERGE: a new descriptor, close-on-exec. At most 31 bytes of @name are used. */
int os_sync_file_merge(const char *name, int fd1, int fd2);

/* SYNC_IOC_SET_DEADLINE. */
int os_sync_file_set_deadline(int fd, int64_t deadline_ns);

#ifdef DMABUF_SEAMS

/* Answers for the kernel. Its descriptors are any that can be polled. */
struct os_sync_file_fake {
	int (*info)(int fd, struct sync_file_info *info);
	int (*merge)(const char *name, int fd1, int fd2);
	int (*set_deadline)(int fd, int64_t deadline_ns);
};

/* From now on; NULL: the kernel itself. */
void os_sync_file_fake(const struct os_sync_file_fake *kernel);

#endif
#endif
