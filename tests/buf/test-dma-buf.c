/* SPDX-License-Identifier: MIT */
/* The life of a buffer: references, names, fork. */
#define _GNU_SOURCE
#include <dmabuf/dma-buf-memfd.h>
#include <dmabuf/dma-fence-timeline.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-exporter.h"
#include "memfd-buffer.h"

#define SIZE 131072 /* whole pages, also of 64 KiB */

/*
 * References.
 */

TEST(the_last_reference_releases_once_without_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 0);
	dma_buf_put(dmabuf);
	fake_assert_calls(&fake, FAKE_RELEASE, 1, false);
	dma_buf_put(NULL);
}

static struct dma_buf *got_meanwhile;
static unsigned int tries;

static void get_meanwhile(const char *label)
{
	if (!strcmp(label, "dma-buf: before a put") && !tries++)
		get_dma_buf(got_meanwhile);
}

TEST(a_reference_that_is_taken_while_another_is_put_is_counted)
{
	struct fake fake;

	got_meanwhile = fake_begin_test(&fake, FAKE_STATIC);
	get_dma_buf(got_meanwhile);
	tries = 0;
	os_race_hook(get_meanwhile);
	dma_buf_put(got_meanwhile);
	os_race_hook(NULL);
	ASSERT_INT(tries, ==, 2);
	dma_buf_put(got_meanwhile);
	ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 0);
	dma_buf_put(got_meanwhile);
	ASSERT_INT(fake.calls[FAKE_RELEASE], ==, 1);
}

static void release_and_get(struct dma_buf *dmabuf)
{
	get_dma_buf(dmabuf);
}

static void release_and_put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
}

/* The exporter's release is the last that sees it. */
TEST(a_buffer_that_is_being_released_can_be_neither_got_nor_put)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	fake.ops.release = release_and_get;
	ASSERT_DEATH(dma_buf_put(dmabuf), "get_dma_buf(): buffer");
	fake.ops.release = release_and_put;
	ASSERT_DEATH(dma_buf_put(dmabuf), "dma_buf_put(): buffer");
	fake.ops.release = fake_release;
	dma_buf_put(dmabuf);
}

TEST(the_last_put_under_the_lock_aborts)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	lock(dmabuf);
	ASSERT_DEATH(dma_buf_put(dmabuf), "dma_buf_put(): the caller holds");
	unlock(dmabuf);
	dma_buf_put(dmabuf);
}

TEST(a_put_with_a_vmap_left_aborts)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct iosys_map map;

	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &map), ==, 0);
	ASSERT_DEATH(dma_buf_put(dmabuf), "undo them first");
	dma_buf_vunmap_unlocked(dmabuf, &map);
	dma_buf_put(dmabuf);
}

static char last_warning[256];

static void remember_warning(const char *message)
{
	snprintf(last_warning, sizeof(last_warning), "%s", message);
}

/* In a child, since the buffer is then never freed. */
static void put_with_attachment(void)
{
	struct device dev = { .name = "left" };
	struct dma_buf_attachment *attach;
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	dmabuf_set_warn_handler(remember_warning);
	attach = dma_buf_attach(dmabuf, &dev);
	dma_buf_put(dmabuf);
	if (!strstr(last_warning, "detach first") || fake.calls[FAKE_RELEASE])
		_exit(1);
	dma_buf_detach(dmabuf, attach);
	if (fake.calls[FAKE_DETACH] != 1)
		_exit(2);
	_exit(0);
}

static int run_in_child(void (*func)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	ASSERT_INT(pid, >=, 0);
	if (!pid) {
		func();
		_exit(0);
	}
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(a_put_with_an_attachment_left_warns_and_leaves_what_detach_needs)
{
	ASSERT_INT(run_in_child(put_with_attachment), ==, 0);
}

static void put_twice(void)
{
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);
}

struct references {
	struct dma_buf *dmabuf;
	unsigned int rounds;
	int fd;
};

static void get_and_put(unsigned int index, void *arg)
{
	struct references *references = arg;

	(void)index;
	for (unsigned int i = 0; i < references->rounds; i++) {
		struct dma_buf *found = dma_buf_get(references->fd);

		test_operation();
		ASSERT_PTR(found, ==, references->dmabuf);
		get_dma_buf(found);
		dma_buf_put(found);
		dma_buf_put(found);
	}
}

TORTURE(references_are_counted_from_all_threads)
{
	struct references references = { .dmabuf = new_memfd_buffer(SIZE), .rounds = test_rounds(5000) };

	references.fd = dma_buf_fd(references.dmabuf, O_RDWR);
	test_race_begin();
	test_threads(4, get_and_put, &references);
	test_race_end();
	dma_buf_put(references.dmabuf);
	close(references.fd);
	put_twice();
}

/*
 * Whoever finds a buffer by descriptor holds a live one; the rest find none, and one of
 * them makes the next.
 */
