/* SPDX-License-Identifier: MIT */
/* Whether restartable sequences work: in this process, and for each thread. */
#define _GNU_SOURCE
#include "os/rseq.h"

#ifdef OS_HAS_RSEQ

#include <errno.h>
#include <limits.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/fault.h"
#include "os/report.h"

/* Constant after the constructors. */
static bool works;
static unsigned int area_size; /* how much libc has told the kernel to use; 0: nothing */

#ifdef DMABUF_SEAMS
unsigned int os_rseq_rest_length = 16384;
/* Used: by the assembler's code, which link-time optimisation does not see. */
__attribute__((used)) uint32_t os_rseq_stay, os_rseq_stays;
unsigned long os_rseq_given_up;
#endif

/* libc's, for this thread. */
static struct rseq *area(void)
{
	char *thread;

	__asm__("movq %%fs:0, %0" : "=r"(thread));
	return (struct rseq *)(thread + __rseq_offset);
}

/*
 * Has the kernel been told that this thread's area is @size bytes? It refuses to forget what it
 * knows, given the wrong signature, by another error than what it does not know.
 */
static bool is_known(unsigned int size)
{
	const int old_errno = errno; /* the first unlock of a thread asks, and main() begins with 0 */
	const bool known = syscall(SYS_rseq, area(), size, RSEQ_FLAG_UNREGISTER, ~RSEQ_SIG) < 0 &&
			   errno == EPERM;

	errno = old_errno;
	return known;
}

/* libc tells how much of it is in use, not how much it registered: 32 bytes at first, now more. */
static unsigned int find_area_size(void)
{
	for (unsigned int size = 32; size <= 256; size += 4) {
		if (is_known(size))
			return size;
	}
	return 0;
}

bool os_rseq_can_work(void)
{
	if (!__rseq_size) /* libc was told not to, or is refused itself */
		return false;
	area_size = find_area_size();
	return area_size && !syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0);
}

void os_rseq_wake(void)
{
	struct os_thread *self = &os_this_thread;

	/*
	 * Once a thread, in case a filter of system calls comes later. Both are asked: of a thread that
	 * was made behind libc's back there may be any number where the kernel would keep its processor;
	 * and a filter may refuse whatever the kernel is asked.
	 */
	if (!self->rseq_known)
		self->rseq_known = works && (int32_t)area()->cpu_id >= 0 && is_known(area_size);
	if (self->rseq_known)
		self->rseq_cs = (uint64_t *)((char *)area() + offsetof(struct rseq, rseq_cs));
	else
		self->rseq_rest = UINT_MAX;
}

void os_rseq_barrier(void)
{
	const long err = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0, 0);

	dmabuf_bug_on(err, "membarrier is refused (%d) now, but was not at start: let the filter of "
		      "system calls allow it, or start with GLIBC_TUNABLES=glibc.pthread.rseq=0", errno);
}

/* Early, so that other constructors find it done. */
__attribute__((constructor(1000))) static void begin(void)
{
	const int old_errno = errno;

	works = os_rseq_can_work();
	os_rseq_wake();
	errno = old_errno;
}

#else

/* ISO C wants a declaration in every source. */
typedef int os_rseq_is_for_other_machines;

#endif
