/* SPDX-License-Identifier: MIT */
/*
 * The clock for those who ask often: os_now_ns(), give or take OS_STAMP_ERROR_NS, by the
 * processor's counter where the kernel takes its own time from that.
 *
 * Each thread keeps an anchor: what the counter was when the clock said what. A younger stamp is
 * that and what the counter has moved since, at the rate that was measured last. An anchor serves
 * for OS_ANCHOR_NS; then the clock is asked again. What an error can come from:
 *
 *   the rate      the kernel makes its clock up to 11 % faster or slower than it should be, so what
 *                 was measured is at most 25 % off: 750 ns in the life of an anchor
 *   the anchor    the counter is read before and after the clock, and where that took more than
 *                 OS_WINDOW_TICKS the two are not believed: 160 ns at 1.25 ns a tick, the slowest
 *                 counter that is used
 *
 * A counter that jumps makes the anchor too old: its age is compared unsigned.
 */
#ifndef OS_STAMP_H
#define OS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "os/atomic.h"
#include "os/clock.h"

enum {
	OS_STAMP_ERROR_NS = 1000,
	OS_ANCHOR_NS = 3000,
	OS_WINDOW_TICKS = 256,
};

/* A thread's own. */
struct os_stamps {
	uint64_t counter;  /* the anchor: the counter was this */
	int64_t ns;        /* when the clock said that */
	uint64_t limit;    /* the anchor serves while it is younger, in ticks; 0: not at all */
	uint64_t rate;     /* of the clock: ns a tick, 32 bits of fraction; 0: not known */
	uint64_t lifetime; /* OS_ANCHOR_NS in ticks; 0: the rate was not confirmed */
	int64_t last;      /* the last stamp */
	uint64_t since;    /* the rate will be measured from here: the counter, */
	int64_t since_ns;  /* and the clock */
};

extern __thread struct os_stamps os_stamps
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

#ifdef DMABUF_SEAMS

/*
 * For the calling thread, which forgets what it has measured: trust that counter, and take that
 * for the clock. NULL: the machine's; without a counter, no counter is trusted.
 */
void os_stamp_fake(uint64_t (*counter)(void), int64_t (*clock)(void));

/* The same by what the machine has. */
void os_stamp_real(void);

uint64_t os_counter(void);
bool os_counter_is_trusted(void);

#else

/* Constant after the constructors. */
extern bool os_counter_trusted __attribute__((visibility("hidden")));

static inline bool os_counter_is_trusted(void)
{
	return os_counter_trusted;
}

static inline uint64_t os_counter(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return (uint64_t)os_now_ns(); /* nobody asks, since that is not trusted */
#endif
}

#endif

/* Does @file, which says what the kernel's clock is made of, name the counter? */
bool os_counter_named_by(const char *file);

/* Past the anchor, at @counter. */
int64_t os_stamp_anew(uint64_t counter);

/*
 * Now. In one thread it never goes back, unless the clock is set back, as for a process that enters
 * another time namespace; from one thread to another by no more than both errors.
 */
static inline int64_t os_stamp_ns(void)
{
	struct os_stamps *const own = &os_stamps;
	uint64_t counter, age;
	int64_t now;

	if (unlikely(!os_counter_is_trusted()))
		return os_now_ns();
	counter = os_counter();
	age = counter - own->counter;
	if (unlikely(age >= own->limit))
		return os_stamp_anew(counter);
	now = own->ns + (int64_t)(age * own->rate >> 32);
	if (now > own->last)
		own->last = now;
	return own->last;
}

#endif
