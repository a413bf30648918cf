/* SPDX-License-Identifier: MIT */
/*
 * A kernel with sync_files, behind os/sync-file.h. A fence of its is a pipe: readable once it
 * has signalled; a sync_file is a pipe, too, with the fences that it is for.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include <linux/sync_file.h>
#include <sys/stat.h>

#include "descriptors.h"
#include "os/clock.h"
#include "os/sync-file.h"

#define FAKE_MEMBERS 3
#define FAKE_FILES 16

struct fake_point {
	int status;	    /* atomic */
	uint64_t timestamp; /* before status */
};

struct fake_file {
	ino_t inode; /* 0: none */
	int write_end;
	char name[32];
	int64_t deadline;
	unsigned int num_points;
	struct fake_point *points[FAKE_MEMBERS];
};

static struct fake_file fake_files[FAKE_FILES];
static unsigned int fake_info_fails; /* atomic: so many of the next ones: no memory for members */
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

static int fake_status(const struct fake_file *file)
{
	for (unsigned int i = 0; i < file->num_points; i++) {
		const int status = load_acquire(&file->points[i]->status);

		if (status <= 0)
			return status;
	}
	return 1;
}

static int fake_info(int fd, struct sync_file_info *info)
{
	const struct fake_file *file = fake_find(fd);
	struct sync_fence_info *infos = (struct sync_fence_info *)(uintptr_t)info->sync_fence_info;

	if (!file)
		return -ENOTTY;
	if (info->num_fences) {
		if (info->num_fences < file->num_points)
			return -EINVAL;
		if (load_relaxed(&fake_info_fails)) {
			fetch_sub_relaxed(&fake_info_fails, 1);
			return -ENOMEM;
		}
		for (unsigned int i = 0; i < file->num_points; i++) {
			infos[i] = (struct sync_fence_info){
				.obj_name = "ring", .driver_name = "gpu",
				.status = load_acquire(&file->points[i]->status),
			};
			infos[i].timestamp_ns = infos[i].status ? file->points[i]->timestamp : 0;
		}
	}
	info->num_fences = file->num_points;
	info->status = fake_status(file);
	memcpy(info->name, file->name, sizeof(file->name));
	return 0;
}

static int fake_new(const char *name)
{
	struct fake_file *file = fake_files;
	struct stat status;
	int ends[2];

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

static int fake_merge(const char *name, int fd1, int fd2)
{
	const struct fake_file *from[2] = { fake_find(fd1), fake_find(fd2) };
	struct fake_file *file;
	int fd;

	if (!from[0])
		return -ENOTTY;
	if (!from[1])
		return -ENOENT;
	fd = fake_new(name);
	file = fake_find(fd);
	for (int i = 0; i < 2; i++) {
		for (unsigned int j = 0; j < from[i]->num_points; j++)
			file->points[file->num_points++] = from[i]->points[j];
	}
	fake_update(file);
	return fd;
}

static int fake_set_deadline(int fd, int64_t deadline)
{
	if (fake_has_no_deadlines || !fake_find(fd))
		return -ENOTTY;
	fake_find(fd)->deadline = deadline;
	return 0;
}

static const struct os_sync_file_fake fake_kernel = { fake_info, fake_merge, fake_set_deadline };

__attribute__((constructor)) static void use_fake_kernel(void)
{
	os_sync_file_fake(&fake_kernel);
}

/* A sync_file for one new fence, at @point. */
static inline int fake_sync_file(struct fake_point *point)
{
	const int fd = fake_new("gpu-ring1-1");
	struct fake_file *file = fake_find(fd);

	*point = (struct fake_point){ .status = 0 };
	file->points[file->num_points++] = point;
	return fd;
}

/* Ends a fence as the kernel does: 1, or a negative errno. */
static inline void fake_signal(struct fake_point *point, int status, uint64_t timestamp)
{
	point->timestamp = timestamp;
	store_release(&point->status, status);
	for (int i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &fake_files[i];

		for (unsigned int j = 0; file->inode && j < file->num_points; j++) {
			if (file->points[j] == point)
				fake_update(file);
		}
	}
}

/* The sync_file that @fd stands for is no more; @fd is closed. */
static inline void fake_close(int fd)
{
	struct fake_file *file = fake_find(fd);

	file->inode = 0;
	close(file->write_end);
	close(fd);
}

#endif
