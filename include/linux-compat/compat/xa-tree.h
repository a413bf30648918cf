/* SPDX-License-Identifier: MIT */
/*
 * The tree inside an XArray. A node at shift s has 64 slots, each for 2^s indices: an
 * entry if s is 0, else a node. The root covers the indices below 64 * 2^s; it gets a
 * parent when a larger one comes. Nodes without entries go, after a grace period.
 *
 * Locking: changes under xa_lock, reading under it or in an RCU section.
 */
#ifndef LINUX_COMPAT_XA_TREE_H
#define LINUX_COMPAT_XA_TREE_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include <limits.h>

#define LC_XA_BITS 6
#define LC_XA_SLOTS (1u << LC_XA_BITS)
#define LC_XA_ALLOC 0x4u
#define LC_XA_FROM_1 0x8u

/* Reserved: shows as NULL, and is taken. */
#define XA_ZERO_ENTRY ((void *)(257ul << 2 | 2))

struct lc_xa_node {
	struct rcu_head rcu;
	struct lc_xa_node *parent;
	unsigned int slot_in_parent, shift;
	unsigned int used;
	void *slots[LC_XA_SLOTS];
};

struct xarray {
	spinlock_t xa_lock;
	gfp_t xa_flags;
	struct lc_xa_node *xa_head;
};

static inline unsigned int lc_xa_slot_of(const struct lc_xa_node *node, unsigned long index)
{
	return (unsigned int)(index >> node->shift) % LC_XA_SLOTS;
}

static inline bool lc_xa_covers(const struct lc_xa_node *root, unsigned long index)
{
	return (index >> root->shift) < LC_XA_SLOTS;
}

/* The lowest node on the way to @index, which is a leaf if its shift is 0; NULL: no root that far. */
static inline struct lc_xa_node *lc_xa_lowest(struct xarray *xa, unsigned long index)
{
	struct lc_xa_node *node = rcu_dereference(xa->xa_head);

	if (!node || !lc_xa_covers(node, index))
		return NULL;
	while (node->shift) {
		struct lc_xa_node *child = (struct lc_xa_node *)rcu_dereference(
			node->slots[lc_xa_slot_of(node, index)]);

		if (!child)
			break;
		node = child;
	}
	return node;
}

static inline void *lc_xa_get(struct xarray *xa, unsigned long index)
{
	struct lc_xa_node *node = lc_xa_lowest(xa, index);

	return node && !node->shift ? rcu_dereference(node->slots[lc_xa_slot_of(node, index)]) :
				      NULL;
}

static inline struct lc_xa_node *lc_xa_node_alloc(unsigned int shift)
{
	struct lc_xa_node *node = (struct lc_xa_node *)calloc(1, sizeof(*node));

	if (node)
		node->shift = shift;
	return node;
}

static inline void lc_xa_link(struct lc_xa_node *parent, unsigned int slot,
			      struct lc_xa_node *child)
{
	child->parent = parent;
	child->slot_in_parent = slot;
	parent->used++;
	rcu_assign_pointer(parent->slots[slot], child);
}

/* Put roots above the root until it covers @index. False: no memory. */
static inline bool lc_xa_grow(struct xarray *xa, unsigned long index)
{
	if (!xa->xa_head) {
		struct lc_xa_node *leaf = lc_xa_node_alloc(0);

		if (!leaf)
			return false;
		rcu_assign_pointer(xa->xa_head, leaf);
	}
	while (!lc_xa_covers(xa->xa_head, index)) {
		struct lc_xa_node *root = lc_xa_node_alloc(xa->xa_head->shift + LC_XA_BITS);

		if (!root)
			return false;
		if (xa->xa_head->used)
			lc_xa_link(root, 0, xa->xa_head);
		else
			dmabuf_free_rcu(&xa->xa_head->rcu, xa->xa_head);
		rcu_assign_pointer(xa->xa_head, root);
	}
	return true;
}

