/* SPDX-License-Identifier: MIT */
/*
 * Reading another member's timelines. Everything there may be a lie; what follows from it is
 * whether its own points have signalled, and nothing else.
 *
 *   owner                                          reader
 *   T1  lost = what the next error pushes out       U1  value                acquire
 *   T2  ring entry           release                U2  ring entries         acquire
 *   T3  value                release                U3  lost                 acquire
 *
 *   U1 from T3 makes all errors up to that point visible to U2. An entry that U2 finds half
 *   overwritten is of a later error: then U3 sees T1, and the point that was pushed out is known to be lost.
 *
 * A verdict of death comes before the value is read again: whoever is dead has written its last value
 * then. One of eviction is everybody's: whoever sees it first freezes the value.
 *
 *   evictor                      freezer, once              owner          reader
 *   V0  place = EVICTED          V2  value                  T3  value      V1  value
 *                                V3  frozen = value                        V4  place
 *
 *   All are sequentially consistent. If V1 sees a value that V2 did not, V1 comes after T3, that after V2,
 *   and that after V0: so V4 sees the eviction, and the reader goes by what is frozen.
 */
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
#include "os/process.h"
#include "os/list.h"
#include "os/stamp.h"
#include "share/mail.h"
#include "share/watcher.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#define TIMELINES_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/*
 * The life of a member.
 */

struct member *member_ref(struct member *member)
{
	fetch_add_relaxed(&member->refs, 1);
	return member;
}

static void free_member(struct dmabuf_rcu_head *head)
{
	struct member *member = container_of(head, struct member, rcu);

	if (member->map)
		os_unmap(member->map, (size_t)timelines_file_size(&member->pool->shape));
	pool_put(member->pool);
	os_free(member->seen);
	os_free(member);
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
	member->pool = pool_get(pool);
	member->id = card->id;
	member->channel = card->channel;
	member->process = card->process;
	member->file = card->file;
	member->context = dma_fence_context_alloc(pool->shape.timelines);
	list_init(&member->watched);
	return member;
}

/* Is the file what a member's must be? It cannot change any more then. */
static int check_file(const struct dma_buf_pool *pool, int fd)
{
	const int seals = os_file_get_seals(fd);
	struct os_file file;
	int err;

	if (seals < 0 || (seals & TIMELINES_SEALS) != TIMELINES_SEALS)
		return -EPROTO;
	err = os_file_inspect(fd, &file);
	if (err)
		return err;
	return file.size == timelines_file_size(&pool->shape) ? 0 : -EPROTO;
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

/* Into its place, unless somebody as new is there. */
static bool enter(struct dma_buf_pool *pool, struct member *member)
{
	struct member **place = &pool->members[member_place(member->id)];
	struct member *old;
	bool is_newer;

	dmabuf_spin_lock(&pool->lock);
	old = *place;
	is_newer = !old || old->id < member->id;
	if (is_newer)
		store_release(place, member);
	dmabuf_spin_unlock(&pool->lock);
	if (is_newer && old) {
		member_judge(old, VERDICT_DEAD);
		member_put(old);
	}
	return is_newer;
}

static void discard(struct dma_buf_pool *pool, struct member *member)
{
	if (member->map)
		os_unmap(member->map, (size_t)timelines_file_size(&pool->shape));
	pool_put(pool);
	os_free(member->seen);
	os_free(member);
}

int member_add(struct dma_buf_pool *pool, const struct card *card)
{
	struct member *member;
	int err;

	if (member_place(card->id) >= pool->shape.members || !member_generation(card->id) ||
	    card->id & 1 || !os_process_is(card->process))
		return -EPROTO;
	member = alloc(pool, card);
	if (!member)
		return -ENOMEM;
	err = map_checked(pool, member);
	if (err)
		goto discard;
	err = watcher_member(member);
	if (err)
		goto discard;
	if (!enter(pool, member)) {
		watcher_unmember(member);
		err = -EEXIST;
		goto discard;
	}
	return 0;

discard:
	discard(pool, member);
	return err;
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
	struct card card = { .id = id, .channel = -1, .process = os_process_open_self() };
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
		discard(pool, member);
		goto close_file;
	}
	pool->self = member;
	enter(pool, member);
	return 0;

close_file:
	os_file_close(card.file);
close_process:
	os_file_close(card.process);
	return err;
}

void member_forget_all(struct dma_buf_pool *pool)
{
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member;

		dmabuf_spin_lock(&pool->lock);
		member = pool->members[i];
		store_release(&pool->members[i], NULL);
		dmabuf_spin_unlock(&pool->lock);
		if (member)
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
		if (member == pool->self)
			member->map = NULL; /* another mapping may be there by now */
	}
}

/*
 * Finding.
 */

static bool get_unless_dead(struct member *member)
{
	uint32_t refs = load_relaxed(&member->refs);

	do {
		if (!refs)
			return false;
	} while (!cas_acquire(&member->refs, &refs, refs + 1));
	return true;
}

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

/* In the table now. */
static struct member *find(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member;

	if (member_place(id) >= pool->shape.members)
		return NULL;
	dmabuf_rcu_read_lock();
	member = load_acquire(&pool->members[member_place(id)]);
	if (member && (member->id != id || !get_unless_dead(member)))
		member = NULL;
	dmabuf_rcu_read_unlock();
	return member;
}

