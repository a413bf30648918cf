/* SPDX-License-Identifier: MIT */
/*
 * Buffers of a pool. A place for one is taken under the pool's admission lock, and its memory told to
 * all members under the same: so a newcomer hears of each buffer either from who made it, or from who
 * admits it.
 *
 * `users` has a bit for each member that has the buffer. Whoever takes the last one away gives the place
 * back, by making `number` even.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "buf/buffer.h"
#include "buf/memory.h"
#include "os/fault.h"
#include "os/file.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/place.h"
#include "share/shared-lock.h"
#include "share/shared-resv.h"
#include "share/watcher.h"

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static uint64_t own_bit(const struct dma_buf_pool *pool)
{
	return (uint64_t)1 << member_place(pool->self->id);
}

/*
 * How many of a place are here, and that other members know.
 */

/* This process has the buffer: others see that. False: there is no such buffer. */
static bool join_users(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle)
{
	struct shm_resv *shm = shm_resv(&pool->shape, pool->base, handle->buffer);
	uint64_t users = load_acquire(&shm->users);

	if (load_acquire(&shm->number) != handle->number)
		return false;
	do
		if (!users)
			return false;
	while (!cas_acq_rel(&shm->users, &users, users | own_bit(pool)));
	return true;
}

static bool use(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle)
{
	const struct shm_resv *shm = shm_resv(&pool->shape, pool->base, handle->buffer);
	struct pool_memory *memory = &pool->memory[handle->buffer];
	bool has_joined, is_there;

	dmabuf_spin_lock(&pool->lock);
	has_joined = join_users(pool, handle);
	OS_RACE_POINT("pool: before a buffer is looked at again");
	is_there = has_joined && load_acquire(&shm->number) == handle->number;
	if (is_there)
		memory->uses++;
	else if (has_joined && !memory->uses)
		users_drop(pool, handle->buffer, member_place(pool->self->id)); /* another buffer's */
	dmabuf_spin_unlock(&pool->lock);
	return is_there;
}

static void unuse(struct dma_buf_pool *pool, uint32_t buffer)
{
	bool is_last;

	dmabuf_spin_lock(&pool->lock);
	is_last = !--pool->memory[buffer].uses;
	if (is_last && !load_acquire(&pool->error))
		users_drop(pool, buffer, member_place(pool->self->id));
	dmabuf_spin_unlock(&pool->lock);
	if (is_last)
		memory_table_sweep(pool, buffer);
}

/*
 * The struct dma_buf.
 */

static void released(struct memory_owner *owner)
{
	struct shared_resv *shared = container_of(owner, struct shared_resv, owner);
	struct dma_buf_pool *pool = pool_get(shared->pool);
	const uint32_t buffer = shared->handle.buffer;

	shared_resv_destroy(shared);
	unuse(pool, buffer);
	pool_put(pool);
}

static int check(struct memory_owner *owner)
{
	return pool_check(container_of(owner, struct shared_resv, owner)->pool);
}

/* Of a file that goes to it on success, and a use that the caller has. */
static int export(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle,
		  const char *name, int fd, size_t size, bool writable, struct dma_buf **ret_buf)
{
	struct shared_resv *shared = shared_resv_create(pool, handle);
	int err;

	if (!shared)
		return -ENOMEM;
	shared->owner = (struct memory_owner){
		.exp_name = "pool",
		.resv = &shared->base.resv,
		.check = check,
		.released = released,
	};
	err = memory_export_file(name, fd, size, writable, &shared->owner, ret_buf);
	if (err)
		shared_resv_destroy(shared);
	return err;
}

/*
 * Making one.
 */

/* Nobody has it. Whoever was the last to may have been killed before it gave the place back. */
static bool is_free(struct shm_resv *shm, uint32_t *ret_number)
{
	uint32_t number = load_acquire(&shm->number);

	if (load_acquire(&shm->users))
		return false;
	if (number & 1 && !cas_acq_rel(&shm->number, &number, number + 1))
		return false;
	*ret_number = (number + 1) & ~1u;
	return true;
}

/* Whatever was in its log is over. */
static void clear(struct shm_resv *shm)
{
	uint64_t word = load_relaxed(&shm->commit);
	struct commit commit;

	do {
		commit = commit_unpack(word);
		commit.flips++;
		commit.takeovers++;
		commit.length = 0;
	} while (!cas_acq_rel(&shm->commit, &word, commit_pack(&commit)));
}

/*
 * The first step makes it ours: whoever was stopped before that, and evicted, takes nothing that somebody
 * else has, and whoever is stopped after that keeps it until it is dead.
 */
