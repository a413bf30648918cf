/* SPDX-License-Identifier: MIT */
/*
 * Memory: malloc() and free(), so that what the library allocated can be freed here
 * and the other way round. Aligned for any type, but not, as in Linux, to a size that
 * is a power of two. Caches: see compat/kmem-cache.h.
 */
#ifndef LINUX_COMPAT_SLAB_H
#define LINUX_COMPAT_SLAB_H

#include <compat/kmem-cache.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <malloc.h>

#define ZERO_SIZE_PTR ((void *)16)
#define ZERO_OR_NULL_PTR(ptr) ((unsigned long)(ptr) <= (unsigned long)ZERO_SIZE_PTR)
#define ARCH_KMALLOC_MINALIGN __alignof__(long long)
#define KMALLOC_MAX_SIZE (1UL << 22)

/* Never NULL for a size of 0, as there: it is an allocation like others. */
static inline void *kmalloc(size_t size, gfp_t flags)
{
	void *memory;

	might_alloc(flags);
	memory = flags & __GFP_ZERO ? calloc(1, size ? size : 1) : malloc(size ? size : 1);
	BUG_ON(!memory && (flags & __GFP_NOFAIL));
	return memory;
}

static inline void *kzalloc(size_t size, gfp_t flags)
{
	return kmalloc(size, flags | __GFP_ZERO);
}

static inline void *kmalloc_array(size_t n, size_t size, gfp_t flags)
{
	size_t bytes;

	return check_mul_overflow(n, size, &bytes) ? NULL : kmalloc(bytes, flags);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t flags)
{
	return kmalloc_array(n, size, flags | __GFP_ZERO);
}

static inline void kfree(const void *memory)
{
	if (!ZERO_OR_NULL_PTR(memory))
		free((void *)(uintptr_t)memory);
}

/* The old size is not known, so nobody can zero what is new: __GFP_ZERO warns. */
static inline void *__must_check krealloc(const void *memory, size_t size, gfp_t flags)
{
	void *larger;

	if (!size) {
		kfree(memory);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(memory))
		return kmalloc(size, flags);
	WARN(flags & __GFP_ZERO, "krealloc() zeroes nothing");
	larger = realloc((void *)(uintptr_t)memory, size);
	BUG_ON(!larger && (flags & __GFP_NOFAIL));
	return larger;
}

static inline void *__must_check krealloc_array(void *memory, size_t n, size_t size, gfp_t flags)
{
	size_t bytes;

	return check_mul_overflow(n, size, &bytes) ? NULL : krealloc(memory, bytes, flags);
}

#define kmalloc_node(size, flags, node) kmalloc(size, flags)
#define kzalloc_node(size, flags, node) kzalloc(size, flags)
#define kmalloc_array_node(n, size, flags, node) kmalloc_array(n, size, flags)
#define kcalloc_node(n, size, flags, node) kcalloc(n, size, flags)
#define kmalloc_track_caller(size, flags) kmalloc(size, flags)

#define kvmalloc(size, flags) kmalloc(size, flags)
#define kvzalloc(size, flags) kzalloc(size, flags)
#define kvmalloc_node(size, flags, node) kmalloc(size, flags)
#define kvzalloc_node(size, flags, node) kzalloc(size, flags)
#define kvmalloc_array(n, size, flags) kmalloc_array(n, size, flags)
#define kvcalloc(n, size, flags) kcalloc(n, size, flags)
#define kvfree(memory) kfree(memory)

/*
 * Since 7.0: an object, several, or one with a flexible array @fam as its last member. The
 * first argument is a type or an expression of it; the flags may be left out.
 */
#define LC_GFP(...) LC_GFP_(0, ##__VA_ARGS__, GFP_KERNEL)
#define LC_GFP_(none, flags, ...) (flags)
#define kmalloc_obj(obj, ...) \
	((__typeof__(obj) *)kmalloc(sizeof(__typeof__(obj)), LC_GFP(__VA_ARGS__)))
#define kmalloc_objs(obj, n, ...) \
	((__typeof__(obj) *)kmalloc_array(n, sizeof(__typeof__(obj)), LC_GFP(__VA_ARGS__)))
#define kmalloc_flex(obj, fam, n, ...) \
	((__typeof__(obj) *)kmalloc(struct_size_t(__typeof__(obj), fam, n), LC_GFP(__VA_ARGS__)))
#define kzalloc_obj(obj, ...) kmalloc_obj(obj, LC_GFP(__VA_ARGS__) | __GFP_ZERO)
#define kzalloc_objs(obj, n, ...) kmalloc_objs(obj, n, LC_GFP(__VA_ARGS__) | __GFP_ZERO)
#define kzalloc_flex(obj, fam, n, ...) \
	kmalloc_flex(obj, fam, n, LC_GFP(__VA_ARGS__) | __GFP_ZERO)
#define kvmalloc_obj(obj, ...) kmalloc_obj(obj, ##__VA_ARGS__)
#define kvmalloc_objs(obj, n, ...) kmalloc_objs(obj, n, ##__VA_ARGS__)
#define kvmalloc_flex(obj, fam, n, ...) kmalloc_flex(obj, fam, n, ##__VA_ARGS__)
#define kvzalloc_obj(obj, ...) kzalloc_obj(obj, ##__VA_ARGS__)
#define kvzalloc_objs(obj, n, ...) kzalloc_objs(obj, n, ##__VA_ARGS__)
#define kvzalloc_flex(obj, fam, n, ...) kzalloc_flex(obj, fam, n, ##__VA_ARGS__)

static inline size_t ksize(const void *memory)
{
	return ZERO_OR_NULL_PTR(memory) ? 0 : malloc_usable_size((void *)(uintptr_t)memory);
}

/* Passwords and keys become zeroes before they go. */
static inline void kfree_sensitive(const void *memory)
{
	if (!ZERO_OR_NULL_PTR(memory))
		memzero_explicit((void *)(uintptr_t)memory, ksize(memory));
	kfree(memory);
}

#define kvfree_sensitive(memory, size) kfree_sensitive(memory)

DEFINE_FREE(kfree, void *, if (!IS_ERR_OR_NULL(_T)) kfree(_T))
DEFINE_FREE(kvfree, void *, if (!IS_ERR_OR_NULL(_T)) kvfree(_T))

#include <compat/common.h>

#endif
