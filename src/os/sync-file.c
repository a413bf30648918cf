/* SPDX-License-Identifier: MIT */
#include "os/sync-file.h"

#include <errno.h>
#include <linux/sync_file.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "os/atomic.h"
#include "os/fault.h"

#ifndef SYNC_IOC_SET_DEADLINE
struct sync_set_deadline {
	__u64 deadline_ns, pad;
};
#define SYNC_IOC_SET_DEADLINE _IOW(SYNC_IOC_MAGIC, 5, struct sync_set_deadline) /* Linux 6.6 */
#endif

#ifdef DMABUF_SEAMS

static const struct os_sync_file_fake *fake; /* atomic */

void os_sync_file_fake(const struct os_sync_file_fake *kernel)
{
	store_release(&fake, kernel);
}

#define RETURN_FAKE(call, ...)                                                  \
	do {                                                                    \
		const struct os_sync_file_fake *kernel = load_acquire(&fake);   \
		if (kernel)                                                     \
			return kernel->call(__VA_ARGS__);                       \
	} while (0)

#else
#define RETURN_FAKE(call, ...) ((void)0)
#endif

int os_sync_file_info(int fd, struct sync_file_info *info)
{
	if (OS_FAULT())
		return -ENOMEM;
	RETURN_FAKE(info, fd, info);
	return ioctl(fd, SYNC_IOC_FILE_INFO, info) ? -errno : 0;
}

int os_sync_file_merge(const char *name, int fd1, int fd2)
{
	struct sync_merge_data data = { .fd2 = fd2 };

	if (OS_FAULT())
		return -EMFILE;
	RETURN_FAKE(merge, name, fd1, fd2);
	snprintf(data.name, sizeof(data.name), "%s", name);
	return ioctl(fd1, SYNC_IOC_MERGE, &data) ? -errno : data.fence;
}

int os_sync_file_set_deadline(int fd, int64_t deadline_ns)
{
	struct sync_set_deadline data = { .deadline_ns = (uint64_t)deadline_ns };

	if (OS_FAULT())
		return -ENOTTY;
	RETURN_FAKE(set_deadline, fd, deadline_ns);
	return ioctl(fd, SYNC_IOC_SET_DEADLINE, &data) ? -errno : 0;
}
