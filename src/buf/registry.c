/* SPDX-License-Identifier: MIT */
/*
 * The registry: a list of all, and a tree of those with memory of their own. The nodes are
 * inside the buffers, so that adding one never allocates and never fails for want of it.
 *
 * A node belongs to one generation: a forked child begins another, and does not touch what
 * it inherited, which another thread may have been changing as it forked.
 *
 * Locking: one short lock guards it all. It is the last lock taken, save name_lock.
 */
#include "buf/registry.h"

#include "os/fault.h"
#include "os/list.h"
#include "os/thread.h"

struct dmabuf_spinlock registry_spinlock = DMABUF_SPINLOCK_INIT;
static struct tree_node *root DMABUF_GUARDED_BY(registry_spinlock);
static struct dmabuf_list_head all DMABUF_GUARDED_BY(registry_spinlock) = { &all, &all };
static uint64_t last_number DMABUF_GUARDED_BY(registry_spinlock);
static uint32_t generation = 1; /* of the process; changes at fork only */

void registry_lock(void)
{
	dmabuf_spin_lock(&registry_spinlock);
	OS_RACE_POINT("registry: locked");
}

void registry_unlock(void)
{
	dmabuf_spin_unlock(&registry_spinlock);
}

void registry_add(struct registry_node *node)
{
	node->generation = generation;
	node->number = ++last_number;
	list_add_before(&node->live, &all);
}

uint64_t registry_last_number(void)
{
	return last_number;
}

struct registry_node *registry_next(const struct registry_node *node)
{
	const struct dmabuf_list_head *place = node ? &node->live : &all;

	if ((node && node->generation != generation) || place->next == &all)
		return NULL;
	return list_entry(place->next, struct registry_node, live);
}

struct registry_node *registry_find(struct tree_key file)
{
	struct tree_node *memory = tree_find(&root, file);

	return memory ? container_of(memory, struct registry_node, memory) : NULL;
}

bool registry_add_memory(struct registry_node *node, struct tree_key file)
{
	return tree_add(&root, &node->memory, file);
}

void registry_remove(struct registry_node *node)
{
	if (node->generation != generation)
		return;
	list_remove(&node->live);
	tree_remove(&root, &node->memory); /* if it has any */
}

/* The parent's buffers are not the child's, and who held the lock is gone. */
DMABUF_UNCHECKED("the child has one thread")
static void forget_all(void)
{
	dmabuf_spin_lock_init(&registry_spinlock);
	root = NULL;
	list_init(&all);
	generation++;
}

static struct os_fork_hook forget_in_child = { .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
