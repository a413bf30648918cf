/* SPDX-License-Identifier: MIT */
/*
 * Which live buffer of this process has which memory: one buffer for each file. In a
 * forked child: none.
 */
#ifndef BUF_REGISTRY_H
#define BUF_REGISTRY_H

#include "os/tree.h"

/* The lock of the registry. Short. */
void registry_lock(void);
void registry_unlock(void);

/* Under the lock: what has this memory, or NULL. */
struct tree_node *registry_find(struct tree_key file);

/* Under the lock: false: another node has this memory, and nothing changed. */
bool registry_add(struct tree_node *node, struct tree_key file);

/* Under the lock. A node that is not in there, as after fork, is left alone. */
void registry_remove(struct tree_node *node);

#endif
