/* SPDX-License-Identifier: MIT */
/*
 * Waiting for any of several fences: through a callback on each, which changes the waiter's word. Fences
 * whose own words say when they signal (words.h) need no callback where the kernel waits for many words at
 * once: then the waiter's is one more of them.
 */
#include <errno.h>

#include "fence/fence.h"
#include "fence/rules.h"
#include "fence/words.h"
#include "os/alloc.h"
#include "os/clock.h"
#include "os/thread.h"

enum { AWAKE, ASLEEP, CALLED };

struct any_waiter {
	uint32_t state; /* atomic; the futex */
};

struct any_cb {
	struct dma_fence_cb cb;
	struct any_waiter *waiter;
};

/* The fences of a call. */
struct any {
	struct dma_fence **fences;
	uint32_t count;
	struct any_cb *cbs; /* as many */
};

static bool find_signaled(const struct any *any, uint32_t *ret_idx)
{
	for (uint32_t i = 0; i < any->count; i++) {
		if (!dma_fence_is_signaled(any->fences[i]))
			continue;
		*ret_idx = i;
		return true;
	}
	return false;
}

#ifdef DMABUF_SEAMS
int64_t fence_slice_ns = FENCE_SLICE_NS;
#endif

/* Are there some that others signal? They may stop, or be found to be gone, without telling anybody. */
static bool has_words(const struct any *any)
{
	for (uint32_t i = 0; i < any->count; i++) {
		if (load_relaxed(&any->fences[i]->flags) & OWN_WAIT)
			return true;
	}
	return false;
}

/*
 * Callbacks. On all but those that have one of the flags @but.
 */

static void any_signaled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct any_waiter *waiter = container_of(cb, struct any_cb, cb)->waiter;

	(void)fence;
	if (__atomic_exchange_n(&waiter->state, CALLED, __ATOMIC_ACQ_REL) == ASLEEP)
		os_thread_wake_later(&waiter->state);
}

/* Registers until one has signalled already. How many are done then. */
static uint32_t register_any(const struct any *any, unsigned long but, struct any_waiter *waiter)
{
	for (uint32_t i = 0; i < any->count; i++) {
		if (load_relaxed(&any->fences[i]->flags) & but)
			continue;
		any->cbs[i].waiter = waiter;
		if (dma_fence_add_callback(any->fences[i], &any->cbs[i].cb, any_signaled)) {
			store_release(&waiter->state, CALLED);
			return i;
		}
	}
	return any->count;
}

static void unregister_any(const struct any *any, unsigned long but, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!(load_relaxed(&any->fences[i]->flags) & but))
			dma_fence_remove_callback(any->fences[i], &any->cbs[i].cb);
	}
}

/* It is about to sleep. False: it was called. */
static bool is_to_sleep(struct any_waiter *waiter)
{
	uint32_t state = AWAKE;

	return cas_acq_rel(&waiter->state, &state, ASLEEP) || state != CALLED;
}

static int sleep_for_any(const struct any *any, struct any_waiter *waiter, bool intr, int64_t deadline)
{
	const bool looks = has_words(any);
	uint32_t ignored;

	while (is_to_sleep(waiter)) {
		const int64_t slice = looks ? os_deadline_ns(fence_slice_ns) : INT64_MAX;
		const bool is_last = deadline <= slice;
		const int err = os_futex_wait(&waiter->state, ASLEEP, is_last ? deadline : slice, intr);

		if (err != -ETIMEDOUT || is_last) {
			if (err == -ETIMEDOUT || (err && load_acquire(&waiter->state) != CALLED))
				return err;
		} else if (find_signaled(any, &ignored)) {
			return 0;
		}
	}
	return 0;
}

/* 0: one has signalled; -ETIMEDOUT; -EINTR. */
static int wait_by_callbacks(const struct any *any, bool intr, int64_t deadline)
{
	struct any_waiter waiter = { AWAKE };
	const uint32_t registered = register_any(any, 0, &waiter);
	const int err = sleep_for_any(any, &waiter, intr, deadline);

	unregister_any(any, 0, registered);
	return err;
}

/*
 * Words.
 */

struct words {
	struct os_futex_word word[OS_MOST_WORDS];
	unsigned int count;
};

