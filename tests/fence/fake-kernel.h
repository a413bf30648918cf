/* SPDX-License-Identifier: MIT */
/*
 * A kernel with sync_files, behind os/sync-file.h. A fence of its is a pipe: readable once it
 * has signalled; a sync_file is a pipe, too, with the fences that it is for.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include <linux/sync_file.h>
#include <pthread.h>
#include <sys/stat.h>

#include "descriptors.h"
#include "fence/sync-file.h"
#include "os/sync-file.h"

#define FAKE_MEMBERS 3
#define FAKE_FILES 24

struct fake_point {
	int status;
	uint64_t timestamp;
};

struct fake_file {
	ino_t inode; /* 0: none */
	int write_end;
	char name[32];
	int64_t deadline;
	bool ends_with_any; /* the fence does; its members go on */
	unsigned int num_points;
	struct fake_point *points[FAKE_MEMBERS];
};

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER; /* guards all that is here */
static struct fake_file fake_files[FAKE_FILES];
static bool fake_lacks_memory; /* no memory there for more than the status */
static bool fake_has_no_deadlines;

static struct fake_file *fake_find(int fd)
{
	struct stat status;

	if (fstat(fd, &status))
		return NULL;
	for (int i = 0; i < FAKE_FILES; i++) {
		if (fake_files[i].inode == status.st_ino)
			return &fake_files[i];
	}
	return NULL;
}

static int first_status(const struct fake_file *file)
{
	for (unsigned int i = 0; i < file->num_points; i++) {
		if (file->points[i]->status)
			return file->points[i]->status;
	}
	return 0;
}

/* Of the members, as the kernel counts it where it is asked for them. */
static int members_status(const struct fake_file *file)
{
	for (unsigned int i = 0; i < file->num_points; i++) {
		const int status = file->points[i]->status;

		if (status <= 0)
			return status;
	}
	return 1;
}

static int fake_status(const struct fake_file *file)
{
	return file->ends_with_any ? first_status(file) : members_status(file);
}

static int info_locked(int fd, struct sync_file_info *info)
{
	const struct fake_file *file = fake_find(fd);
	struct sync_fence_info *infos = (struct sync_fence_info *)(uintptr_t)info->sync_fence_info;

	if (!file)
		return -ENOTTY;
	if (info->num_fences) {
		if (info->num_fences < file->num_points)
			return -EINVAL;
		if (fake_lacks_memory)
			return -ENOMEM;
		for (unsigned int i = 0; i < file->num_points; i++) {
			infos[i] = (struct sync_fence_info){
				.obj_name = "ring", .driver_name = "gpu",
				.status = file->points[i]->status,
			};
			infos[i].timestamp_ns = infos[i].status ? file->points[i]->timestamp : 0;
		}
	}
	info->status = info->num_fences ? members_status(file) : fake_status(file);
	info->num_fences = file->num_points;
	memcpy(info->name, file->name, sizeof(file->name));
	return 0;
}

/* Forget what nobody has a descriptor of. */
static void collect_locked(void)
{
	for (int i = 0; i < FAKE_FILES; i++) {
		struct pollfd entry = { .fd = fake_files[i].write_end };

		if (fake_files[i].inode && poll(&entry, 1, 0) == 1) {
			close(fake_files[i].write_end);
			fake_files[i].inode = 0;
		}
	}
}

static int new_locked(const char *name)
{
	struct fake_file *file = fake_files;
	struct stat status;
	int ends[2];

	collect_locked();
	while (file->inode)
		file++;
	ASSERT_PTR(file, <, fake_files + FAKE_FILES);
	ASSERT_INT(pipe2(ends, O_CLOEXEC), ==, 0);
	fstat(ends[0], &status);
	*file = (struct fake_file){ .inode = status.st_ino, .write_end = ends[1] };
	snprintf(file->name, sizeof(file->name), "%s", name);
	return ends[0];
}

static void fake_update(const struct fake_file *file)
{
	if (fake_status(file))
		ASSERT_INT(write(file->write_end, "", 1), ==, 1);
}

