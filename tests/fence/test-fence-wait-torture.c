/* SPDX-License-Identifier: MIT */
/*
 * Waits of all kinds against signals of both kinds: for one, for any of several, with a time
 * limit or none, interrupted by handlers or not, while the fences signal in any order.
 */
#include "waiters.h"

#define FENCES 6
#define WAITERS 3

struct meeting {
	struct dma_fence *fences[FENCES];
	unsigned int written[FENCES]; /* plain: ordered by the fences */
	pthread_t waiter[WAITERS];    /* set before there */
	unsigned int there;	      /* atomic: waiters that can be disturbed */
	unsigned int waiting;	      /* atomic: those that have not seen all fences signal */
	bool calm;		      /* atomic: nobody is disturbed any more */
};

static void shuffle(unsigned int *table, unsigned int n, uint32_t *chance)
{
	for (unsigned int i = 0; i < n; i++) {
		const unsigned int j = test_random(chance) % (i + 1);

		table[i] = table[j];
		table[j] = i;
	}
}

static void signal_all(struct meeting *meeting, uint32_t *chance)
{
	unsigned int order[FENCES];

	shuffle(order, FENCES, chance);
	for (unsigned int i = 0; i < FENCES; i++) {
		for (unsigned int yields = test_random(chance) % 4; yields; yields--)
			test_yield();
		meeting->written[order[i]] = 1;
		ASSERT_INT(dma_fence_signal(meeting->fences[order[i]]), ==, 0);
	}
}

/* Handlers, for as long as somebody waits. */
static void disturb(struct meeting *meeting, uint32_t *chance)
{
	WAIT_UNTIL(load_acquire(&meeting->there) == WAITERS);
	while (load_acquire(&meeting->waiting)) {
		pthread_kill(meeting->waiter[test_random(chance) % WAITERS], SIGUSR1);
		test_yield();
	}
	store_release(&meeting->calm, true);
}

static void check_wait(int64_t ret, bool intr, int64_t timeout)
{
	ASSERT_INT(ret, <=, timeout ? timeout : 1);
	if (ret < 0)
		ASSERT_TRUE(ret == -ERESTARTSYS && intr);
	if (ret == 0)
		ASSERT_INT(timeout, !=, MAX_SCHEDULE_TIMEOUT);
}

static int64_t random_timeout(uint32_t *chance)
{
	const uint32_t which = test_random(chance) % 8;

	return which < 2 ? which * (test_random(chance) % 50000) : MAX_SCHEDULE_TIMEOUT;
}

/* Forgets what has signalled of the first @n of @left; tells how many are left. */
static unsigned int wait_for_some(struct meeting *meeting, unsigned int *left, unsigned int n,
				  uint32_t *chance)
{
	const unsigned int some = 1 + test_random(chance) % n;
	const bool intr = test_random(chance) % 2;
	const int64_t timeout = random_timeout(chance);
	struct dma_fence *fences[FENCES];
	uint32_t found = 0;
	int64_t ret;

	for (unsigned int i = 0; i < some; i++)
		fences[i] = meeting->fences[left[i]];
	if (some == 1)
		ret = dma_fence_wait_timeout(fences[0], intr, timeout);
	else
		ret = dma_fence_wait_any_timeout(fences, some, intr, timeout, &found);
	check_wait(ret, intr, timeout);
	if (ret <= 0)
		return n;
	ASSERT_INT(found, <, some);
	ASSERT_TRUE(dma_fence_test_signaled_flag(fences[found]));
	ASSERT_INT(meeting->written[left[found]], ==, 1);
	left[found] = left[n - 1];
	return n - 1;
}

static void wait_for_all(struct meeting *meeting, unsigned int index, uint32_t *chance)
{
	unsigned int left[FENCES];

	meeting->waiter[index] = pthread_self();
	fetch_add_release(&meeting->there, 1);
	shuffle(left, FENCES, chance);
	for (unsigned int n = FENCES; n;) {
		n = wait_for_some(meeting, left, n, chance);
		test_operation();
	}
	fetch_sub_acq_rel(&meeting->waiting, 1);
	WAIT_UNTIL(load_acquire(&meeting->calm)); /* it may be disturbed until then */
}

static void meet(unsigned int index, void *arg)
{
	uint32_t chance = test_thread_seed();

	if (index < WAITERS)
		wait_for_all(arg, index, &chance);
	else if (index == WAITERS)
		signal_all(arg, &chance);
	else
		disturb(arg, &chance);
}

TORTURE(waits_end_for_one_reason_and_leave_nothing_behind)
{
	catch_signals(0);
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(300); i++) {
		struct meeting meeting = { .waiting = WAITERS };

		for (unsigned int k = 0; k < FENCES; k++)
			meeting.fences[k] = make_fence();
		test_threads(WAITERS + 2, meet, &meeting);
		for (unsigned int k = 0; k < FENCES; k++) {
			ASSERT_INT(meeting.fences[k]->refcount.count, ==, 1);
			dma_fence_put(meeting.fences[k]);
		}
	}
	test_race_end();
}
