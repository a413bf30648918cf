/* SPDX-License-Identifier: MIT */
/* Members: making, finding and judging them. point.c reads their timelines. */
#define _GNU_SOURCE
#include "share/member.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <dmabuf/dma-fence.h>

#include "os/alloc.h"
#include "os/channel.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/futex.h"
#include "os/list.h"
#include "os/process.h"
#include "os/stamp.h"
#include "share/evict.h"
#include "share/lease.h"
#include "share/mail.h"
#include "share/place.h"
#include "share/watcher.h"

#define TIMELINES_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/*
 * The life of a member.
 */

/* Can that be a member's id? */
static bool is_possible(const struct dma_buf_pool *pool, uint32_t id)
{
	return member_place(id) < pool->shape.members && member_generation(id) && !(id & 1);
}

static bool is_self(const struct member *member)
{
	return member == member->pool->self;
}

struct member *member_ref(struct member *member)
{
	if (is_self(member))
		pool_get(member->pool);
	else
		fetch_add_relaxed(&member->refs, 1);
	return member;
}

static bool get_unless_dead(struct member *member)
{
	return is_self(member) ? pool_get_unless_dead(member->pool) : ref_unless_dead(&member->refs);
}

static void free_parts(struct member *member)
{
	if (member->map)
		os_unmap(member->map, (size_t)timelines_file_size(&member->pool->shape));
	os_free(member->seen);
	os_free(member);
}

static void free_member(struct dmabuf_rcu_head *head)
{
	struct member *member = container_of(head, struct member, rcu);
	struct dma_buf_pool *pool = member->pool;

	free_parts(member);
	pool_put(pool);
}

static void close_all(const struct member *member)
{
	if (member->channel >= 0)
		os_file_close(member->channel);
	os_file_close(member->process);
	os_file_close(member->file);
}

void member_put(struct member *member)
{
	if (is_self(member)) {
		pool_put(member->pool);
		return;
	}
	if (fetch_sub_acq_rel(&member->refs, 1) != 1)
		return;
	if (member->channel >= 0)
		watcher_unmember(member);
	close_all(member);
	dmabuf_call_rcu(&member->rcu, free_member);
}

static struct member *alloc(struct dma_buf_pool *pool, const struct card *card)
{
	struct member *member = os_alloc(sizeof(*member));

	if (!member)
		return NULL;
	member->seen = os_alloc_array(pool->shape.timelines, sizeof(*member->seen));
	if (!member->seen) {
		os_free(member);
		return NULL;
	}
	member->refs = 1;
	member->pool = pool;
	member->id = card->id;
	member->flags = card->flags & DMA_BUF_POOL_READ_ONLY;
	member->channel = card->channel;
	member->process = card->process;
	member->file = card->file;
	member->place = shm_place(pool->base, member_place(card->id));
	member->live = place_word(PLACE_LIVE, card->id);
	member->evicted = place_word(PLACE_EVICTED, card->id);
	member->context = dma_fence_context_alloc(pool->shape.timelines);
	list_init(&member->watched);
	return member;
}

/* Is the file what a member's must be? It cannot change any more then. */
static int check_file(const struct dma_buf_pool *pool, int fd)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;

	if (seals < 0 || (seals & TIMELINES_SEALS) != TIMELINES_SEALS ||
	    !os_file_is_ordinary(fd) || os_file_inspect(fd, &file))
		return -EPROTO;
	return file.readable && file.size == timelines_file_size(&pool->shape) ? 0 : -EPROTO;
}

static int check_head(const struct dma_buf_pool *pool, const struct shm_timelines *map, uint32_t id)
{
	const bool is_ours = load_relaxed(&map->magic) == TIMELINES_MAGIC &&
			     load_relaxed(&map->version) == POOL_VERSION &&
			     load_relaxed(&map->pool_id[0]) == pool->id[0] &&
			     load_relaxed(&map->pool_id[1]) == pool->id[1] &&
			     load_relaxed(&map->id) == id &&
			     load_relaxed(&map->timelines) == pool->shape.timelines &&
			     load_relaxed(&map->buffers) == pool->shape.buffers;

	return is_ours ? 0 : -EPROTO;
}

static int map_checked(struct dma_buf_pool *pool, struct member *member)
{
	const size_t size = (size_t)timelines_file_size(&pool->shape);
	void *map;
	int err;

	err = check_file(pool, member->file);
	if (err)
		return err;
	err = os_map(member->file, size, PROT_READ, &map);
	if (err)
		return err;
	err = check_head(pool, map, member->id);
	if (err) {
		os_unmap(map, size);
		return err;
	}
	member->map = map;
	return 0;
}

