/* SPDX-License-Identifier: MIT */
/* The two exporters that come with the library. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-memfd.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "os/file.h"

#define SIZE 131072 /* whole pages, also of 64 KiB */

static struct device any_device = { .name = "any" };
static struct dma_buf *const untouched = (void *)&any_device;

static struct dma_buf *create(void)
{
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_memfd_create("test", SIZE, &dmabuf), ==, 0);
	return dmabuf;
}

static int new_memfd(size_t size, int seals)
{
	const int fd = memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(ftruncate(fd, (off_t)size), ==, 0);
	ASSERT_INT(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
	return fd;
}

static int reopen(int fd, int flags)
{
	char path[32];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, flags | O_CLOEXEC);
	ASSERT_INT(copy, >=, 0);
	return copy;
}

static char *cpu_address(struct dma_buf *dmabuf)
{
	void *address;

	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), ==, 0);
	return address;
}

/* What a stray access does. */

static sigjmp_buf after_fault;

static void faulted(int signal)
{
	siglongjmp(after_fault, signal);
}

/* Does the access end in a SIGSEGV? */
static bool faults(volatile char *address, bool write)
{
	struct sigaction action = { .sa_handler = faulted }, old;
	int signal;

	sigaction(SIGSEGV, &action, &old);
	signal = sigsetjmp(after_fault, 1);
	if (!signal) {
		const char value = *address;

		if (write)
			*address = value;
	}
	sigaction(SIGSEGV, &old, NULL);
	return signal;
}

/*
 * Creating.
 */

TEST(a_new_memfd_buffer_is_zeroed_whole_pages_with_a_name)
{
	char name[DMA_BUF_NAME_LEN];
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_memfd_create("frame", 1, &dmabuf), ==, 0);
	ASSERT_INT(dmabuf->size, ==, os_page_size());
	ASSERT_STR(dmabuf->exp_name, "memfd");
	ASSERT_FALSE(dma_buf_is_dynamic(dmabuf));
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "frame");
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	for (size_t i = 0; i < dmabuf->size; i++)
		ASSERT_INT(cpu_address(dmabuf)[i], ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	dma_buf_put(dmabuf);

	ASSERT_INT(dma_buf_memfd_create(NULL, SIZE, &dmabuf), ==, 0);
	ASSERT_INT(dmabuf->size, ==, SIZE);
	ASSERT_PTR(dmabuf->name, ==, NULL);
	dma_buf_put(dmabuf);
}

/* Trap 29. */
TEST(a_memfd_buffer_cannot_be_resized_or_sealed_by_who_gets_it)
{
	struct dma_buf *dmabuf = create();
	const int fd = dma_buf_fd(dmabuf, O_RDWR);

	ASSERT_INT(fcntl(fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), ==,
		   F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	ASSERT_INT(ftruncate(fd, 0), ==, -1);
	ASSERT_INT(ftruncate(fd, 2 * SIZE), ==, -1);
	ASSERT_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), ==, -1);
	close(fd);
	dma_buf_put(dmabuf);
}

