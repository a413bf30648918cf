/* SPDX-License-Identifier: MIT */
/*
 * The timer is made when there is a first lease to wait for: a pool without leases has none. It is set to the
 * next deadline only; who looks then sets it anew.
 */
#include "share/alarm.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/poll.h"
#include "os/timer.h"

void alarm_init(struct dma_buf_pool *pool)
{
	pool->timer = -1;
	pool->alarm = INT64_MAX;
}

void alarm_close(const struct dma_buf_pool *pool)
{
	if (pool->timer >= 0)
		os_file_close(pool->timer);
}

static int make_timer(struct dma_buf_pool *pool) DMABUF_REQUIRES(pool->watch_lock)
{
	const int timer = os_timer_create();
	int err;

	if (timer < 0)
		return timer;
	err = os_set_add(pool_set(pool), timer, ALARM_KEY, true);
	if (err) {
		os_file_close(timer);
		return err;
	}
	pool->timer = timer;
	return 0;
}

/* Not sooner than in a slice: what an enemy says would keep us awake, or who cannot be evicted. */
int alarm_set(struct dma_buf_pool *pool, int64_t deadline)
{
	const int64_t soon = os_deadline_ns(POOL_SLICE_NS), at = deadline > soon ? deadline : soon;
	const bool is_sooner = at < pool->alarm;
	const int err = is_sooner && pool->timer < 0 ? make_timer(pool) : 0;

	if (err || !is_sooner)
		return err;
	pool->alarm = at;
	os_timer_set(pool->timer, at);
	os_set_await(pool_set(pool), pool->timer, ALARM_KEY, true);
	return 0;
}

void alarm_rang(struct dma_buf_pool *pool)
{
	dmabuf_spin_lock(&pool->watch_lock);
	pool->alarm = INT64_MAX;
	dmabuf_spin_unlock(&pool->watch_lock);
}
