/* SPDX-License-Identifier: MIT */
/* Sorting a list by merging. As in Linux: stable; @cmp > 0 exchanges. */
#ifndef LINUX_COMPAT_LIST_SORT_H
#define LINUX_COMPAT_LIST_SORT_H

#include <linux/list.h>

typedef int (*list_cmp_func_t)(void *priv, const struct list_head *a, const struct list_head *b);

/* Merge two sorted halves into the empty @into. */
static inline void lc_list_merge(void *priv, struct list_head *into, struct list_head *a,
				 struct list_head *b, list_cmp_func_t cmp)
{
	while (!list_empty(a) && !list_empty(b))
		list_move_tail(cmp(priv, a->next, b->next) > 0 ? b->next : a->next, into);
	list_splice_tail_init(a, into);
	list_splice_tail_init(b, into);
}

static inline void list_sort(void *priv, struct list_head *head, list_cmp_func_t cmp)
{
	struct list_head *middle = head->next, *end;
	LIST_HEAD(front);
	LIST_HEAD(back);

	if (list_empty(head) || list_is_singular(head))
		return;
	/* Two steps of one for one of the other. */
	for (end = middle->next; end != head && end->next != head; end = end->next->next)
		middle = middle->next;
	list_cut_position(&front, head, middle);
	list_splice_init(head, &back);
	list_sort(priv, &front, cmp);
	list_sort(priv, &back, cmp);
	lc_list_merge(priv, head, &front, &back, cmp);
}

#endif
