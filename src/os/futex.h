/* SPDX-License-Identifier: MIT */
/* Sleep on a 32-bit word, and wake who sleeps there. Within one process. */
#ifndef OS_FUTEX_H
#define OS_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Sleep while *@word is @expected, until @deadline_ns (INT64_MAX: for ever).
 *
 * Returns 0 when it may be worth to look again (woken, another value, or, unless
 * @interruptible, a signal), -ETIMEDOUT, or -EINTR: a signal handler ran.
 */
int os_futex_wait(const uint32_t *word, uint32_t expected, int64_t deadline_ns, bool interruptible);

void os_futex_wake_one(const uint32_t *word);
void os_futex_wake_all(const uint32_t *word);

/* A moment's pause inside a spin loop. */
static inline void os_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
	__asm__ volatile("yield");
#endif
}

/* How often to look again before sleeping; 0 where only one CPU runs us. */
unsigned int os_spin_limit(void);

/* Let others run: for what lasts a moment, unless who does it was preempted. */
void os_yield(void);

#endif