/* The leaf of @index, made if need be. NULL: no memory. */
static inline struct lc_xa_node *lc_xa_leaf(struct xarray *xa, unsigned long index)
{
	struct lc_xa_node *node;

	if (!lc_xa_grow(xa, index))
		return NULL;
	node = lc_xa_lowest(xa, index);
	while (node->shift) {
		struct lc_xa_node *child = lc_xa_node_alloc(node->shift - LC_XA_BITS);

		if (!child)
			return NULL;
		lc_xa_link(node, lc_xa_slot_of(node, index), child);
		node = child;
	}
	return node;
}

/* Free @node, and what is above it, as long as it is empty. */
static inline void lc_xa_prune(struct xarray *xa, struct lc_xa_node *node)
{
	while (node && !node->used) {
		struct lc_xa_node *parent = node->parent;

		if (parent) {
			rcu_assign_pointer(parent->slots[node->slot_in_parent], NULL);
			parent->used--;
		} else {
			rcu_assign_pointer(xa->xa_head, NULL);
		}
		dmabuf_free_rcu(&node->rcu, node);
		node = parent;
	}
}

/* Store @entry, NULL for none. 0, with what was there; -ENOMEM, and nothing has changed. */
static inline int lc_xa_set(struct xarray *xa, unsigned long index, void *entry, void **ret_old)
{
	struct lc_xa_node *node = entry ? lc_xa_leaf(xa, index) : lc_xa_lowest(xa, index);
	void **slot;

	*ret_old = NULL;
	if (!node && entry) {
		lc_xa_prune(xa, lc_xa_lowest(xa, index));
		lc_xa_prune(xa, xa->xa_head);
		return -ENOMEM;
	}
	if (!node || node->shift)
		return 0;
	slot = &node->slots[lc_xa_slot_of(node, index)];
	*ret_old = *slot;
	node->used += !!entry;
	node->used -= !!*slot;
	rcu_assign_pointer(*slot, entry);
	lc_xa_prune(xa, node);
	return 0;
}

/* Index @index and those that share its slot in @node lie before the result; 0: they are the last. */
static inline unsigned long lc_xa_behind(const struct lc_xa_node *node, unsigned long index)
{
	return ((index >> node->shift) + 1) << node->shift;
}

/* The first entry from *@index to @max. False: none. */
static inline bool lc_xa_find_set(struct xarray *xa, unsigned long *index, unsigned long max,
				  void **ret_entry)
{
	unsigned long at = *index;

	do {
		struct lc_xa_node *node = lc_xa_lowest(xa, at);
		void *entry;

		if (!node || at > max)
			return false;
		entry = node->shift ? NULL : rcu_dereference(node->slots[lc_xa_slot_of(node, at)]);
		if (entry) {
			*index = at;
			*ret_entry = entry;
			return true;
		}
		at = lc_xa_behind(node, at);
	} while (at);
	return false;
}

/* The first index from *@index to @max without an entry; lock held. False: none. */
static inline bool lc_xa_find_free(struct xarray *xa, unsigned long *index, unsigned long max)
{
	for (unsigned long at = *index; at <= max; at++) {
		struct lc_xa_node *node = lc_xa_lowest(xa, at);

		if (!node || node->shift || !node->slots[lc_xa_slot_of(node, at)]) {
			*index = at;
			return true;
		}
		/* Full: its last index is next to be looked at, and not free either. */
		if (node->used == LC_XA_SLOTS)
			at |= LC_XA_SLOTS - 1;
		if (at == max)
			return false;
	}
	return false;
}

static inline void lc_xa_free_all(struct xarray *xa)
{
	struct lc_xa_node *node = xa->xa_head;

	rcu_assign_pointer(xa->xa_head, NULL);
	/* Down to a node without children, free it, go on with its parent. */
	while (node) {
		struct lc_xa_node *parent = node->parent, *child = NULL;

		for (unsigned int i = 0; node->shift && i < LC_XA_SLOTS && !child; i++)
			child = (struct lc_xa_node *)node->slots[i];
		if (child) {
			node = child;
			continue;
		}
		if (parent)
			rcu_assign_pointer(parent->slots[node->slot_in_parent], NULL);
		dmabuf_free_rcu(&node->rcu, node);
		node = parent;
	}
}

#endif
