/* SPDX-License-Identifier: MIT */
/* Making buffers, and their descriptors. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-memfd.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-exporter.h"
#include "memfd-buffer.h"

#define SIZE 8192

static int new_memfd(void)
{
	const int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(ftruncate(fd, SIZE), ==, 0);
	return fd;
}

/*
 * Export.
 */

TEST(a_new_buffer_is_what_was_exported)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	ASSERT_INT(dmabuf->size, ==, sizeof(fake.memory));
	ASSERT_PTR(dmabuf->ops, ==, &fake.ops);
	ASSERT_STR(dmabuf->exp_name, "fake");
	ASSERT_PTR(dmabuf->priv, ==, &fake);
	ASSERT_PTR(dmabuf->resv, !=, NULL);
	ASSERT_PTR(dmabuf->attachments.next, ==, &dmabuf->attachments);
	ASSERT_INT(dmabuf->vmapping_counter, ==, 0);
	ASSERT_PTR(dmabuf->name, ==, NULL);
	dma_buf_put(dmabuf);
}

TEST(without_a_name_the_exporter_is_unnamed)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	ASSERT_STR(info.exp_name, "unnamed");
	ASSERT_PTR(info.priv, ==, NULL);
	ASSERT_PTR(info.resv, ==, NULL);
}

TEST(what_is_missing_is_refused_with_a_warning)
{
	struct dma_buf_export_info info;
	struct fake fake;

	ASSERT_WARNS(assert_is_error(dma_buf_export(NULL), -EINVAL), "needs info");
	fake_init(&fake, FAKE_PINNING);
	info = fake_info(&fake);
	info.priv = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "priv");
	info = fake_info(&fake);
	info.ops = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "ops");

	info = fake_info(&fake);
	fake.ops.map_dma_buf = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "map_dma_buf");
	fake.ops.map_dma_buf = fake_map;
	fake.ops.unmap_dma_buf = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "unmap_dma_buf");
	fake.ops.unmap_dma_buf = fake_unmap;
	fake.ops.release = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "release");
}

TEST(ops_that_exclude_each_other_are_refused_with_a_warning)
{
	struct dma_buf_export_info info;
	struct fake fake;

	fake_init(&fake, FAKE_PINNING);
	info = fake_info(&fake);
	fake.ops.unpin = NULL;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "pin and unpin");
	fake.ops.pin = NULL;
	fake.ops.unpin = fake_unpin;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "pin and unpin");
	fake.ops.pin = fake_pin;
	fake.ops.cache_sgt_mapping = true;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "cache_sgt_mapping");

	fake_init(&fake, FAKE_DYNAMIC);
	fake.ops.cache_sgt_mapping = true;
	ASSERT_WARNS(assert_is_error(dma_buf_export(&info), -EINVAL), "cache_sgt_mapping");
}

TEST(a_shared_reservation_is_used_and_left_alive)
{
	struct dma_resv resv;
	struct fake fake;
	struct dma_buf_export_info info;

	dma_resv_init(&resv);
	fake_init(&fake, FAKE_STATIC);
	info = fake_info(&fake);
	info.resv = &resv;
	fake.dmabuf = dma_buf_export(&info);
	ASSERT_FALSE(dmabuf_is_err(fake.dmabuf));
	ASSERT_PTR(fake.dmabuf->resv, ==, &resv);
	dma_buf_put(fake.dmabuf);
	ASSERT_INT(dma_resv_lock(&resv, NULL), ==, 0);
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
}

TEST(export_unwinds_from_every_failure)
{
	for (unsigned int nth = 1;; nth++) {
		struct test_resources before = test_resources();
		struct dma_buf_export_info info;
		struct dma_buf *dmabuf;
		struct fake fake;

		fake_init(&fake, FAKE_STATIC);
		info = fake_info(&fake);
		os_fault_arm(nth);
		dmabuf = dma_buf_export(&info);
		if (!os_fault_disarm()) {
			ASSERT_INT(nth, >, 1);
			fake.dmabuf = dmabuf;
			dma_buf_put(dmabuf);
			break;
		}
		assert_is_error(dmabuf, -ENOMEM);
		ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 0);
		ASSERT_RESOURCES(before);
	}
}

