/* SPDX-License-Identifier: MIT */
/*
 * programs NAME: a program that knows nothing of the rules, as users' do. test-preload.c runs
 * them under the preload library, and says which must be reported, and which must not.
 *
 * Threads run one after the other where an order is wrong, so that it never hangs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dmabuf/dmabuf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "programs.h"

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct dma_resv resv;
static struct dma_fence_timeline *engine;

static void *in_thread(void *func)
{
	((void (*)(void))(uintptr_t)func)();
	return NULL;
}

static pthread_t start(void (*func)(void))
{
	pthread_t thread;

	NEEDS(!pthread_create(&thread, NULL, in_thread, (void *)(uintptr_t)func));
	return thread;
}

static void elsewhere(void (*func)(void))
{
	pthread_join(start(func), NULL);
}

/*
 * Mutexes and reservations.
 */

static void mutex_then_resv(void)
{
	pthread_mutex_lock(&a);
	NEEDS(!dma_resv_lock(&resv, NULL));
	dma_resv_unlock(&resv);
	pthread_mutex_unlock(&a);
}

static void resv_then_mutex(void)
{
	NEEDS(!dma_resv_lock(&resv, NULL));
	pthread_mutex_lock(&a);
	pthread_mutex_unlock(&a);
	dma_resv_unlock(&resv);
}

static void resv_then_trylock(void)
{
	NEEDS(!dma_resv_lock(&resv, NULL));
	NEEDS(!pthread_mutex_trylock(&a));
	pthread_mutex_unlock(&a);
	dma_resv_unlock(&resv);
}

static void resv_then_timedlock(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	NEEDS(!dma_resv_lock(&resv, NULL));
	NEEDS(!pthread_mutex_timedlock(&a, &deadline));
	pthread_mutex_unlock(&a);
	NEEDS(!pthread_mutex_clocklock(&a, CLOCK_REALTIME, &deadline));
	pthread_mutex_unlock(&a);
	dma_resv_unlock(&resv);
}

static void resv_inversion(void)
{
	elsewhere(mutex_then_resv);
	elsewhere(resv_then_mutex);
}

static void resv_order(void)
{
	elsewhere(mutex_then_resv);
	elsewhere(mutex_then_resv);
}

static void resv_trylock(void)
{
	elsewhere(mutex_then_resv);
	elsewhere(resv_then_trylock);
	elsewhere(resv_then_timedlock);
}

/* The reservation was locked by who tried for the mutex, and that orders what comes inside. */
static void trylock_then_resv(void)
{
	NEEDS(!pthread_mutex_trylock(&a));
	NEEDS(!dma_resv_lock(&resv, NULL));
	dma_resv_unlock(&resv);
	pthread_mutex_unlock(&a);
}

static void resv_inside_trylock(void)
{
	elsewhere(trylock_then_resv);
	elsewhere(resv_then_mutex);
}

/*
 * Mutexes among themselves.
 */

static void mutex_inversion(void)
{
	lock_both(&a, &b);
	lock_both(&b, &a);
}

static void mutex_order(void)
{
	lock_both(&a, &b);
	lock_both(&a, &b);
}

/* The same memory, and in the end other mutexes. */
static void new_mutexes_in_old_memory(void)
{
	pthread_mutex_t *pair = malloc(2 * sizeof(*pair));

	NEEDS(pair);
	pair[0] = pair[1] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	lock_both(&pair[0], &pair[1]);
	pair[0] = pair[1] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	lock_both(&pair[1], &pair[0]);
	pthread_mutex_destroy(&pair[0]);
	pthread_mutex_destroy(&pair[1]);
	pthread_mutex_init(&pair[0], NULL);
	pthread_mutex_init(&pair[1], NULL);
	lock_both(&pair[0], &pair[1]);
	free(pair);
}

static pthread_mutex_t typed;

static void lock_a_then_typed(void)
{
	lock_both(&a, &typed);
}

static void lock_again(int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutex_init(&typed, &attr);
	pthread_mutex_lock(&typed);
	if (pthread_mutex_lock(&typed) != EDEADLK)
		pthread_mutex_unlock(&typed);
	pthread_mutex_unlock(&typed);
	/* It is not held any more, so the first makes no order. */
	lock_both(&a, &b);
	elsewhere(lock_a_then_typed);
	pthread_mutex_destroy(&typed);
}

static void recursion(void)
{
	lock_again(PTHREAD_MUTEX_NORMAL);
}

