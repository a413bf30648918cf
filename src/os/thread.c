/* SPDX-License-Identifier: MIT */
/*
 * Locking: hooks_lock guards the list of exit hooks. Everything else here
 * belongs to one thread.
 */
#include "os/thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "os/atomic.h"
#include "os/fault.h"
#include "os/futex.h"

__thread struct os_thread os_this_thread __attribute__((tls_model("initial-exec")));

static pthread_mutex_t hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static struct os_exit_hook *exit_hooks; /* atomic; only ever grows, under hooks_lock */
static struct os_fork_hook *fork_hooks; /* constant after the constructors */

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_works;

void os_work_queue(struct dmabuf_work *work)
{
	struct os_thread *self = &os_this_thread;

	work->next = NULL;
	if (!self->work)
		self->work_end = &self->work;
	*self->work_end = work;
	self->work_end = &work->next;
	if (!self->short_locks)
		os_thread_run_work();
}

void os_thread_run_work(void)
{
	struct os_thread *self = &os_this_thread;

	/* Work that queues work must not nest: chains of fences may be long. */
	if (self->working)
		return;
	self->working = true;
	while (self->work) {
		struct dmabuf_work *work = self->work;

		self->work = work->next;
		work->func(work);
	}
	self->working = false;
}

static __thread struct {
	struct dmabuf_work work;
	unsigned int count;
	const uint32_t *word[16];
} wakes __attribute__((tls_model("initial-exec")));

static void run_wakes(struct dmabuf_work *work)
{
	(void)work;
	for (unsigned int i = 0; i < wakes.count; i++)
		os_futex_wake_one(wakes.word[i]);
	wakes.count = 0;
}

void os_thread_wake_later(const uint32_t *word)
{
	if (!os_this_thread.short_locks || wakes.count == sizeof(wakes.word) / sizeof(wakes.word[0])) {
		os_futex_wake_one(word);
		return;
	}
	wakes.word[wakes.count++] = word;
	if (wakes.count > 1)
		return;
	wakes.work.func = run_wakes;
	os_work_queue(&wakes.work);
}

void os_thread_flush(void)
{
	for (struct os_exit_hook *hook = load_acquire(&exit_hooks); hook; hook = hook->next)
		hook->func();
}

static void thread_ends(void *unused)
{
	(void)unused;
	os_this_thread.enrolled = false;
	os_thread_flush();
}

static void make_key(void)
{
	key_works = !pthread_key_create(&key, thread_ends);
}

static void enlist(struct os_exit_hook *hook)
{
	pthread_mutex_lock(&hooks_lock);
	if (!hook->enlisted) {
		hook->next = exit_hooks;
		store_release(&exit_hooks, hook);
		store_release(&hook->enlisted, true);
	}
	pthread_mutex_unlock(&hooks_lock);
}

void os_thread_enrol(struct os_exit_hook *hook)
{
	if (!load_acquire(&hook->enlisted)) {
		OS_RACE_POINT("thread: before a hook is enlisted");
		enlist(hook);
	}
	if (os_this_thread.enrolled)
		return;
	pthread_once(&key_once, make_key);
	if (key_works && !pthread_setspecific(key, &os_this_thread))
		os_this_thread.enrolled = true;
}

static void *run(void *func)
{
	((void (*)(void))(uintptr_t)func)();
	return NULL;
}

int os_thread_start(void (*func)(void))
{
	sigset_t all, before;
	pthread_t thread;
	int err;

	if (OS_FAULT())
		return -EAGAIN;
	/* The thread inherits the mask. Handlers are for the application's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, NULL, run, (void *)(uintptr_t)func);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	pthread_detach(thread);
	return 0;
}

void os_fork_hook_add(struct os_fork_hook *hook)
{
	hook->next = fork_hooks;
	fork_hooks = hook;
}

DMABUF_UNCHECKED("the hooks name the locks, which are held across the fork")
static void before_fork(void)
{
	pthread_mutex_lock(&hooks_lock);
	for (struct os_fork_hook *hook = fork_hooks; hook; hook = hook->next) {
		if (hook->lock)
			dmabuf_spin_lock(hook->lock);
	}
	OS_RACE_POINT("thread: about to fork");
}

DMABUF_UNCHECKED("the hooks name the locks, which are held across the fork")
static void after_fork_in_parent(void)
{
	for (struct os_fork_hook *hook = fork_hooks; hook; hook = hook->next) {
		if (hook->lock)
			dmabuf_spin_unlock(hook->lock);
	}
	pthread_mutex_unlock(&hooks_lock);
}

DMABUF_UNCHECKED("the hooks name the locks, which are held across the fork")
static void after_fork_in_child(void)
{
	pthread_mutex_unlock(&hooks_lock);
	for (struct os_fork_hook *hook = fork_hooks; hook; hook = hook->next) {
		if (hook->child)
			hook->child();
		if (hook->lock)
			dmabuf_spin_unlock(hook->lock);
	}
}

/*
 * Before other constructors, so that before_fork() comes after theirs: rcu.c's waits for the
 * reclaimer, and what that runs may enlist a hook.
 */
__attribute__((constructor(1000))) static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}