/*
 * Export of memory that a descriptor stands for.
 */

static struct dma_buf *export_memory(struct fake *fake, int flags, int fd)
{
	struct dma_buf_export_info info;

	fake_init(fake, FAKE_STATIC);
	info = fake_info(fake);
	info.flags = flags;
	return fake->dmabuf = dma_buf_export_memory(&info, fd);
}

TEST(exported_memory_keeps_a_descriptor_of_its_own)
{
	struct fake fake;
	const int fd = new_memfd();
	struct dma_buf *dmabuf = export_memory(&fake, O_RDWR, fd);
	int copy;

	ASSERT_FALSE(dmabuf_is_err(dmabuf));
	close(fd);
	copy = dma_buf_fd(dmabuf, O_RDWR | O_CLOEXEC);
	ASSERT_INT(copy, >=, 0);
	close(copy);
	dma_buf_put(dmabuf);
}

TEST(memory_that_has_a_buffer_is_not_exported_again)
{
	struct fake fake, second;
	const int fd = new_memfd();
	struct dma_buf *dmabuf = export_memory(&fake, O_RDWR, fd);

	assert_is_error(export_memory(&second, O_RDWR, fd), -EEXIST);
	ASSERT_INT(second.calls[FAKE_RELEASE], ==, 0);
	dma_buf_put(dmabuf);
	dmabuf = export_memory(&second, O_RDWR, fd);
	ASSERT_FALSE(dmabuf_is_err(dmabuf));
	dma_buf_put(dmabuf);
	close(fd);
}

TEST(descriptors_that_cannot_be_the_memory_are_refused)
{
	const int fd = memfd_create("small", MFD_CLOEXEC);
	struct fake fake;
	char path[32];
	int write_only;

	assert_is_error(export_memory(&fake, O_RDWR, -1), -EBADF);
	assert_is_error(export_memory(&fake, O_RDWR, fd), -EINVAL); /* size 0 */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	write_only = open(path, O_WRONLY | O_CLOEXEC);
	assert_is_error(export_memory(&fake, O_RDWR, write_only), -EACCES);
	close(write_only);
	write_only = open(path, O_PATH | O_CLOEXEC);
	assert_is_error(export_memory(&fake, O_RDWR, write_only), -EACCES);
	close(write_only);
	close(fd);
}

TEST(what_has_no_size_is_as_large_as_the_exporter_says)
{
	const int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	struct dma_buf *dmabuf, *found;
	struct fake fake;

	ASSERT_INT(fd, >=, 0);
	dmabuf = export_memory(&fake, O_RDWR, fd);
	ASSERT_FALSE(dmabuf_is_err(dmabuf));
	ASSERT_INT(dmabuf->size, ==, sizeof(fake.memory));
	found = dma_buf_get(fd);
	ASSERT_PTR(found, ==, dmabuf);
	dma_buf_put(found);
	dma_buf_put(dmabuf);
	close(fd);
}

static struct dma_buf *export_failing(unsigned int nth, int fd)
{
	struct dma_buf *dmabuf;
	struct fake fake;

	os_fault_arm(nth);
	dmabuf = export_memory(&fake, O_RDWR, fd);
	ASSERT_TRUE(os_fault_disarm());
	return dmabuf;
}

TEST(export_of_memory_says_what_it_lacks)
{
	const int fd = new_memfd();

	assert_is_error(export_failing(1, fd), -EMFILE);
	assert_is_error(export_failing(2, fd), -ENOMEM);
	close(fd);
}