static int merge_locked(const char *name, int fd1, int fd2)
{
	const struct fake_file *from[2] = { fake_find(fd1), fake_find(fd2) };
	struct fake_file *file;
	int fd;

	if (!from[0])
		return -ENOTTY;
	if (!from[1])
		return -ENOENT;
	if (fake_lacks_memory)
		return -ENOMEM;
	fd = new_locked(name);
	file = fake_find(fd);
	for (int i = 0; i < 2; i++) {
		for (unsigned int j = 0; j < from[i]->num_points; j++)
			file->points[file->num_points++] = from[i]->points[j];
	}
	fake_update(file);
	return fd;
}

static int fake_info(int fd, struct sync_file_info *info)
{
	int err;

	pthread_mutex_lock(&fake_lock);
	err = info_locked(fd, info);
	pthread_mutex_unlock(&fake_lock);
	return err;
}

static int fake_merge(const char *name, int fd1, int fd2)
{
	int fd;

	pthread_mutex_lock(&fake_lock);
	fd = merge_locked(name, fd1, fd2);
	pthread_mutex_unlock(&fake_lock);
	return fd;
}

static int fake_set_deadline(int fd, int64_t deadline)
{
	struct fake_file *file;

	pthread_mutex_lock(&fake_lock);
	file = fake_has_no_deadlines ? NULL : fake_find(fd);
	if (file)
		file->deadline = deadline;
	pthread_mutex_unlock(&fake_lock);
	return file ? 0 : -ENOTTY;
}

static const struct os_sync_file_fake fake_kernel = { fake_info, fake_merge, fake_set_deadline };

/* A sync_file for one new fence, at @point. */
static inline int fake_sync_file(struct fake_point *point)
{
	struct fake_file *file;
	int fd;

	pthread_mutex_lock(&fake_lock);
	fd = new_locked("gpu-ring1-1");
	file = fake_find(fd);
	*point = (struct fake_point){ .status = 0 };
	file->points[file->num_points++] = point;
	pthread_mutex_unlock(&fake_lock);
	return fd;
}

/* Its fence is one that signals with the first of its members. */
static inline void fake_end_with_any(int fd)
{
	pthread_mutex_lock(&fake_lock);
	fake_find(fd)->ends_with_any = true;
	pthread_mutex_unlock(&fake_lock);
}

/* Ends a fence as the kernel does: 1, or a negative errno. */
static inline void fake_signal(struct fake_point *point, int status, uint64_t timestamp)
{
	pthread_mutex_lock(&fake_lock);
	collect_locked();
	point->timestamp = timestamp;
	point->status = status;
	for (int i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake_files[i];

		for (unsigned int j = 0; file->inode && j < file->num_points; j++) {
			if (file->points[j] == point)
				fake_update(file);
		}
	}
	pthread_mutex_unlock(&fake_lock);
}

/* Closes the caller's last descriptor, and waits until the library has closed its own. */
static inline void fake_close(int fd)
{
	const struct fake_file *file;

	pthread_mutex_lock(&fake_lock);
	file = fake_find(fd);
	close(fd);
	while (file->inode) {
		pthread_mutex_unlock(&fake_lock);
		sync_fd_reap();
		test_yield();
		pthread_mutex_lock(&fake_lock);
		collect_locked();
	}
	pthread_mutex_unlock(&fake_lock);
}

static unsigned int polls; /* atomic */

static inline void count_polls(const char *label)
{
	if (!strcmp(label, "poll: before sleep"))
		fetch_add_release(&polls, 1);
}

/* What stays of the first fence that is taken in: be past that before anybody counts. */
__attribute__((constructor)) static void use_fake_kernel(void)
{
	struct fake_point point;
	struct dma_fence *fence;
	int fd;

	os_sync_file_fake(&fake_kernel);
	fd = fake_sync_file(&point);
	fence = sync_file_get_fence(fd);
	if (!fence)
		abort();
	dma_fence_put(fence);
	fake_close(fd);
}

#endif
