/* SPDX-License-Identifier: MIT */
/* Sleeping locks for many readers or one writer. As in Linux; readers come first. */
#ifndef LINUX_COMPAT_RWSEM_H
#define LINUX_COMPAT_RWSEM_H

#include <compat/rw.h>
#include <linux/cleanup.h>
#include <linux/lockdep.h>

struct rw_semaphore {
	uint32_t holders; /* atomic */
};

#define __RWSEM_INITIALIZER(name) { 0 }
#define DECLARE_RWSEM(name) struct rw_semaphore name = __RWSEM_INITIALIZER(name)

static inline void init_rwsem(struct rw_semaphore *sem)
{
	sem->holders = 0;
}

static inline void down_read(struct rw_semaphore *sem)
{
	lc_rw_read(&sem->holders, false);
}

static inline int __must_check down_read_interruptible(struct rw_semaphore *sem)
{
	return lc_rw_read(&sem->holders, true);
}

static inline int __must_check down_read_killable(struct rw_semaphore *sem)
{
	return lc_rw_read(&sem->holders, false);
}

static inline int down_read_trylock(struct rw_semaphore *sem)
{
	uint32_t found;

	return lc_rw_tryread(&sem->holders, &found);
}

static inline void up_read(struct rw_semaphore *sem)
{
	lc_rw_unread(&sem->holders);
}

static inline void down_write(struct rw_semaphore *sem)
{
	lc_rw_write(&sem->holders, false);
}

static inline int __must_check down_write_killable(struct rw_semaphore *sem)
{
	return lc_rw_write(&sem->holders, false);
}

static inline int down_write_trylock(struct rw_semaphore *sem)
{
	uint32_t found;

	return lc_rw_trywrite(&sem->holders, &found);
}

static inline void up_write(struct rw_semaphore *sem)
{
	lc_rw_set(&sem->holders, 0);
}

/* The writer becomes a reader, with nobody between. */
static inline void downgrade_write(struct rw_semaphore *sem)
{
	lc_rw_set(&sem->holders, 1);
}

static inline int rwsem_is_locked(const struct rw_semaphore *sem)
{
	return READ_ONCE(sem->holders) != 0;
}

#define down_read_nested(sem, subclass) down_read(sem)
#define down_write_nested(sem, subclass) down_write(sem)

DEFINE_GUARD(rwsem_read, struct rw_semaphore *, down_read(_T), up_read(_T))
DEFINE_GUARD_COND(rwsem_read, _try, down_read_trylock(_T))
DEFINE_GUARD_COND(rwsem_read, _intr, down_read_interruptible(_T), _RET == 0)
DEFINE_GUARD(rwsem_write, struct rw_semaphore *, down_write(_T), up_write(_T))
DEFINE_GUARD_COND(rwsem_write, _try, down_write_trylock(_T))

#endif
