/* SPDX-License-Identifier: MIT */
/* The sync_file and its descriptor: what they hold, what they cost, what is refused. */
#define _GNU_SOURCE
#include "descriptors.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "fence/fence.h"
#include "fence/sync-file.h"

static uint32_t references(const struct dma_fence *fence)
{
	return load_relaxed(&fence->refcount.count);
}

/*
 * Without a descriptor.
 */

TEST(a_sync_file_takes_a_reference_and_costs_no_descriptor)
{
	struct test_resources before = test_resources();
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);

	ASSERT_INT(references(fence), ==, 2);
	ASSERT_INT(test_resources().descriptors, ==, before.descriptors);
	ASSERT_PTR(file->file, ==, file);
	sync_file_put(file);
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(fence);
	sync_file_put(NULL);
}

TEST(create_without_a_fence_warns)
{
	struct sync_file *file;

	ASSERT_WARNS(file = sync_file_create(NULL), "without a fence");
	ASSERT_PTR(file, ==, NULL);
}

TEST(create_without_memory_takes_no_reference)
{
	struct dma_fence *fence = make_fence();

	os_fault_arm(1);
	ASSERT_PTR(sync_file_create(fence), ==, NULL);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(fence);
}

TEST(the_name_tells_driver_timeline_context_and_seqno)
{
	struct dma_fence *fence = make_fence_with(&plain_ops, NULL, dma_fence_context_alloc(1), 7);
	struct sync_file *file = sync_file_create(fence);
	char name[64], expected[64];

	snprintf(expected, sizeof(expected), "driver-timeline%llu-7", (unsigned long long)fence->context);
	ASSERT_PTR(sync_file_get_name(file, name, sizeof(name)), ==, name);
	ASSERT_STR(name, expected);
	sync_file_put(file);
	dma_fence_put(fence);
}

TEST(a_name_that_does_not_fit_is_cut)
{
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);
	char name[8] = "xxxxxxx";

	ASSERT_PTR(sync_file_get_name(file, name, 0), ==, name);
	ASSERT_STR(name, "xxxxxxx");
	sync_file_get_name(file, name, 7);
	ASSERT_STR(name, "driver");
	sync_file_put(file);
	dma_fence_put(fence);
}

/*
 * With one.
 */

TEST(a_descriptor_costs_two)
{
	struct test_resources before = test_resources();
	struct dma_fence *fence = make_fence();
	int fds[3];

	for (int i = 0; i < 3; i++)
		fds[i] = make_fd(fence);
	ASSERT_INT(test_resources().descriptors, ==, before.descriptors + 6);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	dma_fence_put(fence);
}

TEST(the_fence_is_found_by_every_copy_of_its_descriptor)
{
	struct dma_fence *fence = make_fence(), *other = make_fence();
	const int fd = make_fd(fence), other_fd = make_fd(other), copy = dup(fd);

	assert_stands_for(fd, fence);
	assert_stands_for(copy, fence);
	assert_stands_for(other_fd, other);
	close(fd);
	assert_stands_for(copy, fence);
	dma_fence_signal(fence);
	assert_stands_for(copy, fence);
	close(copy);
	close(other_fd);
	dma_fence_put(fence);
	dma_fence_put(other);
}

TEST(the_fence_is_let_go_by_the_next_call_after_the_last_close)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), copy = dup(fd);

	close(fd);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(references(fence), ==, 2);
	close(copy);
	ASSERT_INT(references(fence), ==, 2);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(fence);
}

TEST(more_closed_descriptors_than_one_look_takes_are_let_go_at_once)
{
	struct dma_fence *fence = make_fence();
	int fds[50];

	for (int i = 0; i < 50; i++)
		fds[i] = make_fd(fence);
	for (int i = 0; i < 50; i++)
		close(fds[i]);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(fence);
}

struct looking_cb {
	struct dma_fence_cb cb;
	int fd;
	struct dma_fence *found;
};

static void look(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct looking_cb *looking = container_of(cb, struct looking_cb, cb);

	(void)fence;
	looking->found = sync_file_get_fence(looking->fd);
}

/* What it lets go of is the signalled fence's: it must not want the lock that the signaller holds. */
TEST(a_callback_may_look_a_descriptor_up)
{
	struct dma_fence *fence = make_fence(), *other = make_fence();
	struct looking_cb looking = { .fd = make_fd(other) };

	ASSERT_INT(dma_fence_add_callback(fence, &looking.cb, look), ==, 0);
	close(make_fd(fence));
	dma_fence_signal(fence);
	ASSERT_PTR(looking.found, ==, other);
	ASSERT_INT(references(fence), ==, 1);
	dma_fence_put(other);
	close(looking.fd);
	dma_fence_put(other);
	dma_fence_put(fence);
}

