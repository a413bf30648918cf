/* SPDX-License-Identifier: MIT */
/* The fuzz target's descriptors of fences. */
#ifndef SYNC_FILES_H
#define SYNC_FILES_H

#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <unistd.h>

#include <dmabuf/sync-file.h>

#include "containers.h"

#define MAX_FILES 8

static struct {
	struct thing *thing; /* NULL: no descriptor */
	int fd;
	char name[32];
} files[MAX_FILES];

static int free_file(void)
{
	for (unsigned int i = 0; i < MAX_FILES; i++) {
		if (!files[i].thing)
			return (int)i;
	}
	return -1;
}

static void opened(int i, int fd, struct thing *thing, const char *name)
{
	files[i].thing = thing;
	files[i].fd = fd;
	snprintf(files[i].name, sizeof(files[i].name), "%s", name);
	thing->files++;
	TRACE("descriptor %d of %u", i, (unsigned int)(thing - things));
}

static void close_file(unsigned int i)
{
	files[i].thing->files--;
	files[i].thing = NULL;
	close(files[i].fd);
}

/* An open one: its number; -1: there is none. */
static int choose_file(void)
{
	unsigned int skip = below(MAX_FILES);
	int found = -1;

	for (int i = MAX_FILES; i--;) {
		if (!files[i].thing)
			continue;
		found = i;
		if (!skip--)
			break;
	}
	return found;
}

static void check_name(struct sync_file *file, const struct thing *thing)
{
	char expected[64], name[64];

	if (!is_own(thing))
		return;
	snprintf(expected, sizeof(expected), "fuzz-fuzz%" PRIu64 "-%" PRIu64, thing->fence->context,
		 thing->fence->seqno);
	CHECK(!strcmp(sync_file_get_name(file, name, sizeof(name)), expected), "name: %s", name);
	expected[7] = '\0';
	CHECK(!strcmp(sync_file_get_name(file, name, 8), expected), "short name: %s", name);
}

/* In one, or in two steps of which the first can fail. Negative: nothing changed. */
static int open_descriptor(struct sync_file *file)
{
	const unsigned int how = below(4);
	int fd;

	if (!how)
		return sync_file_fd(file, O_CLOEXEC);
	fd = sync_file_reserve_fd(0);
	if (fd >= 0 && how == 1) {
		sync_file_cancel_fd(fd);
		return -ECANCELED;
	}
	if (fd >= 0)
		sync_file_install_fd(fd, file);
	return fd;
}

static void step_open(void)
{
	struct thing *thing = choose(NULL);
	const int i = free_file();
	struct sync_file *file;
	bool failed;
	int fd;

	if (!thing || i < 0)
		return;
	arm();
	file = sync_file_create(thing->fence);
	CHECK(os_fault_disarm() == !file, "sync_file_create: no memory");
	if (!file)
		return;
	check_name(file, thing);
	os_fault_arm(below(3) ? 0 : 1 + below(6));
	fd = open_descriptor(file);
	failed = os_fault_disarm();
	CHECK(failed == (fd < 0 && fd != -ECANCELED), "no descriptor: %d", fd);
	if (fd < 0) {
		sync_file_put(file);
		return;
	}
	thing->enabled |= is_container(thing);
	opened(i, fd, thing, "");
}

static void step_close(void)
{
	const int i = choose_file();

	if (i < 0)
		return;
	TRACE("close %d", i);
	close_file((unsigned int)i);
}

static void step_dup(void)
{
	const int i = choose_file(), copy = free_file();

	if (i >= 0 && copy >= 0)
		opened(copy, dup(files[i].fd), files[i].thing, files[i].name);
}

/* What is none of a fence, and what is not open. */
static void check_wrong_descriptors(void)
{
	int fd = open("/dev/null", O_RDONLY);

	CHECK(fd >= 0, "cannot open");
	CHECK(!sync_file_get_fence(fd), "get_fence of another kind of descriptor");
	CHECK(sync_file_merge("", fd, fd) == -EINVAL, "merge of another kind of descriptor");
	CHECK(sync_file_set_deadline(fd, 0) == -EINVAL, "deadline of another kind of descriptor");
	close(fd);
	CHECK(!sync_file_get_fence(fd), "get_fence of a closed descriptor");
	CHECK(sync_file_merge("", fd, fd) == -EBADF, "merge of a closed descriptor");
	CHECK(sync_file_set_deadline(fd, 0) == -EBADF, "deadline of a closed descriptor");
	CHECK(!sync_file_get_fence(-1), "get_fence of no descriptor");
}

static void step_get_fence(void)
{
	const int i = choose_file();
	struct dma_fence *fence;

	if (i < 0) {
		check_wrong_descriptors();
		return;
	}
	fence = sync_file_get_fence(files[i].fd);
	CHECK(fence == files[i].thing->fence, "get_fence: another");
	dma_fence_put(fence);
}

