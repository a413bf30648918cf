/* SPDX-License-Identifier: MIT */
/*
 * Which live buffer of this process has which memory: one buffer for each (device,
 * inode). In a forked child: none.
 */
#ifndef BUF_REGISTRY_H
#define BUF_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

/* Room inside the object, which is in the registry or not. All under the registry's lock. */
struct registry_node {
	struct registry_node *child[4];
	uint64_t device, inode;
};

/* The lock of the registry. Short. */
void registry_lock(void);
void registry_unlock(void);

/* Under the lock: what has this memory, or NULL. */
struct registry_node *registry_find(uint64_t device, uint64_t inode);

/* Under the lock: false: another node has this memory, and nothing changed. */
bool registry_add(struct registry_node *node, uint64_t device, uint64_t inode);

/* Under the lock. A node that is not in there, as after fork, is left alone. */
void registry_remove(struct registry_node *node);

#endif
