/* SPDX-License-Identifier: MIT */
/* What docs/sharing.md says of costs. */
#include <dmabuf/dma-buf.h>

#include "members.h"
#include "peers.h"
#include "share/layout.h"

enum { OF_A_POOL = 4, OF_A_MEMBER = 3, OF_A_BUFFER = 2 };

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 2, .fences = 4, .timelines = 4,
};

static long descriptors(void)
{
	return test_resources().descriptors;
}

/* Joins, gets a buffer, and says how many descriptors it has then that it did not have before. */
static void join_and_get(int sock)
{
	const long before = descriptors();
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf;
	long more;

	PEER_MUST(peer_hear(sock, &handle, sizeof(handle)));
	PEER_MUST(!dma_buf_pool_get_buf(pool, &handle, &dmabuf));
	more = descriptors() - before;
	peer_tell(sock, &more, sizeof(more));
	PEER_MUST(peer_await(sock));
	dma_buf_put(dmabuf);
	dma_buf_pool_leave(pool);
}

TEST(descriptors_of_a_member_and_of_a_buffer_are_counted)
{
	struct peer peer[] = { peer_fork(join_and_get), peer_fork(join_and_get) };
	const long before = descriptors();
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool *pool;
	struct dma_buf *dmabuf;
	long theirs;

	ASSERT_INT(dma_buf_pool_create(&limits, &pool), ==, 0);
	ASSERT_INT(descriptors() - before, ==, OF_A_POOL);
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(dma_buf_pool_serve(pool, peer[i].sock, 0, PEER_PATIENCE, NULL), ==, 0);
		ASSERT_INT(descriptors() - before, ==, OF_A_POOL + (i + 1) * OF_A_MEMBER);
	}
	ASSERT_INT(dma_buf_pool_alloc(pool, "shared", 4096, 0, &dmabuf), ==, 0);
	ASSERT_INT(descriptors() - before, ==, OF_A_POOL + 2 * OF_A_MEMBER + OF_A_BUFFER);
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	for (unsigned int i = 0; i < 2; i++) {
		peer_tell(peer[i].sock, &handle, sizeof(handle));
		ASSERT_TRUE(peer_hear(peer[i].sock, &theirs, sizeof(theirs)));
		ASSERT_INT(theirs, ==, OF_A_POOL + 2 * OF_A_MEMBER + OF_A_BUFFER);
	}
	for (unsigned int i = 0; i < 2; i++) {
		peer_go(peer[i].sock);
		ASSERT_INT(peer_reap(&peer[i]), ==, 0);
	}
	dma_buf_put(dmabuf);
	leave(pool);
}

static uint64_t in_pages(uint64_t size)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (size + page - 1) / page * page;
}

TEST(shared_memory_is_what_the_limits_ask_for)
{
	static const struct pool_shape shapes[] = {
		{ 1, 1, 1, 1 }, { 4, 64, 16, 8 }, { 64, 4096, 64, 256 }, { 64, 65536, 1024, 4096 },
	};

	for (unsigned int i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct pool_shape *shape = &shapes[i];
		const uint64_t timelines = (uint64_t)shape->members * shape->timelines;
		const uint64_t buffers = shape->buffers * (128 + 64 * (uint64_t)shape->fences);
		const uint64_t pool = 1088 + (24 * timelines + 63) / 64 * 64 + buffers;

		ASSERT_INT(pool_file_size(shape), ==, in_pages(pool));
		ASSERT_INT(timelines_file_size(shape), ==,
			   in_pages(576 + 64 * (uint64_t)shape->timelines + 8 * (uint64_t)shape->buffers));
	}
}
