/* SPDX-License-Identifier: MIT */
/* Races: every pair of calls that may meet, with the windows held open. */
#include <dmabuf/dma-fence-array.h>

#include "fence/fence.h"
#include "fences.h"

#define ALL false
#define ANY true

/*
 * Signal against add and remove (dma-fence.c: S1 to S4, C1 to C3).
 *
 * Each thread but the signaller has registrations of its own. Each is refused, or
 * runs exactly once, or is removed; and none runs after its removal returned.
 */

#define REGISTRARS 3
#define REGISTRATIONS 4

struct registration {
	struct dma_fence_cb cb;
	unsigned int calls; /* atomic */
	bool over;	    /* atomic: it may not run any more */
	bool added, removed;
};

struct crowd {
	struct dma_fence *fence;
	unsigned int written; /* plain: ordered by the fence */
	struct registration of[REGISTRARS][REGISTRATIONS];
};

static void run_registration(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct registration *registration = container_of(cb, struct registration, cb);

	ASSERT_TRUE(dma_fence_test_signaled_flag(fence));
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	ASSERT_FALSE(load_acquire(&registration->over));
	fetch_add_relaxed(&registration->calls, 1);
}

static void register_and_remove(const struct crowd *crowd, struct registration *of)
{
	struct dma_fence *fence = crowd->fence;

	for (unsigned int i = 0; i < REGISTRATIONS; i++) {
		const int err = dma_fence_add_callback(fence, &of[i].cb, run_registration);

		ASSERT_TRUE(!err || err == -ENOENT);
		if (err)
			ASSERT_INT(crowd->written, ==, 1);
		of[i].added = !err;
	}
	for (unsigned int i = 0; i < REGISTRATIONS; i += 2) {
		of[i].removed = dma_fence_remove_callback(fence, &of[i].cb);
		store_release(&of[i].over, true);
	}
}

static void join_crowd(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;

	if (index < REGISTRARS) {
		register_and_remove(crowd, crowd->of[index]);
		return;
	}
	crowd->written = 1;
	ASSERT_INT(dma_fence_signal_timestamp(crowd->fence, 4711), ==, 0);
}

static void check_crowd(const struct crowd *crowd)
{
	for (unsigned int i = 0; i < REGISTRARS; i++) {
		for (unsigned int k = 0; k < REGISTRATIONS; k++) {
			const struct registration *of = &crowd->of[i][k];

			ASSERT_INT(of->calls, ==, of->added && !of->removed);
		}
	}
}

static void signal_against_registrars(struct dmabuf_spinlock *lock)
{
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct crowd crowd = { .fence = make_fence_with(&plain_ops, lock, 1, 1) };

		test_threads(REGISTRARS + 1, join_crowd, &crowd);
		test_operation();
		check_crowd(&crowd);
		ASSERT_INT(dma_fence_timestamp(crowd.fence), ==, 4711);
		dma_fence_put(crowd.fence);
	}
}

TORTURE(each_callback_runs_once_or_was_removed)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	test_race_begin();
	signal_against_registrars(NULL);
	signal_against_registrars(&lock);
}

/* Several signallers: one of them was first. */

struct contest {
	struct dma_fence *fence;
	struct counting_cb cb;
	unsigned int winners; /* atomic */
};

static void contend(unsigned int index, void *arg)
{
	struct contest *contest = arg;
	int err;

	if (index % 2) {
		dmabuf_spin_lock(dma_fence_spinlock(contest->fence));
		err = dma_fence_signal_timestamp_locked(contest->fence, index);
		dmabuf_spin_unlock(dma_fence_spinlock(contest->fence));
	} else {
		err = dma_fence_signal_timestamp(contest->fence, index);
	}
	ASSERT_TRUE(!err || err == -EINVAL);
	if (!err) {
		ASSERT_INT(dma_fence_timestamp(contest->fence), ==, index);
		fetch_add_relaxed(&contest->winners, 1);
	}
	ASSERT_INT(dma_fence_timestamp(contest->fence), <, 4);
}

TORTURE(one_of_several_signallers_is_first)
{
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct contest contest = { .fence = make_fence() };
		const bool watched = i % 2;

		if (watched)
			dma_fence_add_callback(contest.fence, &contest.cb.cb, count_call);
		test_threads(4, contend, &contest);
		test_operation();
		ASSERT_INT(contest.winners, ==, 1);
		ASSERT_INT(contest.cb.calls, ==, watched);
		dma_fence_put(contest.fence);
	}
}

