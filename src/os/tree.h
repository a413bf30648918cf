/* SPDX-License-Identifier: MIT */
/*
 * A tree whose nodes are inside its owner's objects, so that adding one never allocates and
 * never fails for want of memory. It finds by a key of two numbers, which no two nodes share.
 *
 * Locking: the owner's. A root is NULL while the tree is empty.
 */
#ifndef OS_TREE_H
#define OS_TREE_H

#include <stdbool.h>
#include <stdint.h>

/* Two numbers: of a file the device and the inode. */
struct tree_key {
	uint64_t space, number;
};

/* Room inside the object, which is in the tree or not. */
struct tree_node {
	struct tree_node *child[4];
	struct tree_key key;
};

/* The node with this key, or NULL. */
struct tree_node *tree_find(struct tree_node **root, struct tree_key key);

/* False: another node has this key, and nothing changed. */
bool tree_add(struct tree_node **root, struct tree_node *node, struct tree_key key);

/* A node that is not in there, as after fork, is left alone. */
void tree_remove(struct tree_node **root, struct tree_node *node);

/* Remove and return any node; NULL: the tree is empty. */
struct tree_node *tree_take(struct tree_node **root);

#endif