TEST(sizes_and_names_that_cannot_be_are_refused)
{
	const char *const long_name = "12345678901234567890123456789012";
	struct dma_buf *dmabuf = untouched;

	ASSERT_INT(dma_buf_memfd_create("none", 0, &dmabuf), ==, -EINVAL);
	ASSERT_INT(dma_buf_memfd_create("wraps", SIZE_MAX, &dmabuf), ==, -EINVAL);
	/* No file is so large, or, with 32 bits, no room for its mapping. */
	ASSERT_INT(dma_buf_memfd_create("no file", SIZE_MAX - SIZE, &dmabuf), ==,
		   sizeof(size_t) < 8 ? -ENOMEM : -EFBIG);
	ASSERT_INT(dma_buf_memfd_create(long_name, SIZE, &dmabuf), ==, -EINVAL);
	ASSERT_INT(dma_buf_memfd_create("nowhere", SIZE, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_malloc_create("none", 0, &dmabuf), ==, -EINVAL);
	ASSERT_INT(dma_buf_malloc_create("wraps", SIZE_MAX, &dmabuf), ==, -ENOMEM);
	ASSERT_INT(dma_buf_malloc_create(long_name, SIZE, &dmabuf), ==, -EINVAL);
	ASSERT_INT(dma_buf_malloc_create("nowhere", SIZE, NULL), ==, -EINVAL);
	ASSERT_PTR(dmabuf, ==, untouched);
}

static int create_memfd(int unused, struct dma_buf **ret_buf)
{
	(void)unused;
	return dma_buf_memfd_create("unwind", SIZE, ret_buf);
}

static int create_malloc(int unused, struct dma_buf **ret_buf)
{
	(void)unused;
	return dma_buf_malloc_create("unwind", SIZE, ret_buf);
}

/* Whichever call fails, the caller is left as it was. @calls: how many there are. */
static void unwinds(int (*make)(int fd, struct dma_buf **ret_buf), int fd, unsigned int calls)
{
	for (unsigned int nth = 1;; nth++) {
		struct dma_buf *dmabuf = untouched;
		struct test_resources before = test_resources();
		int err;

		os_fault_arm(nth);
		err = make(fd, &dmabuf);
		if (!os_fault_disarm()) {
			ASSERT_INT(err, ==, 0);
			ASSERT_INT(nth, ==, calls + 1);
			dma_buf_put(dmabuf);
			break;
		}
		ASSERT_INT(err, <, 0);
		ASSERT_PTR(dmabuf, ==, untouched);
		ASSERT_RESOURCES(before);
	}
}

TEST(the_exporters_unwind_from_every_failure)
{
	const int fd = new_memfd(SIZE, F_SEAL_SHRINK);
	const int sealed = new_memfd(SIZE, F_SEAL_SHRINK | F_SEAL_WRITE);

	/* file, size, seals, memory, mapping, mapping for the CPU, buffer, inspect */
	unwinds(create_memfd, -1, 8);
	/* duplicate, seals, inspect, memory, mapping, mapping for the CPU, buffer, inspect */
	unwinds(dma_buf_memfd_import, fd, 8);
	/* the same, and a descriptor that only reads */
	unwinds(dma_buf_memfd_import, sealed, 9);
	/* memory, block, buffer */
	unwinds(create_malloc, -1, 3);
	close(sealed);
	close(fd);
}

/*
 * Importing.
 */

TEST(an_imported_buffer_is_the_same_memory)
{
	const int fd = new_memfd(SIZE, F_SEAL_SHRINK);
	char *foreign = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct dma_buf *dmabuf, *found;
	int copy;

	ASSERT_INT(dma_buf_memfd_import(fd, &dmabuf), ==, 0);
	ASSERT_INT(dmabuf->size, ==, SIZE);
	found = dma_buf_get(fd);
	ASSERT_PTR(found, ==, dmabuf);
	dma_buf_put(found);
	close(fd);

	foreign[SIZE - 1] = 'x';
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(cpu_address(dmabuf)[SIZE - 1], ==, 'x');
	cpu_address(dmabuf)[0] = 'y';
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(foreign[0], ==, 'y');
	copy = dma_buf_fd(dmabuf, O_RDWR);
	ASSERT_INT(copy, >=, 0);
	close(copy);
	dma_buf_put(dmabuf);
	munmap(foreign, SIZE);
}

static void assert_not_imported(int fd, int err)
{
	struct dma_buf *dmabuf = untouched;

	ASSERT_INT(dma_buf_memfd_import(fd, &dmabuf), ==, err);
	ASSERT_PTR(dmabuf, ==, untouched);
	close(fd);
}

/* Trap 29: without the seal a peer's truncation would be our SIGBUS. */
TEST(an_unsealed_memfd_is_refused)
{
	assert_not_imported(new_memfd(SIZE, 0), -EINVAL);
	assert_not_imported(new_memfd(SIZE, F_SEAL_GROW | F_SEAL_WRITE), -EINVAL);
}

TEST(what_is_no_memfd_is_refused)
{
	int pipes[2];

	assert_not_imported(open("/dev/null", O_RDWR | O_CLOEXEC), -EINVAL);
	assert_not_imported(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), -EINVAL);
	ASSERT_INT(pipe(pipes), ==, 0);
	close(pipes[1]);
	assert_not_imported(pipes[0], -EINVAL);
	assert_not_imported(-1, -EBADF);
}