/*
 * Wait against signal (A1 to A3, B1). What the signaller wrote is plain data.
 */

struct meeting {
	struct dma_fence *fence;
	unsigned int written; /* plain: ordered by the fence */
};

static void wait_or_signal(unsigned int index, void *arg)
{
	struct meeting *meeting = arg;
	uint32_t found;

	switch (index) {
	case 0:
		meeting->written = 1;
		dma_fence_signal(meeting->fence);
		return;
	case 1:
		ASSERT_INT(dma_fence_wait(meeting->fence, false), ==, 0);
		break;
	case 2:
		ASSERT_INT(dma_fence_wait_any_timeout(&meeting->fence, 1, true,
						      MAX_SCHEDULE_TIMEOUT, &found), >, 0);
		break;
	default:
		/* A user's bit, while others are about to sleep on the word. */
		fetch_or_relaxed(&meeting->fence->flags, 1ul << DMA_FENCE_FLAG_USER_BITS);
		WAIT_UNTIL(dma_fence_is_signaled(meeting->fence));
	}
	ASSERT_INT(meeting->written, ==, 1);
}

TORTURE(no_waiter_misses_the_signal_nor_what_was_written_before)
{
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct meeting meeting = { .fence = make_fence() };

		test_threads(4, wait_or_signal, &meeting);
		test_operation();
		dma_fence_put(meeting.fence);
	}
}

/*
 * References against put and replace. The memory of a dead fence is readable for a
 * grace period; that of a recycled one for ever.
 */

struct place {
	struct dma_fence *current; /* atomic */
	unsigned int done;	   /* atomic */
	unsigned int rounds;
	const struct dma_fence_ops *ops;
};

static void kill_fence(struct dma_fence *fence)
{
	fence->error = -1;
	dma_fence_free(fence);
}

static const struct dma_fence_ops mortal_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = kill_fence,
};

static void replace_fences(struct place *place)
{
	for (unsigned int i = 0; i < place->rounds; i++) {
		struct dma_fence *fence = make_fence_with(&mortal_ops, NULL, 1, i);

		test_operation();
		dma_fence_put(__atomic_exchange_n(&place->current, fence, __ATOMIC_ACQ_REL));
	}
	store_release(&place->done, 1);
}

static struct dma_fence *get_either_way(struct place *place, bool safe)
{
	struct dma_fence *fence;

	dmabuf_rcu_read_lock();
	fence = safe ? dma_fence_get_rcu_safe(&place->current)
		     : dma_fence_get_rcu(load_acquire(&place->current));
	dmabuf_rcu_read_unlock();
	return fence;
}

static void replace_or_get(unsigned int index, void *arg)
{
	struct place *place = arg;

	if (!index) {
		replace_fences(place);
		return;
	}
	while (!load_acquire(&place->done)) {
		struct dma_fence *fence = get_either_way(place, index == 1);

		ASSERT_TRUE(fence || index != 1);
		if (fence)
			ASSERT_INT(fence->error, ==, 0);
		dma_fence_put(fence);
	}
}

TORTURE(a_reference_is_on_a_living_fence_or_none)
{
	struct place place = { .rounds = test_rounds(3000) };

	place.current = make_fence_with(&mortal_ops, NULL, 1, 1);
	test_race_begin();
	test_threads(3, replace_or_get, &place);
	dma_fence_put(place.current);
}

#define SLOTS 8

static struct dma_fence recycled[SLOTS]; /* type-stable: always a fence, if not always alive */
static unsigned int slot_is_free[SLOTS]; /* atomic */

static void free_slot(struct dma_fence *fence)
{
	store_release(&slot_is_free[fence - recycled], 1);
}

static const struct dma_fence_ops recycled_ops = {
	.get_driver_name = test_driver_name,
	.get_timeline_name = test_timeline_name,
	.release = free_slot,
};

static struct dma_fence *take_slot(uint64_t seqno)
{
	for (unsigned int i = 0;; i = (i + 1) % SLOTS) {
		if (!__atomic_exchange_n(&slot_is_free[i], 0, __ATOMIC_ACQUIRE))
			continue; /* two readers hold two at most */
		dma_fence_init(&recycled[i], &recycled_ops, NULL, 1, seqno);
		return &recycled[i];
	}
}

