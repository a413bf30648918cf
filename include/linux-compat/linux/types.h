/* SPDX-License-Identifier: MIT */
/*
 * Linux's names of types, over its UAPI's and libc's. libc includes this header
 * from inside its own, so what comes with it is little; dma_addr_t is 64 bits.
 */
#ifndef LINUX_COMPAT_TYPES_H
#define LINUX_COMPAT_TYPES_H

#include_next <linux/types.h>

#include <compat/tags.h>
#include <linux/compiler.h>

#include <sys/types.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;


typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
typedef phys_addr_t resource_size_t;
typedef u64 sector_t;
typedef unsigned long pgoff_t;
typedef unsigned int gfp_t;
typedef unsigned int slab_flags_t;
typedef unsigned int fmode_t;
typedef unsigned int xa_mark_t;
typedef unsigned short umode_t;
typedef s64 time64_t;

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

#define callback_head rcu_head
typedef void (*rcu_callback_t)(struct rcu_head *head);
typedef void (*call_rcu_func_t)(struct rcu_head *head, rcu_callback_t func);
typedef int (*cmp_func_t)(const void *a, const void *b);
typedef int (*cmp_r_func_t)(const void *a, const void *b, const void *priv);
typedef void (*swap_func_t)(void *a, void *b, int size);

#endif