static bool take(struct dma_buf_pool *pool, struct shm_resv *shm, uint32_t *ret_number)
{
	uint64_t nobody = 0;
	uint32_t number;

	if (!is_free(shm, &number))
		return false;
	OS_RACE_POINT("pool: before a place for a buffer is taken");
	if (!cas_acq_rel(&shm->users, &nobody, own_bit(pool)))
		return false;
	OS_RACE_POINT("pool: a place for a buffer is taken");
	clear(shm);
	*ret_number = number + 1;
	if (cas_acq_rel(&shm->number, &number, number + 1))
		return true;
	fetch_and_acq_rel(&shm->users, ~own_bit(pool)); /* an enemy wrote there */
	return false;
}

static bool take_place(struct dma_buf_pool *pool, struct dma_buf_pool_handle *ret_handle)
{
	for (uint32_t i = 0; i < pool->shape.buffers; i++) {
		struct shm_resv *shm = shm_resv(&pool->shape, pool->base, i);

		ret_handle->owner = pool->self->id;
		ret_handle->buffer = i;
		if (take(pool, shm, &ret_handle->number))
			return true;
	}
	return false;
}

static bool may_have(const struct member *member, unsigned int flags)
{
	return flags & DMA_BUF_POOL_OWNER_WRITES || !(member->flags & DMA_BUF_POOL_READ_ONLY);
}

static int tell_all(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle, int fd,
		    unsigned int flags)
{
	const struct mail_memory memory = { handle->owner, handle->buffer, handle->number };
	int err = 0;

	for (unsigned int i = 0; !err && i < pool->shape.members; i++) {
		const uint32_t id = place_live(pool, i);
		struct member *member = id && id != pool->self->id ? member_get(pool, id) : NULL;

		if (!member)
			continue;
		if (may_have(member, flags))
			err = mail_send_memory(member, &memory, &fd, 1);
		member_put(member);
		if (err == -EAGAIN)
			watcher_need(pool); /* he will ask, when he needs it */
		if (err == -EPIPE || err == -EAGAIN)
			err = 0; /* or he is about to be found dead */
	}
	return err;
}

static int make_file(size_t size, int *ret_fd)
{
	int err, fd;

	fd = os_memfd_create("dmabuf");
	if (fd < 0)
		return fd;
	err = os_file_resize(fd, size);
	if (!err)
		err = os_file_add_seals(fd, SIZE_SEALS);
	if (err)
		os_file_close(fd);
	else
		*ret_fd = fd;
	return err;
}

/* The owner has mapped it. */
static int seal(int fd, unsigned int flags)
{
	const int seals = flags & DMA_BUF_POOL_OWNER_WRITES ? F_SEAL_FUTURE_WRITE : 0;

	return os_file_add_seals(fd, seals | F_SEAL_SEAL);
}

/* This process knows where the memory is: another descriptor of it. */
static int remember(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle, int fd)
{
	const struct mail_memory memory = { handle->owner, handle->buffer, handle->number };
	const int copy = os_file_dup(fd, true);

	if (copy < 0)
		return copy;
	memory_table_add(pool, &memory, pool->self->id, copy);
	return 0;
}

/* In a place that the caller has a use of. That, and @fd, go to the buffer, or away. */
static int make(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle,
		const char *name, int fd, size_t size, unsigned int flags, struct dma_buf **ret_buf)
{
	struct dma_buf *dmabuf;
	int err;

	err = remember(pool, handle, fd);
	if (!err)
		err = export(pool, handle, name, fd, size, true, &dmabuf);
	if (err) {
		os_file_close(fd);
		unuse(pool, handle->buffer);
		return err;
	}
	OS_RACE_POINT("pool: made a buffer");
	err = seal(fd, flags);
	if (!err)
		err = tell_all(pool, handle, fd, flags);
	if (err)
		dma_buf_put(dmabuf);
	else
		*ret_buf = dmabuf;
	return err;
}

static int find_place(struct dma_buf_pool *pool, struct dma_buf_pool_handle *ret_handle)
{
	if (!take_place(pool, ret_handle)) {
		places_reclaim(pool);
		if (!take_place(pool, ret_handle))
			return -ENOSPC;
	}
	dmabuf_spin_lock(&pool->lock);
	pool->memory[ret_handle->buffer].uses++;
	dmabuf_spin_unlock(&pool->lock);
	return 0;
}

