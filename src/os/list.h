/* SPDX-License-Identifier: MIT */
/* Doubly linked lists on struct dmabuf_list_head. A lone node points to itself. */
#ifndef OS_LIST_H
#define OS_LIST_H

#include <dmabuf/dmabuf-types.h>

#include "os/atomic.h"

static inline void list_init(struct dmabuf_list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct dmabuf_list_head *head)
{
	return head->next == head;
}

/* Before @next: with a head, at the list's end. */
static inline void list_add_before(struct dmabuf_list_head *node, struct dmabuf_list_head *next)
{
	node->next = next;
	node->prev = next->prev;
	next->prev->next = node;
	next->prev = node;
}

/* Leaves @node alone, so that removing it again is harmless. */
static inline void list_remove(struct dmabuf_list_head *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/* Everything on @from goes to @to, which need not be initialised; @from is left empty. */
static inline void list_move_all(struct dmabuf_list_head *from, struct dmabuf_list_head *to)
{
	list_init(to);
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#define list_entry(node, type, member) container_of(node, type, member)

#define list_for_each_entry(entry, head, member)                                       \
	for ((entry) = list_entry((head)->next, __typeof__(*(entry)), member);         \
	     &(entry)->member != (head);                                               \
	     (entry) = list_entry((entry)->member.next, __typeof__(*(entry)), member))

#endif
