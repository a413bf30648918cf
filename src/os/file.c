/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/fault.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

int os_file_inspect(int fd, struct os_file *ret_file)
{
	if (OS_FAULT())
		return -EOVERFLOW;
	return os_file_inspect_own(fd, ret_file);
}

int os_file_inspect_own(int fd, struct os_file *ret_file)
{
	const int flags = fcntl(fd, F_GETFL);
	struct stat status;

	if (flags < 0 || fstat(fd, &status))
		return -errno;
	*ret_file = (struct os_file){
		.key = { status.st_dev, status.st_ino },
		.size = (uint64_t)status.st_size,
		.regular = S_ISREG(status.st_mode),
		.readable = !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY,
		.writable = !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY,
	};
	return 0;
}

int os_memfd_create(const char *name)
{
	int fd;

	if (OS_FAULT())
		return -EMFILE;
	/* Memory is not a program. Kernels that cannot say so call it invalid. */
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int os_file_resize(int fd, size_t size)
{
	const off_t length = (off_t)size;

	if (OS_FAULT())
		return -ENOSPC;
	if (length < 0)
		return -EFBIG;
	return ftruncate(fd, length) ? -errno : 0;
}

int os_file_add_seals(int fd, int seals)
{
	if (OS_FAULT())
		return -EPERM;
	return fcntl(fd, F_ADD_SEALS, seals) ? -errno : 0;
}

int os_file_get_seals(int fd)
{
	int seals;

	if (OS_FAULT())
		return -EINVAL;
	seals = fcntl(fd, F_GET_SEALS);
	return seals < 0 ? -errno : seals;
}

#define ORDINARY 0x01021994 /* TMPFS_MAGIC: also what a memory file is in */

bool os_file_is_ordinary(int fd)
{
	struct statfs status;

	return !fstatfs(fd, &status) && status.f_type == ORDINARY;
}

int os_file_dup(int fd, bool cloexec)
{
	int copy;

	if (OS_FAULT())
		return -EMFILE;
	copy = fcntl(fd, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
	return copy < 0 ? -errno : copy;
}

int os_file_reopen_readonly(int fd, bool cloexec)
{
	char path[32];
	int copy;

	if (OS_FAULT())
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDONLY | (cloexec ? O_CLOEXEC : 0));
	return copy < 0 ? -errno : copy;
}

void os_file_close(int fd)
{
	close(fd);
}

int os_map(int fd, size_t size, int prot, void **ret_address)
{
	void *address;

	if (OS_FAULT())
		return -ENOMEM;
	address = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED)
		return -errno;
	*ret_address = address;
	return 0;
}

int os_map_protect(void *address, size_t size, int prot)
{
	if (OS_FAULT())
		return -ENOMEM;
	return mprotect(address, size, prot) ? -errno : 0;
}

int os_map_hide_from_children(void *address, size_t size)
{
	if (OS_FAULT())
		return -ENOMEM;
	return madvise(address, size, MADV_DONTFORK) ? -errno : 0;
}

void os_unmap(void *address, size_t size)
{
	munmap(address, size);
}

size_t os_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}