TEST(a_closed_descriptor_leaves_no_callback)
{
	struct asked_fence *fence = make_asked();

	close(make_fd(&fence->base));
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	/* It would warn if there were one. */
	dma_fence_put(&fence->base);
}

TEST(a_lazy_fence_is_enabled_with_its_descriptor)
{
	struct asked_fence *fence = make_asked();
	struct sync_file *file = sync_file_create(&fence->base);
	int fd;

	ASSERT_INT(fence->enables, ==, 0);
	fd = sync_file_fd(file, O_CLOEXEC);
	ASSERT_INT(fence->enables, ==, 1);
	ASSERT_NOT_READABLE(fd);
	close(fd);
	dma_fence_put(&fence->base);
}

TEST(flags_say_whether_a_descriptor_survives_exec)
{
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);
	int fd;

	ASSERT_INT(sync_file_fd(file, O_NONBLOCK), ==, -EINVAL);
	ASSERT_INT(sync_file_reserve_fd(O_RDWR), ==, -EINVAL);
	ASSERT_INT(sync_file_fd(NULL, 0), ==, -EINVAL);
	fd = sync_file_fd(file, 0);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, 0);
	close(fd);
	fd = make_fd(fence);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	close(fd);
	dma_fence_put(fence);
}

/*
 * Reserved.
 */

TEST(a_reserved_descriptor_is_none_of_a_fence_until_it_is_installed)
{
	struct dma_fence *fence = make_fence();
	const int fd = sync_file_reserve_fd(O_CLOEXEC);

	ASSERT_INT(fd, >=, 0);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	ASSERT_NOT_READABLE(fd);
	sync_file_install_fd(fd, sync_file_create(fence));
	assert_stands_for(fd, fence);
	ASSERT_NOT_READABLE(fd);
	close(fd);
	dma_fence_put(fence);
}

TEST(a_cancelled_descriptor_is_closed)
{
	const int fd = sync_file_reserve_fd(O_CLOEXEC);

	sync_file_cancel_fd(fd);
	ASSERT_INT(fcntl(fd, F_GETFD), ==, -1);
	ASSERT_INT(errno, ==, EBADF);
}

TEST(a_reserved_descriptor_that_is_closed_is_forgotten)
{
	const int fd = sync_file_reserve_fd(O_CLOEXEC);

	close(fd);
	ASSERT_DEATH(sync_file_cancel_fd(fd), "is not reserved");
}

/* A forked child knows only its own. */
static void install_twice(struct dma_fence *fence)
{
	sync_file_install_fd(make_fd(fence), sync_file_create(fence));
}

static void cancel_installed(struct dma_fence *fence)
{
	sync_file_cancel_fd(make_fd(fence));
}

TEST(only_what_is_reserved_is_installed_or_cancelled)
{
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);
	const int reserved = sync_file_reserve_fd(0), spare = sync_file_reserve_fd(O_CLOEXEC);

	ASSERT_DEATH(install_twice(fence), "sync_file_reserve_fd() gives one");
	ASSERT_DEATH(sync_file_install_fd(STDERR_FILENO, file), "is not reserved");
	ASSERT_DEATH(sync_file_install_fd(-1, file), "is not reserved");
	ASSERT_DEATH(sync_file_install_fd(reserved, NULL), "sync_file_cancel_fd() gives up");
	ASSERT_DEATH(cancel_installed(fence), "is not reserved");
	sync_file_install_fd(reserved, file);
	ASSERT_DEATH(sync_file_put(file), "close that");
	ASSERT_DEATH(sync_file_install_fd(spare, file), "is a descriptor's already");
	sync_file_cancel_fd(spare);
	close(reserved);
	dma_fence_put(fence);
}

static void reap_when_cancelled(const char *label)
{
	if (!strcmp(label, "sync_file: cancelled"))
		sync_fd_reap();
}

/* Another thread is told of the hang-up, and finds nothing that it could let go. */
TEST(what_is_being_cancelled_is_let_go_once)
{
	const struct test_resources before = test_resources();
	const int fd = sync_file_reserve_fd(O_CLOEXEC);

	os_race_hook(reap_when_cancelled);
	sync_file_cancel_fd(fd);
	os_race_hook(NULL);
	ASSERT_RESOURCES(before);
}

static int reserved_fd;

static void cancel_first(const char *label)
{
	if (strcmp(label, "sync_file: before a hang-up"))
		return;
	os_race_hook(NULL);
	sync_file_cancel_fd(reserved_fd);
}

TEST(what_is_cancelled_before_it_is_drained_is_left_alone)
{
	const struct test_resources before = test_resources();

	reserved_fd = sync_file_reserve_fd(O_CLOEXEC);
	ASSERT_INT(send(reserved_fd, "x", 1, MSG_NOSIGNAL), ==, 1);
	os_race_hook(cancel_first);
	sync_fd_reap();
	os_race_hook(NULL);
	ASSERT_INT(fcntl(reserved_fd, F_GETFD), ==, -1);
	ASSERT_RESOURCES(before);
}

