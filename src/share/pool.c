/* SPDX-License-Identifier: MIT */
/* The life of a pool in this process: create, leave; door.c has joining. */
#define _GNU_SOURCE
#include "share/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "debug/lockdep.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/process.h"
#include "share/alarm.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/place.h"
#include "share/watcher.h"

static DEFINE_WW_CLASS(mail_class);

/*
 * References.
 */

struct dma_buf_pool *pool_get(struct dma_buf_pool *pool)
{
	fetch_add_relaxed(&pool->refs, 1);
	return pool;
}

bool pool_get_unless_dead(struct dma_buf_pool *pool)
{
	return ref_unless_dead(&pool->refs);
}

static void free_tables(struct dma_buf_pool *pool)
{
	own_fini(&pool->own);
	os_free(pool->memory);
	ww_mutex_destroy(&pool->mail_lock);
	os_free(pool);
}

void pool_put(struct dma_buf_pool *pool)
{
	if (fetch_sub_acq_rel(&pool->refs, 1) != 1)
		return;
	watcher_close(pool);
	member_free_self(pool);
	guests_forget(pool);
	if (pool->base)
		os_unmap(pool->base, (size_t)pool_file_size(&pool->shape));
	memory_table_fini(pool);
	os_file_close(pool->file);
	free_tables(pool);
}

/*
 * May it go on?
 */

void pool_fail(struct dma_buf_pool *pool, int error)
{
	int none = 0;

	cas_acq_rel(&pool->error, &none, error);
}

/* What has become of one who was invited? By one look: it may be admitted meanwhile. */
static int check_invited(struct dma_buf_pool *pool)
{
	const struct member *self = pool->self;
	const uint64_t word = load_acquire(&self->place->word);
	int error = -EAGAIN;

	OS_RACE_POINT("pool: looked for an invited one");
	if (pool_is_over(pool) || word == self->evicted || word == place_word(PLACE_EVICTING, self->id))
		cas_acq_rel(&pool->error, &error, -ESTALE);
	else if (word == self->live)
		cas_acq_rel(&pool->error, &error, 0);
	return load_acquire(&pool->error);
}

int pool_check(struct dma_buf_pool *pool)
{
	const struct member *self = pool->self;
	int error = load_acquire(&pool->error);

	if (unlikely(error == -EAGAIN))
		error = check_invited(pool);
	if (error)
		return error;
	if (unlikely(load_acquire(&self->place->word) != self->live || pool_is_over(pool))) {
		pool_fail(pool, -ESTALE);
		return load_acquire(&pool->error);
	}
	return 0;
}

int dma_buf_pool_status(struct dma_buf_pool *pool)
{
	return pool_check(pool);
}

uint32_t dma_buf_pool_self(const struct dma_buf_pool *pool)
{
	return pool->self->id;
}

/*
 * Opening.
 */

static int alloc_tables(struct dma_buf_pool *pool)
{
	pool->memory = os_alloc_array(pool->shape.buffers, sizeof(*pool->memory));
	if (!pool->memory)
		return -ENOMEM;
	for (uint32_t i = 0; i < pool->shape.buffers; i++)
		pool->memory[i].fd = -1;
	for (unsigned int i = 0; i < MOST_MEMBERS; i++)
		pool->guest[i].channel = -1;
	return own_init(&pool->own, &pool->shape);
}

