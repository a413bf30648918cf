/* SPDX-License-Identifier: MIT */
/*
 * Balanced trees, ordered by their user. The interface is Linux's; inside it is a treap:
 * a node's address, hashed, is its priority, and no node lies below one of less
 * priority, which keeps the tree about as flat as a random one.
 */
#ifndef LINUX_COMPAT_RBTREE_H
#define LINUX_COMPAT_RBTREE_H

#include <linux/container_of.h>
#include <linux/rbtree_types.h>
#include <linux/rcupdate.h>

#define rb_entry(ptr, type, member) container_of(ptr, type, member)
#define rb_entry_safe(ptr, type, member) \
	({ \
		struct rb_node *lc_node = (ptr); \
		lc_node ? rb_entry(lc_node, type, member) : NULL; \
	})
#define rb_parent(node) ((node)->lc_parent)
#define RB_EMPTY_ROOT(root) (!READ_ONCE((root)->rb_node))
#define RB_EMPTY_NODE(node) ((node)->lc_parent == (node))
#define RB_CLEAR_NODE(node) ((void)((node)->lc_parent = (node)))

/* Neighbours in memory must not be neighbours in priority. */
static inline uint64_t lc_rb_priority(const struct rb_node *node)
{
	uint64_t z = (uintptr_t)node * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 32)) * 0xd6e8feb86659fd93ull;
	return z ^ (z >> 32);
}

/* The place that points to @node, whose parent is @parent. */
static inline struct rb_node **lc_rb_link(struct rb_node *node, struct rb_node *parent,
					  struct rb_root *root)
{
	if (!parent)
		return &root->rb_node;
	return parent->rb_left == node ? &parent->rb_left : &parent->rb_right;
}

/* @node and its parent change places; the order stays. */
static inline void lc_rb_rotate_up(struct rb_node *node, struct rb_root *root)
{
	struct rb_node *parent = node->lc_parent, *moved;

	*lc_rb_link(parent, parent->lc_parent, root) = node;
	if (parent->rb_left == node) {
		moved = parent->rb_left = node->rb_right;
		node->rb_right = parent;
	} else {
		moved = parent->rb_right = node->rb_left;
		node->rb_left = parent;
	}
	if (moved)
		moved->lc_parent = parent;
	node->lc_parent = parent->lc_parent;
	parent->lc_parent = node;
}

static inline void rb_link_node(struct rb_node *node, struct rb_node *parent, struct rb_node **link)
{
	node->lc_parent = parent;
	node->rb_left = node->rb_right = NULL;
	*link = node;
}

static inline void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
	while (node->lc_parent && lc_rb_priority(node) > lc_rb_priority(node->lc_parent))
		lc_rb_rotate_up(node, root);
}

/* It sinks below its children until it has none. */
static inline void rb_erase(struct rb_node *node, struct rb_root *root)
{
	while (node->rb_left || node->rb_right) {
		struct rb_node *left = node->rb_left, *right = node->rb_right;
		const bool left_rises =
			!right || (left && lc_rb_priority(left) > lc_rb_priority(right));

		lc_rb_rotate_up(left_rises ? left : right, root);
	}
	*lc_rb_link(node, node->lc_parent, root) = NULL;
}

static inline void rb_replace_node(struct rb_node *victim, struct rb_node *node,
				   struct rb_root *root)
{
	*node = *victim;
	*lc_rb_link(victim, victim->lc_parent, root) = node;
	if (node->rb_left)
		node->rb_left->lc_parent = node;
	if (node->rb_right)
		node->rb_right->lc_parent = node;
}

static inline struct rb_node *lc_rb_leftmost(struct rb_node *node)
{
	while (node && node->rb_left)
		node = node->rb_left;
	return node;
}

static inline struct rb_node *lc_rb_rightmost(struct rb_node *node)
{
	while (node && node->rb_right)
		node = node->rb_right;
	return node;
}

#define rb_first(root) lc_rb_leftmost((root)->rb_node)
#define rb_last(root) lc_rb_rightmost((root)->rb_node)

static inline struct rb_node *rb_next(const struct rb_node *node)
{
	const struct rb_node *parent = node->lc_parent;

	if (node->rb_right)
		return lc_rb_leftmost(node->rb_right);
	for (; parent && parent->rb_right == node; parent = node->lc_parent)
		node = parent;
	return (struct rb_node *)(uintptr_t)parent;
}

static inline struct rb_node *rb_prev(const struct rb_node *node)
{
	const struct rb_node *parent = node->lc_parent;

	if (node->rb_left)
		return lc_rb_rightmost(node->rb_left);
	for (; parent && parent->rb_left == node; parent = node->lc_parent)
		node = parent;
	return (struct rb_node *)(uintptr_t)parent;
}

/* Children come before their parents, so that a walk may free what it leaves. */
static inline struct rb_node *lc_rb_deepest(struct rb_node *node)
{
	while (node && (node->rb_left || node->rb_right))
		node = node->rb_left ? node->rb_left : node->rb_right;
	return node;
}

#define rb_first_postorder(root) lc_rb_deepest((root)->rb_node)

static inline struct rb_node *rb_next_postorder(const struct rb_node *node)
{
	struct rb_node *parent = node ? node->lc_parent : NULL;

	if (parent && parent->rb_left == node && parent->rb_right)
		return lc_rb_deepest(parent->rb_right);
	return parent;
}

#define rbtree_postorder_for_each_entry_safe(pos, n, root, member) \
	for (pos = rb_entry_safe(rb_first_postorder(root), __typeof__(*pos), member); \
	     pos && (n = rb_entry_safe(rb_next_postorder(&pos->member), __typeof__(*pos), member), \
		     1); \
	     pos = n)

/* Add @node behind all that are not greater. True: nothing lies before it. */
static inline bool lc_rb_add(struct rb_node *node, struct rb_root *root,
			     bool (*less)(struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **link = &root->rb_node, *parent = NULL;
	bool first = true;

	while (*link) {
		parent = *link;
		if (less(node, parent)) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			first = false;
		}
	}
	rb_link_node(node, parent, link);
	rb_insert_color(node, root);
	return first;
}

static inline void rb_add(struct rb_node *node, struct rb_root *root,
			  bool (*less)(struct rb_node *a, const struct rb_node *b))
{
	lc_rb_add(node, root, less);
}

static inline struct rb_node *rb_find(const void *key, const struct rb_root *root,
				      int (*cmp)(const void *key, const struct rb_node *node))
{
	struct rb_node *node = root->rb_node;

	while (node) {
		const int c = cmp(key, node);

		if (!c)
			return node;
		node = c < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

#define rb_first_cached(root) ((root)->rb_leftmost)

static inline void rb_insert_color_cached(struct rb_node *node, struct rb_root_cached *root,
					  bool leftmost)
{
	if (leftmost)
		root->rb_leftmost = node;
	rb_insert_color(node, &root->rb_root);
}

/* The new first node, if it was the first. */
static inline struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *root)
{
	struct rb_node *first = NULL;

	if (root->rb_leftmost == node)
		first = root->rb_leftmost = rb_next(node);
	rb_erase(node, &root->rb_root);
	return first;
}

static inline struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *root,
					    bool (*less)(struct rb_node *a,
							 const struct rb_node *b))
{
	if (!lc_rb_add(node, &root->rb_root, less))
		return NULL;
	root->rb_leftmost = node;
	return node;
}

#endif
