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

#define __get_and_null(p, nothing) \
	({ \
		__typeof__(p) lc_kept = (p); \
		(p) = (nothing); \
		lc_kept; \
	})
#define no_free_ptr(p) __get_and_null(p, NULL)
#define return_ptr(p) return no_free_ptr(p)
#define retain_and_null_ptr(p) ((void)no_free_ptr(p))

/*
 * Classes: a type with a constructor and a destructor. _T is the object.
 *
 * Each macro joins the name it is given before it hands it on, since a name such as
 * spinlock may be a macro (compat/tags.h): inside, c is class_name.
 */

#define LC_CLASS_TYPE(c, _type) typedef _type c##_t;
#define LC_CLASS_DESTRUCTOR(c, ...) \
	static inline void c##_destructor(c##_t *p) \
	{ \
		__VA_ARGS__; \
	}
#define LC_CLASS_CONSTRUCTOR(c, _init, ...) \
	static inline c##_t c##_constructor(__VA_ARGS__) \
	{ \
		c##_t t = _init; \
		return t; \
	}
#define LC_CLASS(c, _type, _exit, _init, ...) \
	LC_CLASS_TYPE(c, _type) \
	LC_CLASS_DESTRUCTOR(c, _type _T = *p; _exit) \
	LC_CLASS_CONSTRUCTOR(c, _init, __VA_ARGS__)
