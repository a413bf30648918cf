/* SPDX-License-Identifier: MIT */
/* Who watches the kernel's fences: a thread of the library's, or the application. */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>

#include "fake-kernel.h"

/*
 * Callbacks, for which the library's thread watches.
 */

TEST(a_callback_runs_when_the_kernel_signals)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &counter.cb, count_call), ==, 0);
	ASSERT_INT(load_acquire(&counter.calls), ==, 0);
	fake_signal(&point, 1, 4711);
	WAIT_UNTIL(load_acquire(&counter.calls));
	ASSERT_INT(dma_fence_timestamp(fence), ==, 4711);
	put_last(fence);
	fake_close(fd);
}

TEST(a_callback_for_what_the_kernel_has_signalled_runs_or_comes_too_late)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct counting_cb counter = { .calls = 0 };

	fake_signal(&point, 1, 4711);
	/* Or the thread was faster than we. */
	if (dma_fence_add_callback(fence, &counter.cb, count_call) == 0)
		WAIT_UNTIL(load_acquire(&counter.calls));
	ASSERT_TRUE(dma_fence_test_signaled_flag(fence));
	put_last(fence);
	fake_close(fd);
}

TEST(whoever_asks_first_runs_the_callbacks)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &counter.cb, count_call), ==, 0);
	fake_signal(&point, 1, 4711);
	WAIT_UNTIL(dma_fence_is_signaled(fence));
	/* Ours, or the thread's: it holds the lock while it runs. */
	ASSERT_FALSE(dma_fence_remove_callback(fence, &counter.cb));
	ASSERT_INT(load_acquire(&counter.calls), ==, 1);
	put_last(fence);
	fake_close(fd);
}

TEST(a_false_alarm_is_not_the_last_look)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &counter.cb, count_call), ==, 0);
	ASSERT_INT(write(fake_find(fd)->write_end, "", 1), ==, 1);
	/* Somebody has looked. */
	store_relaxed(&polls, 0);
	os_race_hook(count_polls);
	WAIT_UNTIL(load_acquire(&polls) >= 2);
	os_race_hook(NULL);
	ASSERT_INT(load_acquire(&counter.calls), ==, 0);
	fake_signal(&point, 1, 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
	put_last(fence);
	fake_close(fd);
}

TEST(a_fence_that_was_put_unsignalled_leaves_nothing)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);

	dma_fence_enable_sw_signaling(fence);
	dma_fence_put(fence);
	ASSERT_RESOURCES(test_resources());
	fake_signal(&point, 1, 1);
	fake_close(fd);
}

TEST(a_descriptor_of_ours_may_stand_for_fences_of_both_kinds)
{
	struct fake_point point;
	const int kernel_fd = fake_sync_file(&point);
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), both = sync_file_merge("both", fd, kernel_fd);
	struct pollfd entry = { .fd = both, .events = POLLIN };

	ASSERT_INT(both, >=, 0);
	ASSERT_PTR(fake_find(both), ==, NULL);
	dma_fence_signal(fence);
	ASSERT_NOT_READABLE(both);
	fake_signal(&point, 1, 1);
	ASSERT_INT(poll(&entry, 1, -1), ==, 1);
	ASSERT_INT(entry.revents, ==, POLLIN);
	close(both);
	close(fd);
	dma_fence_put(fence);
	fake_close(kernel_fd);
}

/*
 * Watching by the application, in new processes, which nobody watches yet.
 */

static void watch_by_hand(void *unused)
{
	struct counting_cb counter = { .calls = 0 };
	struct fake_point point;
	struct dma_fence *fence;
	int watch_fd, fd;

	(void)unused;
	sync_file_watch(); /* nothing to do */
	watch_fd = sync_file_watch_fd();
	if (watch_fd < 0 || sync_file_watch_fd() != watch_fd)
		_exit(1);
	fd = fake_sync_file(&point);
	fence = take_in(fd);
	if (dma_fence_add_callback(fence, &counter.cb, count_call))
		_exit(2);
	sync_file_watch();
	if (poll_now(watch_fd) || load_acquire(&counter.calls))
		_exit(3);
	fake_signal(&point, 1, 4711);
	if (poll_now(watch_fd) != POLLIN || load_acquire(&counter.calls))
		_exit(4);
	sync_file_watch();
	if (load_acquire(&counter.calls) != 1 || poll_now(watch_fd))
		_exit(5);
}

TEST(an_application_may_watch_by_itself)
{
	ASSERT_INT(run_in_child(watch_by_hand, NULL), ==, 0);
}

#define MANY 20 /* more than one look takes */

static void watch_many(void *unused)
{
	struct counting_cb counters[MANY] = { 0 };
	struct fake_point points[MANY];
	const int watch_fd = sync_file_watch_fd();

	(void)unused;
	for (unsigned int i = 0; i < MANY; i++) {
		struct dma_fence *fence = take_in(fake_sync_file(&points[i]));

		if (dma_fence_add_callback(fence, &counters[i].cb, count_call))
			_exit(1);
	}
	for (unsigned int i = 0; i < MANY; i++)
		fake_signal(&points[i], 1, 1);
	sync_file_watch();
	for (unsigned int i = 0; i < MANY; i++) {
		if (load_acquire(&counters[i].calls) != 1)
			_exit(2);
	}
	if (poll_now(watch_fd))
		_exit(3);
}

