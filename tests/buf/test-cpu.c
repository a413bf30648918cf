/* SPDX-License-Identifier: MIT */
/* CPU access, and the fences that it and mapping wait for. */
#include <dmabuf/dma-buf.h>
#include <dmabuf/dma-fence-timeline.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "fake-exporter.h"

static struct device any_device = { .name = "any" };

static void add(struct dma_buf *dmabuf, struct dma_fence *fence, enum dma_resv_usage usage)
{
	lock(dmabuf);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, usage);
	unlock(dmabuf);
}

/* Put the next fence of the timeline on the buffer. */
static uint64_t add_fence(struct dma_buf *dmabuf, struct dma_fence_timeline *timeline,
			  enum dma_resv_usage usage)
{
	struct dma_fence *fence = dma_fence_timeline_emit(timeline);
	const uint64_t seqno = fence->seqno;

	add(dmabuf, fence, usage);
	dma_fence_put(fence);
	return seqno;
}

TEST(begin_and_end_reach_the_exporter_without_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	fake_assert_calls(&fake, FAKE_BEGIN, 1, false);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, 0);
	fake_assert_calls(&fake, FAKE_END, 1, false);
	fake.fail[FAKE_BEGIN] = -EIO;
	fake.fail[FAKE_END] = -EPIPE;
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, -EIO);
	fake_assert_calls(&fake, FAKE_END, 1, false);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, -EPIPE);
	dma_buf_put(dmabuf);
}

TEST(begin_and_end_are_optional_for_the_exporter)
{
	struct dma_buf *dmabuf;
	struct fake fake;

	fake_init(&fake, FAKE_STATIC);
	fake.ops.begin_cpu_access = NULL;
	fake.ops.end_cpu_access = NULL;
	fake_export(&fake);
	dmabuf = fake.dmabuf;
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	dma_buf_put(dmabuf);
}

TEST(cpu_access_of_nothing_or_in_no_direction_is_refused)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	ASSERT_WARNS(ASSERT_INT(dma_buf_begin_cpu_access(NULL, DMA_TO_DEVICE), ==, -EINVAL), "needs");
	ASSERT_WARNS(ASSERT_INT(dma_buf_end_cpu_access(NULL, DMA_TO_DEVICE), ==, -EINVAL), "needs");
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_NONE), ==, -EINVAL);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_NONE), ==, -EINVAL);
	fake_assert_calls(&fake, FAKE_BEGIN, 0, false);
	fake_assert_calls(&fake, FAKE_END, 0, false);
	dma_buf_put(dmabuf);
}

TEST(the_cpu_side_aborts_where_the_lock_state_is_wrong)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map map;
	void *address;

	lock(dmabuf);
	ASSERT_DEATH((void)!dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), "unlock it first");
	ASSERT_DEATH(dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), "unlock it first");
	ASSERT_DEATH((void)!dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), "unlock it first");
	ASSERT_DEATH((void)!dma_buf_vmap_unlocked(dmabuf, &map), "unlock it first");
	ASSERT_DEATH(dma_buf_vunmap_unlocked(dmabuf, &map), "unlock it first");
	unlock(dmabuf);
	ASSERT_DEATH((void)!dma_buf_vmap(dmabuf, &map), "call dma_resv_lock() first");
	ASSERT_DEATH(dma_buf_vunmap(dmabuf, &map), "call dma_resv_lock() first");
	dma_buf_put(dmabuf);
}

/*
 * Waiting. A thread goes into the call; the fence signals only after it was seen in there.
 */

struct waiter {
	struct dma_buf *dmabuf;
	enum dma_data_direction direction;
	struct dma_fence_timeline *timeline;
	pthread_t thread;
	unsigned int entered; /* atomic */
	unsigned int done;    /* atomic */
	int64_t data;	      /* plain: written before the fence signals, read after the wait */
	bool unlocked; /* how to map */
	int result;
};

static void access_and_look(void *arg)
{
	struct waiter *waiter = arg;

	waiter->thread = pthread_self();
	store_release(&waiter->entered, 1);
	waiter->result = dma_buf_begin_cpu_access(waiter->dmabuf, waiter->direction);
	if (!waiter->result) {
		ASSERT_INT(waiter->data, ==, 42);
		dma_buf_end_cpu_access(waiter->dmabuf, waiter->direction);
	}
	store_release(&waiter->done, 1);
}

/* What is written before the signal is what the waiter must see. */
static void signal_and_join(struct waiter *waiter, uint64_t seqno, struct test_thread *thread)
{
	waiter->data = 42;
	ASSERT_INT(dma_fence_timeline_signal(waiter->timeline, seqno, 0), ==, 0);
	test_thread_join(thread);
	ASSERT_INT(waiter->result, ==, 0);
	dma_buf_put(waiter->dmabuf);
	dma_fence_timeline_destroy(waiter->timeline);
}

