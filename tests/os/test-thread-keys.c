/* SPDX-License-Identifier: MIT */
/* A process that has no key left when the library wants one: it never hears of a thread's end. */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>

#include "libc.h"
#include "os/thread.h"

static bool keys_are_used_up;

int pthread_key_create(pthread_key_t *ret_key, void (*destructor)(void *value))
{
	return keys_are_used_up ? EAGAIN : NEXT(pthread_key_create)(ret_key, destructor);
}

static unsigned int flushed, has_run; /* atomic */

static void note_flush(void)
{
	fetch_add_relaxed(&flushed, 1);
}

static struct os_exit_hook note = { .func = note_flush };

/* Before the library wants its key for another reason, and for no time in which others want one. */
__attribute__((constructor(101))) static void enrol_first(void)
{
	keys_are_used_up = true;
	os_thread_enrol(&note);
	keys_are_used_up = false;
}

static void note_run(struct dmabuf_rcu_head *head)
{
	(void)head;
	store_release(&has_run, 1);
}

static void defer_and_flush(void *head)
{
	os_thread_enrol(&note);
	ASSERT_FALSE(os_this_thread.enrolled);
	dmabuf_call_rcu(head, note_run);
	dmabuf_rcu_flush();
}

TEST(a_thread_whose_end_nobody_hears_of_can_flush_by_itself)
{
	struct dmabuf_rcu_head head;

	store_relaxed(&flushed, 0);
	test_thread_join(test_thread_start(defer_and_flush, &head));
	ASSERT_INT(load_relaxed(&flushed), ==, 0);
	dmabuf_rcu_barrier();
	ASSERT_INT(load_acquire(&has_run), ==, 1);
}