static int alloc_locked(struct dma_buf_pool *pool, const char *name, size_t size,
			unsigned int flags, struct dma_buf **ret_buf)
{
	struct dma_buf_pool_handle handle;
	int err, fd;

	err = find_place(pool, &handle);
	if (err)
		return err;
	err = make_file(size, &fd);
	if (err) {
		unuse(pool, handle.buffer);
		return err;
	}
	return make(pool, &handle, name, fd, size, flags, ret_buf);
}

int dma_buf_pool_alloc(struct dma_buf_pool *pool, const char *name, size_t size, unsigned int flags,
		       struct dma_buf **ret_buf)
{
	const size_t page = os_page_size(), rounded = (size + page - 1) & ~(page - 1);
	int err;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!pool || !ret_buf || !rounded || !buffer_name_fits(name) ||
	    flags & ~DMA_BUF_POOL_OWNER_WRITES)
		return -EINVAL;
	err = pool_check(pool);
	if (err)
		return err;
	if (pool->flags & DMA_BUF_POOL_READ_ONLY)
		return -EACCES;
	err = places_lock(pool, INT64_MAX);
	if (err)
		return err;
	err = alloc_locked(pool, name, rounded, flags, ret_buf);
	places_unlock(pool);
	return err;
}

/*
 * Getting one.
 */

int dma_buf_pool_get_handle(struct dma_buf *dmabuf, struct dma_buf_pool_handle *ret_handle)
{
	const struct shared_resv *shared = dmabuf ? shared_resv_of(dmabuf->resv) : NULL;

	if (!shared || !ret_handle)
		return -EINVAL;
	*ret_handle = shared->handle;
	return 0;
}

int dma_buf_pool_lock_holder(struct dma_buf *dmabuf, uint32_t *ret_member)
{
	const struct shared_resv *shared = dmabuf ? shared_resv_of(dmabuf->resv) : NULL;

	if (!shared || !ret_member)
		return -EINVAL;
	*ret_member = pool_is_here(shared->pool) ? shared_lock_holder(&shared->shm->lock) : 0;
	return 0;
}

/* Of what another member sent: its size, and whether it can be written. It cannot change any more. */
static int inspect(int fd, size_t *ret_size, bool *ret_writable)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;

	if (seals < 0 || (seals & (SIZE_SEALS | F_SEAL_SEAL)) != (SIZE_SEALS | F_SEAL_SEAL) ||
	    !os_file_is_ordinary(fd) || os_file_inspect(fd, &file))
		return -EPROTO;
	*ret_size = (size_t)file.size;
	*ret_writable = file.writable && !(seals & (F_SEAL_FUTURE_WRITE | F_SEAL_WRITE));
	return *ret_size && *ret_size == file.size && !(*ret_size % os_page_size()) ? 0 : -EPROTO;
}

/* A new struct dma_buf. @fd goes to it on success. */
static int import(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle, int fd,
		  struct dma_buf **ret_buf)
{
	bool writable;
	size_t size;
	int err;

	err = inspect(fd, &size, &writable);
	if (err)
		return err;
	if (!use(pool, handle))
		return -ENOENT;
	err = export(pool, handle, NULL, fd, size, writable, ret_buf);
	if (err)
		unuse(pool, handle->buffer);
	return err;
}

/* The struct dma_buf that this process has of it: its reservation must be of that pool. */
static int find(const struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle, int fd,
		struct dma_buf **ret_buf)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);
	const struct shared_resv *shared;

	if (dmabuf_is_err(dmabuf))
		return -ENOENT;
	shared = shared_resv_of(dmabuf->resv);
	if (!shared || shared->pool != pool || shared->handle.buffer != handle->buffer ||
	    shared->handle.number != handle->number) {
		dma_buf_put(dmabuf);
		return -EPROTO; /* an enemy sent memory of something else */
	}
	*ret_buf = dmabuf;
	return 0;
}

int dma_buf_pool_get_buf(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle,
			 struct dma_buf **ret_buf)
{
	const struct mail_memory memory = handle ? (struct mail_memory){ handle->owner,
									 handle->buffer,
									 handle->number }
						 : (struct mail_memory){ 0 };
	int err, fd;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!pool || !handle || !ret_buf)
		return -EINVAL;
	err = pool_check(pool);
	if (err)
		return err;
	fd = memory_table_get(pool, &memory);
	if (fd < 0)
		return fd;
	do {
		err = find(pool, handle, fd, ret_buf);
		if (err == -ENOENT)
			err = import(pool, handle, fd, ret_buf);
		else
			break;
		if (!err)
			return 0;
	} while (err == -EEXIST); /* another thread was first */
	os_file_close(fd);
	return err;
}