static void waits_for(enum dma_data_direction direction, enum dma_resv_usage usage)
{
	struct fake fake;
	struct waiter waiter = {
		.dmabuf = fake_begin_test(&fake, FAKE_STATIC),
		.direction = direction,
		.timeline = dma_fence_timeline_create("waits"),
	};
	const uint64_t seqno = add_fence(waiter.dmabuf, waiter.timeline, usage);
	struct test_thread *thread = test_thread_start(access_and_look, &waiter);

	/* The exporter is asked first, so the waiter is beyond that when the fence signals. */
	WAIT_UNTIL(load_acquire(&fake.calls[FAKE_BEGIN]));
	signal_and_join(&waiter, seqno, thread);
}

static void does_not_wait_for(enum dma_data_direction direction, enum dma_resv_usage usage)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("does not wait");

	add_fence(dmabuf, timeline, usage);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, direction), ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, direction), ==, 0);
	dma_buf_put(dmabuf);
	dma_fence_timeline_destroy(timeline);
}

TEST(to_read_the_cpu_waits_for_writers_and_moves)
{
	waits_for(DMA_FROM_DEVICE, DMA_RESV_USAGE_KERNEL);
	waits_for(DMA_FROM_DEVICE, DMA_RESV_USAGE_WRITE);
	does_not_wait_for(DMA_FROM_DEVICE, DMA_RESV_USAGE_READ);
	does_not_wait_for(DMA_FROM_DEVICE, DMA_RESV_USAGE_BOOKKEEP);
}

TEST(to_write_the_cpu_waits_for_readers_too)
{
	waits_for(DMA_TO_DEVICE, DMA_RESV_USAGE_WRITE);
	waits_for(DMA_TO_DEVICE, DMA_RESV_USAGE_READ);
	waits_for(DMA_BIDIRECTIONAL, DMA_RESV_USAGE_READ);
	does_not_wait_for(DMA_TO_DEVICE, DMA_RESV_USAGE_BOOKKEEP);
	does_not_wait_for(DMA_BIDIRECTIONAL, DMA_RESV_USAGE_BOOKKEEP);
}

static const char *any_name(struct dma_fence *fence)
{
	(void)fence;
	return "any";
}

static int64_t refuse_to_wait(struct dma_fence *fence, bool intr, int64_t timeout)
{
	(void)fence;
	(void)intr;
	(void)timeout;
	return -EIO;
}

TEST(what_a_fence_gives_instead_of_a_wait_ends_begin)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = any_name,
		.get_timeline_name = any_name,
		.wait = refuse_to_wait,
	};
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_fence *fence = malloc(sizeof(*fence));

	dma_fence_init(fence, &ops, NULL, dma_fence_context_alloc(1), 1);
	add(dmabuf, fence, DMA_RESV_USAGE_WRITE);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_FROM_DEVICE), ==, -EIO);
	fake_assert_calls(&fake, FAKE_END, 1, false);
	dma_fence_signal(fence);
	dma_fence_put(fence);
	dma_buf_put(dmabuf);
}

static void nothing(int signal)
{
	(void)signal;
}

/* Send signals until the waiter comes out: one that arrives before it sleeps is not seen. */
static void interrupt(struct waiter *waiter, void (*func)(void *arg))
{
	struct sigaction action = { .sa_handler = nothing }, old;
	struct test_thread *thread;

	sigaction(SIGUSR1, &action, &old);
	thread = test_thread_start(func, waiter);
	WAIT_UNTIL(load_acquire(&waiter->entered));
	while (!load_acquire(&waiter->done)) {
		pthread_kill(waiter->thread, SIGUSR1);
		test_yield();
	}
	test_thread_join(thread);
	sigaction(SIGUSR1, &old, NULL);
}

TEST(an_interrupted_begin_is_undone)
{
	struct fake fake;
	struct waiter waiter = {
		.dmabuf = fake_begin_test(&fake, FAKE_STATIC),
		.direction = DMA_FROM_DEVICE,
		.timeline = dma_fence_timeline_create("interrupted"),
	};

	add_fence(waiter.dmabuf, waiter.timeline, DMA_RESV_USAGE_WRITE);
	interrupt(&waiter, access_and_look);
	ASSERT_INT(waiter.result, ==, -EINTR);
	fake_assert_calls(&fake, FAKE_BEGIN, 1, false);
	fake_assert_calls(&fake, FAKE_END, 1, false);

	/* Without an end op there is nothing to undo. */
	fake.ops.end_cpu_access = NULL;
	waiter.entered = waiter.done = 0;
	interrupt(&waiter, access_and_look);
	ASSERT_INT(waiter.result, ==, -EINTR);
	dma_buf_put(waiter.dmabuf);
	dma_fence_timeline_destroy(waiter.timeline);
}

