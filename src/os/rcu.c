/* SPDX-License-Identifier: MIT */
/*
 * RCU: liburcu's bp flavour behind the public functions.
 *
 * Deferred calls are gathered by thread and handed on a batch at a time, because
 * one call_rcu() for each object costs several times that object's whole life
 * (docs/decisions/0002). An object's own room holds the list, so gathering never
 * allocates; what a batch needs to travel in does, and where there is no memory
 * for it the batch just goes on growing until there is.
 *
 * Locking: hand_on_lock is held while a batch is put into liburcu's queue. That takes two
 * steps, and a fork between them would leave the child a queue without an end: its
 * reclaimer would wait for the second step for ever. A fork takes the lock when the
 * reclaimer has paused already, since that one hands on, too; and whoever hands on makes
 * sure before that there is a reclaimer, since making one waits for a fork to end.
 *
 * ThreadSanitizer does not see into liburcu. The orders that it gives are told by
 * hand: what a read section did comes before what is run after the grace period, what
 * the caller did before dmabuf_call_rcu() comes before it too, and both come before
 * what follows a barrier.
 */
#include <pthread.h>
#include <stdlib.h>
#include <urcu-bp.h>

#include <dmabuf/dmabuf-types.h>

#include "os/atomic.h"
#include "os/fault.h"
#include "os/rcu.h"
#include "os/report.h"
#include "os/thread.h"

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define TSAN 1
#endif

#ifdef TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char read_sections; /* an address to tie the orders to */
#define tsan_acquire(addr) __tsan_acquire(addr)
#define tsan_release(addr) __tsan_release(addr)
#else
#define tsan_acquire(addr) ((void)0)
#define tsan_release(addr) ((void)0)
#endif

#define BATCH_SIZE 64

/* No function lies in the first page: there, the value says how far in front what to free begins. */
#define FREE_OFFSETS 4096

/* What a batch travels in. */
struct batch {
	struct rcu_head rcu;
	struct dmabuf_rcu_head *first;
};

static __thread struct {
	struct dmabuf_rcu_head *first;
	unsigned int count;
	bool leaving; /* work is queued */
	struct dmabuf_work work;
} gathered __attribute__((tls_model("initial-exec")));

DMABUF_UNCHECKED("liburcu's sections have no annotations")
void dmabuf_rcu_read_lock(void)
{
	urcu_bp_read_lock();
}

DMABUF_UNCHECKED("liburcu's sections have no annotations")
void dmabuf_rcu_read_unlock(void)
{
	tsan_release(&read_sections);
	urcu_bp_read_unlock();
}

bool os_rcu_is_reading(void)
{
	return urcu_bp_read_ongoing();
}

void os_rcu_synchronize(void)
{
	dmabuf_bug_on(os_rcu_is_reading(),
		      "waiting for read sections inside of one, or in a trace hook: do it outside");
	urcu_bp_synchronize_rcu();
	tsan_acquire(&read_sections);
}

static pthread_mutex_t hand_on_lock = PTHREAD_MUTEX_INITIALIZER;

static bool hand_on(void);

static void run(struct dmabuf_rcu_head *head)
{
	while (head) {
		struct dmabuf_rcu_head *next = head->next;
		const uintptr_t offset = (uintptr_t)head->func;

		if (offset < FREE_OFFSETS)
			free((char *)head - offset);
		else
			head->func(head);
		head = next;
	}
}

static void batch_done(struct rcu_head *rcu)
{
	struct batch *batch = container_of(rcu, struct batch, rcu);

	tsan_acquire(batch);
	tsan_acquire(&read_sections);
	run(batch->first);
	tsan_release(&read_sections);
	free(batch);
	/* What that deferred in its turn must not wait for this thread to gather more. */
	if (gathered.first)
		hand_on();
}

static bool hand_on(void)
{
	/* Not through os_alloc(): failing shows in no result, and a fault loop looks for results. */
	struct batch *batch = malloc(sizeof(*batch));

	if (!batch)
		return false;
	batch->first = gathered.first;
	gathered.first = NULL;
	gathered.count = 0;
	tsan_release(batch);
	urcu_bp_get_default_call_rcu_data();
	pthread_mutex_lock(&hand_on_lock);
	OS_RACE_POINT("rcu: before a batch goes");
	urcu_bp_call_rcu(&batch->rcu, batch_done);
	OS_RACE_POINT("rcu: a batch has gone");
	pthread_mutex_unlock(&hand_on_lock);
	return true;
}

/* The thread ends, or wants to see the end: nothing may stay gathered. */
static void flush(void)
{
	while (gathered.first && !hand_on()) {
		struct dmabuf_rcu_head *first = gathered.first;

		/* What runs here may defer in its turn. */
		gathered.first = NULL;
		gathered.count = 0;
		urcu_bp_synchronize_rcu();
		tsan_acquire(&read_sections);
		run(first);
	}
}

static struct os_exit_hook flush_at_exit = { .func = flush };

/* Not under a short lock, such as a fence's: it allocates, and may wake the reclaimer. */
static void leave(struct dmabuf_work *work)
{
	(void)work;
	gathered.leaving = false;
	if (gathered.first)
		hand_on();
}

static void leave_soon(void)
{
	if (gathered.leaving)
		return;
	gathered.leaving = true;
	gathered.work.func = leave;
	os_work_queue(&gathered.work);
}

static void gather(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head))
{
	head->func = func;
	head->next = gathered.first;
	gathered.first = head;
	if (!gathered.count++)
		os_thread_enrol(&flush_at_exit);
}

void dmabuf_call_rcu(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head))
{
	gather(head, func);
	if (gathered.count >= BATCH_SIZE)
		leave_soon();
}

void os_call_rcu_soon(struct dmabuf_rcu_head *head, void (*func)(struct dmabuf_rcu_head *head))
{
	gather(head, func);
	leave_soon();
}

void dmabuf_free_rcu(struct dmabuf_rcu_head *head, void *memory)
{
	const uintptr_t offset = (uintptr_t)head - (uintptr_t)memory;

	dmabuf_bug_on(offset >= FREE_OFFSETS,
		      "dmabuf_free_rcu: the head is %td bytes behind what is freed; "
		      "move it below %d",
		      (ptrdiff_t)offset, FREE_OFFSETS);
	dmabuf_call_rcu(head, (void (*)(struct dmabuf_rcu_head *))offset);
}

void dmabuf_rcu_flush(void)
{
	if (gathered.first)
		hand_on();
}

void os_rcu_barrier(void)
{
	flush();
	urcu_bp_barrier();
	tsan_acquire(&read_sections);
}

static void before_fork(void)
{
	urcu_bp_call_rcu_before_fork();
	pthread_mutex_lock(&hand_on_lock);
	urcu_bp_before_fork();
	OS_RACE_POINT("rcu: about to fork");
}

static void after_fork_in_parent(void)
{
	urcu_bp_after_fork_parent();
	pthread_mutex_unlock(&hand_on_lock);
	urcu_bp_call_rcu_after_fork_parent();
}

static void after_fork_in_child(void)
{
	urcu_bp_after_fork_child();
	pthread_mutex_unlock(&hand_on_lock);
	urcu_bp_call_rcu_after_fork_child();
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