static void recycle_or_get(unsigned int index, void *arg)
{
	struct place *place = arg;

	for (unsigned int i = 2; !index && i < place->rounds + 2; i++) {
		struct dma_fence *fence = take_slot(i);

		test_operation();
		dma_fence_put(__atomic_exchange_n(&place->current, fence, __ATOMIC_ACQ_REL));
	}
	if (!index)
		store_release(&place->done, 1);
	for (uint64_t last = 0; index && !load_acquire(&place->done);) {
		struct dma_fence *fence = get_either_way(place, true);

		/* Were it the memory's next life before that is published, this goes back. */
		ASSERT_INT(fence->seqno, >=, last);
		last = fence->seqno;
		dma_fence_put(fence);
	}
}

TORTURE(get_rcu_safe_tells_a_recycled_fence_from_the_one_it_saw)
{
	struct place place = { .rounds = test_rounds(5000) };

	for (unsigned int i = 0; i < SLOTS; i++)
		slot_is_free[i] = 1;
	place.current = take_slot(1);
	test_race_begin();
	test_threads(3, recycle_or_get, &place);
	dma_fence_put(place.current);
}

/*
 * Arrays against their members.
 */

#define MEMBERS 4

struct party {
	struct dma_fence *members[MEMBERS];
	struct dma_fence *arrays[2];
	struct counting_cb cbs[2];
	unsigned int written[MEMBERS]; /* plain: ordered by its member, and so by an array */
	bool any;
};

static struct dma_fence *array_over(struct dma_fence **members, bool reversed, bool any)
{
	struct dma_fence **table = malloc(MEMBERS * sizeof(*table));

	if (!table)
		abort();
	for (unsigned int i = 0; i < MEMBERS; i++)
		table[i] = dma_fence_get(members[reversed ? MEMBERS - 1 - i : i]);
	return &dma_fence_array_create(MEMBERS, table, 1, 1, any)->base;
}

static void begin_party(struct party *party, bool any)
{
	*party = (struct party){ .any = any };
	for (unsigned int i = 0; i < MEMBERS; i++)
		party->members[i] = make_fence();
	for (unsigned int i = 0; i < 2; i++)
		party->arrays[i] = array_over(party->members, i, any);
}

static void end_party(struct party *party)
{
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_TRUE(dma_fence_test_signaled_flag(party->arrays[i]));
		ASSERT_INT(dma_fence_get_status(party->arrays[i]), ==, 1);
		ASSERT_INT(party->arrays[i]->refcount.count, ==, 1);
		dma_fence_put(party->arrays[i]);
	}
	for (unsigned int i = 0; i < MEMBERS; i++) {
		ASSERT_INT(party->members[i]->refcount.count, ==, 1);
		dma_fence_put(party->members[i]);
	}
}

static void write_and_signal(struct party *party, unsigned int member)
{
	party->written[member] = 1;
	dma_fence_signal(party->members[member]);
}

static void poll_array(const struct party *party, struct dma_fence *array)
{
	WAIT_UNTIL(dma_fence_is_signaled(array));
	for (unsigned int i = 0; !party->any && i < MEMBERS; i++)
		ASSERT_INT(party->written[i], ==, 1);
}

/* 0 and 1 signal from the two ends; 2 enables both arrays; 3 polls both. */
static void enable_and_signal(unsigned int index, void *arg)
{
	struct party *party = arg;

	for (unsigned int i = 0; index < 2 && i < MEMBERS / 2; i++)
		write_and_signal(party, index ? MEMBERS - 1 - i : i);
	for (unsigned int i = 0; index == 2 && i < 2; i++) {
		const int err = dma_fence_add_callback(party->arrays[i], &party->cbs[i].cb, count_call);

		ASSERT_TRUE(!err || err == -ENOENT);
		if (err)
			party->cbs[i].calls = 1;
	}
	for (unsigned int i = 0; index == 3 && i < 2; i++)
		poll_array(party, party->arrays[i]);
}

/* Two arrays over the same members in opposite order, signalled from both ends. */
static void arrays_against_members(bool any)
{
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct party party;

		begin_party(&party, any);
		test_threads(4, enable_and_signal, &party);
		test_operation();
		ASSERT_INT(party.cbs[0].calls, ==, 1);
		ASSERT_INT(party.cbs[1].calls, ==, 1);
		end_party(&party);
	}
}

TORTURE(enabling_all_races_with_its_members)
{
	arrays_against_members(ALL);
}

TORTURE(enabling_any_races_with_its_members)
{
	arrays_against_members(ANY);
}

static void signal_one_each(unsigned int index, void *arg)
{
	struct party *party = arg;

	dma_fence_signal(party->members[index]);
}

