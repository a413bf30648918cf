/* SPDX-License-Identifier: MIT */
/* What is released where its scope ends: guards, classes, __free(). As in Linux. */
#ifndef LINUX_COMPAT_CLEANUP_H
#define LINUX_COMPAT_CLEANUP_H

#include <linux/err.h>

/*
 * Pointers that free what they point to.
 */

#define DEFINE_FREE(_name, _type, _free) \
	static inline void __free_##_name(void *p) \
	{ \
		_type _T = *(_type *)p; \
		_free; \
	}
#define __free(_name) __cleanup(__free_##_name)

#define no_free_ptr(p) \
	({ \
		__typeof__(p) lc_kept = (p); \
		(p) = NULL; \
		lc_kept; \
	})
#define return_ptr(p) return no_free_ptr(p)
#define retain_and_null_ptr(p) ((void)no_free_ptr(p))

/*
 * Classes: a type with a constructor and a destructor. _T is the object.
 */

#define DEFINE_CLASS(_name, _type, _exit, _init, ...) \
	typedef _type class_##_name##_t; \
	static inline void class_##_name##_destructor(_type *p) \
	{ \
		_type _T = *p; \
		_exit; \
	} \
	static inline _type class_##_name##_constructor(__VA_ARGS__) \
	{ \
		_type t = _init; \
		return t; \
	}
#define EXTEND_CLASS(_name, ext, _init, ...) \
	typedef class_##_name##_t class_##_name##ext##_t; \
	static inline void class_##_name##ext##_destructor(class_##_name##_t *p) \
	{ \
		class_##_name##_destructor(p); \
	} \
	static inline class_##_name##_t class_##_name##ext##_constructor(__VA_ARGS__) \
	{ \
		class_##_name##_t t = _init; \
		return t; \
	}
#define CLASS(_name, var) \
	class_##_name##_t var __cleanup(class_##_name##_destructor) __maybe_unused = \
		class_##_name##_constructor
#define CLASS_INIT(_name, var, init_expr) \
	class_##_name##_t var __cleanup(class_##_name##_destructor) __maybe_unused = (init_expr)

/*
 * Guards: classes that hold a lock. The lock pointer of one that could not take it
 * is NULL, or an error pointer inside.
 */

#define __guard_ptr(_name) class_##_name##_lock_ptr
#define __guard_err(_name) class_##_name##_lock_err

static inline void *lc_guard_ptr(const void *lock)
{
	return IS_ERR(lock) ? NULL : (void *)(uintptr_t)lock;
}

static inline int lc_guard_err(const void *lock)
{
	return lock ? PTR_ERR_OR_ZERO(lock) : -EBUSY;
}

#define LC_GUARD_FUNCTIONS(_name, _class, _pointer) \
	static inline void *class_##_name##_lock_ptr(_class *_T) \
	{ \
		return lc_guard_ptr(_pointer); \
	} \
	static inline int class_##_name##_lock_err(_class *_T) \
	{ \
		return lc_guard_err(_pointer); \
	}

/* Evaluate to @_T, or to an error pointer if @_lock gave a _RET that is not as @_cond wants. */
#define LC_COND_LOCK(_lock, _cond) \
	({ \
		void *lc_lock = (void *)_T; \
		if (_T) { \
			int _RET = (_lock); \
			if (!(_cond)) \
				lc_lock = ERR_PTR(_RET); \
		} \
		lc_lock; \
	})
#define LC_SELECT_5(a, b, c, d, name, ...) name

#define DEFINE_GUARD(_name, _type, _lock, _unlock) \
	DEFINE_CLASS(_name, _type, if (!IS_ERR_OR_NULL(_T)) { _unlock; }, \
		     ({ _lock; _T; }), _type _T) \
	LC_GUARD_FUNCTIONS(_name, _type, *_T)
