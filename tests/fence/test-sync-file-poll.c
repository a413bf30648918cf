/* SPDX-License-Identifier: MIT */
/* When a descriptor of a fence is readable, for whom, and that it stays so. */
#define _GNU_SOURCE
#include <dmabuf/dma-fence-array.h>
#include <dmabuf/dma-fence-timeline.h>

#include "descriptors.h"

#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>

TEST(a_descriptor_is_readable_once_its_fence_has_signalled)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);

	ASSERT_NOT_READABLE(fd);
	dma_fence_signal(fence);
	ASSERT_READABLE(fd);
	close(fd);
	dma_fence_put(fence);
}

TEST(a_descriptor_of_a_fence_that_has_signalled_is_readable_at_once)
{
	struct dma_fence *fence = dma_fence_get_stub();
	const int fd = make_fd(fence);

	ASSERT_READABLE(fd);
	close(fd);
	dma_fence_put(fence);
}

TEST(an_error_makes_it_readable_too)
{
	struct dma_fence *fence = make_fence(), *found;
	const int fd = make_fd(fence);

	dma_fence_set_error(fence, -EIO);
	dma_fence_signal(fence);
	ASSERT_READABLE(fd);
	found = sync_file_get_fence(fd);
	ASSERT_INT(dma_fence_get_status(found), ==, -EIO);
	dma_fence_put(found);
	close(fd);
	dma_fence_put(fence);
}

TEST(nobody_can_drain_it)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), copy = dup(fd);
	char byte = 0;

	/* What is sent before goes nowhere, and does not come back. */
	ASSERT_INT(send(fd, &byte, 1, MSG_NOSIGNAL), ==, 1);
	ASSERT_NOT_READABLE(fd);
	dma_fence_signal(fence);
	for (int i = 0; i < 3; i++) {
		ASSERT_INT(read(copy, &byte, 1), ==, 0);
		ASSERT_READABLE(fd);
		ASSERT_READABLE(copy);
	}
	close(fd);
	close(copy);
	dma_fence_put(fence);
}

TEST(it_is_readable_after_the_last_short_lock_and_not_before)
{
	struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
	struct dma_fence *fence = make_fence_with(&plain_ops, &lock, dma_fence_context_alloc(1), 1);
	const int fd = make_fd(fence);

	dmabuf_spin_lock(&lock);
	dma_fence_signal_locked(fence);
	/* It takes a system call, and there may be none under a fence's lock. */
	ASSERT_NOT_READABLE(fd);
	dmabuf_spin_unlock(&lock);
	ASSERT_READABLE(fd);
	close(fd);
	dma_fence_put(fence);
}

TEST(one_descriptor_stands_for_many_fences)
{
	struct dma_fence **members = malloc(20 * sizeof(struct dma_fence *));
	struct dma_fence_array *array;
	int fd;

	for (int i = 0; i < 20; i++)
		members[i] = make_fence();
	array = dma_fence_array_create(20, members, dma_fence_context_alloc(1), 1, false);
	fd = make_fd(&array->base);
	for (int i = 19; i >= 0; i--) {
		ASSERT_NOT_READABLE(fd);
		dma_fence_signal(members[i]);
	}
	ASSERT_READABLE(fd);
	close(fd);
	dma_fence_put(&array->base);
}

TEST(a_timeline_makes_many_readable_at_once)
{
	struct dma_fence_timeline *timeline = dma_fence_timeline_create("timeline");
	int fds[8];

	for (int i = 0; i < 8; i++) {
		struct dma_fence *point = dma_fence_timeline_emit(timeline);

		fds[i] = make_fd(point);
		dma_fence_put(point);
	}
	ASSERT_INT(dma_fence_timeline_signal(timeline, 5, 0), ==, 0);
	for (int i = 0; i < 8; i++)
		ASSERT_INT(poll_now(fds[i]), ==, i < 5 ? POLLIN : 0);
	dma_fence_timeline_destroy(timeline);
	for (int i = 0; i < 8; i++) {
		ASSERT_READABLE(fds[i]);
		close(fds[i]);
	}
}

/*
 * Each way to wait.
 */

