/* SPDX-License-Identifier: MIT */
/*
 * D013 and D014: fences that are added without a reservation, and objects that are used after
 * their end. Each way to break a rule is reported, and its corrected twin is not.
 */
#include "rules.h"

#include <errno.h>

#include <dmabuf/dmabuf.h>

#include "../buf/importers.h"
#include "../fence/fences.h"

/*
 * D013.
 */

STEP void add(struct dma_resv *resv, struct dma_fence *fence)
{
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_WRITE);
	STAYS;
}

STEP void set(struct dma_resv *resv, struct dma_fence *fence)
{
	dma_resv_fences_set(resv, &resv->fences, fence, DMA_RESV_USAGE_WRITE);
	STAYS;
}

static void reserve(struct dma_resv *resv, unsigned int n)
{
	ASSERT_INT(dma_resv_lock(resv, NULL), ==, 0);
	if (n)
		ASSERT_INT(dma_resv_reserve_fences(resv, n), ==, 0);
}

TEST(fence_without_a_reservation_is_reported)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv resv;

	dma_resv_init(&resv);
	reserve(&resv, 0);
	ASSERT_FATAL(add(&resv, fence), "D013", "dma_resv_add_fence", "here:", "add",
		     "What to do: call dma_resv_reserve_fences()");
	ASSERT_FATAL(set(&resv, fence), "D013", "dma_resv_fences_set", "here:", "set",
		     "What to do: call dma_resv_reserve_fences()");
	dma_resv_unlock(&resv);

	/* One more than reserved; and reserved under the lock of before. */
	reserve(&resv, 1);
	add(&resv, fence);
	ASSERT_FATAL(add(&resv, fence), "D013", "here:", "add");
	dma_resv_unlock(&resv);
	reserve(&resv, 2);
	dma_resv_unlock(&resv);
	reserve(&resv, 0);
	ASSERT_FATAL(add(&resv, fence), "D013", "here:", "add");
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
	dma_fence_put(fence);
}

TEST(fence_with_a_reservation_is_not)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv resv;

	dma_resv_init(&resv);
	reserve(&resv, 2);
	add(&resv, fence);
	set(&resv, fence);
	dma_resv_unlock(&resv);
	dma_resv_fini(&resv);
	dma_fence_put(fence);
}

/*
 * D014: fences.
 */

static struct counting_cb callback;

STEP void end_fence(struct dma_fence *fence)
{
	dma_fence_put(fence);
	STAYS;
}

/* Every function that looks whether its fence lives. */
#define FENCE_USES(USE)                                                             \
	USE(dma_fence_get, dma_fence_get(fence))                                    \
	USE(dma_fence_put, dma_fence_put(fence))                                    \
	USE(dma_fence_signal, dma_fence_signal(fence))                              \
	USE(dma_fence_signal_locked, signal_locked(fence))                          \
	USE(dma_fence_wait, dma_fence_wait(fence, false))                           \
	USE(dma_fence_wait_timeout, dma_fence_wait_timeout(fence, false, 1))        \
	USE(dma_fence_default_wait, dma_fence_default_wait(fence, false, 1))        \
	USE(dma_fence_wait_any_timeout,                                             \
	    dma_fence_wait_any_timeout(&fence, 1, false, 1, NULL))                  \
	USE(dma_fence_add_callback,                                                 \
	    dma_fence_add_callback(fence, &callback.cb, count_call))                \
	USE(dma_fence_remove_callback, dma_fence_remove_callback(fence, &callback.cb)) \
	USE(dma_fence_enable_sw_signaling, dma_fence_enable_sw_signaling(fence))    \
	USE(dma_fence_set_deadline, dma_fence_set_deadline(fence, 1))

static void signal_locked(struct dma_fence *fence)
{
	dmabuf_spin_lock(dma_fence_spinlock(fence));
	dma_fence_signal_locked(fence);
	dmabuf_spin_unlock(dma_fence_spinlock(fence));
}

struct use {
	const char *name;
	void (*func)(void *object);
};

#define DEFINE_FENCE_USE(function, statement)       \
	STEP void use_##function(void *object)      \
	{                                           \
		struct dma_fence *fence = object;   \
		(void)(statement, 0);               \
		STAYS;                              \
	}
#define NAME_USE(function, statement) { "use_" #function, use_##function },

/* What they return does not matter here. */
#pragma GCC diagnostic ignored "-Wunused-result"

FENCE_USES(DEFINE_FENCE_USE)

static const struct use fence_uses[] = { FENCE_USES(NAME_USE) };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* With the twins of these there is more to do than to call them. */
#define FENCE_JOINS(USE)                                                                  \
	USE(dma_fence_set_error, dma_fence_set_error(fence, -EIO))                        \
	USE(dma_fence_array_init, make_array(fence))                                      \
	USE(dma_fence_chain_init, dma_fence_chain_init(&it.chain, it.stub, fence, 1))     \
	USE(dma_fence_chain_init_behind, dma_fence_chain_init(&it.chain, fence, it.stub, 1))

