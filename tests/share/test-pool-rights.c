/* SPDX-License-Identifier: MIT */
/*
 * What a process makes of the descriptors that it was sent: it opens each anew, for writing, by the
 * process file system, where only seals protect; and makes mappings writable that were not.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "world.h"

/* Through @fd: by a mapping, by one that becomes writable later, or by a call. */
static bool can_write(int fd)
{
	void *address = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool can = address != MAP_FAILED;

	if (!can)
		address = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	PEER_MUST(address != MAP_FAILED);
	can |= !mprotect(address, 4096, PROT_READ | PROT_WRITE);
	munmap(address, 4096);
	return can || pwrite(fd, "x", 1, 1000) == 1;
}

/* How many memory files of this process have @name, and how many of those it can write when it opens them anew. */
struct count {
	unsigned int all, writable;
};

static struct count count_files(const char *name)
{
	struct count count = { 0, 0 };
	DIR *table = opendir("/proc/self/fd");
	struct dirent *entry;

	PEER_MUST(table);
	while ((entry = readdir(table))) {
		char path[300], target[300] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) < 0 || strcmp(target, name))
			continue;
		fd = open(path, O_RDWR | O_CLOEXEC);
		count.all++;
		count.writable += fd >= 0 && can_write(fd);
		if (fd >= 0)
			close(fd);
	}
	closedir(table);
	return count;
}

static struct count count_buffers(void)
{
	return count_files("/memfd:dmabuf (deleted)");
}

static struct count count_timelines(void)
{
	return count_files("/memfd:dmabuf-timelines (deleted)");
}

static bool mapping_becomes_writable(struct dma_buf *dmabuf)
{
	void *address;
	bool becomes;

	PEER_MUST(!dma_buf_mmap_cpu(dmabuf, PROT_READ, &address));
	becomes = !mprotect(address, dmabuf->size, PROT_READ | PROT_WRITE);
	munmap(address, dmabuf->size);
	return becomes;
}

static void try_to_write(int sock)
{
	struct there there = arrive(sock, 1);

	PEER_MUST(count_timelines().all >= 2 && !count_timelines().writable);
	PEER_MUST(count_buffers().all >= 1 && !count_buffers().writable);
	PEER_MUST(!mapping_becomes_writable(there.dmabuf[0]));
	depart(&there);
}

static void find_that_it_can_write(int sock)
{
	struct there there = arrive(sock, 1);

	PEER_MUST(count_timelines().all >= 2 && !count_timelines().writable);
	PEER_MUST(count_buffers().writable >= 1);
	PEER_MUST(mapping_becomes_writable(there.dmabuf[0]));
	depart(&there);
}

/* One who was admitted with @rights has a buffer that was made with @flags, and does @func with that. */
static void have(unsigned int rights, uint32_t flags, void (*func)(int sock))
{
	struct world world = { .count = 1, .peer = peer_fork(func) };
	struct dma_buf_pool_handle handle;

	ASSERT_INT(dma_buf_pool_create(&world_limits, &world.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_serve(world.pool, world.peer.sock, rights, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, "one", 4096, flags, &world.dmabuf[0]), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(world.dmabuf[0], &handle), ==, 0);
	peer_tell(world.peer.sock, &handle, sizeof(handle));
	end_world(&world, 0);
}

TEST(who_may_only_read_cannot_open_anything_for_writing)
{
	have(DMA_BUF_POOL_READ_ONLY, DMA_BUF_POOL_OWNER_WRITES, try_to_write);
}

TEST(what_only_its_owner_writes_nobody_else_opens_for_writing)
{
	have(0, DMA_BUF_POOL_OWNER_WRITES, try_to_write);
}

/* So the two before have looked in the right place. */
TEST(what_all_may_write_can_be_opened_for_writing)
{
	have(0, 0, find_that_it_can_write);
}
