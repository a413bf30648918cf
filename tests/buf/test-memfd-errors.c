/* SPDX-License-Identifier: MIT */
/* The memfd exporter: which failure gives which error. */
#define _GNU_SOURCE
#include "harness.h"

#include <dmabuf/dma-buf-memfd.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 131072 /* whole pages, also of 64 KiB */

static int create_failing(unsigned int nth)
{
	struct dma_buf *dmabuf;
	int err;

	os_fault_arm(nth);
	err = dma_buf_memfd_create("fails", SIZE, &dmabuf);
	ASSERT_TRUE(os_fault_disarm());
	return err;
}

TEST(create_says_what_it_lacks)
{
	ASSERT_INT(create_failing(1), ==, -EMFILE);
	ASSERT_INT(create_failing(2), ==, -ENOSPC);
	ASSERT_INT(create_failing(4), ==, -ENOMEM);
}

static int import_failing(unsigned int nth, int seals)
{
	const int fd = memfd_create("fails", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct dma_buf *dmabuf;
	int err;

	ASSERT_INT(ftruncate(fd, SIZE), ==, 0);
	ASSERT_INT(fcntl(fd, F_ADD_SEALS, seals), ==, 0);
	os_fault_arm(nth);
	err = dma_buf_memfd_import(fd, &dmabuf);
	ASSERT_TRUE(os_fault_disarm());
	close(fd);
	return err;
}

TEST(import_says_what_it_lacks)
{
	ASSERT_INT(import_failing(1, F_SEAL_SHRINK), ==, -EMFILE);
	ASSERT_INT(import_failing(4, F_SEAL_SHRINK), ==, -ENOMEM);
	/* The descriptor writes, the file does not: it is opened again, through /proc. */
	ASSERT_INT(import_failing(4, F_SEAL_SHRINK | F_SEAL_WRITE), ==, -ENOENT);
}
