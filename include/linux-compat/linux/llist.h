/* SPDX-License-Identifier: MIT */
/* Lists that are added to without a lock and emptied at once. As in Linux. */
#ifndef LINUX_COMPAT_LLIST_H
#define LINUX_COMPAT_LLIST_H

#include <linux/atomic.h>
#include <linux/container_of.h>

struct llist_head {
	struct llist_node *first;
};

struct llist_node {
	struct llist_node *next;
};

#define LLIST_HEAD_INIT(name) { NULL }
#define LLIST_HEAD(name) struct llist_head name = LLIST_HEAD_INIT(name)

static inline void init_llist_head(struct llist_head *list)
{
	list->first = NULL;
}

static inline bool llist_empty(const struct llist_head *head)
{
	return !READ_ONCE(head->first);
}

/* True: the list was empty before. */
static inline bool llist_add_batch(struct llist_node *first, struct llist_node *last,
				   struct llist_head *head)
{
	struct llist_node *old = READ_ONCE(head->first);

	do
		last->next = old;
	while (!try_cmpxchg(&head->first, &old, first));
	return !old;
}

static inline bool llist_add(struct llist_node *node, struct llist_head *head)
{
	return llist_add_batch(node, node, head);
}

static inline struct llist_node *llist_del_all(struct llist_head *head)
{
	return xchg(&head->first, NULL);
}

/* By one caller at a time. */
static inline struct llist_node *llist_del_first(struct llist_head *head)
{
	struct llist_node *first = smp_load_acquire(&head->first);

	while (first && !try_cmpxchg(&head->first, &first, READ_ONCE(first->next)))
		;
	return first;
}

static inline struct llist_node *llist_next(struct llist_node *node)
{
	return node->next;
}

static inline struct llist_node *llist_reverse_order(struct llist_node *head)
{
	struct llist_node *reversed = NULL;

	while (head) {
		struct llist_node *next = head->next;

		head->next = reversed;
		reversed = head;
		head = next;
	}
	return reversed;
}

#define llist_entry(ptr, type, member) container_of(ptr, type, member)
#define LC_LLIST_ENTRY(ptr, type, member) \
	({ \
		struct llist_node *lc_node = (ptr); \
		lc_node ? llist_entry(lc_node, type, member) : NULL; \
	})
#define llist_for_each(pos, node) for (pos = (node); pos; pos = pos->next)
#define llist_for_each_safe(pos, n, node) \
	for (pos = (node); pos && (n = pos->next, 1); pos = n)
#define llist_for_each_entry(pos, node, member) \
	for (pos = LC_LLIST_ENTRY(node, __typeof__(*(pos)), member); pos; \
	     pos = LC_LLIST_ENTRY((pos)->member.next, __typeof__(*(pos)), member))
#define llist_for_each_entry_safe(pos, n, node, member) \
	for (pos = LC_LLIST_ENTRY(node, __typeof__(*(pos)), member); \
	     pos && (n = LC_LLIST_ENTRY((pos)->member.next, __typeof__(*(pos)), member), 1); \
	     pos = n)

#endif
