/* SPDX-License-Identifier: MIT */
/* Locking: one short lock guards the tree. It is the last lock taken, save name_lock. */
#include "buf/registry.h"

#include <dmabuf/dmabuf-types.h>

#include "os/fault.h"
#include "os/thread.h"

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static struct tree_node *root; /* under lock */

void registry_lock(void)
{
	dmabuf_spin_lock(&lock);
	OS_RACE_POINT("registry: locked");
}

void registry_unlock(void)
{
	dmabuf_spin_unlock(&lock);
}

struct tree_node *registry_find(struct tree_key file)
{
	return tree_find(&root, file);
}

bool registry_add(struct tree_node *node, struct tree_key file)
{
	return tree_add(&root, node, file);
}

void registry_remove(struct tree_node *node)
{
	tree_remove(&root, node);
}

/* The parent's buffers are not the child's, and who held the lock is gone. */
static void forget_all(void)
{
	dmabuf_spin_lock_init(&lock);
	root = NULL;
}

static struct os_fork_hook forget_in_child = { .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