TEST(select_sees_it)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);

	for (int signaled = 0; signaled < 2; signaled++) {
		struct timeval no_time = { 0, 0 };
		fd_set set;

		FD_ZERO(&set);
		FD_SET(fd, &set);
		ASSERT_INT(select(fd + 1, &set, NULL, NULL, &no_time), ==, signaled);
		dma_fence_signal(fence);
	}
	close(fd);
	dma_fence_put(fence);
}

static int epoll_with(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	const int set = epoll_create1(0);

	ASSERT_INT(set, >=, 0);
	ASSERT_INT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), ==, 0);
	return set;
}

static int epoll_now(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 0);
}

TEST(epoll_sees_it_each_time_or_by_its_edge)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence), level = epoll_with(fd, EPOLLIN),
		  edge = epoll_with(fd, EPOLLIN | EPOLLET), copy = dup(fd);
	int later;

	ASSERT_INT(epoll_now(level), ==, 0);
	ASSERT_INT(epoll_now(edge), ==, 0);
	dma_fence_signal(fence);
	ASSERT_INT(epoll_now(level), ==, 1);
	ASSERT_INT(epoll_now(level), ==, 1);
	ASSERT_INT(epoll_now(edge), ==, 1);
	ASSERT_INT(epoll_now(edge), ==, 0);
	/* Who comes late has not missed the edge. */
	later = epoll_with(copy, EPOLLIN | EPOLLET);
	ASSERT_INT(epoll_now(later), ==, 1);
	close(later);
	close(edge);
	close(level);
	close(copy);
	close(fd);
	dma_fence_put(fence);
}

/* A ring with room for one request, by system calls alone. */
struct ring {
	int fd;
	struct io_uring_params params;
	char *queues;
	struct io_uring_sqe *request;
};

static uint32_t *ring_word(struct ring *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring->queues + offset);
}

static size_t ring_size(const struct ring *ring)
{
	return ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe) + 4096;
}

/* False: this system has none, or gives us none. */
static bool ring_begins(struct ring *ring)
{
	*ring = (struct ring){ .fd = -1 };
	ring->fd = (int)syscall(SYS_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return false;
	ASSERT_TRUE(ring->params.features & IORING_FEAT_SINGLE_MMAP);
	ring->queues = mmap(NULL, ring_size(ring), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			    IORING_OFF_SQ_RING);
	ring->request = mmap(NULL, sizeof(*ring->request), PROT_READ | PROT_WRITE, MAP_SHARED,
			     ring->fd, IORING_OFF_SQES);
	ASSERT_PTR(ring->queues, !=, MAP_FAILED);
	ASSERT_PTR(ring->request, !=, MAP_FAILED);
	return true;
}

static void ring_ends(struct ring *ring)
{
	munmap(ring->request, sizeof(*ring->request));
	munmap(ring->queues, ring_size(ring));
	close(ring->fd);
}

static void ring_poll(struct ring *ring, int fd)
{
	*ring->request = (struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD,
		.fd = fd,
		.poll32_events = POLLIN,
	};
	*ring_word(ring, ring->params.sq_off.array) = 0;
	store_release(ring_word(ring, ring->params.sq_off.tail),
		      *ring_word(ring, ring->params.sq_off.tail) + 1);
	ASSERT_INT(syscall(SYS_io_uring_enter, ring->fd, 1, 0, 0, NULL, 0), ==, 1);
}

static unsigned int ring_completed(struct ring *ring)
{
	return load_acquire(ring_word(ring, ring->params.cq_off.tail));
}

TEST(io_uring_sees_it)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);
	struct ring ring;

	if (ring_begins(&ring)) {
		ring_poll(&ring, fd);
		ASSERT_INT(ring_completed(&ring), ==, 0);
		dma_fence_signal(fence);
		ASSERT_INT(syscall(SYS_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0),
			   >=, 0);
		ASSERT_INT(ring_completed(&ring), ==, 1);
		ring_ends(&ring);
	} else {
		printf("not tested: io_uring, which is not here\n");
		dma_fence_signal(fence);
	}
	close(fd);
	dma_fence_put(fence);
}