static struct {
	struct dma_fence_chain chain;
	struct dma_fence *stub;
} it;

static void make_array(struct dma_fence *fence)
{
	struct dma_fence **fences = malloc(sizeof(struct dma_fence *));

	fences[0] = fence;
	dma_fence_array_create(1, fences, 1, 1, false);
}

FENCE_JOINS(DEFINE_FENCE_USE)

static const struct use fence_joins[] = { FENCE_JOINS(NAME_USE) };

TEST(fence_after_its_end_gets_no_error_and_joins_no_other)
{
	it.stub = dma_fence_get_stub();
	for (size_t i = 0; i < COUNT(fence_joins); i++) {
		struct dma_fence *fence = make_fence();

		dmabuf_rcu_read_lock();
		end_fence(fence);
		ASSERT_FATAL(fence_joins[i].func(fence), "D014", "fence", "is used after its end",
			     fence_joins[i].name, "end_fence");
		dmabuf_rcu_read_unlock();
	}
	dma_fence_put(it.stub);
}

/* Its end is the last put; its memory is there a while longer, for RCU. */
TEST(fence_after_its_end_is_reported)
{
	for (size_t i = 0; i < COUNT(fence_uses); i++) {
		struct dma_fence *fence = make_fence();

		dmabuf_rcu_read_lock();
		dma_fence_signal(fence);
		end_fence(fence);
		ASSERT_FATAL(fence_uses[i].func(fence), "D014", "fence", "is used after its end",
			     "here:", fence_uses[i].name, "it ended here:", "end_fence",
			     "What to do: hold a reference");
		dmabuf_rcu_read_unlock();
	}
}

TEST(fence_before_its_end_is_not)
{
	for (size_t i = 0; i < COUNT(fence_uses); i++) {
		struct dma_fence *fence = make_fence();

		dma_fence_get(fence);
		dma_fence_signal(fence);
		fence_uses[i].func(fence);
		while (load_relaxed(&fence->refcount.count) > 1)
			dma_fence_put(fence);
		end_fence(fence);
	}
}

/* Under RCU a fence may be looked at that is being given up. */
TEST(fence_after_its_end_may_be_asked_for)
{
	struct dma_fence *fence = make_fence(), *found = fence;

	dmabuf_rcu_read_lock();
	end_fence(fence);
	ASSERT_PTR(dma_fence_get_rcu(found), ==, NULL);
	ASSERT_FALSE(dma_fence_test_signaled_flag(found));
	ASSERT_FALSE(dma_fence_is_signaled(found));
	dmabuf_rcu_read_unlock();
}

static void release_with_uses(struct dma_fence *fence)
{
	dma_fence_signal(fence);
	dma_fence_set_deadline(fence, 1);
	dma_fence_wait(fence, false);
	dma_fence_free(fence);
}

/* Who ends it may still use it. */
TEST(fence_in_its_end_is_not)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.release = release_with_uses,
	};
	struct dma_fence *fence = make_fence_with(&ops, NULL, dma_fence_context_alloc(1), 1);

	end_fence(fence);
}

static void release_nothing(struct dma_fence *fence)
{
	(void)fence;
}

/* Memory that was a fence, and is one again. */
TEST(another_fence_at_the_same_place_is_not)
{
	static const struct dma_fence_ops ops = {
		.get_driver_name = test_driver_name,
		.get_timeline_name = test_timeline_name,
		.release = release_nothing,
	};
	static struct dma_fence memory;

	for (unsigned int i = 0; i < COUNT(fence_uses); i++) {
		dma_fence_init(&memory, &ops, NULL, dma_fence_context_alloc(1), 1);
		dma_fence_get(&memory);
		dma_fence_signal(&memory);
		fence_uses[i].func(&memory);
		while (load_relaxed(&memory.refcount.count) > 1)
			dma_fence_put(&memory);
		end_fence(&memory);
	}
}

/*
 * D014: reservations.
 */

STEP void end_resv(struct dma_resv *resv)
{
	dma_resv_fini(resv);
	STAYS;
}

static struct ww_acquire_ctx ctx;
static struct dma_resv other;

