/* SPDX-License-Identifier: MIT */
/* What is left of a pool to who has left it. Both members are this process, but where it says otherwise. */
#include "members.h"
#include "puppet.h"

#include "share/member.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 4, .fences = 4, .timelines = 4,
};

/* A fence of one of two members, to the other one. */
struct world {
	struct dma_buf_pool *host, *other;
	struct dma_fence *here, *there;
};

static void begin(struct world *world)
{
	world->host = create_pool(&limits);
	world->other = add_member(world->host);
	world->there = make_fence();
	world->here = pass_fence(world->other, world->there, world->host);
}

static void end(struct world *world)
{
	dma_fence_put(world->here);
	dma_fence_put(world->there);
	leave(world->other);
}

/*
 * Fences.
 */

TEST(who_has_left_does_not_hear_of_others)
{
	struct world world;

	begin(&world);
	leave(world.host);
	ASSERT_TRUE(dma_fence_is_signaled(world.here));
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EOWNERDEAD);
	ASSERT_INT(dma_fence_wait(world.here, false), ==, 0);
	end(&world);
}

TEST(what_had_signalled_before_has_signalled)
{
	struct world world;

	begin(&world);
	dma_fence_signal(world.there);
	leave(world.host);
	ASSERT_INT(dma_fence_get_status(world.here), ==, 1);
	end(&world);
}

TEST(callbacks_are_called_at_the_latest_when_one_leaves)
{
	struct counting_cb counter = { .calls = 0 };
	struct world world;

	begin(&world);
	ASSERT_INT(dma_buf_pool_watch_fd(world.host), >=, 0);
	ASSERT_INT(dma_fence_add_callback(world.here, &counter.cb, count_call), ==, 0);
	leave(world.host);
	ASSERT_INT(counter.calls, ==, 1);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EOWNERDEAD);
	end(&world);
}

TEST(callbacks_that_come_after_that_come_too_late)
{
	struct counting_cb counter;
	struct world world;

	begin(&world);
	leave(world.host);
	ASSERT_INT(dma_fence_add_callback(world.here, &counter.cb, count_call), ==, -ENOENT);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -EOWNERDEAD);
	end(&world);
}

/* Another thread signals, while this one leaves. */
static void signal_it(void *fence)
{
	dma_fence_signal(fence);
}

TEST(a_fence_may_signal_while_its_owner_leaves)
{
	for (unsigned int i = 0; i < 50; i++) {
		struct dma_fence *fence = make_fence();
		struct dma_buf_pool *pool = create_pool(&limits);
		struct test_thread *thread;
		struct dma_buf_pool_fence value;

		ASSERT_INT(dma_buf_pool_export_fence(pool, fence, &value), ==, 0);
		thread = test_thread_start(signal_it, fence);
		dma_buf_pool_leave(pool);
		test_thread_join(thread);
		dma_fence_put(fence);
	}
	dmabuf_rcu_barrier();
}

/* The one who signals was about to wake others, and slept over it. */
static struct dma_buf_pool *left;

static void leave_meanwhile(const char *label)
{
	if (strcmp(label, "carry: before it wakes"))
		return;
	os_race_hook(NULL);
	leave(left);
}

TEST(who_wakes_others_may_have_left)
{
	struct world world;

	begin(&world);
	left = world.other;
	world.other = NULL;
	ASSERT_INT(dma_fence_wait_timeout(world.here, false, 1), ==, 0); /* so that there is somebody to wake */
	os_race_hook(leave_meanwhile);
	dma_fence_signal(world.there);
	os_race_hook(NULL);
	ASSERT_INT(dma_fence_get_status(world.here), ==, 1);
	leave(world.host);
	end(&world);
}

/*
 * Buffers.
 */

TEST(a_buffer_is_private_when_one_has_left)
{
	struct dma_buf_pool_handle handle, same;
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_fence *fence = make_fence();
	struct ww_acquire_ctx ctx;
	struct dma_resv *resv;
	struct dma_buf *dmabuf;
	void *address;

	ASSERT_INT(dma_buf_pool_alloc(pool, "buffer", 4096, 0, &dmabuf), ==, 0);
	resv = dmabuf->resv;
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(resv, 1), ==, 0);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	dma_resv_unlock(resv);
	leave(pool);
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, -ENOTCONN);
	ASSERT_INT(dma_resv_lock_interruptible(resv, NULL), ==, -ENOTCONN);
	ASSERT_INT(dma_resv_lock_timeout(resv, NULL, SECOND), ==, -ENOTCONN);
	ASSERT_FALSE(dma_resv_trylock(resv));
	ww_acquire_init(&ctx, &reservation_ww_class);
	ASSERT_INT(dma_resv_lock(resv, &ctx), ==, -ENOTCONN);
	ww_acquire_fini(&ctx);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	ASSERT_TRUE(dma_resv_test_signaled(resv, DMA_RESV_USAGE_WRITE)); /* to others it is cancelled */
	dma_fence_signal(fence);
	ASSERT_INT(dma_resv_wait_timeout(resv, DMA_RESV_USAGE_WRITE, false, SECOND), >, 0);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &same), ==, 0);
	ASSERT_INT(same.number, ==, handle.number);
	dma_buf_put(dmabuf);
	dma_fence_put(fence);
	dmabuf_rcu_barrier();
}

