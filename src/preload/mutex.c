/* SPDX-License-Identifier: MIT */
/*
 * LD_PRELOAD=libdmabuf-preload.so DMABUF_DEBUG=1 program
 *
 * Stands in front of libc's mutexes and condition variables, and tells libdmabuf what it
 * sees of them. What the program gets is what libc returns. Without libdmabuf, or where its
 * rules are not checked, calls just go through.
 *
 * A mutex is known by its address, and each two keep the order in which they were seen: what
 * those of one type or from one place have in common, only the program knows. An address can
 * come to be another mutex's without a call that shows it: memory is freed, and what comes
 * there is initialised by assignment, as all of C++'s are. So a mutex that is watched gets a
 * stamp, in a place that libc uses for robust ones only and clears at each initialisation.
 *
 * What processes share may be mapped at any address, at several, and others there later. Such
 * a mutex is known by its stamp, which is a number that no other has, made by whoever takes
 * it first. Robust ones have none: what is known of one is forgotten whenever it is taken.
 *
 * Not watched: mutexes of libdmabuf itself and of what it needs to work, and what is locked
 * inside of a call that tells.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <dmabuf/dmabuf-lockdep.h>

#include "os/atomic.h"

#pragma weak dmabuf_lockdep_is_on
#pragma weak dmabuf_lock_acquire
#pragma weak dmabuf_lock_release
#pragma weak dmabuf_lock_forget

/*
 * libc's functions.
 */

static struct {
	__typeof__(pthread_mutex_init) *mutex_init;
	__typeof__(pthread_mutex_destroy) *mutex_destroy;
	__typeof__(pthread_mutex_lock) *mutex_lock;
	__typeof__(pthread_mutex_trylock) *mutex_trylock;
	__typeof__(pthread_mutex_timedlock) *mutex_timedlock;
	__typeof__(pthread_mutex_clocklock) *mutex_clocklock;
	__typeof__(pthread_mutex_unlock) *mutex_unlock;
	__typeof__(pthread_cond_wait) *cond_wait;
	__typeof__(pthread_cond_timedwait) *cond_timedwait;
	__typeof__(pthread_cond_clockwait) *cond_clockwait;
	bool found; /* atomic; orders the others */
} real;

static void find(const char *name, void **ret_function)
{
	store_relaxed(ret_function, dlsym(RTLD_NEXT, name));
}

/* Some machines have two of them, and dlsym() may find the one for programs of long ago. */
static void find_cond(const char *name, void **ret_function)
{
#ifdef COND_VERSION
	store_relaxed(ret_function, dlvsym(RTLD_NEXT, name, COND_VERSION));
#else
	find(name, ret_function);
#endif
}

/*
 * At the first call, which may come before any constructor. Twice at a time is harmless. No
 * look-up may fail, since libc allocates for that.
 */
static void find_all(void)
{
#define FIND(how, name) how("pthread_" #name, (void **)&real.name)
	FIND(find, mutex_init);
	FIND(find, mutex_destroy);
	FIND(find, mutex_lock);
	FIND(find, mutex_trylock);
	FIND(find, mutex_timedlock);
	FIND(find, mutex_clocklock);
	FIND(find, mutex_unlock);
	FIND(find_cond, cond_wait);
	FIND(find_cond, cond_timedwait);
	FIND(find, cond_clockwait);
	store_release(&real.found, true);
}

#define REAL(name) ((load_acquire(&real.found) ? (void)0 : find_all()), load_relaxed(&real.name))

/*
 * Whose mutexes are watched.
 */

#define MAX_MODULES 16
#define initial_exec tls_model("initial-exec")

/* Where the library is, and what it needs: for each thread, so that nobody waits for it. */
struct modules {
	bool known;
	unsigned int count;
	struct {
		uintptr_t begin, end;
	} at[MAX_MODULES];
};

static __thread struct modules modules __attribute__((initial_exec));

static __thread bool telling __attribute__((initial_exec));

static bool is_own(const char *path)
{
	static const char *const names[] = { "libdmabuf.so", "liburcu", "libgcc_s.so" };
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	}
	return false;
}

static int note_module(struct dl_phdr_info *info, size_t size, void *found)
{
	struct modules *to = found;
	uintptr_t begin = UINTPTR_MAX, end = 0;

	(void)size;
	if (to->count == MAX_MODULES || !is_own(info->dlpi_name))
		return 0;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		const uintptr_t at = info->dlpi_addr + header->p_vaddr;

		if (header->p_type != PT_LOAD)
			continue;
		begin = at < begin ? at : begin;
		end = at + header->p_memsz > end ? at + header->p_memsz : end;
	}
	to->at[to->count].begin = begin;
	to->at[to->count++].end = end;
	return 0;
}

