/* SPDX-License-Identifier: MIT */
/*
 * Every function that may wait, lock a reservation, allocate or sleep says so on every path, also
 * where it returns at once: each is called so that it has nothing to do, where it must not.
 *
 * scripts/check-rules.py holds the table against the headers: what its doc comment says to sleep
 * or to allocate is in the table, or is excused at its end.
 */
#include "rules.h"

#include <dmabuf/dmabuf.h>
#include <dmabuf/dmabuf-trace.h>

#include "../buf/importers.h"
#include "../fence/fences.h"
#include "../resv/contended.h"

enum {
	WAITS = 1 << DMABUF_RULE_WAIT,
	LOCKS = 1 << DMABUF_RULE_LOCK,
	ALLOCATES = 1 << DMABUF_RULE_ALLOC,
	SLEEPS = 1 << DMABUF_RULE_SLEEP,
	HOLDS = 1 << 20, /* is called with it.held held */
};

/* What they return does not matter here. */
#pragma GCC diagnostic ignored "-Wunused-result"

/* What the calls are about. Nothing of it needs to be waited for, or mapped, or allocated. */
static struct {
	struct dma_fence *done;
	struct dma_resv resv, held; /* `held` is, under `ctx`, with a reservation for a fence */
	struct ww_acquire_ctx ctx;
	struct drm_gem_object obj; /* locked by `exec` */
	struct drm_exec exec;
	struct fake fake, dynamic;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach; /* mapped when it was attached */
	char long_name[100];
} it;

static void no_free(struct drm_gem_object *obj)
{
	(void)obj;
}

static void hold(void)
{
	ASSERT_INT(dma_resv_lock(&it.held, &it.ctx), ==, 0);
	ASSERT_INT(dma_resv_reserve_fences(&it.held, 1), ==, 0);
}