TEST(an_application_takes_all_that_there_is_at_once)
{
	ASSERT_INT(run_in_child(watch_many, NULL), ==, 0);
}

/* What the set spoke of goes before anybody looks at it, or is just going. */
static struct dma_fence *going;
static unsigned int looks;

static void let_go_before_the_look(const char *label)
{
	if (strcmp(label, "watch: before a fence"))
		return;
	looks++;
	dma_fence_put(going);
}

static void look_as_it_goes(const char *label)
{
	if (!strcmp(label, "watch: before a fence"))
		looks++;
	if (!strcmp(label, "kernel fence: without references, watched"))
		sync_file_watch();
}

static int watch_what_goes(void)
{
	const int watch_fd = sync_file_watch_fd();
	struct fake_point point;

	going = take_in(fake_sync_file(&point));
	dma_fence_enable_sw_signaling(going);
	fake_signal(&point, 1, 1);
	looks = 0;
	return watch_fd;
}

static void watch_what_has_gone(void *unused)
{
	const int watch_fd = watch_what_goes();

	(void)unused;
	os_race_hook(let_go_before_the_look);
	sync_file_watch();
	_exit(looks == 1 && !poll_now(watch_fd) ? 0 : 1);
}

static void watch_what_is_going(void *unused)
{
	const int watch_fd = watch_what_goes();

	(void)unused;
	os_race_hook(look_as_it_goes);
	dma_fence_put(going);
	_exit(looks == 1 && !poll_now(watch_fd) ? 0 : 1);
}

TEST(a_fence_that_goes_as_it_signals_is_let_go)
{
	ASSERT_INT(run_in_child(watch_what_has_gone, NULL), ==, 0);
	ASSERT_INT(run_in_child(watch_what_is_going, NULL), ==, 0);
}

static struct fake_point dying_point;

static void signal_and_watch(const char *label)
{
	if (strcmp(label, "kernel fence: without references, watched"))
		return;
	fake_signal(&dying_point, 1, 4711);
	sync_file_watch();
}

static void watch_while_it_goes(void *unused)
{
	struct counting_cb counter = { .calls = 0 };
	const int watch_fd = sync_file_watch_fd(), fd = fake_sync_file(&dying_point);
	struct dma_fence *fence = take_in(fd);

	(void)unused;
	if (dma_fence_add_callback(fence, &counter.cb, count_call) ||
	    !dma_fence_remove_callback(fence, &counter.cb))
		_exit(1);
	os_race_hook(signal_and_watch);
	dma_fence_put(fence);
	os_race_hook(NULL);
	if (poll_now(watch_fd) || counter.calls)
		_exit(2);
}

TEST(a_fence_without_references_is_not_watched_back_to_life)
{
	ASSERT_INT(run_in_child(watch_while_it_goes, NULL), ==, 0);
}

TEST(who_comes_after_the_thread_is_refused)
{
	ASSERT_INT(sync_file_watch_fd(), ==, -EBUSY);
}

static void watch_without_descriptors(void *unused)
{
	(void)unused;
	os_fault_arm(1);
	if (sync_file_watch_fd() != -EMFILE || !os_fault_disarm() || sync_file_watch_fd() < 0)
		_exit(1);
}

TEST(without_a_descriptor_nobody_watches)
{
	ASSERT_INT(run_in_child(watch_without_descriptors, NULL), ==, 0);
}

/* The sets, and the thread, fail, too. The next one gets them; so each place fails twice, or another in its stead. */
static void take_in_the_first(void *arg)
{
	const int *fd = arg;
	const int ours = make_fd(dma_fence_get_stub());
	bool no_thread = false, none_left = false, no_memory = false, none_watched = false;

	for (unsigned int i = 2;; i++) {
		int merged;

		os_fault_arm(i / 2);
		merged = sync_file_merge("", ours, *fd);
		if (!os_fault_disarm())
			_exit(merged >= 0 && no_thread && none_left && no_memory && none_watched ? 0 : 1);
		no_thread |= merged == -EAGAIN;
		none_left |= merged == -EMFILE;
		no_memory |= merged == -ENOMEM;
		none_watched |= merged == -ENOSPC;
	}
}

TEST(without_a_thread_no_fence_is_taken_in)
{
	struct fake_point point;
	int fd = fake_sync_file(&point);

	ASSERT_INT(run_in_child(take_in_the_first, &fd), ==, 0);
	fake_close(fd);
}

/* May a handler of SIGUSR1 run in this thread? Counts only a thread that sleeps: it has begun. */
static bool is_open_to_signals(const char *tid, unsigned int *asleep)
{
	unsigned long long blocked = ~0ull;
	char path[300], line[100], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "State: %c", &state) == 1)
			*asleep += state == 'S';
		sscanf(line, "SigBlk: %llx", &blocked);
	}
	if (file)
		fclose(file);
	return !(blocked >> (SIGUSR1 - 1) & 1);
}

