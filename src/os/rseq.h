/* SPDX-License-Identifier: MIT */
/*
 * Compare a word and store into it, without a locked operation.
 *
 * The two are a restartable sequence: between them the kernel lets nobody come who says so. If the
 * thread is preempted or gets a signal after its compare, or another one calls os_rseq_barrier(),
 * it does not go on to the store, but gives up. So when os_rseq_barrier() has returned, no thread
 * stores any more because of what the word was before.
 *
 *   who stores                                who changes the word
 *   P1  word == expected?       acquire       Q1  change it              read-modify-write
 *   P2  word = desired          release       Q2  os_rseq_barrier()
 *                                             Q3  is it still changed?   read-modify-write
 *
 *   P1 after Q1: it differs, nothing is stored.  P2 before Q2: Q3 finds the change lost, and makes
 *   it anew.  Q2 between P1 and P2: given up.  So what Q3 finds nobody takes away by P2.
 *
 * The barrier costs microseconds, and as many for each thread that runs meanwhile: what is changed
 * by others again and again is better stored by a compare-and-swap. So a thread can rest from it.
 *
 * It does not work on other machines than x86-64, without glibc, under valgrind, qemu-user and
 * ThreadSanitizer, which would not see it, and where the kernel or a filter has none of it. There
 * os_rseq_store() always gives up, and nobody needs the barrier.
 */
#ifndef OS_RSEQ_H
#define OS_RSEQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/atomic.h"
#include "os/thread.h"

#if defined(__x86_64__) && defined(__LP64__) && defined(__has_include)
#if __has_include(<sys/rseq.h>)
#define OS_HAS_RSEQ 1
#endif
#endif
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#undef OS_HAS_RSEQ
#endif
#endif
#ifdef __SANITIZE_THREAD__
#undef OS_HAS_RSEQ
#endif

#ifdef OS_HAS_RSEQ

#include <sys/rseq.h>

/*
 * The barrier takes as long as 2,000 locked operations: with one in this many, it is no matter.
 * Tests change it.
 */
#ifdef DMABUF_SEAMS
extern unsigned int os_rseq_rest_length; /* atomic */
#define OS_RSEQ_REST_LENGTH load_relaxed(&os_rseq_rest_length)
#else
#define OS_RSEQ_REST_LENGTH 16384u
#endif

/* Will this thread's os_rseq_store() do anything? */
static inline bool os_rseq_is_ready(void)
{
	return os_this_thread.rseq_cs;
}

/* It will not, for some time: others change what this thread stores into. */
static inline void os_rseq_rest(void)
{
	os_this_thread.rseq_cs = NULL;
	os_this_thread.rseq_rest = OS_RSEQ_REST_LENGTH;
}

/* Let this thread be ready if it can. */
void os_rseq_wake(void);

/* It stored otherwise. @may_wake: let it be ready, if it has rested. */
static inline void os_rseq_rested(bool may_wake)
{
	if (os_this_thread.rseq_rest)
		os_this_thread.rseq_rest--;
	else if (may_wake)
		os_rseq_wake();
}

#ifdef DMABUF_SEAMS
/*
 * Between P1 and P2, say so and stay there; until this is 0 again. And how often a thread gave up
 * there. All atomic.
 */
extern uint32_t os_rseq_stay, os_rseq_stays;
extern unsigned long os_rseq_given_up;
#define OS_RSEQ_STAY                           \
	"4:\tcmpl $0, os_rseq_stay(%%rip)\n\t" \
	"je 5f\n\t"                            \
	"movl $1, os_rseq_stays(%%rip)\n\t"    \
	"pause\n\t"                            \
	"jmp 4b\n"                             \
	"5:\t"
#define os_rseq_count_given_up() fetch_add_relaxed(&os_rseq_given_up, 1)
#else
#define OS_RSEQ_STAY ""
#define os_rseq_count_given_up() ((void)0)
#endif

/*
 * If *@word is @expected, make it @desired: true. False: nothing was done, since it differs, or
 * since this gave up, or is not ready; a compare-and-swap finds out. Never waits, and a thread that
 * is stepped through by a debugger gets on. Acquire and release.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): it is written, by the assembler's code */
static inline bool os_rseq_store(uintptr_t *word, uintptr_t expected, uintptr_t desired)
{
	uint64_t *const current = os_this_thread.rseq_cs;

	if (unlikely(!current))
		return false;
	/*
	 * 0 is a struct rseq_cs, which the kernel is told of: who is interrupted from 1 on, the
	 * instruction after that which tells, and before 2, goes on at 3. In front of that must be
	 * the signature; with three bytes more it is an instruction that traps. These have a section
	 * of their own: in the one where a compiler puts cold code, this may be cold code itself, and
	 * run into them. At the end the kernel is told to forget 0, which may go with the library.
	 */
	__asm__ goto(".pushsection .data.rel.ro.os_rseq, \"aw\"\n\t"
		     ".balign 32\n"
		     "0:\t.long 0, 0\n\t"
		     ".quad 1f, 2f - 1f, 3f\n\t"
		     ".popsection\n\t"
		     ".pushsection .text.unlikely.os_rseq, \"ax\"\n\t"
		     ".byte 0x0f, 0xb9, 0x3d\n\t"
		     ".long %c[signature]\n"
		     "3:\tjmp %l[given_up]\n\t"
		     ".popsection\n\t"
		     "leaq 0b(%%rip), %%rax\n\t"
		     "movq %%rax, (%[current])\n"
		     "1:\tcmpq %[expected], (%[word])\n\t" /* P1 */
		     "jne %l[differs]\n\t"
		     OS_RSEQ_STAY
		     "movq %[desired], (%[word])\n" /* P2 */
		     "2:\tmovq $0, (%[current])"
		     :
		     : [current] "r"(current), [word] "r"(word), [expected] "r"(expected),
		       [desired] "re"(desired), [signature] "i"(RSEQ_SIG)
		     : "rax", "cc", "memory"
		     : differs, given_up);
	return true;
differs:
	*current = 0; /* the thread's own */
	return false;
given_up: /* it is 0 already */
	os_rseq_count_given_up();
	return false;
}

/* Q2. A full barrier, too. Aborts if the kernel refuses it after it had agreed. */
void os_rseq_barrier(void);

/* Does the kernel agree to it all, for the calling thread? */
bool os_rseq_can_work(void);

#else

static inline bool os_rseq_is_ready(void)
{
	return false;
}

static inline void os_rseq_rest(void)
{
}

static inline void os_rseq_rested(bool may_wake)
{
	(void)may_wake;
}

static inline bool os_rseq_store(uintptr_t *word, uintptr_t expected, uintptr_t desired)
{
	(void)word;
	(void)expected;
	(void)desired;
	return false;
}

static inline void os_rseq_barrier(void)
{
}

#endif
#endif