/* Can it be one of these? Nobody comes into the place of this process. */
static bool is_fine(const struct dma_buf_pool *pool, const struct card *card)
{
	return is_possible(pool, card->id) && member_place(card->id) != member_place(pool->self->id) &&
	       os_channel_is(card->channel) && os_process_is(card->process);
}

int member_make(struct dma_buf_pool *pool, const struct card *card, struct member **ret_member)
{
	struct member *member;
	int err;

	if (!is_fine(pool, card))
		return -EPROTO;
	member = alloc(pool, card);
	if (!member)
		return -ENOMEM;
	err = map_checked(pool, member);
	if (!err)
		err = watcher_member(member);
	if (err) {
		free_parts(member);
		return err;
	}
	pool_get(pool);
	*ret_member = member;
	return 0;
}

void member_unmake(struct member *member)
{
	struct dma_buf_pool *pool = member->pool;

	watcher_unmember(member);
	free_parts(member);
	pool_put(pool);
}

bool member_enter(struct member *member, struct member **ret_old)
{
	struct dma_buf_pool *pool = member->pool;
	struct member **place = &pool->members[member_place(member->id)];
	struct member *old;
	bool is_newer;

	member_ref(member); /* by then somebody may have replaced it */
	OS_RACE_POINT("member: about to be known");
	dmabuf_spin_lock(&pool->lock);
	old = *place;
	is_newer = !old || old->id < member->id;
	if (is_newer)
		store_release(place, member);
	dmabuf_spin_unlock(&pool->lock);
	if (is_newer)
		watcher_again(member);
	member_put(member); /* not the last one, if it was not entered */
	*ret_old = is_newer ? old : NULL;
	return is_newer;
}

/* The owner's mapping is made before the last seal, and stays writable. */
static int make_timelines(struct dma_buf_pool *pool, struct member *member)
{
	const size_t size = (size_t)timelines_file_size(&pool->shape);
	void *map;
	int err;

	err = os_file_resize(member->file, size);
	if (err)
		return err;
	err = os_map(member->file, size, PROT_READ | PROT_WRITE, &map);
	if (err)
		return err;
	member->map = map;
	*member->map = (struct shm_timelines){
		.magic = TIMELINES_MAGIC,
		.version = POOL_VERSION,
		.pool_id = { pool->id[0], pool->id[1] },
		.id = member->id,
		.timelines = pool->shape.timelines,
		.buffers = pool->shape.buffers,
	};
	err = os_map_hide_from_children(map, size);
	if (err)
		return err;
	return os_file_add_seals(member->file, TIMELINES_SEALS);
}

int member_add_self(struct dma_buf_pool *pool, uint32_t id)
{
	struct card card = {
		.id = id,
		.flags = pool->flags,
		.channel = -1,
		.process = os_process_open_self(),
	};
	struct member *member;
	int err;

	if (card.process < 0)
		return card.process;
	card.file = os_memfd_create("dmabuf-timelines");
	if (card.file < 0) {
		err = card.file;
		goto close_process;
	}
	member = alloc(pool, &card);
	if (!member) {
		err = -ENOMEM;
		goto close_file;
	}
	err = make_timelines(pool, member);
	if (err) {
		free_parts(member);
		goto close_file;
	}
	pool->self = member;
	store_release(&pool->members[member_place(id)], member);
	return 0;

close_file:
	os_file_close(card.file);
close_process:
	os_file_close(card.process);
	return err;
}

void member_free_self(struct dma_buf_pool *pool)
{
	if (!pool->self)
		return;
	close_all(pool->self);
	free_parts(pool->self);
}

void member_forget_all(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member;

		dmabuf_spin_lock(&pool->lock);
		member = pool->members[i];
		store_release(&pool->members[i], NULL);
		dmabuf_spin_unlock(&pool->lock);
		if (!member || is_self(member))
			continue;
		/* Nobody rings any more: whoever waits for it here waits no longer. */
		member_judge(member, VERDICT_DEAD);
		member_put(member);
	}
}

/* With one thread. Its memory is not in this process, or is not its to write. */
void member_fork_all(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member = pool->members[i];

		if (!member)
			continue;
		close_all(member);
		member->channel = -1;
		member->process = -1;
		member->file = -1;
		store_relaxed(&member->verdict, VERDICT_DEAD);
		if (is_self(member))
			member->map = NULL; /* another mapping may be there by now */
	}
}

/*
 * Finding.
 */

struct member *member_in_place(struct dma_buf_pool *pool, unsigned int place)
{
	struct member *member;

	dmabuf_spin_lock(&pool->lock);
	member = pool->members[place];
	if (member)
		member_ref(member);
	dmabuf_spin_unlock(&pool->lock);
	return member;
}