static void poll_until_readable(void *arg)
{
	const int *fd = arg;
	struct pollfd entry = { .fd = *fd, .events = POLLIN };

	ASSERT_INT(poll(&entry, 1, -1), ==, 1);
	ASSERT_INT(entry.revents, ==, POLLIN);
}

TEST(every_poller_wakes)
{
	struct dma_fence *fence = make_fence();
	int fd = make_fd(fence);
	struct test_thread *pollers[4];

	for (int i = 0; i < 4; i++)
		pollers[i] = test_thread_start(poll_until_readable, &fd);
	dma_fence_signal(fence);
	for (int i = 0; i < 4; i++)
		test_thread_join(pollers[i]);
	close(fd);
	dma_fence_put(fence);
}

/*
 * Fork.
 */

struct inherited {
	struct dma_fence *fence;
	int fd, go;
};

/* The parent's descriptor is one of another process; one of its own is new. */
static void use_anew(void *arg)
{
	const struct inherited *inherited = arg;
	struct dma_fence *fence = make_fence(), *found;
	int fd, others[2];

	/* They get the numbers that the parent's had. */
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, others))
		_exit(5);
	if (sync_file_get_fence(inherited->fd))
		_exit(1);
	fd = make_fd(fence);
	found = sync_file_get_fence(fd);
	if (found != fence || poll_now(fd))
		_exit(2);
	dma_fence_signal(fence);
	if (poll_now(fd) != POLLIN || poll_now(inherited->fd))
		_exit(3);
	/* It would be wrong, but must not reach the parent. */
	dma_fence_signal(inherited->fence);
	if (poll_now(inherited->fd) || poll_now(others[0]) || poll_now(others[1]))
		_exit(4);
}

TEST(a_forked_child_has_descriptors_of_its_own_and_disturbs_none_of_the_parents)
{
	struct inherited inherited = { .fence = make_fence() };

	inherited.fd = make_fd(inherited.fence);
	ASSERT_INT(run_in_child(use_anew, &inherited), ==, 0);
	ASSERT_NOT_READABLE(inherited.fd);
	assert_stands_for(inherited.fd, inherited.fence);
	dma_fence_signal(inherited.fence);
	ASSERT_READABLE(inherited.fd);
	close(inherited.fd);
	dma_fence_put(inherited.fence);
}

/* Ends when the inherited descriptor is readable. */
static int wait_in_child(int fd, int close_first)
{
	struct pollfd entry = { .fd = fd, .events = POLLIN };
	const pid_t pid = fork();

	ASSERT_INT(pid, >=, 0);
	if (pid)
		return pid;
	close(close_first);
	poll(&entry, 1, -1);
	_exit(entry.revents);
}

TEST(a_forked_child_may_wait_for_what_it_inherited)
{
	struct dma_fence *fence = make_fence();
	const int fd = make_fd(fence);
	const pid_t pid = wait_in_child(fd, -1);
	int status;

	close(fd);
	ASSERT_PTR(sync_file_get_fence(-1), ==, NULL);
	ASSERT_INT(load_relaxed(&fence->refcount.count), ==, 2);
	dma_fence_signal(fence);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(WEXITSTATUS(status), ==, POLLIN);
	dma_fence_put(fence);
}

static struct {
	pthread_t thread;
	unsigned int inside, forking; /* atomic */
} changer;

/* The fork must wait for who is in the tree, since the child would find it half changed. */
static void stay_until_the_fork(const char *label)
{
	if (!strcmp(label, "rcu: about to fork"))
		store_release(&changer.forking, 1);
	if (strcmp(label, "sync_file: in the tree, locked") ||
	    !pthread_equal(pthread_self(), changer.thread))
		return;
	store_release(&changer.inside, 1);
	WAIT_UNTIL(load_acquire(&changer.forking));
	for (unsigned int i = 0; i < 100; i++) /* who does not wait forks now */
		test_yield();
}

static void reserve_and_cancel(void *unused)
{
	(void)unused;
	changer.thread = pthread_self();
	os_race_hook(stay_until_the_fork);
	sync_file_cancel_fd(sync_file_reserve_fd(O_CLOEXEC));
}

