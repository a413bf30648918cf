/* SPDX-License-Identifier: MIT */
/* Memory files, and what the kernel refuses. */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libc.h"
#include "os/file.h"
#include "os/pages.h"
#include "os/sync-file.h"

#define PAGE os_page_size()
#define KNOWN_FLAGS (MFD_CLOEXEC | MFD_ALLOW_SEALING)

static bool kernel_is_old; /* older than Linux 6.3 */

int memfd_create(const char *name, unsigned int flags)
{
	if (!kernel_is_old || !(flags & ~KNOWN_FLAGS))
		return NEXT(memfd_create)(name, flags);
	errno = EINVAL;
	return -1;
}

static int make_file(void)
{
	const int fd = os_memfd_create("file");

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(os_file_resize(fd, PAGE), ==, 0);
	return fd;
}

TEST(a_kernel_that_knows_no_memory_without_programs_gives_memory_all_the_same)
{
	int fd;

	kernel_is_old = true;
	fd = os_memfd_create("old");
	kernel_is_old = false;
	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	ASSERT_INT(os_file_add_seals(fd, F_SEAL_SHRINK), ==, 0);
	os_file_close(fd);
}

TEST(a_name_that_the_kernel_finds_too_long_is_invalid)
{
	char name[NAME_MAX + 1];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ASSERT_INT(os_memfd_create(name), ==, -EINVAL);
}

/* With no room for one descriptor more. */
static int create_without_room(void)
{
	const int lowest = dup(0);
	struct rlimit old, none;
	int ret;

	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ .rlim_cur = (rlim_t)lowest, .rlim_max = old.rlim_max };
	close(lowest);
	setrlimit(RLIMIT_NOFILE, &none);
	ret = os_memfd_create("none");
	setrlimit(RLIMIT_NOFILE, &old);
	return ret;
}

TEST(without_a_free_descriptor_there_is_no_memory_file)
{
	ASSERT_INT(create_without_room(), ==, -EMFILE);
}

TEST(what_is_sealed_keeps_its_size_and_the_last_seal_is_the_last)
{
	const int fd = make_file();

	ASSERT_INT(os_file_add_seals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), ==, 0);
	ASSERT_INT(os_file_resize(fd, 2 * PAGE), ==, -EPERM);
	ASSERT_INT(os_file_add_seals(fd, F_SEAL_WRITE), ==, -EPERM);
	ASSERT_FALSE(os_file_get_seals(fd) & F_SEAL_WRITE);
	os_file_close(fd);
}

TEST(memory_of_large_pages_is_not_ordinary)
{
	const int fd = make_file(), large = memfd_create("large", MFD_CLOEXEC | MFD_HUGETLB),
		  other = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	ASSERT_TRUE(os_file_is_ordinary(fd));
	ASSERT_FALSE(os_file_is_ordinary(large)); /* or there are none, and it is no file */
	ASSERT_FALSE(os_file_is_ordinary(other));
	os_file_close(fd);
	os_file_close(large);
	os_file_close(other);
	ASSERT_FALSE(os_file_is_ordinary(fd));
}

TEST(no_file_has_more_bytes_than_an_offset_counts)
{
	const int fd = make_file();

	ASSERT_INT(os_file_resize(fd, SIZE_MAX), ==, sizeof(off_t) > sizeof(size_t) ? 0 : -EFBIG);
	os_file_close(fd);
}

TEST(a_descriptor_that_is_closed_is_not_opened_again)
{
	const int fd = make_file();

	os_file_close(fd);
	ASSERT_INT(os_file_reopen_readonly(fd, true), ==, -ENOENT);
}

TEST(a_mapping_of_what_can_only_be_read_is_not_made_writable)
{
	const int fd = make_file(), readonly = os_file_reopen_readonly(fd, true);
	void *address;

	ASSERT_INT(readonly, >=, 0);
	ASSERT_INT(os_map(readonly, PAGE, PROT_READ, &address), ==, 0);
	ASSERT_INT(os_map_protect(address, PAGE, PROT_READ | PROT_WRITE), ==, -EACCES);
	os_unmap(address, PAGE);
	os_file_close(readonly);
	os_file_close(fd);
}

TEST(there_are_no_pages_beyond_all_addresses)
{
	ASSERT_PTR(os_pages_reserve(SIZE_MAX / 4 * 3), ==, NULL);
	os_pages_release(NULL, PAGE);
}

TEST(a_file_that_is_no_sync_file_of_the_kernels_is_told_by_each_call)
{
	const int fd = make_file();

	ASSERT_INT(os_sync_file_merge("both", fd, fd), ==, -ENOTTY);
	ASSERT_INT(os_sync_file_set_deadline(fd, 1), ==, -ENOTTY);
	os_file_close(fd);
}
