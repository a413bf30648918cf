/* SPDX-License-Identifier: MIT */
#include "share/shared-log.h"

#include "os/fault.h"
#include "share/shared-lock.h"

/*
 * A word of an entry, unless it was written after a later eviction. One that is there already stays:
 * where a member adds to one timeline again and again, the first word is mostly what it was.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the swap */
static bool write_word(uint64_t *word, uint64_t new, uint32_t evictions)
{
	uint64_t old = load_acquire(word);

	do {
		OS_RACE_POINT("shared log: before a word");
		if (old == new)
			return true;
		if (old >> ENTRY_EVICTIONS_SHIFT > evictions)
			return false;
	} while (!cas_release(word, &old, new)); /* L1 */
	return true;
}

bool shared_log_write(const struct pool_shape *shape, struct shm_resv *shm, uint32_t half, uint32_t i,
		      const struct point *point, uint32_t evictions)
{
	const struct shm_entry new = entry_pack(point, evictions);
	struct shm_entry *entry = shm_entry(shape, shm, half, i);

	return write_word(&entry->where, new.where, evictions) &&
	       write_word(&entry->seqno, new.seqno, evictions);
}

bool shared_log_commit(struct shm_resv *shm, uint64_t old, uint64_t new)
{
	OS_RACE_POINT("shared log: before the commit");
	return cas_acq_rel(&shm->commit, &old, new); /* L2 */
}

struct point shared_log_entry(const struct pool_shape *shape, struct shm_resv *shm,
			      const struct commit *commit, uint32_t i)
{
	const struct shm_entry *from = shm_entry(shape, shm, commit->half, i);
	struct shm_entry entry;

	entry.where = load_acquire(&from->where); /* M2 */
	entry.seqno = load_acquire(&from->seqno);
	return entry_unpack(&entry);
}

bool shared_log_stands(const struct shm_resv *shm, const struct commit *commit)
{
	return commit_unpack(load_acquire(&shm->commit)).flips == commit->flips; /* M3 */
}

bool shared_log_read(const struct pool_shape *shape, struct shm_resv *shm,
		     const struct commit *commit, struct point *ret_points)
{
	OS_RACE_POINT("shared log: before it is read");
	for (uint32_t i = 0; i < commit->length; i++)
		ret_points[i] = shared_log_entry(shape, shm, commit, i);
	return shared_log_stands(shm, commit);
}

/*
 * Whoever is late with this, and was evicted meanwhile, must not make its successor's commit fail. That
 * one changes the word before it looks at it. So either it has not looked yet, or the swap fails here, and
 * then the lock is seen to be another's.
 */
void shared_log_take_over(struct shm_resv *shm, uint32_t id)
{
	uint64_t word = load_acquire(&shm->commit);
	struct commit commit;

	do {
		if (shared_lock_holder(&shm->lock) != id)
			return;
		commit = commit_unpack(word);
		commit.takeovers++;
		OS_RACE_POINT("shared log: before a takeover");
	} while (!cas_acq_rel(&shm->commit, &word, commit_pack(&commit)));
}