TEST(export_of_memory_unwinds_from_every_failure)
{
	const int fd = new_memfd();

	for (unsigned int nth = 1;; nth++) {
		struct test_resources before = test_resources();
		struct dma_buf *dmabuf;
		struct fake fake;

		os_fault_arm(nth);
		dmabuf = export_memory(&fake, O_RDWR, fd);
		if (!os_fault_disarm()) {
			ASSERT_INT(nth, ==, 4); /* dup, memory, inspect */
			dma_buf_put(dmabuf);
			break;
		}
		ASSERT_TRUE(dmabuf_is_err(dmabuf));
		ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 0);
		ASSERT_RESOURCES(before);
	}
	close(fd);
}

/*
 * Descriptors.
 */

TEST(a_descriptor_finds_its_buffer_and_takes_no_reference)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = dma_buf_fd(dmabuf, O_RDWR | O_CLOEXEC);
	struct dma_buf *found = dma_buf_get(fd);

	ASSERT_PTR(found, ==, dmabuf);
	dma_buf_put(found);
	dma_buf_put(dmabuf);
	assert_is_error(dma_buf_get(fd), -EINVAL);
	close(fd);
}

/* What dma_buf_get() says of another descriptor of the buffer's file. */
static struct dma_buf *get_reopened(struct dma_buf *dmabuf, int flags)
{
	const int fd = dma_buf_fd(dmabuf, O_RDWR | O_CLOEXEC);
	struct dma_buf *found;
	char path[32];
	int other;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, flags | O_CLOEXEC);
	ASSERT_INT(other, >=, 0);
	found = dma_buf_get(other);
	close(other);
	close(fd);
	return found;
}

TEST(a_descriptor_that_is_a_name_only_finds_nothing)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	assert_is_error(get_reopened(dmabuf, O_PATH), -EBADF);
	dma_buf_put(dmabuf);
}

TEST(a_descriptor_that_can_only_write_finds_its_buffer)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	ASSERT_PTR(get_reopened(dmabuf, O_WRONLY), ==, dmabuf);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);
}

TEST(descriptors_of_other_things_find_nothing)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = new_memfd(), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_is_error(dma_buf_get(fd), -EINVAL);
	assert_is_error(dma_buf_get(null), -EINVAL);
	assert_is_error(dma_buf_get(-1), -EBADF);
	close(fd);
	assert_is_error(dma_buf_get(fd), -EBADF);
	close(null);
	dma_buf_put(dmabuf);
}

TEST(a_failure_to_look_at_a_descriptor_is_reported)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = dma_buf_fd(dmabuf, O_RDWR);

	os_fault_arm(1);
	assert_is_error(dma_buf_get(fd), -EOVERFLOW);
	ASSERT_TRUE(os_fault_disarm());
	close(fd);
	dma_buf_put(dmabuf);
}

TEST(flags_of_a_descriptor_are_what_was_asked_for)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	static const int flags[] = { O_RDONLY, O_RDWR, O_RDONLY | O_CLOEXEC, O_RDWR | O_CLOEXEC };

	for (unsigned int i = 0; i < 4; i++) {
		const int fd = dma_buf_fd(dmabuf, flags[i]);
		struct dma_buf *found = dma_buf_get(fd);

		ASSERT_INT(fcntl(fd, F_GETFL) & O_ACCMODE, ==, flags[i] & O_ACCMODE);
		ASSERT_INT(fcntl(fd, F_GETFD), ==, flags[i] & O_CLOEXEC ? FD_CLOEXEC : 0);
		ASSERT_PTR(found, ==, dmabuf);
		dma_buf_put(found);
		close(fd);
	}
	dma_buf_put(dmabuf);
}

TEST(flags_that_make_no_sense_are_refused)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	ASSERT_INT(dma_buf_fd(NULL, O_RDWR), ==, -EINVAL);
	ASSERT_INT(dma_buf_fd(dmabuf, O_WRONLY), ==, -EINVAL);
	ASSERT_INT(dma_buf_fd(dmabuf, O_ACCMODE), ==, -EINVAL);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR | O_APPEND), ==, -EINVAL);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR | O_NONBLOCK), ==, -EINVAL);
	dma_buf_put(dmabuf);
}

