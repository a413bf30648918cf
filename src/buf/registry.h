/* SPDX-License-Identifier: MIT */
/*
 * Which live buffers this process has, in the order in which they were exported, and which
 * of them has which memory: one buffer for each file. In a forked child: none.
 */
#ifndef BUF_REGISTRY_H
#define BUF_REGISTRY_H

#include <dmabuf/dmabuf-types.h>

#include "os/tree.h"

/* Room inside the object, all zero at first. All under the registry's lock. */
struct registry_node {
	struct dmabuf_list_head live; /* on the list of all */
	uint32_t generation;	      /* of the registry that it is in */
	uint64_t number;	      /* constant once it is in there; rises along the list */
	struct tree_node memory;      /* in the tree of those with memory */
};

/* The lock of the registry. Short. */
extern struct dmabuf_spinlock registry_spinlock;
void registry_lock(void) DMABUF_ACQUIRE(registry_spinlock);
void registry_unlock(void) DMABUF_RELEASE(registry_spinlock);

/* Under the lock: put it at the end of the list. */
void registry_add(struct registry_node *node) DMABUF_REQUIRES(registry_spinlock);

/* Under the lock, before that: false: another node has this memory, and nothing changed. */
bool registry_add_memory(struct registry_node *node, struct tree_key file)
	DMABUF_REQUIRES(registry_spinlock);

/* Under the lock: the number of the newest so far. */
uint64_t registry_last_number(void) DMABUF_REQUIRES(registry_spinlock);

/* Under the lock: what has this memory, or NULL. */
struct registry_node *registry_find(struct tree_key file) DMABUF_REQUIRES(registry_spinlock);

/* Under the lock: the one after @node, the first for NULL; NULL: no more. */
struct registry_node *registry_next(const struct registry_node *node)
	DMABUF_REQUIRES(registry_spinlock);

/* Under the lock. A node that is not in there, as after fork, is left alone. */
void registry_remove(struct registry_node *node) DMABUF_REQUIRES(registry_spinlock);

#endif
