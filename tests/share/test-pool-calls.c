/* SPDX-License-Identifier: MIT */
/*
 * Calls that know nothing of pools, on shared buffers: descriptors of what is to be waited for, drm_exec
 * with objects, locks that a block drops. Another process sees what they do, and they see what it does.
 */
#include <dmabuf/dma-buf-sync-file.h>
#include <dmabuf/dma-resv-guard.h>
#include <dmabuf/drm-exec.h>

#include "../fence/descriptors.h"
#include "adding.h"

/*
 * Descriptors.
 */

static bool is_readable(int fd, int patience)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };

	return poll(&entry, 1, patience) == 1;
}

static int export(struct dma_buf *dmabuf, unsigned int flags)
{
	const int fd = dma_buf_export_sync_file(dmabuf, flags);

	ASSERT_INT(fd, >=, 0);
	return fd;
}

TEST(a_descriptor_waits_for_what_another_process_has_added)
{
	struct world world;
	int reads, writes;

	begin(&world);
	let(&world, ADD, DMA_RESV_USAGE_READ);
	reads = export(world.dmabuf[0], DMA_BUF_SYNC_READ);
	writes = export(world.dmabuf[0], DMA_BUF_SYNC_WRITE);
	ASSERT_TRUE(is_readable(reads, 0));
	ASSERT_FALSE(is_readable(writes, 0));
	close(reads);
	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	reads = export(world.dmabuf[0], DMA_BUF_SYNC_READ);
	ASSERT_FALSE(is_readable(reads, 0));
	let(&world, SIGNAL_ALL, 0);
	ASSERT_TRUE(is_readable(reads, 20000));
	ASSERT_TRUE(is_readable(writes, 20000));
	close(reads);
	close(writes);
	end(&world);
}

TEST(another_process_waits_for_what_came_from_a_descriptor)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);
	struct world world;

	begin(&world);
	ASSERT_INT(dma_buf_import_sync_file(world.dmabuf[0], DMA_BUF_SYNC_READ, fd), ==, 0);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 0);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	ASSERT_INT(dma_buf_import_sync_file(world.dmabuf[0], DMA_BUF_SYNC_WRITE, fd), ==, 0);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 1);
	dma_fence_signal(fence);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 0);
	close(fd);
	dma_fence_put(fence);
	end(&world);
}

/* Through a descriptor, from one buffer to the other. */
TEST(what_another_process_has_added_goes_to_another_buffer_by_a_descriptor)
{
	struct dma_buf *other;
	struct world world;
	int fd;

	begin(&world);
	ASSERT_INT(dma_buf_pool_alloc(world.pool, "other", 4096, 0, &other), ==, 0);
	let(&world, ADD, DMA_RESV_USAGE_WRITE);
	fd = export(world.dmabuf[0], DMA_BUF_SYNC_READ);
	ASSERT_INT(dma_buf_import_sync_file(other, DMA_BUF_SYNC_READ, fd), ==, 0);
	ASSERT_TRUE(dma_resv_test_signaled(other->resv, DMA_RESV_USAGE_WRITE));
	ASSERT_FALSE(dma_resv_test_signaled(other->resv, DMA_RESV_USAGE_READ));
	let(&world, SIGNAL_ALL, 0);
	ASSERT_TRUE(dma_resv_test_signaled(other->resv, DMA_RESV_USAGE_READ));
	close(fd);
	dma_buf_put(other);
	end(&world);
}

/*
 * Objects. Two have the shared buffer's reservation, one its own.
 */

enum { SHARED, AGAIN, PRIVATE, OBJECTS };

static struct drm_gem_object object[OBJECTS];

static void begin_objects(struct dma_resv *resv)
{
	drm_gem_object_init(&object[SHARED], resv, drm_gem_object_release);
	drm_gem_object_init(&object[AGAIN], resv, drm_gem_object_release);
	drm_gem_object_init(&object[PRIVATE], NULL, drm_gem_object_release);
}

static void end_objects(void)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		drm_gem_object_put(&object[i]);
}

static bool is_held_here(const struct world *world)
{
	uint32_t holder;

	return !dma_buf_pool_lock_holder(world->dmabuf[0], &holder) &&
	       holder == dma_buf_pool_self(world->pool);
}

/* More than there can be: nothing is locked then. */
TEST(an_object_with_a_shared_reservation_is_locked_and_has_room)
{
	struct dma_fence *fence = make_fence();
	struct drm_exec exec;
	struct world world;

	begin_objects(begin(&world));
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked (&exec) {
		ASSERT_INT(drm_exec_prepare_obj(&exec, &object[SHARED], world_limits.fences + 1), ==, -ENOSPC);
		ASSERT_FALSE(is_held_here(&world));
		ASSERT_INT(drm_exec_prepare_obj(&exec, &object[SHARED], world_limits.fences), ==, 0);
		drm_exec_retry_on_contention(&exec);
	}
	ASSERT_TRUE(is_held_here(&world));
	dma_resv_add_fence(object[SHARED].resv, fence, DMA_RESV_USAGE_WRITE);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 0);
	drm_exec_fini(&exec);
	ASSERT_FALSE(is_held_here(&world));
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_WRITE), ==, 1);
	signal_and_put(fence);
	end_objects();
	end(&world);
}