TORTURE(arrays_in_opposite_order_do_not_deadlock)
{
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct party party;

		begin_party(&party, i % 2);
		dma_fence_enable_sw_signaling(party.arrays[0]);
		dma_fence_enable_sw_signaling(party.arrays[1]);
		test_threads(MEMBERS, signal_one_each, &party);
		test_operation();
		end_party(&party);
	}
}

/* Whoever sees the end sees one error, and that for good. */

static void fail_or_poll(unsigned int index, void *arg)
{
	struct party *party = arg;
	int seen[2] = { 0, 0 };

	if (index < 2) {
		for (unsigned int i = index; i < MEMBERS; i += 2) {
			dma_fence_set_error(party->members[i], -(int)(i + 1));
			dma_fence_signal(party->members[i]);
		}
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		WAIT_UNTIL(seen[i] = dma_fence_get_status(party->arrays[i]));
		ASSERT_INT(seen[i], <, 0);
		ASSERT_INT(seen[i], >=, -MEMBERS);
	}
	for (unsigned int i = 0; i < 2; i++)
		ASSERT_INT(dma_fence_get_status(party->arrays[i]), ==, seen[i]);
}

TORTURE(the_error_of_an_array_is_decided_once)
{
	test_race_begin();
	for (unsigned int i = 0; i < test_rounds(400); i++) {
		struct party party;

		begin_party(&party, i % 2);
		if (i % 4 < 2)
			dma_fence_enable_sw_signaling(party.arrays[0]);
		test_threads(4, fail_or_poll, &party);
		test_operation();
		for (unsigned int k = 0; k < 2; k++)
			dma_fence_put(party.arrays[k]);
		for (unsigned int k = 0; k < MEMBERS; k++)
			dma_fence_put(party.members[k]);
	}
}

/*
 * Chains: what waits for what waits for what. A hundred thousand of them would not
 * fit on the stack.
 */

#define LINKS 100000

struct link {
	struct dma_fence_cb cb;
	struct dma_fence *next; /* to signal; NULL: the end */
	unsigned int *ended;
};

static void signal_next(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct link *link = container_of(cb, struct link, cb);

	(void)fence;
	if (link->next)
		dma_fence_signal(link->next);
	++*link->ended;
}

static struct dma_fence *array_of_one(struct dma_fence *member)
{
	struct dma_fence **table = malloc(sizeof(*table));

	if (!table)
		abort();
	table[0] = dma_fence_get(member);
	return &dma_fence_array_create(1, table, 1, 1, ALL)->base;
}

/* Fence, array over it, whose callback signals the next fence, and so on. */
TEST(a_long_chain_of_arrays_signals_without_recursion)
{
	struct dma_fence **fences = calloc(LINKS + 1, sizeof(*fences));
	struct dma_fence **arrays = calloc(LINKS, sizeof(*arrays));
	struct link *links = calloc(LINKS, sizeof(*links));
	unsigned int ended = 0;

	for (unsigned int i = 0; i < LINKS; i++)
		fences[i] = make_fence();
	for (unsigned int i = 0; i < LINKS; i++) {
		arrays[i] = array_of_one(fences[i]);
		links[i].next = fences[i + 1];
		links[i].ended = &ended;
		ASSERT_INT(dma_fence_add_callback(arrays[i], &links[i].cb, signal_next), ==, 0);
	}
	dma_fence_signal(fences[0]);
	ASSERT_INT(ended, ==, LINKS);
	for (unsigned int i = 0; i < LINKS; i++) {
		dma_fence_put(arrays[i]);
		dma_fence_put(fences[i]);
	}
	free(links);
	free(arrays);
	free(fences);
}

/* Each array is the member of the next, which is against the rules, and warns. */
TEST(nested_arrays_signal_without_recursion)
{
	struct dma_fence **arrays = calloc(LINKS, sizeof(*arrays));
	struct dma_fence *first = make_fence();

	arrays[0] = array_of_one(first);
	dma_fence_enable_sw_signaling(arrays[0]);
	for (unsigned int i = 1; i < LINKS; i++) {
		ASSERT_WARNS(arrays[i] = array_of_one(arrays[i - 1]), "inside a fence array");
		dma_fence_enable_sw_signaling(arrays[i]);
	}
	dma_fence_signal(first);
	ASSERT_TRUE(dma_fence_test_signaled_flag(arrays[LINKS - 1]));
	for (unsigned int i = LINKS; i-- > 0;)
		dma_fence_put(arrays[i]);
	dma_fence_put(first);
	free(arrays);
}