static void recursion_of_those_that_may(void)
{
	lock_again(PTHREAD_MUTEX_RECURSIVE);
	lock_again(PTHREAD_MUTEX_ERRORCHECK);
}

static void unlock_a(void)
{
	pthread_mutex_unlock(&a);
}

static void unlock_by_another(void)
{
	pthread_mutex_lock(&a);
	elsewhere(unlock_a);
}

static void unlock_by_its_holder(void)
{
	pthread_mutex_lock(&a);
	unlock_a();
}

/*
 * Conditions.
 */

static bool ready;

static void make_ready(void)
{
	pthread_mutex_lock(&a);
	ready = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&a);
}

/* @inner is held all the while, and the wait ends by taking a: b before a. */
static void wait_holding(pthread_mutex_t *inner)
{
	pthread_t thread;

	pthread_mutex_lock(&a);
	if (inner)
		pthread_mutex_lock(inner);
	thread = start(make_ready);
	while (!ready)
		pthread_cond_wait(&cond, &a);
	if (inner)
		pthread_mutex_unlock(inner);
	pthread_mutex_unlock(&a);
	pthread_join(thread, NULL);
}

static void cond_inversion(void)
{
	wait_holding(&b);
}

static void cond_order(void)
{
	lock_both(&a, &b);
	wait_holding(NULL);
}

static bool waiting;