/*
 * Static importers know nothing of moves: mapping waits for them.
 */

static void attach_and_map(void *arg)
{
	struct waiter *waiter = arg;
	struct dma_buf_attachment *attach;
	struct sg_table *table;

	waiter->thread = pthread_self();
	store_release(&waiter->entered, 1);
	attach = dma_buf_attach(waiter->dmabuf, &any_device);
	waiter->result = 0;
	if (dmabuf_is_err(attach)) {
		waiter->result = (int)dmabuf_ptr_err(attach);
		store_release(&waiter->done, 1);
		return;
	}
	table = waiter->unlocked ? dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE)
				 : dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	if (dmabuf_is_err(table)) {
		waiter->result = (int)dmabuf_ptr_err(table);
	} else {
		ASSERT_INT(waiter->data, ==, 42);
		dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	}
	dma_buf_detach(waiter->dmabuf, attach);
	store_release(&waiter->done, 1);
}

static void map_waits_for_moves(enum fake_kind kind)
{
	struct fake fake;
	struct waiter waiter = {
		.dmabuf = fake_begin_test(&fake, kind),
		.timeline = dma_fence_timeline_create("move"),
	};
	const uint64_t seqno = add_fence(waiter.dmabuf, waiter.timeline, DMA_RESV_USAGE_KERNEL);
	struct test_thread *thread = test_thread_start(attach_and_map, &waiter);

	WAIT_UNTIL(load_acquire(&fake.calls[FAKE_MAP]));
	signal_and_join(&waiter, seqno, thread);
}

TEST(mapping_for_a_static_importer_waits_for_moves)
{
	map_waits_for_moves(FAKE_STATIC);
	map_waits_for_moves(FAKE_DYNAMIC);
	map_waits_for_moves(FAKE_PINNING);
}

TEST(mapping_for_a_static_importer_does_not_wait_for_writers)
{
	struct fake fake;
	struct waiter waiter = {
		.dmabuf = fake_begin_test(&fake, FAKE_STATIC),
		.timeline = dma_fence_timeline_create("writer"),
		.data = 42,
	};

	add_fence(waiter.dmabuf, waiter.timeline, DMA_RESV_USAGE_WRITE);
	attach_and_map(&waiter);
	ASSERT_INT(waiter.result, ==, 0);
	dma_buf_put(waiter.dmabuf);
	dma_fence_timeline_destroy(waiter.timeline);
}

static void nothing_moved(struct dma_buf_attachment *attach)
{
	(void)attach;
}

TEST(mapping_for_a_dynamic_importer_waits_for_nothing)
{
	static const struct dma_buf_attach_ops ops = { .move_notify = nothing_moved };
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("move");
	struct dma_buf_attachment *attach;
	struct sg_table *table;

	add_fence(dmabuf, timeline, DMA_RESV_USAGE_KERNEL);
	attach = dma_buf_dynamic_attach(dmabuf, &any_device, &ops, NULL);
	table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
	ASSERT_FALSE(dmabuf_is_err(table));
	dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	dma_fence_timeline_destroy(timeline);
}

static void interrupted_map(enum fake_kind kind, bool unlocked)
{
	struct fake fake;
	struct waiter waiter = {
		.unlocked = unlocked,
		.dmabuf = fake_begin_test(&fake, kind),
		.timeline = dma_fence_timeline_create("move"),
	};

	add_fence(waiter.dmabuf, waiter.timeline, DMA_RESV_USAGE_KERNEL);
	interrupt(&waiter, attach_and_map);
	ASSERT_INT(waiter.result, ==, -EINTR);
	ASSERT_INT(fake.calls[FAKE_MAP], ==, 1);
	ASSERT_INT(fake.calls[FAKE_UNMAP], ==, 1);
	ASSERT_INT(fake.calls[FAKE_PIN], ==, fake.calls[FAKE_UNPIN]);
	ASSERT_INT(fake.calls[FAKE_DETACH], ==, 1);
	dma_buf_put(waiter.dmabuf);
	dma_fence_timeline_destroy(waiter.timeline);
}

TEST(an_interrupted_map_is_undone)
{
	interrupted_map(FAKE_STATIC, false);
	interrupted_map(FAKE_STATIC, true);
	interrupted_map(FAKE_DYNAMIC, false);
	interrupted_map(FAKE_PINNING, false);
}

/*
 * Addresses.
 */

TEST(mmap_cpu_is_the_exporters_address)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	void *address = NULL;

	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), ==, 0);
	ASSERT_PTR(address, ==, fake.memory);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, 0);
	fake_assert_calls(&fake, FAKE_MMAP, 2, false);
	dma_buf_put(dmabuf);
}

