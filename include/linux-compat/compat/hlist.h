/* SPDX-License-Identifier: MIT */
/* Lists with one pointer as their head, for hash tables: the second half of linux/list.h. */
#ifndef LINUX_COMPAT_HLIST_H
#define LINUX_COMPAT_HLIST_H

#include <linux/list.h>

#define HLIST_HEAD_INIT { NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((void)((head)->first = NULL))

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

/* A reader under RCU may meet the next node by this store first, hence release. */
static inline void lc_hlist_unlink(struct hlist_node *node)
{
	__atomic_store_n(node->pprev, node->next, __ATOMIC_RELEASE);
	if (node->next)
		node->next->pprev = node->pprev;
}

static inline void hlist_del(struct hlist_node *node)
{
	lc_hlist_unlink(node);
	node->next = LIST_POISON1;
	node->pprev = LIST_POISON2;
}

static inline void hlist_del_init(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	lc_hlist_unlink(node);
	INIT_HLIST_NODE(node);
}

/* Put @node where @pprev points. */
static inline void lc_hlist_insert(struct hlist_node *node, struct hlist_node **pprev)
{
	node->next = *pprev;
	node->pprev = pprev;
	if (node->next)
		node->next->pprev = &node->next;
	__atomic_store_n(pprev, node, __ATOMIC_RELEASE);
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	lc_hlist_insert(node, &head->first);
}

static inline void hlist_add_before(struct hlist_node *node, struct hlist_node *next)
{
	lc_hlist_insert(node, next->pprev);
}

static inline void hlist_add_behind(struct hlist_node *node, struct hlist_node *prev)
{
	lc_hlist_insert(node, &prev->next);
}

static inline void hlist_move_list(struct hlist_head *from, struct hlist_head *to)
{
	to->first = from->first;
	if (to->first)
		to->first->pprev = &to->first;
	from->first = NULL;
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define hlist_entry_safe(ptr, type, member) \
	({ \
		struct hlist_node *lc_node = (ptr); \
		lc_node ? hlist_entry(lc_node, type, member) : NULL; \
	})

#define hlist_for_each(pos, head) for (pos = (head)->first; pos; pos = pos->next)
#define hlist_for_each_safe(pos, n, head) \
	for (pos = (head)->first; pos && (n = pos->next, 1); pos = n)
#define hlist_for_each_entry(pos, head, member) \
	for (pos = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); pos; \
	     pos = hlist_entry_safe((pos)->member.next, __typeof__(*(pos)), member))
#define hlist_for_each_entry_safe(pos, n, head, member) \
	for (pos = hlist_entry_safe((head)->first, __typeof__(*(pos)), member); \
	     pos && (n = pos->member.next, 1); \
	     pos = hlist_entry_safe(n, __typeof__(*(pos)), member))

#endif