#define RESV_USES(USE)                                                                      \
	USE(dma_resv_fini, dma_resv_fini(resv))                                             \
	USE(dma_resv_is_locked, dma_resv_is_locked(resv))                                   \
	USE(dma_resv_held, dma_resv_held(resv))                                             \
	USE(dma_resv_lock, dma_resv_lock(resv, NULL))                                       \
	USE(dma_resv_lock_interruptible, dma_resv_lock_interruptible(resv, NULL))           \
	USE(dma_resv_lock_slow, dma_resv_lock_slow(resv, &ctx))                             \
	USE(dma_resv_lock_slow_interruptible, dma_resv_lock_slow_interruptible(resv, &ctx)) \
	USE(dma_resv_trylock, dma_resv_trylock(resv))                                       \
	USE(dma_resv_unlock, dma_resv_unlock(resv))                                         \
	USE(dma_resv_assert_held, dma_resv_assert_held(resv))                               \
	USE(dma_resv_reset_max_fences, dma_resv_reset_max_fences(resv))                     \
	USE(dma_resv_reserve_fences, dma_resv_reserve_fences(resv, 1))                      \
	USE(dma_resv_add_fence,                                                             \
	    dma_resv_add_fence(resv, dma_fence_get_stub(), DMA_RESV_USAGE_READ))            \
	USE(dma_resv_commit, dma_resv_commit(resv))                                         \
	USE(dma_resv_prune_fences, dma_resv_prune_fences(resv))                             \
	USE(dma_resv_copy_fences, copy_from(resv))                                          \
	USE(dma_resv_wait_timeout, dma_resv_wait_timeout(resv, DMA_RESV_USAGE_READ, false, 1)) \
	USE(dma_resv_test_signaled, dma_resv_test_signaled(resv, DMA_RESV_USAGE_READ))      \
	USE(dma_resv_set_deadline, dma_resv_set_deadline(resv, DMA_RESV_USAGE_READ, 1))     \
	USE(dma_resv_get_snapshot, get_snapshot(resv))                                      \
	USE(dma_resv_get_fences, get_fences(resv))                                          \
	USE(dma_resv_get_singleton, get_singleton(resv))

static void copy_from(struct dma_resv *resv)
{
	dma_resv_copy_fences(&other, resv);
}

static void get_snapshot(struct dma_resv *resv)
{
	struct dma_resv_snapshot snap;

	dma_resv_get_snapshot(resv, &snap);
}

static void get_fences(struct dma_resv *resv)
{
	struct dma_fence **fences;
	unsigned int n;

	dma_resv_get_fences(resv, DMA_RESV_USAGE_READ, &n, &fences);
}

static void get_singleton(struct dma_resv *resv)
{
	struct dma_fence *fence;

	dma_resv_get_singleton(resv, DMA_RESV_USAGE_READ, &fence);
}

#define DEFINE_RESV_USE(function, statement)        \
	STEP void use_##function(void *object)      \
	{                                           \
		struct dma_resv *resv = object;     \
		(void)(statement, 0);               \
		STAYS;                              \
	}

RESV_USES(DEFINE_RESV_USE)

static const struct use resv_uses[] = { RESV_USES(NAME_USE) };

TEST(reservation_after_its_end_is_reported)
{
	struct dma_resv resv;

	dma_resv_init(&resv);
	end_resv(&resv);
	for (size_t i = 0; i < COUNT(resv_uses); i++)
		ASSERT_FATAL(resv_uses[i].func(&resv), "D014", "reservation",
			     "is used after its end", "here:", resv_uses[i].name,
			     "it ended here:", "end_resv", "What to do: hold a reference");
}

TEST(another_reservation_at_the_same_place_is_not)
{
	struct dma_resv resv;

	for (unsigned int i = 0; i < 3; i++) {
		dma_resv_init(&resv);
		reserve(&resv, 1);
		add(&resv, dma_fence_get_stub());
		dma_resv_assert_held(&resv);
		dma_resv_unlock(&resv);
		ASSERT_TRUE(dma_resv_test_signaled(&resv, DMA_RESV_USAGE_READ));
		end_resv(&resv);
	}
}

/*
 * D014: buffers and attachments.
 */

STEP void end_buffer(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	STAYS;
}

STEP void end_attachment(struct dma_buf_attachment *attach)
{
	dma_buf_detach(attach->dmabuf, attach);
	STAYS;
}

static void *address;
static struct iosys_map map_of_it;
static char name[DMA_BUF_NAME_LEN];
static struct seq_file out;