/* Trap 30: a size from a peer is not trusted. */
TEST(a_memfd_of_an_odd_size_is_refused)
{
	assert_not_imported(new_memfd(0, F_SEAL_SHRINK), -EINVAL);
	assert_not_imported(new_memfd(SIZE - 1, F_SEAL_SHRINK), -EINVAL);
	/* More than there are addresses. */
	assert_not_imported(new_memfd((size_t)PTRDIFF_MAX & ~(os_page_size() - 1), F_SEAL_SHRINK),
			    -ENOMEM);
}

TEST(an_import_needs_somewhere_to_put_it)
{
	const int fd = new_memfd(SIZE, F_SEAL_SHRINK);

	ASSERT_INT(dma_buf_memfd_import(fd, NULL), ==, -EINVAL);
	close(fd);
}

TEST(a_memfd_that_cannot_be_read_is_refused)
{
	const int fd = new_memfd(SIZE, F_SEAL_SHRINK);

	assert_not_imported(reopen(fd, O_WRONLY), -EACCES);
	close(fd);
}

TEST(memory_that_has_a_buffer_is_not_imported_again)
{
	struct dma_buf *dmabuf = create();
	const int fd = dma_buf_fd(dmabuf, O_RDWR), readonly = dma_buf_fd(dmabuf, O_RDONLY);

	assert_not_imported(fd, -EEXIST);
	assert_not_imported(readonly, -EEXIST);
	dma_buf_put(dmabuf);
}

/* Trap 27: rights come from the descriptor and the seals. */
static void assert_readonly(int fd)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	struct sg_table *table;
	void *address;
	int copy;

	ASSERT_INT(dma_buf_memfd_import(fd, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, -EACCES);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), ==, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_FALSE(faults(address, false));
	ASSERT_TRUE(faults(address, true));
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDWR), ==, -EACCES);
	copy = dma_buf_fd(dmabuf, O_RDONLY);
	ASSERT_INT(fcntl(copy, F_GETFL) & O_ACCMODE, ==, O_RDONLY);
	close(copy);

	attach = dma_buf_attach(dmabuf, &any_device);
	table = dma_buf_map_attachment(attach, DMA_FROM_DEVICE);
	ASSERT_TRUE(dmabuf_is_err(table));
	ASSERT_INT(dmabuf_ptr_err(table), ==, -EACCES);
	table = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	ASSERT_FALSE(dmabuf_is_err(table));
	ASSERT_FALSE(faults(table->sgl[0].address, false));
	ASSERT_TRUE(faults(table->sgl[0].address, true));
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(a_readonly_descriptor_makes_a_readonly_buffer)
{
	const int fd = new_memfd(SIZE, F_SEAL_SHRINK), readonly = reopen(fd, O_RDONLY);

	assert_readonly(readonly);
	close(readonly);
	close(fd);
}

TEST(a_file_sealed_against_writing_makes_a_readonly_buffer)
{
	const int sealed = new_memfd(SIZE, F_SEAL_SHRINK | F_SEAL_WRITE);
	const int later = new_memfd(SIZE, F_SEAL_SHRINK | 0x10 /* F_SEAL_FUTURE_WRITE */);

	assert_readonly(sealed);
	assert_readonly(later);
	close(sealed);
	close(later);
}

/*
 * Mapping.
 */