static void unlock_mutex(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

static void wait_for_ever(void)
{
	pthread_mutex_lock(&a);
	pthread_cleanup_push(unlock_mutex, &a);
	waiting = true;
	for (;;)
		pthread_cond_wait(&cond, &a);
	pthread_cleanup_pop(true);
}

/* Who is cancelled in a wait has the mutex in its handlers. */
static void cancelled_wait(void)
{
	const pthread_t thread = start(wait_for_ever);
	bool is_waiting = false;

	while (!is_waiting) {
		pthread_mutex_lock(&a);
		is_waiting = waiting;
		pthread_mutex_unlock(&a);
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	lock_both(&a, &b);
}

/*
 * Fences.
 */

static struct dma_fence *fence;
static struct dma_fence_cb callback;

static void take_a(struct dma_fence *signalled, struct dma_fence_cb *cb)
{
	(void)signalled;
	(void)cb;
	pthread_mutex_lock(&a);
	pthread_mutex_unlock(&a);
}

static void signal_fence(void)
{
	dma_fence_timeline_signal(engine, fence->seqno, 0);
}

static void signal_fence_holding_a(void)
{
	pthread_mutex_lock(&a);
	signal_fence();
	pthread_mutex_unlock(&a);
}

/* The wait gives up before the signal comes. Without an end it would have hung. */
static void wait_then(bool holding, bool with_callback, void (*signal)(void))
{
	fence = dma_fence_timeline_emit(engine);
	NEEDS(fence);
	if (with_callback)
		NEEDS(!dma_fence_add_callback(fence, &callback, take_a));
	if (holding)
		pthread_mutex_lock(&a);
	NEEDS(!dma_fence_wait_timeout(fence, false, 1));
	if (holding)
		pthread_mutex_unlock(&a);
	elsewhere(signal);
	dma_fence_put(fence);
}

static void wait_for_callback(void)
{
	wait_then(true, true, signal_fence);
}

static void wait_for_callback_without(void)
{
	wait_then(false, true, signal_fence);
}

static void wait_for_signaller(void)
{
	wait_then(true, false, signal_fence_holding_a);
}

static void wait_for_signaller_without(void)
{
	wait_then(false, false, signal_fence_holding_a);
}

/*
 * Times and places.
 */

static pthread_mutex_t early = PTHREAD_MUTEX_INITIALIZER;

/* Before the constructors of all libraries. */
static void lock_early(void)
{
	pthread_mutex_lock(&early);
}

__attribute__((section(".preinit_array"), used)) static void (*const before_constructors)(void) =
	lock_early;

static void early_mutex(void)
{
	pthread_mutex_unlock(&early);
	lock_both(&early, &a);
	lock_both(&early, &a);
}

static void lock_a(void)
{
	pthread_mutex_lock(&a);
}

static void begin_a_anew(void)
{
	pthread_mutex_init(&a, NULL);
}

static void forked_child(void)
{
	int status;
	pid_t child;

	pthread_atfork(lock_a, unlock_a, begin_a_anew);
	lock_both(&a, &b);
	child = fork();
	if (!child) {
		lock_both(&a, &b);
		elsewhere(mutex_then_resv);
		_exit(0);
	}
	waitpid(child, &status, 0);
	NEEDS(!status);
	lock_both(&a, &b);
}

static void forked_child_inversion(void)
{
	int status;
	pid_t child;

	lock_both(&a, &b);
	child = fork();
	if (!child) {
		lock_both(&b, &a);
		_exit(0);
	}
	waitpid(child, &status, 0);
}

static void inside_of_loader(void)
{
	void *plugin = dlopen(getenv("TEST_PLUGIN"), RTLD_NOW);

	NEEDS(plugin);
	dlclose(plugin);
}

/*
 * Many threads.
 */

#define THREADS 16
#define ROUNDS 2000
#define LOCKS 8

struct object {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int value;
};

static struct object objects[LOCKS];

static void use_objects(void)
{
	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct object *first = &objects[round % (LOCKS - 1)], *second = first + 1;
		struct timespec past = { .tv_sec = 1 };
		pthread_mutex_t local = PTHREAD_MUTEX_INITIALIZER;
		struct dma_fence *done;

		pthread_mutex_lock(&first->lock);
		pthread_mutex_lock(&second->lock);
		pthread_mutex_lock(&local);
		second->value++;
		pthread_mutex_unlock(&local);
		pthread_cond_broadcast(&second->changed);
		pthread_cond_timedwait(&second->changed, &second->lock, &past);
		pthread_mutex_unlock(&second->lock);
		first->value++;
		pthread_mutex_unlock(&first->lock);
		if (!pthread_mutex_trylock(&second->lock)) {
			if (!pthread_mutex_trylock(&first->lock))
				pthread_mutex_unlock(&first->lock);
			pthread_mutex_unlock(&second->lock);
		}
		if (round % 16)
			continue;
		pthread_mutex_lock(&b); /* points signal in their order */
		done = dma_fence_timeline_emit(engine);
		NEEDS(done && !dma_fence_timeline_signal(engine, done->seqno, 0));
		pthread_mutex_unlock(&b);
		dma_fence_put(done);
		mutex_then_resv();
	}
}

static void many_threads(void)
{
	pthread_t threads[THREADS];
	unsigned int sum = 0;

	for (unsigned int i = 0; i < LOCKS; i++) {
		pthread_mutex_init(&objects[i].lock, NULL);
		pthread_cond_init(&objects[i].changed, NULL);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		threads[i] = start(use_objects);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int i = 0; i < LOCKS; i++)
		sum += objects[i].value;
	NEEDS(sum == 2 * THREADS * ROUNDS);
}

static const struct program programs[] = {
	{ "resv-inversion", resv_inversion },
	{ "resv-order", resv_order },
	{ "resv-trylock", resv_trylock },
	{ "resv-inside-trylock", resv_inside_trylock },
	{ "mutex-inversion", mutex_inversion },
	{ "mutex-order", mutex_order },
	{ "new-mutexes-in-old-memory", new_mutexes_in_old_memory },
	{ "recursion", recursion },
	{ "recursion-of-those-that-may", recursion_of_those_that_may },
	{ "unlock-by-another", unlock_by_another },
	{ "unlock-by-its-holder", unlock_by_its_holder },
	{ "cond-inversion", cond_inversion },
	{ "cond-order", cond_order },
	{ "cancelled-wait", cancelled_wait },
	{ "wait-for-callback", wait_for_callback },
	{ "wait-for-callback-without", wait_for_callback_without },
	{ "wait-for-signaller", wait_for_signaller },
	{ "wait-for-signaller-without", wait_for_signaller_without },
	{ "early-mutex", early_mutex },
	{ "forked-child", forked_child },
	{ "forked-child-inversion", forked_child_inversion },
	{ "inside-of-loader", inside_of_loader },
	{ "many-threads", many_threads },
	{ NULL, NULL },
};

static const struct program *find(const struct program *table, const char *name)
{
	while (table->name && strcmp(table->name, name))
		table++;
	return table->name ? table : NULL;
}

int main(int argc, char **argv)
{
	const char *const name = argc > 1 ? argv[1] : "";
	const struct program *program = find(programs, name);

	if (!program)
		program = find(shared_programs, name);
	if (!program) {
		fprintf(stderr, "there is no such program\n");
		return 1;
	}
	engine = dma_fence_timeline_create("engine");
	NEEDS(engine);
	dma_resv_init(&resv);
	program->func();
	dma_fence_timeline_destroy(engine);
	dma_resv_fini(&resv);
	return 0;
}
