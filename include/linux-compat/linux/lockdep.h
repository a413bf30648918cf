/* SPDX-License-Identifier: MIT */
/* Annotations of locks. They compile and do nothing; who asks, hears that a lock is held. */
#ifndef LINUX_COMPAT_LOCKDEP_H
#define LINUX_COMPAT_LOCKDEP_H

#include <linux/lockdep_types.h>

#define SINGLE_DEPTH_NESTING 1

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
#define lockdep_unregister_key(key) ((void)(key))
#define lockdep_init_map(map, name, key, subclass) ((void)(map), (void)(key))
#define lockdep_set_class(lock, key) ((void)(lock), (void)(key))
#define lockdep_set_class_and_name(lock, key, name) ((void)(lock), (void)(key))
#define lockdep_set_subclass(lock, subclass) ((void)(lock))
#define lockdep_set_novalidate_class(lock) ((void)(lock))
#define lockdep_pin_lock(lock) ((void)(lock), (struct pin_cookie){ 0 })
#define lockdep_unpin_lock(lock, cookie) ((void)(lock), (void)(cookie))
#define lockdep_off() ((void)0)
#define lockdep_on() ((void)0)

#define lock_acquire(map, subclass, trylock, read, check, nest, ip) ((void)(map))
#define lock_release(map, ip) ((void)(map))
#define lock_map_acquire(map) ((void)(map))
#define lock_map_acquire_read(map) ((void)(map))
#define lock_map_release(map) ((void)(map))
#define rwsem_acquire(map, subclass, trylock, ip) ((void)(map))
#define rwsem_release(map, ip) ((void)(map))
#define mutex_acquire(map, subclass, trylock, ip) ((void)(map))
#define mutex_release(map, ip) ((void)(map))

#define might_lock(lock) ((void)(lock))
#define might_lock_read(lock) ((void)(lock))
#define might_lock_nested(lock, subclass) ((void)(lock))
#define debug_locks 0

#endif