/* Of several fences with one word: what was expected first. False: there is no room. */
static bool add_word(struct words *words, const struct os_futex_word *word)
{
	for (unsigned int i = 0; !word->is_shared && i < words->count; i++) {
		if (words->word[i].word == word->word)
			return true;
	}
	if (words->count == OS_MOST_WORDS)
		return false;
	words->word[words->count++] = *word;
	return true;
}

/* 0; -EAGAIN: one may have signalled; -ENOSYS: there are too many. */
static int await_words(const struct any *any, const struct any_waiter *waiter, struct words *ret_words)
{
	ret_words->word[0] = (struct os_futex_word){ &waiter->state, ASLEEP, false };
	ret_words->count = 1;
	for (uint32_t i = 0; i < any->count; i++) {
		struct os_futex_word word[FENCE_WORDS];

		if (!(load_relaxed(&any->fences[i]->flags) & OWN_WAIT))
			continue;
		if (!fence_await(any->fences[i], word))
			return -EAGAIN;
		for (unsigned int j = FENCE_WORDS; j--;) {
			if (!add_word(ret_words, &word[j]))
				return -ENOSYS;
		}
	}
	return 0;
}

static int sleep_on_words(const struct any *any, struct any_waiter *waiter, int64_t deadline)
{
	uint32_t ignored;
	bool is_late;

	do {
		const int64_t slice = os_deadline_ns(fence_slice_ns);
		const bool is_last = deadline <= slice;
		struct words words;
		int err;

		if (!is_to_sleep(waiter))
			return 0;
		err = await_words(any, waiter, &words);
		if (!err)
			err = os_futex_wait_many(words.word, words.count, is_last ? deadline : slice);
		/* Words may change all the time, and nothing have signalled. */
		is_late = !os_remaining_ns(deadline);
		if (find_signaled(any, &ignored))
			return 0;
		if (err == -ENOSYS)
			return err;
	} while (!is_late);
	return -ETIMEDOUT;
}

/* 0: one has signalled; -ETIMEDOUT; -ENOSYS: not in this way. */
static int wait_by_words(const struct any *any, int64_t deadline)
{
	struct any_waiter waiter = { AWAKE };
	const uint32_t registered = register_any(any, OWN_WAIT, &waiter);
	const int err = sleep_on_words(any, &waiter, deadline);

	unregister_any(any, OWN_WAIT, registered);
	return err;
}

/*
 * The call.
 */

static int64_t wait_for_any(struct any *any, bool intr, int64_t timeout, uint32_t *ret_idx)
{
	const int64_t deadline = os_deadline_ns(timeout);
	int err = -ENOSYS;

	if (find_signaled(any, ret_idx))
		return timeout ? timeout : 1;
	if (!timeout)
		return 0;

	any->cbs = os_alloc_array(any->count, sizeof(*any->cbs));
	if (!any->cbs)
		return -ENOMEM;
	/*
	 * Where a handler shall end it, it is not by words: the kernel begins a wait for many again behind the
	 * back of one with SA_RESTART.
	 */
	if (!intr && has_words(any))
		err = wait_by_words(any, deadline);
	if (err == -ENOSYS)
		err = wait_by_callbacks(any, intr, deadline);
	os_free(any->cbs);

	if (err)
		return err == -ETIMEDOUT ? 0 : -ERESTARTSYS;
	find_signaled(any, ret_idx);
	return fence_time_left(deadline, timeout);
}

int64_t dma_fence_wait_any_timeout(struct dma_fence **fences, uint32_t count, bool intr,
				   int64_t timeout, uint32_t *idx)
{
	struct any any = { .fences = fences, .count = count };
	uint32_t found = 0;
	int64_t ret;

	if (dmabuf_warn_on(!fences || !count || timeout < 0,
			   "dma_fence_wait_any_timeout(): no fences, or a negative timeout"))
		return -EINVAL;
	if (timeout && count == 1)
		fence_might_wait(fences[0]);
	else if (timeout)
		__dma_fence_might_wait();
	fence_trace(DMABUF_TRACE_FENCE_WAIT_BEGIN, NULL, timeout);
	ret = wait_for_any(&any, intr, timeout, &found);
	fence_trace(DMABUF_TRACE_FENCE_WAIT_END, ret > 0 ? fences[found] : NULL, ret);
	if (ret > 0 && idx)
		*idx = found;
	return ret;
}
