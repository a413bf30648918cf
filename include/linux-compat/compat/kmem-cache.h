/* SPDX-License-Identifier: MIT */
/*
 * Caches of objects of one kind. They keep no free objects: each object is an
 * allocation of its own, and a constructor runs for each. kfree() and kfree_rcu() take
 * them too, as in Linux, so nobody counts what is out: LeakSanitizer finds what is lost.
 *
 * An object of a SLAB_TYPESAFE_BY_RCU cache is freed after a grace period of its own.
 * Linux lets another object have the memory within that time, so code for Linux is
 * right here, but code that is right here need not be right in Linux. kfree() does not
 * wait for readers: such an object goes by kmem_cache_free() or kfree_rcu().
 */
#ifndef LINUX_COMPAT_KMEM_CACHE_H
#define LINUX_COMPAT_KMEM_CACHE_H

#include <linux/bug.h>
#include <linux/gfp_types.h>
#include <linux/rcupdate.h>

#define SLAB_CONSISTENCY_CHECKS 0x100u
#define SLAB_RED_ZONE 0x400u
#define SLAB_POISON 0x800u
#define SLAB_HWCACHE_ALIGN 0x2000u
#define SLAB_CACHE_DMA 0x4000u
#define SLAB_STORE_USER 0x10000u
#define SLAB_RECLAIM_ACCOUNT 0x20000u
#define SLAB_TEMPORARY SLAB_RECLAIM_ACCOUNT
#define SLAB_PANIC 0x40000u
#define SLAB_TYPESAFE_BY_RCU 0x80000u
#define SLAB_MEM_SPREAD 0x100000u
#define SLAB_NOLEAKTRACE 0x800000u
#define SLAB_ACCOUNT 0x4000000u
#define SLAB_NO_MERGE 0x1000000u

struct kmem_cache {
	const char *name;
	unsigned int object_size;
	unsigned int size; /* with padding: how far behind an object its head lies */
	unsigned int align;
	slab_flags_t flags;
	void (*ctor)(void *object);
};

struct kmem_cache_args {
	unsigned int align;
	unsigned int useroffset;
	unsigned int usersize;
	unsigned int freeptr_offset;
	bool use_freeptr_offset;
	void (*ctor)(void *object);
};

/* Behind an object whose cache is SLAB_TYPESAFE_BY_RCU. */
struct lc_slab_head {
	struct rcu_head rcu;
	void *object;
};

static inline struct kmem_cache *lc_kmem_cache(const char *name, unsigned int size,
					       unsigned int align, slab_flags_t flags,
					       void (*ctor)(void *object))
{
	struct kmem_cache *cache = calloc(1, sizeof(*cache));

	BUG_ON(!cache && (flags & SLAB_PANIC));
	if (!cache)
		return NULL;
	if (flags & SLAB_HWCACHE_ALIGN && align < 64)
		align = 64;
	if (align < __alignof__(struct lc_slab_head))
		align = __alignof__(struct lc_slab_head);
	cache->name = name;
	cache->align = align;
	cache->object_size = size;
	cache->size = (size + align - 1) / align * align;
	cache->flags = flags;
	cache->ctor = ctor;
	return cache;
}

static inline struct kmem_cache *lc_kmem_cache_of_args(const char *name, unsigned int size,
						       const struct kmem_cache_args *args,
						       slab_flags_t flags)
{
	return args ? lc_kmem_cache(name, size, args->align, flags, args->ctor) :
		      lc_kmem_cache(name, size, 0, flags, NULL);
}

/*
 * Both of Linux's forms: (name, size, align, flags, ctor), and, since 6.12, (name, size,
 * args, flags), where args may be NULL.
 */
#define kmem_cache_create(name, size, ...) LC_KMEM_CACHE(name, size, __VA_ARGS__, _5, _4, )
#define LC_KMEM_CACHE(name, size, third, flags, fifth, number, ...) \
	LC_KMEM_CACHE##number(name, size, third, flags, fifth)
#define LC_KMEM_CACHE_5(name, size, align, flags, ctor) \
	lc_kmem_cache(name, size, align, flags, ctor)
#define LC_KMEM_CACHE_4(name, size, args, flags, ...) lc_kmem_cache_of_args(name, size, args, flags)
#define kmem_cache_create_usercopy(name, size, align, flags, offset, length, ctor) \
	lc_kmem_cache(name, size, align, flags, ctor)

#define KMEM_CACHE(type, flags) \
	lc_kmem_cache(#type, sizeof(struct type), __alignof__(struct type), flags, NULL)

static inline void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	size_t size = cache->size;
	void *object;

	if (cache->flags & SLAB_TYPESAFE_BY_RCU)
		size += sizeof(struct lc_slab_head);
	if (posix_memalign(&object, cache->align < sizeof(void *) ? sizeof(void *) : cache->align,
			   size ? size : 1))
		object = NULL;
	BUG_ON(!object && (flags & __GFP_NOFAIL));
	if (!object)
		return NULL;
	if (flags & __GFP_ZERO)
		memset(object, 0, size);
	if (cache->ctor)
		cache->ctor(object);
	return object;
}

static inline void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags)
{
	return kmem_cache_alloc(cache, flags | __GFP_ZERO);
}

#define kmem_cache_alloc_node(cache, flags, node) kmem_cache_alloc(cache, flags)

static inline void lc_kmem_cache_free_late(struct rcu_head *rcu)
{
	free(((struct lc_slab_head *)rcu)->object);
}

static inline void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct lc_slab_head *head;

	if (!object)
		return;
	if (!(cache->flags & SLAB_TYPESAFE_BY_RCU)) {
		free(object);
		return;
	}
	head = (struct lc_slab_head *)((char *)object + cache->size);
	head->object = object;
	call_rcu(&head->rcu, lc_kmem_cache_free_late);
}

/* As there, it waits for what is on its way. */
static inline void kmem_cache_destroy(struct kmem_cache *cache)
{
	if (!cache)
		return;
	rcu_barrier();
	free(cache);
}

static inline int kmem_cache_shrink(struct kmem_cache *cache)
{
	(void)cache;
	return 0;
}

static inline unsigned int kmem_cache_size(struct kmem_cache *cache)
{
	return cache->object_size;
}

#endif
