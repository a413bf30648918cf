/* SPDX-License-Identifier: MIT */
/* The memory of logs that were published: it comes back after a grace period, and not before. */
#include "harness.h"

#include <dmabuf/dmabuf-types.h>
#include <string.h>

#include "os/alloc.h"
#include "os/fault.h"
#include "resv/log-memory.h"

enum { SEATS = 32, LANE_BYTES = 65536 }; /* as in log-recycle.c */

static struct dma_resv_log *gone[LANE_BYTES / LOG_SMALLEST + SEATS];

static void free_logs(unsigned int n, uint64_t capacity)
{
	for (unsigned int i = 0; i < n; i++) {
		gone[i] = log_alloc(capacity);
		ASSERT_PTR(gone[i], !=, NULL);
	}
	for (unsigned int i = 0; i < n; i++)
		log_free(gone[i]);
}

/* How many of @n new ones are of the @of that were freed; they go to free(). */
static unsigned int count_again(unsigned int n, uint64_t capacity, unsigned int of)
{
	struct dma_resv_log *log[SEATS];
	unsigned int again = 0;

	ASSERT_INT(n, <=, SEATS);
	for (unsigned int i = 0; i < n; i++) {
		log[i] = log_alloc(capacity);
		ASSERT_PTR(log[i], !=, NULL);
		for (unsigned int j = 0; j < of; j++)
			again += log[i] == gone[j];
	}
	for (unsigned int i = 0; i < n; i++)
		os_free(log[i]);
	return again;
}

TEST(what_was_freed_comes_back)
{
	for (uint64_t capacity = 1; capacity <= 36; capacity = 3 * capacity + 3) {
		free_logs(SEATS, capacity);
		dmabuf_rcu_barrier();
		ASSERT_INT(count_again(SEATS, capacity, SEATS), ==, SEATS);
	}
}

TEST(large_ones_are_not_kept)
{
	const long before = test_allocations();

	free_logs(SEATS, 60);
	dmabuf_rcu_barrier();
	ASSERT_INT(test_allocations(), ==, before);
}

TEST(what_comes_back_is_of_the_size)
{
	free_logs(SEATS, 1);
	dmabuf_rcu_barrier();
	ASSERT_INT(count_again(SEATS, 36, SEATS), ==, 0);
}

static uint32_t reading; /* atomic: 1: it reads; 2: it may end */

static void read_until_told(void *unused)
{
	(void)unused;
	dmabuf_rcu_read_lock();
	store_release(&reading, 1);
	WAIT_UNTIL(load_acquire(&reading) == 2);
	dmabuf_rcu_read_unlock();
}

static struct test_thread *begin_to_read(void)
{
	struct test_thread *reader;

	reading = 0;
	reader = test_thread_start(read_until_told, NULL);
	WAIT_UNTIL(load_acquire(&reading) == 1);
	return reader;
}

static void end_to_read(struct test_thread *reader)
{
	store_release(&reading, 2);
	test_thread_join(reader);
}

TEST(nothing_comes_back_while_somebody_reads)
{
	struct test_thread *reader = begin_to_read();

	free_logs(SEATS, 1);
	dmabuf_rcu_flush();
	test_yield();
	ASSERT_INT(count_again(SEATS, 1, 0), ==, 0);
	for (unsigned int i = 0; i < SEATS; i++)
		ASSERT_INT(gone[i]->refs, ==, 1); /* and it is as it was */
	end_to_read(reader);
	dmabuf_rcu_barrier();
	ASSERT_INT(count_again(1, 1, SEATS), ==, 1);
}

/* As many as a thread may keep, and more. */
TEST(no_more_are_kept_than_the_limit)
{
	const unsigned int limit = LANE_BYTES / LOG_SMALLEST;
	const long before = test_allocations();
	struct test_thread *reader = begin_to_read();
	long kept;

	free_logs(limit + SEATS, 1);
	end_to_read(reader);
	dmabuf_rcu_barrier();
	kept = test_allocations() - before;
	ASSERT_INT(kept, >=, limit);
	ASSERT_INT(kept, <=, limit + limit / SEATS + 4);
}

TEST(without_memory_they_are_freed)
{
	struct dma_resv_log *log = log_alloc(1);
	const long before = test_allocations();

	test_malloc_fails(true);
	log_free(log);
	test_malloc_fails(false);
	dmabuf_rcu_barrier();
	ASSERT_INT(test_allocations(), ==, before - 1);
}

/*
 * A thread ends: what it gathered, what is on its way, and what has come back.
 */

static void leave_some(void *barrier)
{
	free_logs(SEATS, 1);
	if (barrier)
		dmabuf_rcu_barrier();
	free_logs(SEATS, 1);
	free_logs(3, 1);
}

TEST(a_thread_that_ends_leaves_nothing)
{
	test_thread_join(test_thread_start(leave_some, NULL));
	test_thread_join(test_thread_start(leave_some, &reading));
}

TEST(a_thread_may_end_before_its_flights_land)
{
	struct test_thread *reader = begin_to_read();

	test_thread_join(test_thread_start(leave_some, NULL));
	end_to_read(reader);
}

/* The two meet: the one that comes second frees. */
static uint32_t landing; /* atomic: 1: the reclaimer is at it */

static void wait_for_the_other(const char *label)
{
	if (!strcmp(label, "recycle: before it lands"))
		store_release(&landing, 1);
	else if (!strcmp(label, "recycle: before it is left"))
		WAIT_UNTIL(load_acquire(&landing));
}

static void leave_one_flight(void *unused)
{
	(void)unused;
	free_logs(SEATS, 1);
}

TEST(a_thread_may_end_while_its_flight_lands)
{
	for (unsigned int i = 0; i < 50; i++) {
		landing = 0;
		os_race_hook(wait_for_the_other);
		test_thread_join(test_thread_start(leave_one_flight, NULL));
		os_race_hook(NULL);
	}
}