static void find_or_make(unsigned int index, void *arg)
{
	struct references *references = arg;

	(void)index;
	for (unsigned int i = 0; i < references->rounds; i++) {
		struct dma_buf *found = dma_buf_get(references->fd);

		if (dmabuf_is_err(found)) {
			const int err = dma_buf_memfd_import(references->fd, &found);

			ASSERT_TRUE(err == 0 || err == -EEXIST);
			if (err)
				continue;
		}
		test_operation();
		ASSERT_INT(found->size, ==, SIZE);
		dma_buf_put(found);
	}
}

TORTURE(a_buffer_that_dies_is_never_found)
{
	struct references references = { .rounds = test_rounds(5000) };
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);

	references.fd = dma_buf_fd(dmabuf, O_RDWR);
	dma_buf_put(dmabuf);
	test_race_begin();
	test_threads(3, find_or_make, &references);
	test_race_end();
	close(references.fd);
}

/*
 * Names.
 */

TEST(a_name_is_copied_and_can_be_changed_and_removed)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	char name[DMA_BUF_NAME_LEN], text[] = "first";

	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "");
	ASSERT_INT(dma_buf_set_name(dmabuf, text), ==, 0);
	text[0] = 'x';
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "first");
	ASSERT_STR(dmabuf->name, "first");
	ASSERT_INT(dma_buf_set_name(dmabuf, NULL), ==, 0);
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "");
	dma_buf_put(dmabuf);
}

TEST(a_name_that_is_too_long_changes_nothing)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	char name[DMA_BUF_NAME_LEN];

	ASSERT_INT(dma_buf_set_name(dmabuf, "1234567890123456789012345678901"), ==, 0);
	ASSERT_INT(dma_buf_set_name(dmabuf, "12345678901234567890123456789012"), ==, -EINVAL);
	ASSERT_INT(dma_buf_set_name(NULL, "none"), ==, -EINVAL);
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "1234567890123456789012345678901");
	dma_buf_put(dmabuf);
}

static void hold_lock_until(void *arg)
{
	struct fake *fake = arg;

	lock(fake->dmabuf);
	store_release(&fake->map_gives_null, true); /* a flag at hand: locked */
	WAIT_UNTIL(!load_acquire(&fake->map_gives_null));
	unlock(fake->dmabuf);
}

/* R11: the name is readable at any time, also while another thread holds the reservation. */
TEST(R11_the_name_is_readable_while_the_reservation_is_held)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct test_thread *holder = test_thread_start(hold_lock_until, &fake);
	char name[DMA_BUF_NAME_LEN];

	WAIT_UNTIL(load_acquire(&fake.map_gives_null));
	ASSERT_INT(dma_buf_set_name(dmabuf, "any time"), ==, 0);
	dma_buf_get_name(dmabuf, name);
	ASSERT_STR(name, "any time");
	store_release(&fake.map_gives_null, false);
	test_thread_join(holder);
	dma_buf_put(dmabuf);
}

static void rename_or_read(unsigned int index, void *arg)
{
	static const char *const names[] = { "aaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb" };
	struct references *references = arg;
	char name[DMA_BUF_NAME_LEN];

	for (unsigned int i = 0; i < references->rounds; i++) {
		if (index < 2)
			ASSERT_INT(dma_buf_set_name(references->dmabuf, names[index]), ==, 0);
		dma_buf_get_name(references->dmabuf, name);
		test_operation();
		ASSERT_TRUE(!strcmp(name, names[0]) || !strcmp(name, names[1]));
	}
}

TORTURE(R11_a_name_is_never_read_half_changed)
{
	struct references references = { .dmabuf = new_memfd_buffer(SIZE), .rounds = test_rounds(5000) };

	ASSERT_INT(dma_buf_set_name(references.dmabuf, "aaaaaaaaaaaa"), ==, 0);
	test_race_begin();
	test_threads(3, rename_or_read, &references);
	test_race_end();
	dma_buf_put(references.dmabuf);
}

/*
 * Fork.
 */

static struct dma_buf *parents, *parents_other; /* for the child */

/* The parent's buffer is not found; its memory is, anew; and the parent's can be put. */
static void use_anew(void)
{
	const int fd = dma_buf_fd(parents, O_RDWR);
	struct dma_buf *child;
	void *address;

	dma_buf_put(parents_other);
	if (!dmabuf_is_err(dma_buf_get(fd)) || dma_buf_memfd_import(fd, &child))
		_exit(1);
	if (dma_buf_mmap_cpu(child, PROT_READ, &address) ||
	    dma_buf_begin_cpu_access(child, DMA_FROM_DEVICE) ||
	    strcmp(address, "from the parent"))
		_exit(2);
	dma_buf_end_cpu_access(child, DMA_FROM_DEVICE);
	dma_buf_put(parents);
	if (dma_buf_get(fd) != child)
		_exit(3);
	dma_buf_put(child);
	dma_buf_put(child);
	if (!dmabuf_is_err(dma_buf_get(fd)))
		_exit(4);
}