/* It has it twice then: one is private. */
/* All that an importer does with a buffer that it has. */
static void use_as_importer(struct dma_buf *dmabuf, struct dma_buf_attachment *attach,
			    struct sg_table *table)
{
	struct device device = { .name = "late" };
	struct dma_buf_attachment *late;
	struct iosys_map map;

	dma_buf_unmap_attachment_unlocked(attach, table, DMA_BIDIRECTIONAL);
	table = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	ASSERT_FALSE(dmabuf_is_err(table));
	late = dma_buf_attach(dmabuf, &device);
	ASSERT_FALSE(dmabuf_is_err(late));
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, 0);
	dma_buf_vunmap_unlocked(dmabuf, &map);
	dma_buf_detach(dmabuf, late);
	dma_buf_unmap_attachment_unlocked(attach, table, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

static void map_and_end(bool is_evicted)
{
	struct dma_buf_pool *host = create_pool(&limits), *other = add_member(host);
	struct device device = { .name = "importer" };
	struct dma_buf_attachment *attach;
	struct sg_table *table;
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_pool_alloc(other, "mapped", 4096, 0, &dmabuf), ==, 0);
	attach = dma_buf_attach(dmabuf, &device);
	ASSERT_FALSE(dmabuf_is_err(attach));
	table = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	ASSERT_FALSE(dmabuf_is_err(table));
	if (is_evicted)
		ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(other)), ==, 0);
	else
		leave(other);
	use_as_importer(dmabuf, attach, table);
	if (is_evicted)
		leave(other);
	leave(host);
}

TEST(who_has_left_unmaps_what_it_has)
{
	map_and_end(false);
}

TEST(who_was_evicted_unmaps_what_it_has)
{
	map_and_end(true);
}

TEST(who_comes_back_has_a_new_number)
{
	struct dma_buf_pool *host = create_pool(&limits), *other = add_member(host);
	const uint32_t before = dma_buf_pool_self(other);

	leave(other);
	other = add_member(host);
	ASSERT_INT(dma_buf_pool_self(other), !=, before);
	ASSERT_INT(dma_buf_pool_evict(host, before), ==, -ENOENT);
	leave(other);
	leave(host);
}

/*
 * All at once.
 */

static void join_and_leave(unsigned int index, void *arg)
{
	struct dma_buf_pool *host = arg;

	(void)index;
	for (unsigned int i = 0; i < test_rounds(20); i++) {
		struct dma_buf_pool_message invitation, answer;
		struct dma_buf_pool *pool;
		int err;

		err = dma_buf_pool_invite(host, 0, &invitation);
		ASSERT_TRUE(!err || err == -EUSERS);
		if (err)
			continue;
		ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &pool), ==, 0);
		if (i % 3) {
			ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer, NULL), ==, 0);
			ASSERT_INT(dma_buf_pool_status(pool), ==, 0);
		} else {
			dma_buf_pool_uninvite(host, &invitation);
		}
		dma_buf_pool_message_close(&invitation);
		dma_buf_pool_message_close(&answer);
		dma_buf_pool_leave(pool);
		test_operation();
	}
}

/* Of members that come and go, while the host's mail is read. */
static void read_mail(void *arg)
{
	struct dma_buf_pool *host = arg;

	while (!dma_buf_pool_status(host)) {
		dma_buf_pool_watch(host);
		test_yield();
	}
}

TORTURE(members_come_and_go_all_at_once)
{
	static const struct dma_buf_pool_limits many = {
		.members = 8, .buffers = 4, .fences = 4, .timelines = 4,
	};
	struct test_thread *reader;
	struct dma_buf_pool *host, *last;

	ASSERT_INT(dma_buf_pool_create(&many, &host), ==, 0);
	last = add_member(host);
	test_race_begin();
	reader = test_thread_start(read_mail, last);
	test_threads(4, join_and_leave, host);
	test_race_end();
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(last)), ==, 0);
	test_thread_join(reader);
	leave(last);
	leave(host);
}

/*
 * Its place.
 */

/* All who look find the same of who came into its place, whoever has asked about the former one. */
TEST(the_end_of_a_pool_does_not_concern_who_had_left_before)
{
	struct dma_buf_pool_fence value;
	struct dma_fence *there = make_fence(), *here[2];
	struct dma_buf_pool *third;
	struct world world;

	begin(&world);
	ASSERT_INT(dma_buf_pool_export_fence(world.other, world.there, &value), ==, 0);
	third = add_member(world.host);
	leave(world.other);
	world.other = add_member(world.host);
	ASSERT_INT(member_place(dma_buf_pool_self(world.other)), ==, member_place(value.member));
	ASSERT_INT(dma_buf_pool_export_fence(world.other, there, &value), ==, 0);
	for (unsigned int i = 0; i < 2; i++)
		here[i] = dma_buf_pool_import_fence(world.host, &value);
	dma_buf_pool_destroy(third);
	ASSERT_INT(dma_fence_get_status(here[0]), ==, -ECANCELED);
	ASSERT_INT(dma_fence_get_status(world.here), ==, -ECANCELED);
	dma_fence_signal(there);
	ASSERT_INT(dma_fence_get_status(here[1]), ==, -ECANCELED);
	for (unsigned int i = 0; i < 2; i++)
		dma_fence_put(here[i]);
	dma_fence_put(there);
	leave(world.host);
	end(&world);
}