/* Is it code or data of the library's, or of what it needs? */
static bool belongs_to_library(const void *address)
{
	for (unsigned int i = 0; i < modules.count; i++) {
		if ((uintptr_t)address >= modules.at[i].begin &&
		    (uintptr_t)address < modules.at[i].end)
			return true;
	}
	return false;
}

/* Shall the library be told of what @caller does with @mutex? */
static bool is_watched(const pthread_mutex_t *mutex, const void *caller)
{
	if (telling || !dmabuf_lockdep_is_on || !dmabuf_lockdep_is_on())
		return false;
	/* Once the rules are checked, all that this needs is loaded. */
	if (!modules.known) {
		struct modules found = { .known = true };

		dl_iterate_phdr(note_module, &found);
		modules = found;
	}
	/* By caller, since it allocates some; by mutex, since a last call may hide its caller. */
	return !belongs_to_library(caller) && !belongs_to_library(mutex);
}

/*
 * What libc keeps in a mutex: static initialisers made it part of every program.
 */

#define KIND_TYPE 3
#define KIND_ROBUST 16
#define KIND_SHARED 128 /* robust ones have both */

static bool is_robust(const pthread_mutex_t *mutex)
{
	return mutex->__data.__kind & KIND_ROBUST;
}

/* By processes, or it cannot be told. */
static bool is_shared(const pthread_mutex_t *mutex)
{
	return mutex->__data.__kind & KIND_SHARED;
}

/* Taken again by its holder, it returns: then it was taken once more, or was not. */
static bool returns_to_holder(const pthread_mutex_t *mutex)
{
	const int type = mutex->__data.__kind & KIND_TYPE;

	return type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK;
}

/* Where the stamp goes, NULL: nowhere. Robust mutexes cannot be initialised by assignment. */
static uintptr_t *stamp_of(pthread_mutex_t *mutex)
{
#if !__PTHREAD_MUTEX_HAVE_PREV
	/* There, the same place counts spins. */
	if ((mutex->__data.__kind & KIND_TYPE) == PTHREAD_MUTEX_ADAPTIVE_NP)
		return NULL;
#endif
	return is_robust(mutex) ? NULL : (uintptr_t *)&mutex->__data.__list.__next;
}

/*
 * What a mutex is known by: its address, or its stamp if it is shared. That is odd, so that it
 * is nobody's address. NULL: it has none yet.
 */
static const void *name_of(pthread_mutex_t *mutex)
{
	const uintptr_t *stamp = is_shared(mutex) ? stamp_of(mutex) : NULL;

	return stamp ? (const void *)load_relaxed(stamp) : mutex;
}

/* Of one that is not shared: good in this process, at this address. */
static uintptr_t stamp_for(const pthread_mutex_t *mutex)
{
	return (uintptr_t)mutex ^ (uintptr_t)&real;
}

/* Of one that is. 0: there is none to be had. No point of cancellation, and errno stays. */
static uintptr_t unique_stamp(void)
{
	const int old_errno = errno;
	uintptr_t stamp;

	if (!getentropy(&stamp, sizeof(stamp)))
		return stamp | 1;
	errno = old_errno;
	return 0;
}

/* Or it cannot be told. Certain only for its holder. */
static bool is_new(pthread_mutex_t *mutex)
{
	const uintptr_t *stamp = stamp_of(mutex);

	if (is_shared(mutex))
		return !stamp || !load_relaxed(stamp);
	return stamp && load_relaxed(stamp) != stamp_for(mutex);
}

/*
 * Telling.
 */

enum { NESTING = 1, SHARED = 2 };

static const struct dmabuf_lock_class classes[] = {
	{ "mutex", DMABUF_LOCK_BY_OBJECT },
	[NESTING] = { "mutex", DMABUF_LOCK_BY_OBJECT | DMABUF_LOCK_RECURSIVE },
	[SHARED] = { "mutex", DMABUF_LOCK_BY_OBJECT | DMABUF_LOCK_PROCESS_SHARED },
	[NESTING | SHARED] = { "mutex", DMABUF_LOCK_BY_OBJECT | DMABUF_LOCK_RECURSIVE |
						DMABUF_LOCK_PROCESS_SHARED },
};

static void tell_taken(pthread_mutex_t *mutex, unsigned int flags)
{
	const void *name = name_of(mutex);

	if (!name)
		return;
	telling = true;
	dmabuf_lock_acquire(&classes[(returns_to_holder(mutex) ? NESTING : 0) |
				     (is_shared(mutex) ? SHARED : 0)],
			    name, flags);
	telling = false;
}

static void tell_dropped(const void *name)
{
	if (!name)
		return;
	telling = true;
	dmabuf_lock_release(name);
	telling = false;
}

static void tell_forgotten(const void *name)
{
	if (!name)
		return;
	telling = true;
	dmabuf_lock_forget(name);
	telling = false;
}

/*
 * What had this name has gone, even from who holds it: a forked child may initialise its
 * locks anew.
 */
static void tell_gone(const void *name)
{
	tell_forgotten(name);
	tell_dropped(name);
}

