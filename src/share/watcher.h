/* SPDX-License-Identifier: MIT */
/*
 * The watcher: it learns that points have signalled which have callbacks here, and that members are gone.
 * One descriptor of a pool says when there is something to do. A thread of the library's waits for those of
 * all pools, or the application for some: whoever is there first.
 */
#ifndef SHARE_WATCHER_H
#define SHARE_WATCHER_H

#include <stdbool.h>
#include <stdint.h>

struct dma_buf_pool;
struct member;
struct shared_fence;

/* Of a pool without members. 0 or -errno. */
int watcher_open(struct dma_buf_pool *pool);
void watcher_close(struct dma_buf_pool *pool);

/* Something comes from @member: 0 or -errno. */
int watcher_member(struct member *member);

/* It is known now: what came before was nobody's, and is said once more. */
void watcher_again(const struct member *member);
void watcher_unmember(const struct member *member);

/* Somebody looks for all that comes to @pool from now on: if nobody does, a thread. */
void watcher_need(struct dma_buf_pool *pool);

/* See to it that @fence signals by itself. Under its lock. 0, or what member_point_status() says: it has. */
int watcher_add(struct shared_fence *fence);
void watcher_remove(struct shared_fence *fence);

/* A verdict is there: its points that are watched are over. */
void watcher_judged(struct member *member);

/* @member says that a timeline of its went on. */
void watcher_rung(struct member *member);

#endif
