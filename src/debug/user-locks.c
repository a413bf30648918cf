/* SPDX-License-Identifier: MIT */
/* The program's own locks, and the switch of all rules. */
#include "debug/lockdep.h"
#include "debug/graph.h"
#include "debug/places.h"
#include "debug/stacks.h"
#include "debug/trace.h"
#include "os/report.h"
#include "os/settings.h"
#include "os/thread.h"

bool lockdep_on;

static struct os_fork_hook fork_hook = { .child = lockdep_forked };

/* After graph.c's. */
__attribute__((constructor(1002))) static void switch_on(void)
{
	if (!os_setting_is_on("DMABUF_DEBUG"))
		return;
	if (stacks_init() || !places_init() || !graph_init()) {
		dmabuf_warn("DMABUF_DEBUG is set, but there is no memory for it: nothing is checked");
		return;
	}
	os_fork_hook_add(&fork_hook);
	lockdep_on = true;
	trace_switch.rules = 1;
}

bool dmabuf_lockdep_is_on(void)
{
	return lockdep_is_on();
}

static struct lockdep_lock user_lock(const struct dmabuf_lock_class *lock_class, const void *lock,
				     unsigned int flags)
{
	return (struct lockdep_lock){
		.kind = LOCKDEP_USER,
		.level = flags >> 8 & 7,
		.flags = lock_class->flags,
		.lock_class = lock_class,
		.object = lock,
		.name = lock_class->name,
		.tried = flags & DMABUF_LOCK_TRY,
	};
}

void dmabuf_lock_acquire(const struct dmabuf_lock_class *lock_class, const void *lock,
			 unsigned int flags)
{
	struct lockdep_lock user;

	if (!lockdep_is_on())
		return;
	user = user_lock(lock_class, lock, flags);
	if (!(flags & DMABUF_LOCK_TRY))
		lockdep_might_lock(&user);
	lockdep_acquired(&user);
}

void dmabuf_might_lock(const struct dmabuf_lock_class *lock_class, const void *lock,
		       unsigned int flags)
{
	struct lockdep_lock user;

	if (!lockdep_is_on())
		return;
	user = user_lock(lock_class, lock, flags);
	lockdep_might_lock(&user);
}

void dmabuf_lock_release(const void *lock)
{
	uintptr_t holder;

	if (!lockdep_is_on() || lockdep_released(LOCKDEP_USER, lock) || !lockdep_knows_all())
		return;
	holder = place_holder(PLACE_LOCKED, lock);
	rule_bug_on(holder && holder != os_self(), DMABUF_RULE_UNLOCK, lock,
		    "lock %p: dropped by a thread that does not hold it", lock);
}

void dmabuf_lock_forget(const void *lock)
{
	if (!lockdep_is_on())
		return;
	lockdep_forget(lock);
	graph_forget_class(lock);
}