static struct sg_table *map_for(struct dma_buf *dmabuf, struct device *dev,
				struct dma_buf_attachment **ret_attach)
{
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, dev);
	struct sg_table *table;

	ASSERT_FALSE(dmabuf_is_err(attach));
	table = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
	ASSERT_FALSE(dmabuf_is_err(table));
	*ret_attach = attach;
	return table;
}

TEST(the_table_has_addresses_and_the_descriptor)
{
	struct dma_buf *dmabuf = create();
	struct dma_buf_attachment *attach;
	struct sg_table *table = map_for(dmabuf, &any_device, &attach);
	const struct scatterlist *sg = &table->sgl[0];
	char *other;

	ASSERT_INT(table->nents, ==, 1);
	ASSERT_INT(sg->length, ==, SIZE);
	ASSERT_INT(sg->offset, ==, 0);
	other = mmap(NULL, sg->length, PROT_READ, MAP_SHARED, sg->fd, (off_t)sg->offset);
	((char *)sg->address)[7] = 'z';
	ASSERT_INT(other[7], ==, 'z');
	munmap(other, SIZE);
	dma_buf_unmap_attachment(attach, table, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(importers_and_the_cpu_see_the_same_bytes)
{
	struct dma_buf *dmabuf = create();
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, &any_device);
	struct sg_table *table = dma_buf_map_attachment(attach, DMA_FROM_DEVICE);

	ASSERT_FALSE(dmabuf_is_err(table));
	((char *)table->sgl[0].address)[100] = 'd';
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	ASSERT_INT(cpu_address(dmabuf)[100], ==, 'd');
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	dma_buf_unmap_attachment(attach, table, DMA_FROM_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

static void within_limits(struct dma_buf *dmabuf)
{
	const unsigned int quarter = SIZE / 4, limit = quarter + 1000;
	struct device small = { .max_segment_size = limit, .alignment = 1024, .max_segments = 4 };
	struct device few = { .max_segment_size = limit, .alignment = 1024, .max_segments = 3 };
	struct device crooked = { .alignment = 7 };
	struct dma_buf_attachment *attach;
	struct sg_table *table = map_for(dmabuf, &small, &attach);

	ASSERT_INT(table->nents, ==, 4);
	ASSERT_INT(table->sgl[0].length, ==, quarter);
	dma_buf_unmap_attachment(attach, table, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);

	attach = dma_buf_attach(dmabuf, &few);
	ASSERT_TRUE(dmabuf_is_err(attach));
	ASSERT_INT(dmabuf_ptr_err(attach), ==, -EBUSY);
	attach = dma_buf_attach(dmabuf, &crooked);
	ASSERT_TRUE(dmabuf_is_err(attach));
	ASSERT_INT(dmabuf_ptr_err(attach), ==, -EINVAL);
	dma_buf_put(dmabuf);
}

TEST(both_exporters_split_and_refuse_at_attach)
{
	struct dma_buf *dmabuf;

	within_limits(create());
	ASSERT_INT(dma_buf_malloc_create("small", SIZE, &dmabuf), ==, 0);
	within_limits(dmabuf);
}

TEST(mapping_unwinds_from_every_failure)
{
	struct dma_buf *dmabuf = create();
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, &any_device);

	for (unsigned int nth = 1;; nth++) {
		struct test_resources before = test_resources();
		struct sg_table *table;

		os_fault_arm(nth);
		table = dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL);
		if (!os_fault_disarm()) {
			ASSERT_INT(nth, ==, 3);
			dma_buf_unmap_attachment(attach, table, DMA_BIDIRECTIONAL);
			break;
		}
		ASSERT_TRUE(dmabuf_is_err(table));
		ASSERT_INT(dmabuf_ptr_err(table), ==, -ENOMEM);
		ASSERT_RESOURCES(before);
	}
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/*
 * The CPU. Trap 20: who touches pixels outside of begin and end is caught here.
 */

TEST(the_cpu_address_is_one_and_the_same)
{
	struct dma_buf *dmabuf = create();
	struct iosys_map map;
	void *address;

	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, 0);
	ASSERT_PTR(address, ==, cpu_address(dmabuf));
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, 0);
	ASSERT_PTR(map.vaddr, ==, address);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	dma_buf_put(dmabuf);
}