#define BUFFER_USES(USE)                                                                      \
	USE(get_dma_buf, get_dma_buf(dmabuf))                                                 \
	USE(dma_buf_put, dma_buf_put(dmabuf))                                                 \
	USE(dma_buf_fd, dma_buf_fd(dmabuf, O_RDWR))                                           \
	USE(dma_buf_attach, dma_buf_attach(dmabuf, &any_device))                              \
	USE(dma_buf_dynamic_attach, dma_buf_dynamic_attach(dmabuf, &any_device, &notified, NULL)) \
	USE(dma_buf_begin_cpu_access, dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE))        \
	USE(dma_buf_end_cpu_access, dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE))            \
	USE(dma_buf_mmap_cpu, dma_buf_mmap_cpu(dmabuf, 1, &address))                          \
	USE(dma_buf_vmap, dma_buf_vmap(dmabuf, &map_of_it))                                   \
	USE(dma_buf_vunmap, dma_buf_vunmap(dmabuf, &map_of_it))                               \
	USE(dma_buf_vmap_unlocked, dma_buf_vmap_unlocked(dmabuf, &map_of_it))                 \
	USE(dma_buf_vunmap_unlocked, dma_buf_vunmap_unlocked(dmabuf, &map_of_it))             \
	USE(dma_buf_invalidate_mappings, dma_buf_invalidate_mappings(dmabuf))                 \
	USE(dma_buf_set_name, dma_buf_set_name(dmabuf, "late"))                               \
	USE(dma_buf_get_name, dma_buf_get_name(dmabuf, name))                                 \
	USE(dma_buf_describe, dma_buf_describe(dmabuf, &out, DMA_BUF_INFO_TEXT))              \
	USE(dma_buf_export_sync_file, dma_buf_export_sync_file(dmabuf, DMA_BUF_SYNC_READ))    \
	USE(dma_buf_import_sync_file, dma_buf_import_sync_file(dmabuf, DMA_BUF_SYNC_READ, -1))

#define DEFINE_BUFFER_USE(function, statement)      \
	STEP void use_##function(void *object)      \
	{                                           \
		struct dma_buf *dmabuf = object;    \
		(void)(statement, 0);               \
		STAYS;                              \
	}

BUFFER_USES(DEFINE_BUFFER_USE)

static const struct use buffer_uses[] = { BUFFER_USES(NAME_USE) };

TEST(buffer_after_its_end_is_reported)
{
	struct dma_buf *dmabuf;
	struct fake fake;

	out.stream = stdout;
	dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	end_buffer(dmabuf);
	for (size_t i = 0; i < COUNT(buffer_uses); i++)
		ASSERT_FATAL(buffer_uses[i].func(dmabuf), "D014", "buffer",
			     "is used after its end", "here:", buffer_uses[i].name,
			     "it ended here:", "end_buffer", "What to do: hold a reference");
}

#define ATTACHMENT_USES(USE)                                                                    \
	USE(dma_buf_detach, dma_buf_detach(lived, attach))                                      \
	USE(dma_buf_map_attachment, dma_buf_map_attachment(attach, DMA_TO_DEVICE))              \
	USE(dma_buf_unmap_attachment, dma_buf_unmap_attachment(attach, &table, DMA_TO_DEVICE))  \
	USE(dma_buf_map_attachment_unlocked,                                                    \
	    dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE))                             \
	USE(dma_buf_unmap_attachment_unlocked,                                                  \
	    dma_buf_unmap_attachment_unlocked(attach, &table, DMA_TO_DEVICE))                   \
	USE(dma_buf_pin, dma_buf_pin(attach))                                                   \
	USE(dma_buf_unpin, dma_buf_unpin(attach))

static struct dma_buf *lived;
static struct sg_table table;

#define DEFINE_ATTACHMENT_USE(function, statement)          \
	STEP void use_##function(void *object)              \
	{                                                   \
		struct dma_buf_attachment *attach = object; \
		(void)(statement, 0);                       \
		STAYS;                                      \
	}

ATTACHMENT_USES(DEFINE_ATTACHMENT_USE)

static const struct use attachment_uses[] = { ATTACHMENT_USES(NAME_USE) };

TEST(attachment_after_its_end_is_reported)
{
	struct dma_buf_attachment *attach;
	struct fake fake;

	lived = fake_begin_test(&fake, FAKE_DYNAMIC);
	attach = attach_dynamic(lived, &notified);
	end_attachment(attach);
	for (size_t i = 0; i < COUNT(attachment_uses); i++)
		ASSERT_FATAL(attachment_uses[i].func(attach), "D014", "attachment",
			     "is used after its end", "here:", attachment_uses[i].name,
			     "it ended here:", "end_attachment", "What to do: hold a reference");
	dma_buf_put(lived);
}

/* malloc() likes to give the same memory again. */
TEST(others_at_the_same_place_is_not)
{
	for (unsigned int i = 0; i < 20; i++) {
		struct dma_buf_attachment *attach;
		struct dma_buf *dmabuf;
		struct fake fake;

		dmabuf = fake_begin_test(&fake, i % 2 ? FAKE_DYNAMIC : FAKE_STATIC);
		attach = attach_static(dmabuf);
		dma_buf_unmap_attachment(attach, map(attach, DMA_TO_DEVICE), DMA_TO_DEVICE);
		end_attachment(attach);
		end_buffer(dmabuf);
		end_fence(make_fence());
	}
}