static void step_merge_files(void)
{
	const int a = choose_file(), b = choose_file(), i = free_file();
	const char *const name = below(2) ? "merged" : NULL;
	struct leaves leaves = { .n = 0 };
	struct thing *thing;
	int fd;

	if (a < 0 || i < 0)
		return;
	leaves_of(&leaves, files[a].thing);
	leaves_of(&leaves, files[b].thing);
	if (leaves.n == MAX_LEAVES)
		return;
	TRACE("merge descriptors %d, %d", a, b);
	os_fault_arm(below(3) ? 0 : 1 + below(9));
	fd = sync_file_merge(name, files[a].fd, files[b].fd);
	CHECK(os_fault_disarm() == (fd < 0), "no merged descriptor: %d", fd);
	if (fd < 0)
		return;
	thing = check_merged(sync_file_get_fence(fd), &leaves, "merge of descriptors");
	if (!thing) {
		close(fd);
		return;
	}
	opened(i, fd, thing, name ? name : "");
	thing->enabled |= is_container(thing);
}

static void check_info(const struct sync_file_info *info, const struct sync_fence_info *infos,
		       const struct leaves *leaves, int i)
{
	int status = 1;

	CHECK(info->num_fences == leaves->n, "info: %u fences, not %u", info->num_fences,
	      leaves->n);
	CHECK(!files[i].name[0] || !strcmp(info->name, files[i].name), "info: name %s", info->name);
	for (unsigned int j = 0; j < leaves->n; j++) {
		const struct thing *leaf = leaves->at[j];
		const int own = !is_done(leaf) ? 0 : leaf->error ? leaf->error : 1;

		if (status > 0)
			status = own;
		if (!infos)
			continue;
		CHECK(infos[j].status == own, "info: fence %u: %d, not %d", j, infos[j].status,
		      own);
		CHECK(infos[j].timestamp_ns ==
		      (own ? (uint64_t)dma_fence_timestamp(leaf->fence) : 0),
		      "info: another time");
	}
	CHECK(info->status == status, "info: status %d, not %d", info->status, status);
}

static void step_info(void)
{
	static struct sync_fence_info infos[MAX_LEAVES];
	const int i = choose_file();
	struct sync_file_info info = { .sync_fence_info = (uintptr_t)infos };
	struct leaves leaves = { .n = 0 };

	if (i < 0)
		return;
	leaves_of(&leaves, files[i].thing);
	TRACE("info of descriptor %d", i);
	CHECK(!sync_file_get_info(files[i].fd, &info), "info: no count");
	check_info(&info, NULL, &leaves, i);
	if (leaves.n > 1) {
		info.num_fences = leaves.n - 1;
		CHECK(sync_file_get_info(files[i].fd, &info) == -EINVAL,
		      "info: into too little room");
	}
	info.num_fences = MAX_LEAVES;
	CHECK(!sync_file_get_info(files[i].fd, &info), "info: nothing");
	/* The first look may have taken links out: those that had signalled by themselves. */
	leaves.n = 0;
	leaves_of(&leaves, files[i].thing);
	check_info(&info, infos, &leaves, i);
}

static void step_file_deadline(void)
{
	const int i = choose_file();
	const int64_t deadline = below(256);

	if (i < 0)
		return;
	TRACE("deadline %" PRId64 " for descriptor %d", deadline, i);
	CHECK(!sync_file_set_deadline(files[i].fd, deadline), "set_deadline");
	check_deadline(files[i].thing, deadline);
}

/* Readable is what has signalled, and nothing else. */
static void check_files(void)
{
	struct pollfd polled[MAX_FILES];
	unsigned int n = 0;

	for (unsigned int i = 0; i < MAX_FILES; i++) {
		if (files[i].thing)
			polled[n++] = (struct pollfd){ .fd = files[i].fd, .events = POLLIN };
	}
	if (!n)
		return;
	CHECK(poll(polled, n, 0) >= 0, "poll fails");
	for (unsigned int i = 0, j = 0; i < MAX_FILES; i++) {
		if (files[i].thing)
			CHECK(polled[j++].revents == (files[i].thing->seen ? POLLIN : 0),
			      "poll: descriptor %u", i);
	}
}

/* The first one leaves a descriptor in the process. */
static void begin_files(void)
{
	int fd = sync_file_reserve_fd(0);

	CHECK(fd >= 0, "no descriptor: %d", fd);
	sync_file_cancel_fd(fd);
}

static void end_files(void)
{
	for (unsigned int i = 0; i < MAX_FILES; i++) {
		if (files[i].thing)
			close_file(i);
	}
	/* The next call lets go of the fences. */
	CHECK(!sync_file_get_fence(-1), "get_fence of no descriptor");
}

#endif