TEST(mmap_cpu_refuses_and_leaves_the_address_alone)
{
	void *const untouched = &any_device;
	void *address = untouched;
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	ASSERT_INT(dma_buf_mmap_cpu(NULL, PROT_READ, &address), ==, -EINVAL);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_NONE, &address), ==, -EINVAL);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_WRITE, &address), ==, -EINVAL);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_EXEC, &address), ==, -EINVAL);
	fake_assert_calls(&fake, FAKE_MMAP, 0, false);
	fake.fail[FAKE_MMAP] = -ENOMEM;
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), ==, -ENOMEM);
	fake.ops.mmap_cpu = NULL;
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ, &address), ==, -EOPNOTSUPP);
	ASSERT_PTR(address, ==, untouched);
	dma_buf_put(dmabuf);
}

TEST(mmap_cpu_of_a_readonly_buffer_cannot_write)
{
	struct dma_buf_export_info info;
	struct fake fake;
	void *address;

	fake_init(&fake, FAKE_STATIC);
	info = fake_info(&fake);
	info.flags = O_RDONLY;
	fake.dmabuf = dma_buf_export(&info);
	ASSERT_INT(dma_buf_mmap_cpu(fake.dmabuf, PROT_READ | PROT_WRITE, &address), ==, -EACCES);
	ASSERT_INT(dma_buf_mmap_cpu(fake.dmabuf, PROT_READ, &address), ==, 0);
	dma_buf_put(fake.dmabuf);
}

TEST(vmaps_are_counted_and_there_is_one_mapping)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map first, second;

	lock(dmabuf);
	ASSERT_INT(dma_buf_vmap(dmabuf, &first), ==, 0);
	unlock(dmabuf);
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &second), ==, 0);
	ASSERT_PTR(first.vaddr, ==, fake.memory);
	ASSERT_PTR(second.vaddr, ==, fake.memory);
	ASSERT_FALSE(first.is_iomem);
	ASSERT_INT(dmabuf->vmapping_counter, ==, 2);
	fake_assert_calls(&fake, FAKE_VMAP, 1, true);
	dma_buf_vunmap_unlocked(dmabuf, &first);
	fake_assert_calls(&fake, FAKE_VUNMAP, 0, true);
	lock(dmabuf);
	dma_buf_vunmap(dmabuf, &second);
	unlock(dmabuf);
	fake_assert_calls(&fake, FAKE_VUNMAP, 1, true);
	ASSERT_PTR(dmabuf->vmap_ptr.vaddr, ==, NULL);

	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &first), ==, 0);
	fake_assert_calls(&fake, FAKE_VMAP, 2, true);
	fake.ops.vunmap = NULL; /* it is optional */
	dma_buf_vunmap_unlocked(dmabuf, &first);
	ASSERT_INT(dmabuf->vmapping_counter, ==, 0);
	dma_buf_put(dmabuf);
}

TEST(a_failing_vmap_clears_the_map_and_counts_nothing)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map map = { .vaddr = &fake };

	fake.fail[FAKE_VMAP] = -ENOMEM;
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, -ENOMEM);
	ASSERT_PTR(map.vaddr, ==, NULL);
	ASSERT_INT(dmabuf->vmapping_counter, ==, 0);
	fake.ops.vmap = NULL;
	map.vaddr = &fake;
	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, -EINVAL);
	ASSERT_PTR(map.vaddr, ==, NULL);
	dma_buf_put(dmabuf);
}

TEST(vmap_of_nothing_warns)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map map;

	ASSERT_WARNS(ASSERT_INT(dma_buf_vmap(NULL, &map), ==, -EINVAL), "needs");
	ASSERT_WARNS(ASSERT_INT(dma_buf_vmap_unlocked(NULL, &map), ==, -EINVAL), "needs");
	ASSERT_WARNS(ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, NULL), ==, -EINVAL), "needs");
	ASSERT_WARNS(ASSERT_INT(dma_buf_vmap(dmabuf, NULL), ==, -EINVAL), "needs");
	ASSERT_WARNS(dma_buf_vunmap(NULL, &map), "needs");
	ASSERT_WARNS(dma_buf_vunmap(dmabuf, NULL), "needs");
	ASSERT_WARNS(dma_buf_vunmap_unlocked(NULL, &map), "needs");
	ASSERT_WARNS(dma_buf_vunmap_unlocked(dmabuf, NULL), "needs");
	dma_buf_put(dmabuf);
}

TEST(vunmap_of_what_was_not_vmapped_aborts)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map map, other = { .vaddr = &fake };

	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, 0);
	ASSERT_DEATH(dma_buf_vunmap_unlocked(dmabuf, &other), "is not what dma_buf_vmap() gave");
	dma_buf_vunmap_unlocked(dmabuf, &map);
	ASSERT_DEATH(dma_buf_vunmap_unlocked(dmabuf, &map), "is not mapped");
	dma_buf_put(dmabuf);
}