struct member *member_get(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member = find(pool, id);

	/* Whoever admitted it has written to us before it could do anything. */
	if (!member && mail_read(pool))
		member = find(pool, id);
	return member;
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

void member_judge(struct member *member, enum verdict verdict)
{
	uint32_t alive = VERDICT_ALIVE;

	if (!cas_acq_rel(&member->verdict, &alive, verdict))
		return;
	fetch_add_release(&member->pool->verdicts, 1);
	os_futex_wake_all(&member->pool->verdicts);
	wake_waiters(member);
	watcher_judged(member);
}

static bool is_evicted(const struct member *member)
{
	const struct shm_place *place = shm_place(member->pool->base, member_place(member->id));

	return load_seq_cst(&place->state) == place_word(PLACE_EVICTED, member->id);
}

static bool has_ended(const struct member *member)
{
	return os_channel_is_closed(member->channel) || os_process_has_ended(member->process);
}

enum verdict member_check(struct member *member)
{
	if (member_verdict(member) != VERDICT_ALIVE)
		return member_verdict(member);
	if (is_evicted(member))
		member_judge(member, VERDICT_EVICTED);
	else if (member->channel >= 0 && has_ended(member))
		member_judge(member, VERDICT_DEAD);
	return member_verdict(member);
}

bool member_is_dead(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member = member_get(pool, id);
	bool is_dead = true;

	if (member) {
		is_dead = member != pool->self && has_ended(member);
		member_put(member);
	}
	return is_dead;
}

#define CHECKS_NS 1000000

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
	enum verdict verdict = VERDICT_DEAD;

	if (member) {
		verdict = member_check(member);
		member_put(member);
	}
	return verdict;
}

/*
 * Points.
 */

/* How far it is: never less than it was. */
static uint64_t value_of(const struct member *member, uint32_t timeline)
{
	const uint64_t value = load_seq_cst(&member->map->timeline[timeline].value); /* U1; V1 or V2 */
	uint64_t seen = load_acquire(&member->seen[timeline]);

	while (seen < value && !cas_acq_rel(&member->seen[timeline], &seen, value))
		;
	return seen < value ? value : seen;
}

/* Of the evicted: how far it was when somebody looked first. */
static uint64_t frozen_value(const struct member *member, uint32_t timeline)
{
	struct shm_await *await = shm_await(&member->pool->shape, member->pool->base,
					    member_place(member->id), timeline);
	const uint64_t value = value_of(member, timeline);
	uint64_t frozen = NOT_FROZEN;

	if (cas_seq_cst(&await->frozen, &frozen, value)) /* V3 */
		return value;
	return frozen < value ? frozen : value;
}

/* The errno of a point, by one entry of the ring, or 0. */
static int error_in(const struct shm_error *entry, uint64_t seqno)
{
	const uint64_t first = load_acquire(&entry->first), last = load_acquire(&entry->last);
	const int error = (int)(first >> ERROR_ERRNO_SHIFT & DMABUF_MAX_ERRNO);

	if ((first ^ last) & ERROR_REWRITING || seqno < first >> ERROR_SEQNO_SHIFT ||
	    seqno > last >> ERROR_SEQNO_SHIFT)
		return 0;
	return -error;
}

/* The error of a point that has signalled. */
static int error_of(const struct shm_timeline *timeline, uint64_t seqno)
{
	int error = 0;

	for (unsigned int i = 0; i < ERROR_RING && !error; i++) /* U2 */
		error = error_in(&timeline->ring[i], seqno);
	return seqno <= load_acquire(&timeline->lost) ? -EIO : error; /* U3 */
}

static uint64_t value_by(const struct member *member, uint32_t timeline, enum verdict *ret_verdict)
{
	uint64_t value;

	*ret_verdict = member_verdict(member);
	if (*ret_verdict == VERDICT_EVICTED)
		return frozen_value(member, timeline);
	value = value_of(member, timeline);
	if (!is_evicted(member)) /* V4 */
		return value;
	*ret_verdict = VERDICT_EVICTED;
	return frozen_value(member, timeline);
}

int member_point_status(const struct member *member, uint32_t timeline, uint64_t seqno)
{
	enum verdict verdict;

	if (timeline >= member->pool->shape.timelines || unlikely(!member->map))
		return -EOWNERDEAD; /* no member has that, or not in this process */
	if (value_by(member, timeline, &verdict) >= seqno) {
		const int error = error_of(&member->map->timeline[timeline], seqno);

		return error ? error : 1;
	}
	switch (verdict) {
	case VERDICT_DEAD:
		return -EOWNERDEAD;
	case VERDICT_EVICTED:
		return -ECANCELED;
	default:
		return 0;
	}
}

int point_status(struct dma_buf_pool *pool, const struct point *point)
{
	struct member *member = member_get(pool, point->id);
	int status;

	if (!member)
		return -EOWNERDEAD;
	status = member_point_status(member, point->timeline, point->seqno);
	if (!status && member != pool->self) {
		member_check_sometimes(member);
		status = member_point_status(member, point->timeline, point->seqno);
	}
	member_put(member);
	return status;
}
