/* SPDX-License-Identifier: MIT */
/*
 * The registry: a list of all, and a tree of those with memory of their own. The nodes are
 * inside the buffers, so that adding one never allocates and never fails for want of it.
 *
 * Each step down is chosen by two bits of a hash of (device, inode), top bits first. A
 * node may be anywhere on the way that its hash describes: so adding takes the first free
 * place on that way, and removing puts any leaf from below in the node's place. The hash
 * is one to one for inodes of one device; should two be equal, the way goes on through
 * child 0.
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

static struct dmabuf_spinlock lock = DMABUF_SPINLOCK_INIT;
static struct registry_node *root; /* under lock */
static struct dmabuf_list_head all = { &all, &all }; /* under lock */
static uint32_t generation = 1; /* of the process; changes at fork only */

void registry_lock(void)
{
	dmabuf_spin_lock(&lock);
	OS_RACE_POINT("registry: locked");
}

void registry_unlock(void)
{
	dmabuf_spin_unlock(&lock);
}

void registry_add(struct registry_node *node)
{
	node->generation = generation;
	list_add_before(&node->live, &all);
}

struct registry_node *registry_next(const struct registry_node *node)
{
	const struct dmabuf_list_head *place = node ? &node->live : &all;

	if ((node && node->generation != generation) || place->next == &all)
		return NULL;
	return list_entry(place->next, struct registry_node, live);
}

static uint64_t hash(uint64_t device, uint64_t inode)
{
	/* Inodes count up: an odd factor near 2^64 / golden ratio spreads them over the top bits. */
	return (inode ^ device << 32 ^ device >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The place of the node with this memory: it is there, or it is empty. */
static struct registry_node **find_place(uint64_t device, uint64_t inode)
{
	struct registry_node **place = &root;

	for (uint64_t way = hash(device, inode); *place; way <<= 2) {
		if ((*place)->device == device && (*place)->inode == inode)
			break;
		place = &(*place)->child[way >> 62];
	}
	return place;
}

struct registry_node *registry_find(uint64_t device, uint64_t inode)
{
	return *find_place(device, inode);
}

bool registry_add_memory(struct registry_node *node, uint64_t device, uint64_t inode)
{
	struct registry_node **place = find_place(device, inode);

	if (*place)
		return false;
	node->device = device;
	node->inode = inode;
	*place = node;
	return true;
}

/* Cut off and return some leaf of the tree at @place, which is not empty. */
static struct registry_node *take_leaf(struct registry_node **place)
{
	struct registry_node *leaf;

	for (;;) {
		unsigned int i = 0;

		while (i < 4 && !(*place)->child[i])
			i++;
		if (i == 4)
			break;
		place = &(*place)->child[i];
	}
	leaf = *place;
	*place = NULL;
	return leaf;
}

static void remove_memory(struct registry_node *node)
{
	struct registry_node **place = find_place(node->device, node->inode);
	struct registry_node *leaf;

	if (*place != node) /* it has none */
		return;
	leaf = take_leaf(place);
	if (leaf == node)
		return;
	for (unsigned int i = 0; i < 4; i++)
		leaf->child[i] = node->child[i];
	*place = leaf;
}

void registry_remove(struct registry_node *node)
{
	if (node->generation != generation)
		return;
	list_remove(&node->live);
	remove_memory(node);
}

/* The parent's buffers are not the child's, and who held the lock is gone. */
static void forget_all(void)
{
	dmabuf_spin_lock_init(&lock);
	root = NULL;
	list_init(&all);
	generation++;
}

static struct os_fork_hook forget_in_child = { .child = forget_all };

__attribute__((constructor)) static void watch_forks(void)
{
	os_fork_hook_add(&forget_in_child);
}