/*
 * What is refused.
 */

static void assert_no_fence(int fd)
{
	ASSERT_INT(fd, >=, 0);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	close(fd);
}

TEST(descriptors_of_other_kinds_have_no_fence)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);
	int ends[2];

	ASSERT_INT(pipe(ends), ==, 0);
	assert_no_fence(ends[0]);
	assert_no_fence(ends[1]);
	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
	assert_no_fence(ends[0]);
	assert_no_fence(ends[1]);
	assert_no_fence(memfd_create("other", 0));
	assert_no_fence(eventfd(0, 0));
	assert_no_fence(open("/dev/null", O_RDONLY));
	assert_no_fence(open("/", O_PATH));
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_PTR(sync_file_get_fence(1 << 20), ==, NULL);
	close(fd);
	ASSERT_PTR(sync_file_get_fence(fd), ==, NULL);
	dma_fence_put(fence);
}

TEST(a_name_of_a_descriptor_gives_no_right_to_its_fence)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_no_fence(open(path, O_PATH));
	close(fd);
	dma_fence_put(fence);
}

/*
 * None left.
 */

static void assert_as_before(struct sync_file *file, struct dma_fence *fence,
			     struct test_resources before)
{
	char name[32];

	ASSERT_INT(references(fence), ==, 2);
	ASSERT_STR(sync_file_get_name(file, name, 7), "driver");
	ASSERT_INT(load_relaxed(&fence->flags) & ENABLE_SIGNAL, ==, 0);
	ASSERT_RESOURCES(before);
}

TEST(a_descriptor_that_cannot_be_made_leaves_everything_as_it_was)
{
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);
	const struct test_resources before = test_resources();
	int fd;

	for (unsigned int nth = 1;; nth++) {
		os_fault_arm(nth);
		fd = sync_file_fd(file, O_CLOEXEC);
		if (!os_fault_disarm())
			break;
		ASSERT_INT(fd, <, 0);
		assert_as_before(file, fence, before);
	}
	ASSERT_INT(fd, >=, 0);
	close(fd);
	dma_fence_put(fence);
}

static int reserve_failing(unsigned int nth)
{
	int fd;

	os_fault_arm(nth);
	fd = sync_file_reserve_fd(0);
	ASSERT_TRUE(os_fault_disarm());
	return fd;
}

static int fd_failing(unsigned int nth)
{
	struct sync_file *file = sync_file_create(dma_fence_get_stub());
	int fd;

	os_fault_arm(nth);
	fd = sync_file_fd(file, 0);
	ASSERT_TRUE(os_fault_disarm());
	sync_file_put(file);
	return fd;
}

TEST(making_a_descriptor_says_what_it_lacks)
{
	ASSERT_INT(reserve_failing(1), ==, -ENOMEM);
	ASSERT_INT(reserve_failing(2), ==, -EMFILE);
	ASSERT_INT(reserve_failing(4), ==, -ENOSPC);
	ASSERT_INT(fd_failing(1), ==, -ENOMEM);
	ASSERT_INT(fd_failing(2), ==, -EMFILE);
	ASSERT_INT(fd_failing(4), ==, -ENOSPC);
}

/* How many descriptors a process may have until @fd is given back. */
static struct rlimit limit_descriptors(void)
{
	const int fd = dup(0); /* the lowest that is free */
	struct rlimit old, none = { .rlim_cur = (rlim_t)fd };

	getrlimit(RLIMIT_NOFILE, &old);
	none.rlim_max = old.rlim_max;
	close(fd);
	setrlimit(RLIMIT_NOFILE, &none);
	return old;
}

TEST(without_a_free_descriptor_there_is_none)
{
	struct dma_fence *fence = make_fence();
	struct sync_file *file = sync_file_create(fence);
	const struct test_resources before = test_resources();
	const struct rlimit old = limit_descriptors();
	const int fd = sync_file_fd(file, O_CLOEXEC);

	setrlimit(RLIMIT_NOFILE, &old);
	ASSERT_INT(fd, ==, -EMFILE);
	assert_as_before(file, fence, before);
	sync_file_put(file);
	dma_fence_put(fence);
}

/* In a new process, where the first descriptor makes the set. */
static void make_the_first(void *unused)
{
	int fd;

	(void)unused;
	os_fault_arm(1);
	fd = sync_file_reserve_fd(0);
	if (!os_fault_disarm() || fd != -EMFILE)
		_exit(1);
	fd = sync_file_reserve_fd(0);
	_exit(fd >= 0 ? 0 : 2);
}

TEST(a_process_without_room_for_the_set_gets_it_with_the_next_descriptor)
{
	ASSERT_INT(run_in_child(make_the_first, NULL), ==, 0);
}