#define LC_EXTEND_CLASS(c, extended, _init, ...) \
	LC_CLASS_TYPE(extended, c##_t) \
	LC_CLASS_DESTRUCTOR(extended, c##_destructor(p)) \
	LC_CLASS_CONSTRUCTOR(extended, _init, __VA_ARGS__)
#define LC_CLASS_OBJECT(c, var) \
	c##_t var __cleanup(c##_destructor) __maybe_unused = c##_constructor

#define DEFINE_CLASS(_name, _type, _exit, _init, ...) \
	LC_CLASS(class_##_name, _type, _exit, _init, __VA_ARGS__)
#define EXTEND_CLASS(_name, ext, _init, ...) \
	LC_EXTEND_CLASS(class_##_name, class_##_name##ext, _init, __VA_ARGS__)
#define CLASS(_name, var) LC_CLASS_OBJECT(class_##_name, var)
#define CLASS_INIT(_name, var, init_expr) \
	class_##_name##_t var __cleanup(class_##_name##_destructor) __maybe_unused = (init_expr)

/*
 * Guards: classes that hold a lock. One that could not take it has NULL or an error
 * pointer in its place, and no lock pointer.
 */

static inline void *lc_guard_ptr(const void *lock)
{
	return IS_ERR(lock) ? NULL : (void *)(uintptr_t)lock;
}

static inline int lc_guard_err(const void *lock)
{
	return lock ? PTR_ERR_OR_ZERO(lock) : -EBUSY;
}

#define __guard_ptr(_name) class_##_name##_lock_ptr
#define __guard_err(_name) class_##_name##_lock_err

#define LC_GUARD(c, _pointer) \
	static inline void *c##_lock_ptr(c##_t *_T) \
	{ \
		return lc_guard_ptr(_pointer); \
	} \
	static inline int c##_lock_err(c##_t *_T) \
	{ \
		return lc_guard_err(_pointer); \
	}

/* _RET is what the lock function returns; without a condition on it, true is success. */
#define LC_CONDITION(_lock, cond...) LC_CONDITION_(_lock, ##cond, _RET)
#define LC_CONDITION_(_lock, cond, ...) (cond)

/* _T, or an error pointer if the lock was not taken. */
#define LC_TRY(_lock, cond...) \
	({ \
		void *lc_lock = (void *)_T; \
		if (_T) { \
			int _RET = (_lock); \
			if (!LC_CONDITION(_lock, ##cond)) \
				lc_lock = ERR_PTR(_RET); \
		} \
		lc_lock; \
	})

#define LC_PLAIN_GUARD(c, _type, _lock, _unlock) \
	LC_CLASS(c, _type, if (!IS_ERR_OR_NULL(_T)) { _unlock; }, ({ _lock; _T; }), _type _T) \
	LC_GUARD(c, *_T)
#define LC_PLAIN_GUARD_COND(c, extended, cond...) \
	LC_EXTEND_CLASS(c, extended, LC_TRY(cond), c##_t _T) \
	LC_GUARD(extended, *_T)
#define DEFINE_GUARD(_name, _type, _lock, _unlock) \
	LC_PLAIN_GUARD(class_##_name, _type, _lock, _unlock)
#define DEFINE_GUARD_COND(_name, _ext, cond...) \
	LC_PLAIN_GUARD_COND(class_##_name, class_##_name##_ext, cond)

/* Guards that are a structure, with the lock and more. */
#define LC_LOCK_GUARD(c, _type, _unlock, ...) \
	typedef struct { \
		_type *lock; \
		__VA_ARGS__; \
	} c##_t; \
	LC_CLASS_DESTRUCTOR(c, c##_t *_T = p; if (!IS_ERR_OR_NULL(_T->lock)) { _unlock; }) \
	LC_GUARD(c, _T->lock)
#define LC_LOCK_GUARD_1(c, _type, _lock) \
	static inline c##_t c##_constructor(_type *l) \
	{ \
		c##_t t = { .lock = l }, *_T = &t; \
		_lock; \
		return t; \
	}
#define LC_LOCK_GUARD_0(c, _lock) \
	static inline c##_t c##_constructor(void) \
	{ \
		c##_t t = { .lock = (void *)1 }, *_T __maybe_unused = &t; \
		_lock; \
		return t; \
	}
#define LC_LOCK_GUARD_1_COND(c, extended, _lock, cond...) \
	LC_CLASS_TYPE(extended, c##_t) \
	LC_CLASS_DESTRUCTOR(extended, c##_destructor(p)) \
	static inline c##_t extended##_constructor(__typeof__(((c##_t *)0)->lock) l) \
	{ \
		c##_t t = { .lock = l }, *_T = &t; \
		int _RET = (_lock); \
		if (!LC_CONDITION(_lock, ##cond)) \
			_T->lock = ERR_PTR(_RET); \
		return t; \
	} \
	LC_GUARD(extended, _T->lock)
#define DEFINE_LOCK_GUARD_1(_name, _type, _lock, _unlock, ...) \
	LC_LOCK_GUARD(class_##_name, _type, _unlock, __VA_ARGS__) \
	LC_LOCK_GUARD_1(class_##_name, _type, _lock)
#define DEFINE_LOCK_GUARD_0(_name, _lock, _unlock, ...) \
	LC_LOCK_GUARD(class_##_name, void, _unlock, __VA_ARGS__) \
	LC_LOCK_GUARD_0(class_##_name, _lock)
#define DEFINE_LOCK_GUARD_1_COND(_name, _ext, cond...) \
	LC_LOCK_GUARD_1_COND(class_##_name, class_##_name##_ext, cond)

#define guard(_name) LC_CLASS_OBJECT(class_##_name, __UNIQUE_ID(guard))

/* The statement that follows runs with the lock held; for a conditional guard, if it is. */
#define scoped_guard(_name, args...) \
	for (LC_CLASS_OBJECT(class_##_name, lc_scope)(args), *lc_once = NULL; \
	     !lc_once && class_##_name##_lock_ptr(&lc_scope); lc_once = (void *)1)
#define scoped_cond_guard(_name, _fail, args...) \
	for (LC_CLASS_OBJECT(class_##_name, lc_scope)(args), *lc_once = NULL; !lc_once; \
	     lc_once = (void *)1) \
		if (!class_##_name##_lock_ptr(&lc_scope)) { \
			_fail; \
		} else

#define ACQUIRE(_name, var) LC_CLASS_OBJECT(class_##_name, var)
#define ACQUIRE_ERR(_name, var) class_##_name##_lock_err(var)

#endif
