/* SPDX-License-Identifier: MIT */
/*
 * Stocks. A holder takes its promise out and puts it back without a locked operation; whoever finds no
 * timeline collects those of all.
 *
 *   holder                                        collector, one at a time
 *   take   FULL -> EMPTY    P1 and P2 of          Q1  FULL -> ASKED            compare, swap
 *                           os/rseq.h, or a       Q2  os_rseq_barrier()
 *                           compare-and-swap      Q3  ASKED -> EMPTY           compare, swap
 *   put    EMPTY -> FULL    release
 *
 *   What Q3 finds ASKED is the collector's: whoever saw it FULL has taken it before Q2, over Q1, or takes
 *   it no more. From EMPTY only the holder goes on.
 *
 * Locking: own.lock guards the list, and who collects.
 */
#include "share/own-stock.h"

#include "os/fault.h"
#include "os/futex.h"
#include "os/rseq.h"
#include "share/own-inside.h"

enum stock_word { STOCK_EMPTY, STOCK_FULL, STOCK_ASKED };

/* Half of the timelines are nobody's stock. */
static bool is_plenty(const struct dma_buf_pool *pool)
{
	return load_relaxed(&pool->own.available) >= pool->shape.timelines / 2;
}

bool own_stock_take(struct own_stock *stock)
{
	uintptr_t full = STOCK_FULL;

	if (load_relaxed(&stock->word) != STOCK_FULL)
		return false;
	return os_rseq_store(&stock->word, STOCK_FULL, STOCK_EMPTY) ||
	       cas_acq_rel(&stock->word, &full, STOCK_EMPTY);
}

/* Let those who collect know of it, if there is room. */
static __attribute__((noinline)) void enlist(struct dma_buf_pool *pool, struct own_stock *stock)
{
	struct own *own = &pool->own;

	dmabuf_spin_lock(&own->lock);
	for (uint32_t i = 0; i < own->stocks_most && !stock->is_listed; i++) {
		if (own->stock[i])
			continue;
		own->stock[i] = stock;
		store_relaxed(&own->stocks, own->stocks + 1);
		stock->is_listed = true;
	}
	dmabuf_spin_unlock(&own->lock);
}

bool own_stock_put(struct dma_buf_pool *pool, struct own_stock *stock)
{
	if (!is_plenty(pool) || load_relaxed(&stock->word) != STOCK_EMPTY)
		return false;
	if (unlikely(!stock->is_listed)) {
		if (load_relaxed(&pool->own.stocks) < pool->own.stocks_most) /* a hint */
			enlist(pool, stock);
		if (!stock->is_listed)
			return false;
	}
	store_release(&stock->word, STOCK_FULL);
	return true;
}

void own_stock_drop(struct dma_buf_pool *pool, struct own_stock *stock)
{
	struct own *own = &pool->own;

	if (!stock->is_listed)
		return;
	dmabuf_spin_lock(&own->lock);
	for (uint32_t i = 0; i < STOCKS; i++) {
		if (own->stock[i] == stock)
			own->stock[i] = NULL;
	}
	store_relaxed(&own->stocks, own->stocks - 1);
	dmabuf_spin_unlock(&own->lock);
	if (stock->word != STOCK_EMPTY) /* nobody has it any more */
		own_release(pool, 1);
}

/* All of the list from @from to @to: how many there were. */
static uint32_t change_all(struct own *own, uintptr_t from, uintptr_t to) DMABUF_REQUIRES(own->lock)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < STOCKS; i++) {
		uintptr_t word = from;

		if (own->stock[i] && load_relaxed(&own->stock[i]->word) == from &&
		    cas_acq_rel(&own->stock[i]->word, &word, to))
			changed++;
	}
	return changed;
}

bool own_stock_collect(struct dma_buf_pool *pool)
{
	struct own *own = &pool->own;
	uint32_t asked, found;
	bool is_first;

	dmabuf_spin_lock(&own->lock);
	is_first = !own->collects;
	asked = is_first ? change_all(own, STOCK_FULL, STOCK_ASKED) : 0; /* Q1 */
	own->collects |= asked;
	dmabuf_spin_unlock(&own->lock);
	if (!is_first)
		os_yield();
	if (!asked)
		return !is_first;

	OS_RACE_POINT("stock: asked for");
	os_rseq_barrier(); /* Q2 */
	dmabuf_spin_lock(&own->lock);
	found = change_all(own, STOCK_ASKED, STOCK_EMPTY); /* Q3 */
	own->collects = 0;
	dmabuf_spin_unlock(&own->lock);
	own_release(pool, found);
	return found;
}