struct member *member_peek(const struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member;

	if (!is_possible(pool, id))
		return NULL;
	member = load_acquire(&pool->members[member_place(id)]);
	return member && member->id == id ? member : NULL;
}

struct member *member_find(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member;

	dmabuf_rcu_read_lock();
	member = member_peek(pool, id);
	if (member && !get_unless_dead(member))
		member = NULL;
	dmabuf_rcu_read_unlock();
	return member;
}

struct member *member_get(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member;

	if (!is_possible(pool, id))
		return NULL;
	member = member_find(pool, id);
	if (member)
		return member;
	OS_RACE_POINT("member: unknown");
	/* Whoever admitted it has written to us before it could do anything; another thread may have read it. */
	mail_read(pool);
	return member_find(pool, id);
}

/*
 * Verdicts.
 */

/* Those of this process that sleep until a point signals. Others find out for themselves. */
static void wake_waiters(const struct member *member)
{
	const struct dma_buf_pool *pool = member->pool;

	for (uint32_t i = 0; i < pool->shape.timelines; i++) {
		const uint64_t *value = &member->map->timeline[i].value;
		const struct shm_await *await = shm_await(&pool->shape, pool->base,
							  member_place(member->id), i);

		if (load_relaxed(&await->watermark) > load_relaxed(value))
			os_futex_wake_shared(low_half(value), true);
	}
}

/*
 * Whoever was evicted before it died stays so: others may have gone by that already. After a death that came first
 * it no longer matters: the values are its last ones, for who finds it dead and who finds it evicted. Whoever
 * only hung up may go on; but what is seen of it now is all that this process will find.
 */
bool member_mark(struct member *member, enum verdict verdict)
{
	uint32_t alive = VERDICT_ALIVE;

	if (verdict == VERDICT_DEAD && pool_is_here(member->pool)) {
		if (member_is_evicted(member))
			verdict = VERDICT_EVICTED;
		else
			member_see_all(member);
	}
	if (!cas_acq_rel(&member->verdict, &alive, verdict))
		return false;
	fetch_add_release(&member->pool->verdicts, 1);
	os_futex_wake_all(&member->pool->verdicts);
	wake_waiters(member);
	return true;
}

void member_judge(struct member *member, enum verdict verdict)
{
	if (member_mark(member, verdict))
		watcher_judged(member);
}

bool member_process_has_ended(const struct member *member)
{
	return os_process_has_ended(member->process);
}

static bool has_ended(const struct member *member)
{
	return os_channel_is_closed(member->channel) || member_process_has_ended(member);
}

/* The dead are not evicted. */
static enum verdict find_verdict(struct member *member)
{
	if (member_is_evicted(member))
		return VERDICT_EVICTED;
	if (is_self(member))
		return VERDICT_ALIVE;
	if (has_ended(member))
		return VERDICT_DEAD;
	if (unlikely(lease_is_broken(member))) {
		OS_RACE_POINT("member: its lease is broken");
		if (has_ended(member)) /* maybe before that */
			return VERDICT_DEAD;
		evict_broken(member);
	}
	return member_is_evicted(member) ? VERDICT_EVICTED : VERDICT_ALIVE;
}

enum verdict member_check(struct member *member)
{
	enum verdict verdict = member_verdict(member);

	if (verdict != VERDICT_ALIVE)
		return verdict;
	verdict = find_verdict(member);
	if (verdict != VERDICT_ALIVE)
		member_judge(member, verdict);
	return member_verdict(member);
}

bool member_is_dead(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member;
	bool is_dead;

	if (!is_possible(pool, id) || !place_has(pool, id))
		return true;
	member = member_get(pool, id);
	if (!member)
		return false;
	is_dead = !is_self(member) && has_ended(member);
	member_put(member);
	return is_dead;
}

#define CHECKS_NS 1000000

bool member_check_is_due(const struct member *member)
{
	return os_stamp_ns() - load_relaxed(&member->checked) >= CHECKS_NS;
}

void member_check_sometimes(struct member *member)
{
	const int64_t now = os_stamp_ns();
	int64_t before = load_relaxed(&member->checked);

	if (now - before >= CHECKS_NS && cas_acq_rel(&member->checked, &before, now))
		member_check(member);
}

enum verdict member_check_id(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member = member_get(pool, id);
	enum verdict verdict;

	if (!member)
		return is_possible(pool, id) && place_has(pool, id) &&
				       !place_is(pool, id, PLACE_EVICTED)
			       ? VERDICT_ALIVE
			       : VERDICT_DEAD;
	verdict = member_check(member);
	member_put(member);
	return verdict;
}
