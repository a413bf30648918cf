/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <sys/wait.h>
#include <unistd.h>

#include "os/thread.h"

struct object {
	unsigned int value;
	struct dmabuf_rcu_head rcu;
};

static void free_object(struct dmabuf_rcu_head *head)
{
	struct object *object = container_of(head, struct object, rcu);

	object->value = 0xdead;
	free(object);
}

static struct object *make_object(void)
{
	struct object *object = malloc(sizeof(*object));

	if (!object)
		abort();
	object->value = 1;
	return object;
}

TEST(the_barrier_runs_what_was_deferred)
{
	const struct test_resources before = test_resources();

	for (unsigned int i = 0; i < 1000; i++)
		dmabuf_call_rcu(&make_object()->rcu, free_object);
	dmabuf_rcu_barrier();
	ASSERT_RESOURCES(before);
}

struct chain {
	struct dmabuf_rcu_head rcu;
	unsigned int left;
	unsigned int ended; /* atomic */
};

static void defer_again(struct dmabuf_rcu_head *head)
{
	struct chain *chain = container_of(head, struct chain, rcu);

	if (chain->left--)
		dmabuf_call_rcu(&chain->rcu, defer_again);
	else
		store_release(&chain->ended, 1);
}

/* An array that goes puts its members, and they go, too. One barrier more for each. */
TEST(what_was_deferred_may_defer_in_its_turn)
{
	struct chain chain = { .left = 3 };

	dmabuf_call_rcu(&chain.rcu, defer_again);
	for (unsigned int i = 0; i <= 3; i++)
		dmabuf_rcu_barrier();
	ASSERT_INT(load_acquire(&chain.ended), ==, 1);
}

TEST(memory_is_freed_by_where_its_head_lies)
{
	const struct test_resources before = test_resources();
	struct object *object = make_object();
	char *memory = malloc(4096 + sizeof(object->rcu));

	dmabuf_free_rcu(&object->rcu, object);
	dmabuf_free_rcu((struct dmabuf_rcu_head *)(memory + 4088), memory);
	dmabuf_rcu_barrier();
	ASSERT_RESOURCES(before);
}

TEST(a_head_too_far_behind_is_a_bug)
{
	char memory[8192];

	ASSERT_DEATH(dmabuf_free_rcu((struct dmabuf_rcu_head *)(memory + 4096), memory),
		     "4096 bytes behind what is freed");
}

struct idler {
	struct dmabuf_rcu_head rcu;
	unsigned int stage, has_run; /* atomic */
};

static void note_run(struct dmabuf_rcu_head *head)
{
	store_release(&container_of(head, struct idler, rcu)->has_run, 1);
}

static void defer_and_idle(void *arg)
{
	struct idler *idler = arg;

	dmabuf_call_rcu(&idler->rcu, note_run);
	dmabuf_rcu_flush();
	store_release(&idler->stage, 1);
	WAIT_UNTIL(load_acquire(&idler->stage) == 2);
}

TEST(the_barrier_waits_for_what_a_living_thread_has_flushed)
{
	struct idler idler = { .stage = 0 };
	struct test_thread *thread = test_thread_start(defer_and_idle, &idler);

	WAIT_UNTIL(load_acquire(&idler.stage) == 1);
	dmabuf_rcu_barrier();
	ASSERT_INT(load_acquire(&idler.has_run), ==, 1);
	store_release(&idler.stage, 2);
	test_thread_join(thread);
}

static void defer_a_few(unsigned int index, void *arg)
{
	(void)index;
	(void)arg;
	for (unsigned int i = 0; i < 10; i++)
		dmabuf_call_rcu(&make_object()->rcu, free_object);
}

TEST(a_thread_that_ends_leaves_nothing_behind)
{
	const struct test_resources before = test_resources();

	test_threads(3, defer_a_few, NULL);
	ASSERT_RESOURCES(before);
}

static void defer_the_end(struct dmabuf_rcu_head *head)
{
	dmabuf_call_rcu(head, free_object);
}

TEST(without_memory_for_a_batch_each_runs_once_also_what_defers_again)
{
	const struct test_resources before = test_resources();
	struct object *objects[100];

	for (unsigned int i = 0; i < 100; i++)
		objects[i] = make_object();
	test_malloc_fails(true);
	for (unsigned int i = 0; i < 100; i++)
		dmabuf_call_rcu(&objects[i]->rcu, defer_the_end);
	dmabuf_rcu_barrier();
	test_malloc_fails(false);
	ASSERT_RESOURCES(before);
}

struct reader {
	struct dmabuf_rcu_head rcu;
	unsigned int inside, may_leave, has_left; /* atomic */
};

static void read_until_told(void *arg)
{
	struct reader *reader = arg;

	dmabuf_rcu_read_lock();
	store_release(&reader->inside, 1);
	WAIT_UNTIL(load_acquire(&reader->may_leave));
	for (unsigned int i = 0; i < 100; i++) /* who does not wait runs now */
		test_yield();
	store_release(&reader->has_left, 1);
	dmabuf_rcu_read_unlock();
}

static void assert_reader_left(struct dmabuf_rcu_head *head)
{
	ASSERT_INT(load_acquire(&container_of(head, struct reader, rcu)->has_left), ==, 1);
}

TEST(without_memory_for_a_batch_readers_are_waited_for)
{
	struct reader reader = { .inside = 0 };
	struct test_thread *thread = test_thread_start(read_until_told, &reader);

	WAIT_UNTIL(load_acquire(&reader.inside));
	test_malloc_fails(true);
	dmabuf_call_rcu(&reader.rcu, assert_reader_left);
	store_release(&reader.may_leave, 1);
	dmabuf_rcu_barrier();
	test_malloc_fails(false);
	test_thread_join(thread);
}