TEST(an_array_of_objects_with_shared_and_private_reservations_is_locked)
{
	struct drm_gem_object *objects[] = { &object[PRIVATE], &object[SHARED] };
	struct dma_fence *fence = make_fence();
	struct drm_exec exec;
	struct world world;

	begin_objects(begin(&world));
	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked (&exec) {
		ASSERT_INT(drm_exec_prepare_array(&exec, objects, 2, 1), ==, 0);
		drm_exec_retry_on_contention(&exec);
	}
	ASSERT_TRUE(is_held_here(&world));
	for (unsigned int i = 0; i < 2; i++)
		dma_resv_add_fence(objects[i]->resv, fence, DMA_RESV_USAGE_READ);
	drm_exec_fini(&exec);
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	ASSERT_FALSE(dma_resv_test_signaled(object[PRIVATE].resv, DMA_RESV_USAGE_READ));
	signal_and_put(fence);
	end_objects();
	end(&world);
}

/* By itself, and by objects that have it. */
static int lock_duplicates(struct drm_exec *exec, struct dma_resv *resv)
{
	int err = 0;

	drm_exec_until_all_locked (exec) {
		err = drm_exec_prepare_resv(exec, resv, 1);
		drm_exec_retry_on_contention(exec);
		for (unsigned int i = SHARED; !err && i <= AGAIN; i++) {
			err = drm_exec_prepare_obj(exec, &object[i], 1);
			drm_exec_retry_on_contention(exec);
		}
		if (err)
			break;
	}
	return err;
}

TEST(a_shared_reservation_is_locked_once_where_duplicates_are_ignored)
{
	struct dma_fence *fence = make_fence();
	struct dma_resv *resv;
	struct drm_exec exec;
	struct world world;

	resv = begin(&world);
	begin_objects(resv);
	drm_exec_init(&exec, 0, 0);
	ASSERT_INT(lock_duplicates(&exec, resv), ==, -EALREADY);
	drm_exec_fini(&exec);
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 0);
	ASSERT_INT(lock_duplicates(&exec, resv), ==, 0);
	ASSERT_INT(exec.num_objects, ==, 1);
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_READ);
	drm_exec_fini(&exec);
	ASSERT_FALSE(is_held_here(&world));
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	signal_and_put(fence);
	end_objects();
	end(&world);
}

/*
 * Guards.
 */

static int add_guarded(struct dma_resv *resv, struct dma_fence *fence)
{
	int err;

	dma_resv_guard(resv);

	err = dma_resv_reserve_fences(resv, 1);
	if (err)
		return err;
	dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_READ);
	return 0;
}

TEST(the_end_of_a_guards_block_commits_for_another_process)
{
	struct dma_fence *fence[2] = { make_fence(), make_fence() };
	struct world world;
	struct dma_resv *resv = begin(&world);

	ASSERT_INT(add_guarded(resv, fence[0]), ==, 0);
	ASSERT_FALSE(is_held_here(&world));
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	dma_resv_scoped_guard(resv) {
		ASSERT_TRUE(is_held_here(&world));
		add_under_lock(resv, fence[1], DMA_RESV_USAGE_READ);
		ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 1);
	}
	ASSERT_FALSE(is_held_here(&world));
	ASSERT_INT(let(&world, COUNT, DMA_RESV_USAGE_READ), ==, 2);
	signal_and_put_all(fence, 2);
	end(&world);
}

static void hold_until_told(int sock)
{
	struct there there = arrive(sock, 1);

	PEER_MUST(!dma_resv_lock(there.dmabuf[0]->resv, NULL));
	peer_go(sock);
	PEER_MUST(peer_await(sock));
	dma_resv_unlock(there.dmabuf[0]->resv);
	peer_go(sock);
	depart(&there);
}

static bool has_had(struct dma_resv *resv)
{
	dma_resv_scoped_guard_try(return false, resv)
		return true;
	return false;
}

TEST(a_guard_that_tries_does_not_wait_for_another_process)
{
	struct world world;

	begin_world(&world, 1, hold_until_told);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_FALSE(has_had(world.dmabuf[0]->resv));
	peer_go(world.peer.sock);
	ASSERT_TRUE(peer_await(world.peer.sock));
	ASSERT_TRUE(has_had(world.dmabuf[0]->resv));
	ASSERT_FALSE(is_held_here(&world));
	end_world(&world, 0);
}