/* Fences, a reservation, a wait and a grace period, all of the child's own. */
static void use_all_anew(void)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("child");
	struct dma_buf *dmabuf = new_memfd_buffer(SIZE);
	struct dma_fence *fence = dma_fence_timeline_emit(tl);

	lock(dmabuf);
	if (!fence || dma_resv_reserve_fences(dmabuf->resv, 1))
		_exit(1);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_WRITE);
	unlock(dmabuf);
	if (dma_resv_test_signaled(dmabuf->resv, DMA_RESV_USAGE_WRITE) ||
	    dma_fence_timeline_signal(tl, fence->seqno, 0))
		_exit(2);
	if (dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE) ||
	    dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE))
		_exit(3);
	dma_fence_put(fence);
	dma_fence_timeline_destroy(tl);
	dma_buf_put(dmabuf);
	dmabuf_rcu_barrier();
}

static unsigned int deferred_runs;

static void count_run(struct dmabuf_rcu_head *head)
{
	(void)head;
	deferred_runs++;
}

/* Also where liburcu's thread is there already, and something waits to be handed to it. */
TEST(a_forked_child_may_use_all_of_the_library_anew)
{
	struct dmabuf_rcu_head before, gathered;

	deferred_runs = 0;
	dmabuf_call_rcu(&before, count_run);
	dmabuf_rcu_barrier();
	dmabuf_call_rcu(&gathered, count_run);
	ASSERT_INT(run_in_child(use_all_anew), ==, 0);
	dmabuf_rcu_barrier();
	ASSERT_INT(deferred_runs, ==, 2);
}

static void exec_and_look(void)
{
	const int fd = memfd_create("not by the library", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct dma_buf *imported;

	(void)new_memfd_buffer(SIZE);
	if (ftruncate(fd, SIZE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ||
	    dma_buf_memfd_import(fd, &imported))
		_exit(1);
	execl("/bin/sh", "sh", "-c",
	      "for fd in /proc/$$/fd/*; do case $(readlink $fd) in *memfd:*) exit 2;; esac; done",
	      (char *)NULL);
	_exit(3);
}

TEST(what_the_library_opens_is_closed_by_exec)
{
	ASSERT_INT(run_in_child(exec_and_look), ==, 0);
}

TEST(a_forked_child_has_an_empty_registry_and_may_begin_anew)
{
	struct dma_buf *found;
	void *address;
	int fd;

	parents = new_memfd_buffer(SIZE);
	parents_other = new_memfd_buffer(SIZE);
	ASSERT_INT(dma_buf_mmap_cpu(parents, PROT_READ | PROT_WRITE, &address), ==, 0);
	ASSERT_INT(dma_buf_begin_cpu_access(parents, DMA_TO_DEVICE), ==, 0);
	strcpy(address, "from the parent");
	ASSERT_INT(dma_buf_end_cpu_access(parents, DMA_TO_DEVICE), ==, 0);
	ASSERT_INT(run_in_child(use_anew), ==, 0);

	fd = dma_buf_fd(parents, O_RDWR);
	found = dma_buf_get(fd);
	ASSERT_PTR(found, ==, parents);
	dma_buf_put(found);
	dma_buf_put(parents);
	dma_buf_put(parents_other);
	close(fd);
}

/*
 * Whatever another thread was doing in the registry, the child's is usable: here it holds the
 * registry's lock when the process forks.
 */

static struct {
	pthread_t thread;
	unsigned int inside, forked; /* atomic */
} holder;

static void stay_inside(const char *label)
{
	if (strcmp(label, "registry: locked") || !pthread_equal(pthread_self(), holder.thread))
		return;
	store_release(&holder.inside, 1);
	WAIT_UNTIL(load_acquire(&holder.forked));
}

static void hold_registry(void *unused)
{
	(void)unused;
	holder.thread = pthread_self();
	os_race_hook(stay_inside);
	dma_buf_put(new_memfd_buffer(SIZE));
	os_race_hook(NULL);
}

TEST(fork_while_another_thread_is_in_the_registry)
{
	struct test_thread *thread;
	int status;
	pid_t pid;

	holder.inside = holder.forked = 0;
	thread = test_thread_start(hold_registry, NULL);
	WAIT_UNTIL(load_acquire(&holder.inside));
	pid = fork();
	if (!pid) {
		alarm(60); /* not a verdict: it keeps a child that hangs from staying */
		put_twice();
		_exit(0);
	}
	store_release(&holder.forked, 1);
	test_thread_join(thread);
	ASSERT_INT(waitpid(pid, &status, 0), ==, pid);
	ASSERT_INT(status, ==, 0);
}
