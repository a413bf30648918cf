/* SPDX-License-Identifier: MIT */
/* Messages that nobody should send, made of good ones. */
#ifndef FORGE_H
#define FORGE_H

#include <dmabuf/dma-buf-pool.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "os/file.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 /* Linux 5.1 */
#endif

#define POOL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define TIMELINES_SEALS (POOL_SEALS | F_SEAL_FUTURE_WRITE)

/* As door.c has them. */
struct forged_invitation {
	uint64_t magic;
	uint64_t pool_id[2];
	uint32_t members, buffers, fences, timelines;
	uint32_t version;
	uint32_t inviter;
	uint32_t newcomer;
	uint32_t flags;
};

enum { INVITED_POOL, INVITED_CHANNEL, INVITED_PROCESS, INVITED_FILE };

struct forged_answer {
	uint64_t magic;
	uint64_t pool_id[2];
	uint32_t newcomer;
	uint32_t process;
};

enum { ANSWERED_PROCESS, ANSWERED_FILE };

/* A copy of @file, with @size bytes and @seals, written by nobody any more. */
static inline int forge_file(int file, uint64_t size, int seals)
{
	const int copy = os_memfd_create("forged");
	struct os_file is;
	char bytes[4096];
	uint64_t at;

	ASSERT_INT(copy, >=, 0);
	ASSERT_INT(os_file_inspect_own(file, &is), ==, 0);
	ASSERT_INT(ftruncate(copy, (off_t)size), ==, 0);
	for (at = 0; at < size && at < is.size; at += sizeof(bytes)) {
		const size_t length = size - at < sizeof(bytes) ? (size_t)(size - at) : sizeof(bytes);

		ASSERT_INT(pread(file, bytes, length, (off_t)at), ==, length);
		ASSERT_INT(pwrite(copy, bytes, length, (off_t)at), ==, length);
	}
	ASSERT_INT(fcntl(copy, F_ADD_SEALS, seals), ==, 0);
	return copy;
}

static inline uint64_t size_of_file(int file)
{
	struct os_file is;

	ASSERT_INT(os_file_inspect_own(file, &is), ==, 0);
	return is.size;
}

/* As it is, but for its seals. */
static inline int forge_seals(int file, int seals)
{
	return forge_file(file, size_of_file(file), seals);
}

/* As it is, but for one word. */
static inline int forge_word(int file, uint64_t at, uint32_t word, int seals)
{
	const int copy = forge_seals(file, 0);

	ASSERT_INT(pwrite(copy, &word, sizeof(word), (off_t)at), ==, sizeof(word));
	ASSERT_INT(fcntl(copy, F_ADD_SEALS, seals), ==, 0);
	return copy;
}

/* Of large pages, of which the machine may have none: whoever touches it may get a SIGBUS. -1: none here. */
static inline int forge_huge(uint64_t size, int seals)
{
	const int file = memfd_create("forged", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB);

	if (file < 0)
		return -1;
	ASSERT_INT(ftruncate(file, (off_t)size), ==, 0);
	ASSERT_INT(fcntl(file, F_ADD_SEALS, seals), ==, 0);
	return file;
}

/* The same open file, for reading only. */
static inline int forge_read_only(int file)
{
	const int copy = os_file_reopen_readonly(file, true);

	ASSERT_INT(copy, >=, 0);
	return copy;
}

static inline int forge_write_only(int file)
{
	char path[64];
	int copy;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	copy = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_INT(copy, >=, 0);
	return copy;
}

#endif
