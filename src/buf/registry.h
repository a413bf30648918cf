/* SPDX-License-Identifier: MIT */
/*
 * Which live buffers this process has, in the order in which they were exported, and which
 * of them has which memory: one buffer for each (device, inode). In a forked child: none.
 */
#ifndef BUF_REGISTRY_H
#define BUF_REGISTRY_H

#include <dmabuf/dmabuf-types.h>

/* Room inside the object, all zero at first. All under the registry's lock. */
struct registry_node {
	struct dmabuf_list_head live;   /* on the list of all */
	uint32_t generation;            /* of the registry that it is in */
	struct registry_node *child[4]; /* in the tree of those with memory */
	uint64_t device, inode;
};

/* The lock of the registry. Short. */
void registry_lock(void);
void registry_unlock(void);

/* Under the lock: put it at the end of the list. */
void registry_add(struct registry_node *node);

/* Under the lock, before that: false: another node has this memory, and nothing changed. */
bool registry_add_memory(struct registry_node *node, uint64_t device, uint64_t inode);

/* Under the lock: what has this memory, or NULL. */
struct registry_node *registry_find(uint64_t device, uint64_t inode);

/* Under the lock: the one after @node, the first for NULL; NULL: no more. */
struct registry_node *registry_next(const struct registry_node *node);

/* Under the lock. A node that is not in there, as after fork, is left alone. */
void registry_remove(struct registry_node *node);

#endif
