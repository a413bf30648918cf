/* SPDX-License-Identifier: MIT */
/*
 * What the library keeps for each thread: its identity, the short locks it
 * holds, the work it put off, and what to clean when it ends.
 */
#ifndef OS_THREAD_H
#define OS_THREAD_H

#include <dmabuf/dmabuf-types.h>

/* Aligned, so that an identity has free low bits. */
struct os_thread {
	unsigned int short_locks;      /* held now */
	const void *short_lock[4];     /* some of those, or NULL */
	bool enrolled;                 /* its end will be noticed */
	bool working;                  /* inside os_thread_run_work() */
	bool rseq_known;               /* to the kernel, as one that uses sequences (os/rseq.h) */
	unsigned int rseq_rest;        /* how often more it does without */
	uint64_t *rseq_cs;             /* where it tells the kernel of a sequence; NULL: uses none */
	struct dmabuf_work *work;      /* put off, oldest first */
	struct dmabuf_work **work_end; /* NULL while nothing was ever put off */
} __attribute__((aligned(16)));

extern __thread struct os_thread os_this_thread __attribute__((tls_model("initial-exec")));

/* Never 0; unique among living threads; the same in a forked child. */
static inline uintptr_t os_self(void)
{
	return (uintptr_t)&os_this_thread;
}

/* Run @work as soon as this thread holds no short lock; at once if it holds none. */
void os_work_queue(struct dmabuf_work *work);

/* The last short lock was dropped, and something was put off. */
void os_thread_run_work(void);

/*
 * os_futex_wake_one() as soon as this thread holds no short lock: who wakes wants that lock next,
 * and would sleep again. @word may be gone by then: who sleeps there, or on what has come there,
 * takes a wake for a hint.
 */
void os_thread_wake_later(const uint32_t *word);

/*
 * Start a thread that runs for as long as the process, with all signals blocked: 0 or -errno,
 * -EAGAIN: there can be none.
 */
int os_thread_start(void (*func)(void));

/*
 * Something that a thread must do before it ends. Enlisted once per process, in
 * the order in which the calls of os_thread_enrol() come to need it.
 */
struct os_exit_hook {
	struct os_exit_hook *next;
	void (*func)(void);
	bool enlisted; /* under the hooks' lock */
};

/* Make sure that @hook runs when the calling thread ends. Never fails: no memory means: not run. */
void os_thread_enrol(struct os_exit_hook *hook);

/* Run all hooks now, as if this thread ended. */
void os_thread_flush(void);

/*
 * What a forked child must do before it uses the library anew; and, if that needs a state
 * which no other thread is changing, the short lock that guards that: a fork holds it, and
 * it must not be held by who waits for a fork. Added by constructors only.
 */
struct os_fork_hook {
	struct os_fork_hook *next;
	struct dmabuf_spinlock *lock; /* optional */
	void (*child)(void);	      /* optional; with @lock held */
};
void os_fork_hook_add(struct os_fork_hook *hook);

#endif
