/* SPDX-License-Identifier: MIT */
/* Processes that stop in the middle of a call, and what a test does in the middle of its own. */
#ifndef STOPS_H
#define STOPS_H

#include "members.h"
#include "os/fault.h"
#include "peers.h"

/* The first to join, and the second. */
static inline uint32_t id_of(const struct dma_buf_pool *pool, unsigned int nth)
{
	return dma_buf_pool_self(pool) + 2 * nth;
}

/*
 * A process stops where it is told to, says so, and goes on when it is told.
 */

static struct {
	const char *label;
	unsigned int nth;
	int sock;
} stop;

static inline void stop_here(void)
{
	peer_go(stop.sock);
	if (!peer_await(stop.sock))
		_exit(1);
}

static inline void stop_at_label(const char *label)
{
	if (!strcmp(label, stop.label) && stop.nth && fetch_sub_acq_rel(&stop.nth, 1) == 1)
		stop_here();
}

static inline void stop_at(int sock, const char *label, unsigned int nth)
{
	stop.sock = sock;
	stop.label = label;
	stop.nth = nth;
	os_race_hook(stop_at_label);
}

/* The test itself, at a label, once: what it does meanwhile. Threads of the library's look, too. */
static struct {
	const char *label;  /* atomic */
	void (*func)(void); /* atomic */
} meanwhile;

static inline void do_at_label(const char *label)
{
	void (*func)(void) = load_acquire(&meanwhile.func);

	if (func && !strcmp(label, load_acquire(&meanwhile.label)) &&
	    cas_acq_rel(&meanwhile.func, &func, NULL))
		func();
}

static inline void do_at(const char *label, void (*func)(void))
{
	store_release(&meanwhile.label, label);
	store_release(&meanwhile.func, func);
	os_race_hook(do_at_label);
}

static struct peer peer[3];

static inline void end_of(struct peer *other)
{
	peer_kill(other);
	ASSERT_INT(peer_reap(other), ==, -SIGKILL);
}

/* Go on, and say when that is done. */
static inline void let_it(const struct peer *other)
{
	peer_go(other->sock);
	if (!peer_await(other->sock))
		abort();
}

static inline struct dma_buf_pool *begin_pool(const struct dma_buf_pool_limits *limits,
						   unsigned int members)
{
	struct dma_buf_pool *pool = create_pool(limits);

	for (unsigned int i = 0; i < members; i++)
		ASSERT_INT(dma_buf_pool_serve(pool, peer[i].sock, 0, PEER_PATIENCE, NULL), ==, 0);
	return pool;
}

#endif