/* The caller has it. */
static void begin_anew(pthread_mutex_t *mutex)
{
	uintptr_t *stamp = stamp_of(mutex);

	if (!stamp) {
		tell_forgotten(mutex); /* it may be held: taken again, by one that may */
	} else if (is_shared(mutex)) {
		store_relaxed(stamp, unique_stamp());
	} else {
		tell_gone(mutex);
		store_relaxed(stamp, stamp_for(mutex));
	}
}

/* The caller has @mutex already, perhaps as its first holder. */
static void tell_has(pthread_mutex_t *mutex, unsigned int flags)
{
	if (is_new(mutex))
		begin_anew(mutex);
	tell_taken(mutex, flags);
}

/* One without a stamp: does the caller have it, so that it can be no other? */
static bool is_mine(pthread_mutex_t *mutex)
{
	return !stamp_of(mutex) && mutex->__data.__owner == gettid();
}

static bool has(int err)
{
	return !err || err == EOWNERDEAD;
}

int pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attr)
{
	const int err = REAL(mutex_init)(mutex, attr);

	if (!err && is_watched(mutex, __builtin_return_address(0)))
		tell_gone(mutex);
	return err;
}

int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
	const void *name = name_of(mutex);
	const int err = REAL(mutex_destroy)(mutex);

	if (!err && is_watched(mutex, __builtin_return_address(0)))
		tell_gone(name);
	return err;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	int err;

	if (!is_watched(mutex, __builtin_return_address(0)))
		return REAL(mutex_lock)(mutex);

	/* What was here before must not be blamed on a new one, and only its holder may forget. */
	if (is_new(mutex) && !is_mine(mutex)) {
		err = REAL(mutex_lock)(mutex);
		if (has(err))
			tell_has(mutex, 0);
		return err;
	}
	tell_taken(mutex, 0);
	err = REAL(mutex_lock)(mutex);
	if (!has(err))
		tell_dropped(name_of(mutex));
	return err;
}

/* Waiting with an end is trying: it does not hang. */

int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
	const int err = REAL(mutex_trylock)(mutex);

	if (has(err) && is_watched(mutex, __builtin_return_address(0)))
		tell_has(mutex, DMABUF_LOCK_TRY);
	return err;
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex,
			    const struct timespec *restrict abstime)
{
	const int err = REAL(mutex_timedlock)(mutex, abstime);

	if (has(err) && is_watched(mutex, __builtin_return_address(0)))
		tell_has(mutex, DMABUF_LOCK_TRY);
	return err;
}

int pthread_mutex_clocklock(pthread_mutex_t *restrict mutex, clockid_t clockid,
			    const struct timespec *restrict abstime)
{
	const int err = REAL(mutex_clocklock)(mutex, clockid, abstime);

	if (has(err) && is_watched(mutex, __builtin_return_address(0)))
		tell_has(mutex, DMABUF_LOCK_TRY);
	return err;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	const void *name;

	if (!is_watched(mutex, __builtin_return_address(0)))
		return REAL(mutex_unlock)(mutex);

	name = name_of(mutex); /* while it is there */

	/* Where libc says whether it was the caller's, the program may count on that. */
	if (returns_to_holder(mutex) || is_robust(mutex)) {
		const int err = REAL(mutex_unlock)(mutex);

		if (!err)
			tell_dropped(name);
		return err;
	}
	tell_dropped(name);
	return REAL(mutex_unlock)(mutex);
}

/*
 * A wait drops the mutex and takes it again, after whatever else is held. That is told in
 * advance: so it is reported before it hangs, and a thread that is cancelled here, or is
 * sleeping, which does nothing in between, is known to have it at its end.
 */
static bool begin_wait(pthread_mutex_t *mutex, const void *caller)
{
	if (!is_watched(mutex, caller))
		return false;
	tell_dropped(name_of(mutex));
	tell_taken(mutex, 0);
	return true;
}

static int end_wait(pthread_mutex_t *mutex, bool watched, int err)
{
	if (watched && (err == EPERM || err == ENOTRECOVERABLE))
		tell_dropped(name_of(mutex)); /* it never was held, or nobody can hold it */
	return err;
}

int pthread_cond_wait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex)
{
	const bool watched = begin_wait(mutex, __builtin_return_address(0));

	return end_wait(mutex, watched, REAL(cond_wait)(cond, mutex));
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   const struct timespec *restrict abstime)
{
	const bool watched = begin_wait(mutex, __builtin_return_address(0));

	return end_wait(mutex, watched, REAL(cond_timedwait)(cond, mutex, abstime));
}

int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   clockid_t clock_id, const struct timespec *restrict abstime)
{
	const bool watched = begin_wait(mutex, __builtin_return_address(0));

	return end_wait(mutex, watched, REAL(cond_clockwait)(cond, mutex, clock_id, abstime));
}
