/* SPDX-License-Identifier: MIT */
#include "os/fault.h"

#ifdef DMABUF_SEAMS

#include <stddef.h>

#include "os/atomic.h"

static __thread unsigned int fault_countdown; /* 0: not armed, or already made */
static __thread bool fault_made;

static void (*race_hook)(const char *label); /* atomic */

void os_fault_arm(unsigned int nth)
{
	fault_countdown = nth;
	fault_made = false;
}

bool os_fault_disarm(void)
{
	fault_countdown = 0;
	return fault_made;
}

bool os_fault_hit(void)
{
	if (!fault_countdown || --fault_countdown)
		return false;
	fault_made = true;
	return true;
}

void os_race_hook(void (*hook)(const char *label))
{
	store_release(&race_hook, hook);
}

void os_race_point(const char *label)
{
	void (*hook)(const char *label) = load_acquire(&race_hook);

	if (hook)
		hook(label);
}

#else

/* ISO C wants a declaration in every source. */
typedef int os_fault_is_for_the_tests;

#endif
