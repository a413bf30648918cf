/* SPDX-License-Identifier: MIT */
/*
 * Annotations of locks. Mutexes, maps and might_lock() take part in the library's rules, which
 * DMABUF_DEBUG=1 has checked; other locks, and what is asserted of them, do nothing. Who asks,
 * hears that a lock is held.
 */
#ifndef LINUX_COMPAT_LOCKDEP_H
#define LINUX_COMPAT_LOCKDEP_H

#include <linux/lockdep_types.h>

#define SINGLE_DEPTH_NESTING 1

struct mutex {
	uint32_t word; /* atomic: 0 free, 1 held, 2 held and somebody may sleep */
	const struct dmabuf_lock_class *lc_class; /* NULL: like no other */
};

/* Only mutexes have room for a class. */
#define LC_MUTEX(lock) _Generic((lock), struct mutex *: (lock), default: (struct mutex *)NULL)

static inline void lc_mutex_set_class(struct mutex *mutex, const struct dmabuf_lock_class *lock_class)
{
	if (mutex)
		mutex->lc_class = lock_class;
}

static inline const struct dmabuf_lock_class *lc_mutex_class(const struct mutex *mutex)
{
	return mutex ? mutex->lc_class : NULL;
}

#define lc_set_class(lock, lock_class) lc_mutex_set_class(LC_MUTEX(lock), lock_class)
#define lc_class_of(lock) lc_mutex_class(LC_MUTEX(lock))

#define lockdep_assert(cond) ((void)0)
#define lockdep_assert_once(cond) ((void)0)
#define lockdep_assert_held(lock) ((void)(lock))
#define lockdep_assert_held_once(lock) ((void)(lock))
#define lockdep_assert_held_write(lock) ((void)(lock))
#define lockdep_assert_held_read(lock) ((void)(lock))
#define lockdep_assert_not_held(lock) ((void)(lock))
#define lockdep_assert_none_held_once() ((void)0)
#define lockdep_assert_irqs_enabled() ((void)0)
#define lockdep_assert_irqs_disabled() ((void)0)
#define lockdep_assert_in_irq() ((void)0)
#define lockdep_assert_preemption_disabled() ((void)0)
#define lockdep_is_held(lock) ((void)(lock), 1)
#define lockdep_is_held_type(lock, kind) ((void)(lock), 1)
#define lock_is_held(map) ((void)(map), 1)

#define lockdep_register_key(key) ((void)(key))
#define lockdep_unregister_key(key) dmabuf_lock_forget(&(key)->lc_class) /* the class */
#define lockdep_init_map(map, name, key, subclass) \
	((void)((map)->lc_class = lc_named_class(key, name)))
#define lockdep_set_class(lock, key) lockdep_set_class_and_name(lock, key, #key)
#define lockdep_set_class_and_name(lock, key, name) lc_set_class(lock, lc_named_class(key, name))
#define lockdep_set_subclass(lock, subclass) ((void)(lock))
#define lockdep_set_novalidate_class(lock) ((void)(lock))
#define lockdep_pin_lock(lock) ((void)(lock), (struct pin_cookie){ 0 })
#define lockdep_unpin_lock(lock, cookie) ((void)(lock), (void)(cookie))
#define lockdep_off() ((void)0)
#define lockdep_on() ((void)0)

#define lock_acquire(map, subclass, trylock, read, check, nest, ip) \
	lc_acquire((map)->lc_class, map, subclass, !(trylock) && !(read))
#define lock_release(map, ip) dmabuf_lock_release(map)
#define lock_map_acquire(map) lc_acquire((map)->lc_class, map, 0, true)
#define lock_map_acquire_read(map) lc_acquire((map)->lc_class, map, 0, false)
#define lock_map_release(map) dmabuf_lock_release(map)
#define rwsem_acquire(map, subclass, trylock, ip) \
	lc_acquire((map)->lc_class, map, subclass, !(trylock))
#define rwsem_release(map, ip) dmabuf_lock_release(map)
#define mutex_acquire(map, subclass, trylock, ip) \
	lc_acquire((map)->lc_class, map, subclass, !(trylock))
#define mutex_release(map, ip) dmabuf_lock_release(map)

#define might_lock(lock) might_lock_nested(lock, 0)
#define might_lock_read(lock) ((void)(lock))
#define might_lock_nested(lock, subclass) lc_might_lock(lc_class_of(lock), lock, subclass)
#define debug_locks 0

#endif
