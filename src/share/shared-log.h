/* SPDX-License-Identifier: MIT */
/*
 * The log of a shared reservation: values in shared memory.
 *
 *   holder                                        reader
 *   L1  entries behind the committed  release     M1  commit word        acquire
 *   L2  commit word            compare, swap      M2  entries below it   acquire
 *                                                 M3  commit word        acquire
 *
 *   M1 from L2 makes the entries visible to M2. They change only after the halves were flipped, to write
 *   the next set to where they are: M3 sees a flip then, and the reader begins anew.
 */
#ifndef SHARE_SHARED_LOG_H
#define SHARE_SHARED_LOG_H

#include "share/pool.h"

/*
 * Write an entry where nobody looks yet. False: somebody who took the lock over was here; then it is
 * as it was.
 */
bool shared_log_write(const struct pool_shape *shape, struct shm_resv *shm, uint32_t half, uint32_t i,
		      const struct point *point, uint32_t evictions);

/* The commit word from @old to @new. False: it is not @old. */
bool shared_log_commit(struct shm_resv *shm, uint64_t old, uint64_t new);

/* A commit word; with a length that the log has. */
static inline struct commit shared_log_of(const struct pool_shape *shape, uint64_t word)
{
	struct commit commit = commit_unpack(word);

	if (commit.length > half_capacity(shape))
		commit.length = half_capacity(shape);
	return commit;
}

/* What is committed. */
static inline struct commit shared_log_look(const struct pool_shape *shape,
					    const struct shm_resv *shm, uint64_t *ret_word)
{
	*ret_word = load_acquire(&shm->commit); /* M1 */
	return shared_log_of(shape, *ret_word);
}

/* One of those below @commit->length; and whether what was read of them is what it was. */
struct point shared_log_entry(const struct pool_shape *shape, struct shm_resv *shm,
			      const struct commit *commit, uint32_t i);
bool shared_log_stands(const struct shm_resv *shm, const struct commit *commit);

/* Up to @commit->length entries. False: they may have changed meanwhile. */
bool shared_log_read(const struct pool_shape *shape, struct shm_resv *shm,
		     const struct commit *commit, struct point *ret_points);

/*
 * Whoever held the lock before cannot commit any more. Nothing, if the lock is not @id's any more: its
 * successor sees to that.
 */
void shared_log_take_over(struct shm_resv *shm, uint32_t id);

#endif