int pool_open(const struct pool_shape *shape, int fd, struct dma_buf_pool **ret_pool)
{
	const size_t size = (size_t)pool_file_size(shape);
	struct dma_buf_pool *pool;
	int err;

	if (pool_file_size(shape) > SIZE_MAX / 2)
		return -ENOMEM;
	pool = os_alloc(sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->refs = 1;
	pool->shape = *shape;
	pool->file = fd;
	ww_mutex_init(&pool->mail_lock, &mail_class);
	err = alloc_tables(pool);
	if (err)
		goto free_tables;
	err = os_map(fd, size, PROT_READ | PROT_WRITE, &pool->base);
	if (err)
		goto free_tables;
	err = os_map_hide_from_children(pool->base, size);
	if (err)
		goto unmap;
	err = watcher_open(pool);
	if (err)
		goto unmap;
	*ret_pool = pool;
	return 0;

unmap:
	os_unmap(pool->base, size);
free_tables:
	free_tables(pool);
	return err;
}

/*
 * Creating.
 */

static int make_file(const struct pool_shape *shape)
{
	const uint64_t size = pool_file_size(shape);
	int err, fd;

	if (size > SIZE_MAX / 2)
		return -ENOMEM;
	fd = os_memfd_create("dmabuf-pool");
	if (fd < 0)
		return fd;
	err = os_file_resize(fd, (size_t)size);
	if (!err)
		err = os_file_add_seals(fd, POOL_SEALS);
	if (!err)
		return fd;
	os_file_close(fd);
	return err;
}

static void write_head(struct dma_buf_pool *pool)
{
	*pool_head(pool) = (struct shm_head){
		.magic = POOL_MAGIC,
		.version = POOL_VERSION,
		.shape = pool->shape,
		.size = pool_file_size(&pool->shape),
		.id = { pool->id[0], pool->id[1] },
	};
}

static int create_first(struct dma_buf_pool *pool)
{
	const uint32_t id = member_id(0, 1);
	int err;

	err = os_random(pool->id, sizeof(pool->id));
	if (err)
		return err;
	write_head(pool);
	err = member_add_self(pool, id);
	if (err)
		return err;
	place_take(pool);
	place_settle(pool, id, PLACE_LIVE);
	return 0;
}

int dma_buf_pool_create(const struct dma_buf_pool_limits *limits, struct dma_buf_pool **ret_pool)
{
	struct dma_buf_pool *pool;
	struct pool_shape shape;
	int err, fd;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (!limits || !ret_pool)
		return -EINVAL;
	shape = (struct pool_shape){
		.members = limits->members,
		.buffers = limits->buffers,
		.fences = limits->fences,
		.timelines = limits->timelines,
	};
	if (!shape_is_fine(&shape))
		return -EINVAL;
	fd = make_file(&shape);
	if (fd < 0)
		return fd;
	err = pool_open(&shape, fd, &pool);
	if (err) {
		os_file_close(fd);
		return err;
	}
	err = create_first(pool);
	if (err) {
		pool_put(pool);
		return err;
	}
	*ret_pool = pool;
	return 0;
}

/*
 * Leaving.
 */

void guests_forget(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < MOST_MEMBERS; i++) {
		int channel;

		dmabuf_spin_lock(&pool->lock);
		channel = pool->guest[i].channel;
		pool->guest[i].channel = -1;
		dmabuf_spin_unlock(&pool->lock);
		if (channel >= 0)
			os_file_close(channel);
	}
}

/* Who has put a buffer sees that, or is done: what the place had is not another member's yet. */
static void end_membership(struct dma_buf_pool *pool)
{
	dmabuf_spin_lock(&pool->lock);
	store_release(&pool->error, -ENOTCONN);
	dmabuf_spin_unlock(&pool->lock);
	place_vacate(pool);
}

void dma_buf_pool_leave(struct dma_buf_pool *pool)
{
	lockdep_might_sleep();
	if (!pool)
		return;
	if (load_acquire(&pool->error) != -ECHILD) {
		OS_RACE_POINT("leave: begun");
		own_fail(pool, -ECANCELED);
		OS_RACE_POINT("leave: cancelled");
		end_membership(pool);
		OS_RACE_POINT("leave: no member");
	}
	guests_forget(pool);
	mail_leave(pool);
	member_forget_all(pool);
	pool_put(pool);
	dmabuf_rcu_flush(); /* its descriptors should not wait for what this thread defers next */
}

/*
 * Its mappings are not in this process, and what it has of descriptors keeps others from seeing the end. Whoever
 * had a lock is not here.
 */
DMABUF_UNCHECKED("the child has one thread")
void pool_fork(struct dma_buf_pool *pool)
{
	store_release(&pool->error, -ECHILD);
	pool->base = NULL;
	dmabuf_spin_lock_init(&pool->lock);
	dmabuf_spin_lock_init(&pool->own.lock);
	dmabuf_spin_lock_init(&pool->watch_lock);
	ww_mutex_init(&pool->mail_lock, &mail_class);
	member_fork_all(pool);
	store_relaxed(&pool->strangers, 0);
	guests_forget(pool);
	alarm_close(pool);
	alarm_init(pool);
}