/* How many threads there are in which one may; all but this one sleep. */
static unsigned int count_open_to_signals(void)
{
	unsigned int threads, asleep, open;

	do {
		DIR *tasks = opendir("/proc/self/task");

		threads = asleep = open = 0;
		for (struct dirent *entry; tasks && (entry = readdir(tasks));) {
			if (entry->d_name[0] == '.')
				continue;
			threads++;
			open += is_open_to_signals(entry->d_name, &asleep);
		}
		closedir(tasks);
	} while (asleep + 1 < threads);
	return open;
}

static void start_watching(void *fd)
{
	const unsigned int before = count_open_to_signals();

	take_in(*(int *)fd);
	if (count_open_to_signals() != before)
		_exit(1);
}

/* In a child, where the library has no thread yet. */
TEST(no_handler_runs_in_the_librarys_thread)
{
	struct fake_point point;
	int fd = fake_sync_file(&point);

	ASSERT_INT(run_in_child(start_watching, &fd), ==, 0);
	fake_close(fd);
}

static void use_the_parents(void *fence)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct counting_cb counter = { .calls = 0 };
	struct dma_fence *own;

	/* It never signals here, and closes nothing that has got its number. */
	if (dma_fence_is_signaled(fence))
		_exit(1);
	dma_fence_put(fence);
	if (poll_now(fd))
		_exit(3);
	own = take_in(fd);
	if (dma_fence_add_callback(own, &counter.cb, count_call))
		_exit(2);
	fake_signal(&point, 1, 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
}

TEST(a_forked_child_has_a_watcher_of_its_own)
{
	struct fake_point point;
	const int fd = fake_sync_file(&point);
	struct dma_fence *fence = take_in(fd);
	struct counting_cb counter = { .calls = 0 };

	ASSERT_INT(dma_fence_add_callback(fence, &counter.cb, count_call), ==, 0);
	ASSERT_TRUE(dma_fence_remove_callback(fence, &counter.cb));
	ASSERT_INT(run_in_child(use_the_parents, fence), ==, 0);
	ASSERT_INT(dma_fence_add_callback(fence, &counter.cb, count_call), ==, 0);
	fake_signal(&point, 1, 1);
	WAIT_UNTIL(load_acquire(&counter.calls));
	put_last(fence);
	fake_close(fd);
}

/*
 * Torture: the kernel signals in any order, while fences are taken in, watched and let go.
 */

#define POINTS 4

struct watch {
	struct fake_point points[POINTS];
	int fds[POINTS];
};

static void signal_in_any_order(struct watch *watch, uint32_t *chance)
{
	const unsigned int first = test_random(chance) % POINTS;

	for (unsigned int i = 0; i < POINTS; i++) {
		const unsigned int which = (first + i * 3) % POINTS;

		for (unsigned int yields = test_random(chance) % 8; yields; yields--)
			test_yield();
		fake_signal(&watch->points[which], which % 2 ? 1 : -EIO, 1 + which);
	}
}

static void watch_one(struct watch *watch, unsigned int which, uint32_t chance)
{
	struct dma_fence *fence = take_in(watch->fds[which]);
	struct counting_cb counter = { .calls = 0 };
	const int err = dma_fence_add_callback(fence, &counter.cb, count_call);
	bool removed = false;

	ASSERT_TRUE(!err || err == -ENOENT);
	if (!err && chance % 2)
		removed = dma_fence_remove_callback(fence, &counter.cb);
	if (chance / 2 % 4 == 0)
		ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	if (!err && !removed)
		WAIT_UNTIL(load_acquire(&counter.calls));
	if (dma_fence_is_signaled(fence)) {
		ASSERT_INT(dma_fence_get_status(fence), ==, which % 2 ? 1 : -EIO);
		ASSERT_INT(dma_fence_timestamp(fence), ==, 1 + which);
	}
	/* Once it has returned, what the callback had may go. */
	if (!err && !removed)
		ASSERT_FALSE(dma_fence_remove_callback(fence, &counter.cb));
	ASSERT_INT(counter.calls, ==, !err && !removed);
	dma_fence_put(fence);
	test_operation();
}

static void signal_or_watch_all(unsigned int index, void *arg)
{
	uint32_t chance = test_thread_seed();

	if (!index)
		signal_in_any_order(arg, &chance);
	for (unsigned int i = 0; index && i < 2 * POINTS; i++)
		watch_one(arg, test_random(&chance) % POINTS, test_random(&chance));
}

TORTURE(fences_of_the_kernel_are_watched_and_let_go_while_they_signal)
{
	test_race_begin();
	for (unsigned int i = test_rounds(40); i; i--) {
		struct watch watch;

		for (unsigned int k = 0; k < POINTS; k++)
			watch.fds[k] = fake_sync_file(&watch.points[k]);
		test_threads(4, signal_or_watch_all, &watch);
		for (unsigned int k = 0; k < POINTS; k++)
			fake_close(watch.fds[k]);
	}
	test_race_end();
}