static void begin_anew(void *unused)
{
	(void)unused;
	alarm(60); /* not a verdict: it keeps a child that hangs from staying */
	os_race_hook(NULL);
	sync_file_cancel_fd(sync_file_reserve_fd(O_CLOEXEC));
}

TEST(fork_while_another_thread_is_among_the_descriptors)
{
	struct test_thread *thread;

	test_forks_beside_threads();
	changer.inside = changer.forking = 0;
	thread = test_thread_start(reserve_and_cancel, NULL);
	WAIT_UNTIL(load_acquire(&changer.inside));
	ASSERT_INT(run_in_child(begin_anew, NULL), ==, 0);
	os_race_hook(NULL);
	test_thread_join(thread);
}

/*
 * Many threads.
 */

struct torture {
	struct dma_fence_timeline *timeline;
	unsigned int rounds;
	uint32_t emitted; /* atomic */
	uint32_t makers;  /* atomic: of those that are left */
	bool done;	  /* atomic */
};

static void signal_them(struct torture *torture)
{
	uint32_t signaled = 0;

	while (!load_acquire(&torture->done) || signaled < load_acquire(&torture->emitted)) {
		const uint32_t emitted = load_acquire(&torture->emitted);

		if (emitted == signaled) {
			test_yield();
			continue;
		}
		dma_fence_timeline_signal(torture->timeline, emitted, 0);
		signaled = emitted;
	}
}

/* Makes a descriptor, and closes it at any time before or after its signal. */
static void make_and_close(struct torture *torture, uint32_t *state)
{
	struct dma_fence *point = dma_fence_timeline_emit(torture->timeline);
	struct pollfd entry = { .events = POLLIN };
	const uint32_t chance = test_random(state) % 4;

	test_operation();
	if (chance == 0)
		fetch_add_release(&torture->emitted, 1);
	entry.fd = make_fd(point);
	if (chance != 0)
		fetch_add_release(&torture->emitted, 1);
	if (chance == 1)
		assert_stands_for(entry.fd, point);
	if (chance == 2) {
		ASSERT_INT(poll(&entry, 1, -1), ==, 1);
		ASSERT_INT(entry.revents, ==, POLLIN);
		ASSERT_TRUE(dma_fence_is_signaled(point));
	}
	close(entry.fd);
	dma_fence_put(point);
}

static void make_close_or_signal(unsigned int index, void *arg)
{
	struct torture *torture = arg;
	uint32_t state = test_thread_seed();

	if (!index) {
		signal_them(torture);
		return;
	}
	for (unsigned int i = 0; i < torture->rounds; i++)
		make_and_close(torture, &state);
	if (fetch_sub_acq_rel(&torture->makers, 1) == 1)
		store_release(&torture->done, true);
}

TORTURE(descriptors_are_made_closed_and_signalled_from_all_threads)
{
	struct torture torture = {
		.timeline = dma_fence_timeline_create("torture"),
		.rounds = test_rounds(2000),
		.makers = 3,
	};

	test_race_begin();
	test_threads(4, make_close_or_signal, &torture);
	test_race_end();
	dma_fence_timeline_destroy(torture.timeline);
}

/* In a new process: the set is made by whoever comes first. */
static void make_one(unsigned int index, void *arg)
{
	(void)index;
	close(make_fd(arg));
}

/* Both have made a set. */
static void wait_for_the_other(const char *label)
{
	static unsigned int there; /* atomic */

	if (strcmp(label, "sync_file: before the set"))
		return;
	fetch_add_release(&there, 1);
	WAIT_UNTIL(load_acquire(&there) == 2);
}

static void race_for_the_set(void *arg)
{
	const struct test_resources before = test_resources();
	struct test_resources after;

	os_race_hook(wait_for_the_other);
	test_threads(2, make_one, arg);
	os_race_hook(NULL);
	after = test_resources();
	_exit(after.descriptors == before.descriptors + 1 ? 0 : 1);
}

TEST(threads_that_make_the_first_descriptor_together_make_one_set)
{
	struct dma_fence *fence = make_fence();

	ASSERT_INT(run_in_child(race_for_the_set, fence), ==, 0);
	dma_fence_put(fence);
}