#define DEFINE_GUARD_COND_4(_name, _ext, _lock, _cond) \
	EXTEND_CLASS(_name, _ext, LC_COND_LOCK(_lock, _cond), class_##_name##_t _T) \
	LC_GUARD_FUNCTIONS(_name##_ext, class_##_name##_t, *_T)
#define DEFINE_GUARD_COND_3(_name, _ext, _lock) DEFINE_GUARD_COND_4(_name, _ext, _lock, _RET)
#define DEFINE_GUARD_COND(...) \
	LC_SELECT_5(__VA_ARGS__, DEFINE_GUARD_COND_4, DEFINE_GUARD_COND_3, )(__VA_ARGS__)

#define LC_LOCK_GUARD(_name, _type, _unlock, ...) \
	typedef struct { \
		_type *lock; \
		__VA_ARGS__; \
	} class_##_name##_t; \
	static inline void class_##_name##_destructor(class_##_name##_t *_T) \
	{ \
		if (!IS_ERR_OR_NULL(_T->lock)) { \
			_unlock; \
		} \
	} \
	LC_GUARD_FUNCTIONS(_name, class_##_name##_t, _T->lock)

#define DEFINE_LOCK_GUARD_1(_name, _type, _lock, _unlock, ...) \
	LC_LOCK_GUARD(_name, _type, _unlock, __VA_ARGS__) \
	static inline class_##_name##_t class_##_name##_constructor(_type *l) \
	{ \
		class_##_name##_t t = { .lock = l }, *_T = &t; \
		_lock; \
		return t; \
	}
#define DEFINE_LOCK_GUARD_0(_name, _lock, _unlock, ...) \
	LC_LOCK_GUARD(_name, void, _unlock, __VA_ARGS__) \
	static inline class_##_name##_t class_##_name##_constructor(void) \
	{ \
		class_##_name##_t t = { .lock = (void *)1 }, *_T __maybe_unused = &t; \
		_lock; \
		return t; \
	}
#define LC_LOCK_GUARD_COND_4(_name, _ext, _lock, _cond) \
	static inline class_##_name##_t class_##_name##_ext##_constructor( \
		__typeof__(((class_##_name##_t *)0)->lock) l) \
	{ \
		class_##_name##_t t = { .lock = l }, *_T = &t; \
		int _RET = (_lock); \
		if (!(_cond)) \
			_T->lock = ERR_PTR(_RET); \
		return t; \
	} \
	typedef class_##_name##_t class_##_name##_ext##_t; \
	static inline void class_##_name##_ext##_destructor(class_##_name##_t *_T) \
	{ \
		class_##_name##_destructor(_T); \
	} \
	LC_GUARD_FUNCTIONS(_name##_ext, class_##_name##_t, _T->lock)
#define LC_LOCK_GUARD_COND_3(_name, _ext, _lock) LC_LOCK_GUARD_COND_4(_name, _ext, _lock, _RET)
#define DEFINE_LOCK_GUARD_1_COND(...) \
	LC_SELECT_5(__VA_ARGS__, LC_LOCK_GUARD_COND_4, LC_LOCK_GUARD_COND_3, )(__VA_ARGS__)

#define guard(_name) CLASS(_name, __UNIQUE_ID(guard))

/* The statement that follows runs with the lock held; for a conditional guard, if it is. */
#define scoped_guard(_name, args...) \
	for (CLASS(_name, lc_scope)(args), *lc_once = NULL; \
	     !lc_once && __guard_ptr(_name)(&lc_scope); lc_once = (void *)1)
#define scoped_cond_guard(_name, _fail, args...) \
	for (CLASS(_name, lc_scope)(args), *lc_once = NULL; !lc_once; lc_once = (void *)1) \
		if (!__guard_ptr(_name)(&lc_scope)) { \
			_fail; \
		} else

#define ACQUIRE(_name, var) CLASS(_name, var)
#define ACQUIRE_ERR(_name, var) __guard_err(_name)(var)

#endif