TEST(memory_without_a_descriptor_has_none_to_give)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR), ==, -EOPNOTSUPP);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDONLY), ==, -EOPNOTSUPP);
	dma_buf_put(dmabuf);
}

/* Trap 27: a read-only descriptor that can be mapped for writing. */
TEST(a_readonly_descriptor_cannot_be_mapped_for_writing)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	const int fd = dma_buf_fd(dmabuf, O_RDONLY);

	ASSERT_PTR(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, fd, 0), ==, MAP_FAILED);
	ASSERT_INT(errno, ==, EACCES);
	ASSERT_INT(write(fd, "x", 1), ==, -1);
	close(fd);
	dma_buf_put(dmabuf);
}

TEST(access_is_at_most_that_of_the_exporters_flags)
{
	const int fd = new_memfd();
	struct fake fake;
	struct dma_buf *dmabuf = export_memory(&fake, O_RDONLY, fd);
	int copy;

	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR), ==, -EACCES);
	copy = dma_buf_fd(dmabuf, O_RDONLY);
	ASSERT_INT(fcntl(copy, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	close(copy);
	dma_buf_put(dmabuf);
	close(fd);
}

TEST(access_is_at_most_that_of_the_exporters_descriptor)
{
	const int fd = new_memfd();
	struct dma_buf *dmabuf;
	struct fake fake;
	int copy, readonly;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readonly = open(path, O_RDONLY | O_CLOEXEC);
	dmabuf = export_memory(&fake, O_RDWR, readonly);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR), ==, -EACCES);
	copy = dma_buf_fd(dmabuf, O_RDONLY);
	ASSERT_INT(fcntl(copy, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	close(copy);
	dma_buf_put(dmabuf);
	close(readonly);
	close(fd);
}

TEST(a_descriptor_that_cannot_be_made_is_reported)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	os_fault_arm(1);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR), ==, -EMFILE);
	ASSERT_TRUE(os_fault_disarm());
	os_fault_arm(1);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDONLY), ==, -ENOENT);
	ASSERT_TRUE(os_fault_disarm());
	dma_buf_put(dmabuf);
}

/* Trap 21: leaks that show only when the table grows. The harness counts descriptors. */
TEST(many_buffers_are_all_found_and_leave_no_descriptor)
{
	enum { BUFFERS = 300 };
	struct dma_buf *buffers[BUFFERS];
	uint32_t random = test_seed();

	for (unsigned int i = 0; i < BUFFERS; i++)
		buffers[i] = new_memfd_buffer(SIZE);
	/* Drop every other one in random order, and look for all. */
	for (unsigned int i = 0; i < BUFFERS; i++) {
		const unsigned int j = test_random(&random) % BUFFERS;
		struct dma_buf *other = buffers[i];

		buffers[i] = buffers[j];
		buffers[j] = other;
	}
	for (unsigned int i = 0; i < BUFFERS; i++) {
		const int fd = dma_buf_fd(buffers[i], O_RDWR);
		struct dma_buf *found;

		if (i % 2) {
			dma_buf_put(buffers[i]);
			assert_is_error(dma_buf_get(fd), -EINVAL);
			buffers[i] = NULL;
		} else {
			found = dma_buf_get(fd);
			ASSERT_PTR(found, ==, buffers[i]);
			dma_buf_put(found);
		}
		close(fd);
	}
	for (unsigned int i = 0; i < BUFFERS; i++) {
		if (buffers[i]) {
			const int fd = dma_buf_fd(buffers[i], O_RDWR);
			struct dma_buf *found = dma_buf_get(fd);

			ASSERT_PTR(found, ==, buffers[i]);
			dma_buf_put(found);
			close(fd);
		}
		dma_buf_put(buffers[i]);
	}
}
