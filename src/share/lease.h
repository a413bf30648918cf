/* SPDX-License-Identifier: MIT */
/* Leases: by when a member's points signal, or it is to be evicted. */
#ifndef SHARE_LEASE_H
#define SHARE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct dma_buf_pool;
struct member;
struct point;

#define NO_LEASE INT64_MAX

/* A point of this member's signals by @deadline. 0; -ENOSPC: too many of its leases are under way. */
int lease_make(struct dma_buf_pool *pool, const struct point *point, int64_t deadline);

/* Of the points of @member that have not signalled, the next deadline, which may have passed; or NO_LEASE. */
int64_t lease_next(const struct member *member);

/* Has one passed? The clock is read only if @member ever had a lease. */
bool lease_is_broken(const struct member *member);

#endif
