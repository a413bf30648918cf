/* SPDX-License-Identifier: MIT */
/* Lists that are read under RCU while they change. As in Linux. */
#ifndef LINUX_COMPAT_RCULIST_H
#define LINUX_COMPAT_RCULIST_H

#include <linux/list.h>
#include <linux/rcupdate.h>

#define INIT_LIST_HEAD_RCU(list) INIT_LIST_HEAD(list)
#define list_next_rcu(list) ((list)->next)

static inline void lc_list_insert_rcu(struct list_head *node, struct list_head *prev,
				      struct list_head *next)
{
	node->next = next;
	node->prev = prev;
	rcu_assign_pointer(prev->next, node);
	next->prev = node;
}

static inline void list_add_rcu(struct list_head *node, struct list_head *head)
{
	lc_list_insert_rcu(node, head, head->next);
}

static inline void list_add_tail_rcu(struct list_head *node, struct list_head *head)
{
	lc_list_insert_rcu(node, head->prev, head);
}

/* Readers may stand on @entry still, so it keeps its way forward. */
static inline void list_del_rcu(struct list_head *entry)
{
	__list_del_entry(entry);
	entry->prev = LIST_POISON2;
}

static inline void list_replace_rcu(struct list_head *old, struct list_head *node)
{
	lc_list_insert_rcu(node, old->prev, old->next);
	old->prev = LIST_POISON2;
}

static inline void hlist_del_rcu(struct hlist_node *node)
{
	lc_hlist_unlink(node);
	node->pprev = LIST_POISON2;
}

static inline void hlist_del_init_rcu(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	lc_hlist_unlink(node);
	node->pprev = NULL;
}

#define hlist_add_head_rcu(node, head) hlist_add_head(node, head)

#define list_entry_rcu(ptr, type, member) container_of(rcu_dereference(ptr), type, member)
#define list_first_or_null_rcu(head, type, member) \
	({ \
		struct list_head *lc_head = (head), *lc_first = rcu_dereference(lc_head->next); \
		lc_first != lc_head ? list_entry(lc_first, type, member) : NULL; \
	})
#define list_for_each_entry_rcu(pos, head, member, cond...) \
	for (pos = list_entry_rcu((head)->next, __typeof__(*pos), member); \
	     !list_entry_is_head(pos, head, member); \
	     pos = list_entry_rcu((pos)->member.next, __typeof__(*pos), member))
#define hlist_for_each_entry_rcu(pos, head, member, cond...) \
	for (pos = hlist_entry_safe(rcu_dereference((head)->first), __typeof__(*(pos)), member); \
	     pos; \
	     pos = hlist_entry_safe(rcu_dereference((pos)->member.next), __typeof__(*(pos)), \
				    member))

#endif