TEST(outside_of_begin_and_end_the_pages_are_closed)
{
	struct dma_buf *dmabuf = create();
	char *address = cpu_address(dmabuf);

	ASSERT_TRUE(faults(address, false));
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	ASSERT_FALSE(faults(address, false));
	ASSERT_TRUE(faults(address, true));
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), ==, 0);
	ASSERT_FALSE(faults(address, true));
	ASSERT_FALSE(faults(address + SIZE - 1, true));
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), ==, 0);
	ASSERT_FALSE(faults(address, true));
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_FALSE(faults(address, false));
	ASSERT_TRUE(faults(address, true));
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	ASSERT_TRUE(faults(address, false));
	dma_buf_put(dmabuf);
}

TEST(an_end_without_a_begin_aborts)
{
	struct dma_buf *dmabuf = create();

	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	ASSERT_DEATH(dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), "nothing was begun");
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	ASSERT_DEATH(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), "nothing was begun");
	dma_buf_put(dmabuf);
}

TEST(pages_that_cannot_be_opened_begin_nothing)
{
	struct dma_buf *dmabuf = create();

	os_fault_arm(1);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_DEATH(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), "nothing was begun");

	/* Pages that cannot be closed are reported, and the access has ended all the same. */
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	os_fault_arm(1);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_DEATH(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), "nothing was begun");
	dma_buf_put(dmabuf);
}

struct sharers {
	struct dma_buf *dmabuf;
	unsigned int rounds;
};

static void touch(unsigned int index, void *arg)
{
	const struct sharers *sharers = arg;
	const enum dma_data_direction direction = index ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
	volatile char *address = cpu_address(sharers->dmabuf);

	for (unsigned int i = 0; i < sharers->rounds; i++) {
		test_operation();
		ASSERT_INT(dma_buf_begin_cpu_access(sharers->dmabuf, direction), ==, 0);
		if (index)
			(void)address[index];
		else
			address[0] = 1;
		ASSERT_INT(dma_buf_end_cpu_access(sharers->dmabuf, direction), ==, 0);
	}
}

TORTURE(pages_stay_open_for_one_thread_while_another_ends)
{
	struct sharers sharers = { .dmabuf = create(), .rounds = test_rounds(3000) };

	test_race_begin();
	test_threads(3, touch, &sharers);
	test_race_end();
	dma_buf_put(sharers.dmabuf);
}

/*
 * Plain memory.
 */

TEST(a_malloc_buffer_is_zeroed_and_begins_at_a_page)
{
	char name[DMA_BUF_NAME_LEN];
	struct dma_buf *dmabuf;
	char *address;

	ASSERT_INT(dma_buf_malloc_create("plain", 100, &dmabuf), ==, 0);
	ASSERT_INT(dmabuf->size, ==, 100);
	ASSERT_STR(dmabuf->exp_name, "malloc");
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "plain");
	address = cpu_address(dmabuf);
	ASSERT_INT((uintptr_t)address % os_page_size(), ==, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	for (unsigned int i = 0; i < 100; i++)
		ASSERT_INT(address[i], ==, 0);
	address[99] = 1;
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	dma_buf_put(dmabuf);
}

TEST(a_malloc_buffer_has_no_descriptor)
{
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	struct sg_table *table;

	ASSERT_INT(dma_buf_malloc_create(NULL, SIZE, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_fd(dmabuf, O_RDONLY), ==, -EOPNOTSUPP);
	table = map_for(dmabuf, &any_device, &attach);
	ASSERT_INT(table->nents, ==, 1);
	ASSERT_INT(table->sgl[0].fd, ==, -1);
	ASSERT_PTR(table->sgl[0].address, ==, cpu_address(dmabuf));
	dma_buf_unmap_attachment(attach, table, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}