static void prepare(bool holds)
{
	struct iosys_map map;

	it.done = make_fence();
	dma_fence_signal(it.done);
	dma_resv_init(&it.resv);
	dma_resv_init(&it.held);
	drm_gem_object_init(&it.obj, NULL, no_free);
	drm_exec_init(&it.exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	drm_exec_until_all_locked(&it.exec)
		ASSERT_INT(drm_exec_prepare_obj(&it.exec, &it.obj, 1), ==, 0);
	it.exec.ticket.done_acquire = false; /* it goes on */
	drm_exec_unlock_obj(&it.exec, &it.obj);
	it.dmabuf = fake_begin_test(&it.fake, FAKE_STATIC);
	it.attach = attach_static(fake_begin_test(&it.dynamic, FAKE_DYNAMIC));
	ASSERT_INT(dma_buf_vmap_unlocked(it.dynamic.dmabuf, &map), ==, 0);
	ww_acquire_init(&it.ctx, &reservation_ww_class);
	memset(it.long_name, 'x', sizeof(it.long_name) - 1);
	if (holds)
		hold();
}

static void wait_any(void)
{
	dma_fence_wait_any_timeout(&it.done, 1, false, 1, NULL);
	dma_fence_wait_any_timeout((struct dma_fence *[]){ it.done, it.done }, 2, false, 1, NULL);
}

static void create_array(void)
{
	struct dma_fence **members = malloc(sizeof(*members));

	members[0] = dma_fence_get(it.done);
	dma_fence_put(&dma_fence_array_create(1, members, 1, 1, false)->base);
}

static void lock_again(int (*func)(struct ww_mutex *lock, struct ww_acquire_ctx *ctx))
{
	ASSERT_INT(func(&it.held.lock, &it.ctx), ==, -EALREADY);
}

static void lock_slowly(void (*func)(struct dma_resv *resv, struct ww_acquire_ctx *ctx))
{
	struct ww_acquire_ctx ctx;

	ww_acquire_init(&ctx, &reservation_ww_class);
	ww_after_deadlock(&it.resv.lock, &ctx);
	func(&it.resv, &ctx);
	dma_resv_unlock(&it.resv);
	ww_acquire_fini(&ctx);
}

static void mutex_slow(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	ww_mutex_lock_slow(&resv->lock, ctx);
}

static void mutex_slow_interruptible(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(ww_mutex_lock_slow_interruptible(&resv->lock, ctx), ==, 0);
}

static void resv_slow_interruptible(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	ASSERT_INT(dma_resv_lock_slow_interruptible(resv, ctx), ==, 0);
}

static void get_fences(void)
{
	struct dma_fence **fences;
	unsigned int n;

	ASSERT_INT(dma_resv_get_fences(&it.resv, DMA_RESV_USAGE_READ, &n, &fences), ==, 0);
}

static void get_singleton(void)
{
	struct dma_fence *fence;

	ASSERT_INT(dma_resv_get_singleton(&it.resv, DMA_RESV_USAGE_READ, &fence), ==, 0);
}

static void lock_resv(void)
{
	ASSERT_INT(dma_resv_lock(&it.resv, NULL), ==, 0);
	dma_resv_unlock(&it.resv);
}

static void lock_resv_interruptible(void)
{
	ASSERT_INT(dma_resv_lock_interruptible(&it.resv, NULL), ==, 0);
	dma_resv_unlock(&it.resv);
}

static void lock_resv_timeout(void)
{
	ASSERT_INT(dma_resv_lock_timeout(&it.resv, NULL, 0), ==, 0);
	dma_resv_unlock(&it.resv);
}

static void prepare_array(void)
{
	struct drm_gem_object *obj = &it.obj;

	drm_exec_prepare_array(&it.exec, &obj, 1, 1);
}

static void attach_and_not_map(void)
{
	dma_buf_attach(it.dmabuf, &any_device);
}

static void attach_in_vain(void)
{
	struct device impossible = { .name = "impossible", .max_segment_size = 1, .alignment = 2 };

	dma_buf_dynamic_attach(it.dmabuf, &impossible, &notified, NULL);
}

static void create_timeline(void)
{
	dma_fence_timeline_destroy(dma_fence_timeline_create("timeline"));
}

static void vmap(void)
{
	struct iosys_map map;

	dma_buf_vmap_unlocked(it.dmabuf, &map);
}

static void vunmap(void)
{
	struct iosys_map map = it.dynamic.dmabuf->vmap_ptr;

	dma_buf_vunmap_unlocked(it.dynamic.dmabuf, &map);
}

static void describe_all(void)
{
	struct seq_file seq = { .stream = stdout };

	ASSERT_INT(dma_buf_describe_all(&seq, (enum dma_buf_info_format)7), ==, -EINVAL);
}

static void map_again(struct sg_table *(*func)(struct dma_buf_attachment *attach,
						enum dma_data_direction direction))
{
	ASSERT_PTR(func(it.attach, DMA_TO_DEVICE), ==, it.attach->sgt);
}

/*
 * The table: what each does, and how it is called so that it need not.
 */

#define ENTRIES(ENTRY)                                                                            \
	ENTRY(__dma_fence_might_wait, WAITS | SLEEPS, __dma_fence_might_wait())                   \
	ENTRY(dma_fence_wait, WAITS | SLEEPS, dma_fence_wait(it.done, false))                     \
	ENTRY(dma_fence_wait_timeout, WAITS | SLEEPS, dma_fence_wait_timeout(it.done, true, 1))   \
	ENTRY(dma_fence_default_wait, WAITS | SLEEPS, dma_fence_default_wait(it.done, true, 1))   \
	ENTRY(dma_fence_wait_any_timeout, WAITS | SLEEPS, wait_any())                             \
	ENTRY(dma_fence_array_alloc, ALLOCATES, dma_fence_array_alloc(-1))                        \
	ENTRY(dma_fence_array_create, ALLOCATES, create_array())                                  \
	ENTRY(dma_fence_chain_alloc, ALLOCATES, dma_fence_chain_free(dma_fence_chain_alloc()))    \
	ENTRY(dma_fence_unwrap_merge, ALLOCATES, dma_fence_put(dma_fence_unwrap_merge(it.done)))  \
	ENTRY(dma_fence_allocate_private_stub, ALLOCATES,                                         \
	      dma_fence_put(dma_fence_allocate_private_stub(0)))                                  \
	ENTRY(dma_fence_timeline_create, ALLOCATES, create_timeline())                            \
	ENTRY(sync_file_create, ALLOCATES, sync_file_create(NULL))                                \
	ENTRY(sync_file_reserve_fd, ALLOCATES, sync_file_reserve_fd(~0U))                         \
	ENTRY(sync_file_fd, ALLOCATES, sync_file_fd(NULL, 0))                                     \
	ENTRY(sync_file_merge, ALLOCATES, sync_file_merge(it.long_name, -1, -1))                  \
	ENTRY(sync_file_get_info, ALLOCATES, sync_file_get_info(-1, NULL))                        \
	ENTRY(sync_file_kernel_fd, ALLOCATES, sync_file_kernel_fd(it.done))                       \
	ENTRY(ww_mutex_lock, LOCKS | SLEEPS | HOLDS, lock_again(ww_mutex_lock))                   \
	ENTRY(ww_mutex_lock_interruptible, LOCKS | SLEEPS | HOLDS,                                \
	      lock_again(ww_mutex_lock_interruptible))                                            \
	ENTRY(ww_mutex_lock_slow, LOCKS | SLEEPS, lock_slowly(mutex_slow))                        \
	ENTRY(ww_mutex_lock_slow_interruptible, LOCKS | SLEEPS,                                   \
	      lock_slowly(mutex_slow_interruptible))                                              \
	ENTRY(dma_resv_lock, LOCKS | SLEEPS, lock_resv())                                         \
	ENTRY(dma_resv_lock_interruptible, LOCKS | SLEEPS, lock_resv_interruptible())             \
	ENTRY(dma_resv_lock_timeout, LOCKS | SLEEPS, lock_resv_timeout())                         \
	ENTRY(dma_resv_lock_slow, LOCKS | SLEEPS, lock_slowly(dma_resv_lock_slow))                \
	ENTRY(dma_resv_lock_slow_interruptible, LOCKS | SLEEPS,                                   \
	      lock_slowly(resv_slow_interruptible))                                               \
	ENTRY(dma_resv_wait_timeout, WAITS | SLEEPS,                                              \
	      dma_resv_wait_timeout(&it.resv, DMA_RESV_USAGE_READ, false, 1))                     \
	ENTRY(dma_resv_get_fences, ALLOCATES, get_fences())                                       \
	ENTRY(dma_resv_get_singleton, ALLOCATES, get_singleton())                                 \
	ENTRY(dma_resv_fences_get_rcu, ALLOCATES,                                                 \
	      dma_resv_fences_get_rcu(&it.resv.fences, DMA_RESV_USAGE_READ))                      \
	ENTRY(dma_resv_reserve_fences, ALLOCATES | HOLDS, dma_resv_reserve_fences(&it.held, 1))   \
	ENTRY(dma_resv_fences_reserve, ALLOCATES | HOLDS,                                         \
	      dma_resv_fences_reserve(&it.held, &it.held.fences, 1))                              \
	ENTRY(dma_resv_copy_fences, ALLOCATES | HOLDS, dma_resv_copy_fences(&it.held, &it.resv))  \
	ENTRY(drm_exec_lock_obj, LOCKS | ALLOCATES | SLEEPS, drm_exec_lock_obj(&it.exec, &it.obj)) \
	ENTRY(drm_exec_lock_resv, LOCKS | ALLOCATES | SLEEPS,                                     \
	      drm_exec_lock_resv(&it.exec, it.obj.resv))                                          \
	ENTRY(drm_exec_prepare_obj, LOCKS | ALLOCATES | SLEEPS,                                   \
	      drm_exec_prepare_obj(&it.exec, &it.obj, 1))                                         \
	ENTRY(drm_exec_prepare_resv, LOCKS | ALLOCATES | SLEEPS,                                  \
	      drm_exec_prepare_resv(&it.exec, it.obj.resv, 1))                                    \
	ENTRY(drm_exec_prepare_array, LOCKS | ALLOCATES | SLEEPS, prepare_array())                \
	ENTRY(dma_buf_export, ALLOCATES, dma_buf_export(NULL))                                    \
	ENTRY(dma_buf_export_memory, ALLOCATES, dma_buf_export_memory(NULL, -1))                  \
	ENTRY(dma_buf_fd, ALLOCATES, dma_buf_fd(NULL, 0))                                         \
	ENTRY(dma_buf_put, SLEEPS, dma_buf_put(it.dmabuf))                                        \
	ENTRY(dma_buf_attach, WAITS | LOCKS | ALLOCATES | SLEEPS, attach_and_not_map())           \
	ENTRY(dma_buf_dynamic_attach, WAITS | LOCKS | ALLOCATES | SLEEPS, attach_in_vain())       \
	ENTRY(dma_buf_detach, LOCKS | SLEEPS, dma_buf_detach(it.dynamic.dmabuf, it.attach))       \
	ENTRY(dma_buf_map_attachment, WAITS | SLEEPS, map_again(dma_buf_map_attachment))          \
	ENTRY(dma_buf_map_attachment_unlocked, WAITS | LOCKS | SLEEPS,                            \
	      map_again(dma_buf_map_attachment_unlocked))                                         \
	ENTRY(dma_buf_unmap_attachment, SLEEPS,                                                   \
	      dma_buf_unmap_attachment(it.attach, it.attach->sgt, DMA_TO_DEVICE))                 \
	ENTRY(dma_buf_unmap_attachment_unlocked, LOCKS | SLEEPS,                                  \
	      dma_buf_unmap_attachment_unlocked(it.attach, it.attach->sgt, DMA_TO_DEVICE))        \
	ENTRY(dma_buf_begin_cpu_access, WAITS | LOCKS | SLEEPS,                                   \
	      dma_buf_begin_cpu_access(it.dmabuf, DMA_NONE))                                      \
	ENTRY(dma_buf_end_cpu_access, LOCKS | SLEEPS, dma_buf_end_cpu_access(it.dmabuf, DMA_NONE)) \
	ENTRY(dma_buf_vmap_unlocked, LOCKS | SLEEPS, vmap())                                      \
	ENTRY(dma_buf_vunmap_unlocked, LOCKS | SLEEPS, vunmap())                                  \
	ENTRY(dma_buf_export_sync_file, ALLOCATES, dma_buf_export_sync_file(it.dmabuf, 0))        \
	ENTRY(dma_buf_import_sync_file, LOCKS | ALLOCATES | SLEEPS,                               \
	      dma_buf_import_sync_file(it.dmabuf, DMA_BUF_SYNC_READ, -1))                         \
	ENTRY(dma_buf_memfd_create, ALLOCATES, dma_buf_memfd_create(NULL, 0, NULL))               \
	ENTRY(dma_buf_memfd_import, ALLOCATES, dma_buf_memfd_import(-1, NULL))                    \
	ENTRY(dma_buf_malloc_create, ALLOCATES, dma_buf_malloc_create(NULL, 0, NULL))             \
	ENTRY(dma_buf_pool_create, ALLOCATES | SLEEPS, dma_buf_pool_create(NULL, NULL))           \
	ENTRY(dma_buf_pool_leave, SLEEPS, dma_buf_pool_leave(NULL))                               \
	ENTRY(dma_buf_pool_destroy, SLEEPS, dma_buf_pool_destroy(NULL))                           \
	ENTRY(dma_buf_pool_serve, ALLOCATES | SLEEPS, dma_buf_pool_serve(NULL, -1, 0, 0, NULL))         \
	ENTRY(dma_buf_pool_join, ALLOCATES | SLEEPS, dma_buf_pool_join(-1, 0, NULL))              \
	ENTRY(dma_buf_pool_invite, SLEEPS, dma_buf_pool_invite(NULL, 0, NULL))                    \
	ENTRY(dma_buf_pool_accept, ALLOCATES, dma_buf_pool_accept(NULL, NULL, NULL))              \
	ENTRY(dma_buf_pool_admit, ALLOCATES | SLEEPS, dma_buf_pool_admit(NULL, NULL, NULL, NULL))       \
	ENTRY(dma_buf_pool_await, SLEEPS, dma_buf_pool_await(NULL, 0))                            \
	ENTRY(dma_buf_pool_evict, SLEEPS, dma_buf_pool_evict(NULL, 0))                            \
	ENTRY(dma_buf_pool_alloc, ALLOCATES | SLEEPS, dma_buf_pool_alloc(NULL, NULL, 0, 0, NULL)) \
	ENTRY(dma_buf_pool_get_buf, ALLOCATES | SLEEPS, dma_buf_pool_get_buf(NULL, NULL, NULL))   \
	ENTRY(dma_buf_pool_export_fence, ALLOCATES, dma_buf_pool_export_fence(NULL, NULL, NULL))  \
	ENTRY(dma_buf_pool_lease_fence, ALLOCATES, dma_buf_pool_lease_fence(NULL, NULL, 0))       \
	ENTRY(dma_buf_pool_import_fence, ALLOCATES | SLEEPS,                                      \
	      dma_buf_pool_import_fence(NULL, NULL))                                              \
	ENTRY(dma_buf_iter_next, SLEEPS, dma_buf_iter_next(it.dmabuf))                            \
	ENTRY(dma_buf_describe_all, SLEEPS, describe_all())                                       \
	ENTRY(dmabuf_set_trace_hook, ALLOCATES | SLEEPS, dmabuf_set_trace_hook(NULL, NULL))       \
	ENTRY(dmabuf_rcu_barrier, SLEEPS, dmabuf_rcu_barrier())                                   \
	ENTRY(dmabuf_might_alloc, ALLOCATES, dmabuf_might_alloc())                                \
	ENTRY(dmabuf_might_sleep, SLEEPS, dmabuf_might_sleep())

/* Those that are excused, and why. scripts/check-rules.py reads this. */
#define EXCUSED(EXCUSE)                                                                           \
	EXCUSE(dma_fence_timeline_emit, "callable in callbacks, as its header says")              \
	EXCUSE(dma_resv_replace_fences, "Linux's allocates nothing, and is called in sections")   \
	EXCUSE(dma_resv_prune_fences, "does nothing where there is no memory")                    \
	EXCUSE(dma_resv_trylock, "Linux's never sleeps; here only that of a shared buffer may")  \
	EXCUSE(dma_fence_array_init, "allocates nothing: the memory is the caller's")             \
	EXCUSE(sync_file_get_fence, "Linux's allocates nothing; only the kernel's own do here")   \
	EXCUSE(sg_alloc_table, "Linux's is told by flags how to allocate, and compat drops them") \
	EXCUSE(sg_alloc_table_from_pieces, "as sg_alloc_table(), which does it")                  \
	EXCUSE(dma_fence_chain_init, "allocates nothing: it is -ENOMEM that is put in")           \
	EXCUSE(drm_exec_init, "allocates nothing yet")                                            \
	EXCUSE(dmabuf_lock_acquire, "says what may sleep, and does not")                          \
	EXCUSE(ww_mutex_trylock, "is as a lock, but waits for nobody")                            \
	EXCUSE(dmabuf_rcu_flush, "allocates what cannot be waited for")

struct entry {
	const char *name;
	unsigned int does;
	void (*call)(void);
};

#define DEFINE_CALL(function, does, statement)    \
	static void call_##function(void)         \
	{                                         \
		(void)(statement, 0);             \
	}
ENTRIES(DEFINE_CALL)

#define NAME_ENTRY(function, does, statement) { #function, does, call_##function },
static const struct entry entries[] = { ENTRIES(NAME_ENTRY) };

#define for_each_entry(entry) \
	for (const struct entry *entry = entries; \
	     entry < entries + sizeof(entries) / sizeof(entries[0]); entry++)

/*
 * Calling them.
 */

/* The rules that were broken, by number. Other warnings may come, of bad arguments. */
static unsigned int broken;

static void note_rule(const char *message)
{
	unsigned int rule;

	if (sscanf(message, "D%3u ", &rule) == 1)
		broken |= 1U << rule;
}

static void call(const struct entry *entry)
{
	broken = 0;
	dmabuf_set_warn_handler(note_rule);
	entry->call();
	dmabuf_set_warn_handler(NULL);
}

static void expect(const struct entry *entry, unsigned int expected)
{
	if (broken != expected)
		FAIL("%s() broke rules %#x, not %#x", entry->name, broken, expected);
}

static void call_in_section(const struct entry *entry)
{
	bool cookie;

	prepare(entry->does & HOLDS);
	cookie = dma_fence_begin_signalling();
	call(entry);
	dma_fence_end_signalling(cookie);
	expect(entry, entry->does & (WAITS | LOCKS | ALLOCATES));
}

struct calling_cb {
	struct dma_fence_cb cb;
	const struct entry *entry;
};

static void call_back(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	call(container_of(cb, struct calling_cb, cb)->entry);
}

static void call_in_callback(const struct entry *entry)
{
	struct calling_cb cb = { .entry = entry };
	struct dma_fence *fence = make_fence();

	prepare(entry->does & HOLDS);
	ASSERT_INT(dma_fence_add_callback(fence, &cb.cb, call_back), ==, 0);
	dma_fence_signal(fence);
	broken &= WAITS | LOCKS | ALLOCATES; /* a callback is under a short lock, besides */
	expect(entry, entry->does & (WAITS | LOCKS | ALLOCATES));
}

static void call_under_short_lock(const struct entry *entry)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	prepare(entry->does & HOLDS);
	dmabuf_spin_lock(&lock);
	call(entry);
	dmabuf_spin_unlock(&lock);
	expect(entry, entry->does & SLEEPS);
}

static void call_anywhere(const struct entry *entry)
{
	prepare(entry->does & HOLDS);
	call(entry);
	expect(entry, 0);
}

TEST(what_a_section_forbids_is_reported_on_the_early_path)
{
	for_each_entry(entry)
		IN_CHILD(call_in_section(entry));
}

TEST(what_a_callback_forbids_is_reported_on_the_early_path)
{
	for_each_entry(entry)
		IN_CHILD(call_in_callback(entry));
}

TEST(what_may_sleep_is_reported_on_the_early_path)
{
	for_each_entry(entry)
		IN_CHILD(call_under_short_lock(entry));
}

TEST(elsewhere_nothing_of_it_is)
{
	for_each_entry(entry)
		IN_CHILD(call_anywhere(entry));
}