static unsigned int batches; /* atomic */

static void count_batches(const char *label)
{
	if (!strcmp(label, "rcu: before a batch goes"))
		__atomic_fetch_add(&batches, 1, __ATOMIC_ACQ_REL);
}

/* A callback may put the last reference of something, and runs under a fence's lock. */
TEST(nothing_is_handed_on_under_a_short_lock)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;

	dmabuf_rcu_barrier();
	batches = 0;
	os_race_hook(count_batches);
	dmabuf_spin_lock(&lock);
	for (unsigned int i = 0; i < 200; i++)
		dmabuf_call_rcu(&make_object()->rcu, free_object);
	ASSERT_INT(load_acquire(&batches), ==, 0);
	dmabuf_spin_unlock(&lock);
	ASSERT_INT(load_acquire(&batches), ==, 1);
	os_race_hook(NULL);
}

static void defer_and_flush(struct dmabuf_work *work)
{
	(void)work;
	for (unsigned int i = 0; i < 100; i++)
		dmabuf_call_rcu(&make_object()->rcu, free_object);
	dmabuf_rcu_flush();
}

/* The handing on is queued, and has its turn only after the work that flushed. */
TEST(what_was_flushed_is_not_handed_on_once_more)
{
	struct dmabuf_work work = { .func = defer_and_flush };

	dmabuf_rcu_barrier();
	batches = 0;
	os_race_hook(count_batches);
	os_work_queue(&work);
	ASSERT_INT(load_acquire(&batches), ==, 1);
	os_race_hook(NULL);
}

struct shared {
	struct object *current; /* atomic */
	unsigned int done;      /* atomic */
	unsigned int rounds;
};

static void replace_or_read(unsigned int index, void *arg)
{
	struct shared *shared = arg;

	for (unsigned int i = 0; index == 0 && i < shared->rounds; i++) {
		struct object *old = __atomic_exchange_n(&shared->current, make_object(),
							 __ATOMIC_ACQ_REL);

		dmabuf_call_rcu(&old->rcu, free_object);
		test_operation();
	}
	if (index == 0)
		store_release(&shared->done, 1);
	while (!load_acquire(&shared->done)) {
		dmabuf_rcu_read_lock();
		ASSERT_INT(load_acquire(&shared->current)->value, ==, 1);
		dmabuf_rcu_read_unlock();
	}
}

TORTURE(what_a_read_section_can_reach_is_not_freed)
{
	struct shared shared = { .current = make_object(), .rounds = test_rounds(20000) };

	test_threads(3, replace_or_read, &shared);
	free(shared.current);
}

static unsigned int handing_on; /* atomic: threads between the two steps of that */
static unsigned int torn_forks; /* by the one thread that forks */

static void watch_forks(const char *label)
{
	if (!strcmp(label, "rcu: before a batch goes")) {
		fetch_add_relaxed(&handing_on, 1);
		test_yield();
	} else if (!strcmp(label, "rcu: a batch has gone")) {
		fetch_sub_relaxed(&handing_on, 1);
	} else if (!strcmp(label, "rcu: about to fork")) {
		torn_forks += load_relaxed(&handing_on) != 0; /* the lock orders it */
	}
}

#define FORKS (TEST_SANITIZED ? 0 : 20) /* locks of its runtime may stay locked in the child */

struct forks {
	unsigned int begun; /* atomic: a fork is about to come */
	unsigned int done;  /* atomic: the last one has gone */
};

/* Only until a fork has come: its child waits for all that was deferred before. */
static void defer_until_forked(struct forks *forks)
{
	while (!load_acquire(&forks->done)) {
		for (unsigned int i = 0; load_acquire(&forks->begun) && i < 64; i++)
			dmabuf_call_rcu(&make_object()->rcu, free_object);
		test_yield();
	}
}

static void fork_or_defer(unsigned int index, void *arg)
{
	struct forks *forks = arg;

	if (index) {
		defer_until_forked(forks);
		return;
	}
	for (unsigned int i = 0; i < FORKS; i++) {
		int child;

		dmabuf_rcu_barrier();
		store_release(&forks->begun, 1);
		child = fork();
		if (!child) {
			dmabuf_call_rcu(&make_object()->rcu, free_object);
			dmabuf_rcu_barrier();
			_exit(0);
		}
		store_release(&forks->begun, 0);
		ASSERT_INT(child, >, 0);
		ASSERT_INT(waitpid(child, NULL, 0), ==, child);
	}
	store_release(&forks->done, 1);
}

TEST(a_child_inherits_no_batch_that_was_half_handed_on)
{
	struct forks forks = { .begun = 0 };

	test_forks_beside_threads();
	os_race_hook(watch_forks);
	test_threads(3, fork_or_defer, &forks);
	os_race_hook(NULL);
	ASSERT_INT(torn_forks, ==, 0);
}

static bool rcu_is_ready; /* by the one thread that forks */
static bool hooks_came_last;

static void watch_order(const char *label)
{
	if (!strcmp(label, "rcu: about to fork"))
		rcu_is_ready = true;
	if (!strcmp(label, "thread: about to fork"))
		hooks_came_last = rcu_is_ready;
}

TEST(a_fork_keeps_new_exit_hooks_out_only_when_the_reclaimer_has_paused)
{
	int child;

	os_race_hook(watch_order);
	child = fork();
	if (!child)
		_exit(0);
	os_race_hook(NULL);
	ASSERT_INT(waitpid(child, NULL, 0), ==, child);
	ASSERT_TRUE(hooks_came_last);
}
