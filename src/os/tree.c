/* SPDX-License-Identifier: MIT */
/*
 * Each step down is chosen by two bits of a hash of the key, top bits first. A node may
 * be anywhere on the way that its hash describes: so adding takes the first free place on
 * that way, and removing puts any leaf from below in the node's place. The hash is one to
 * one for numbers of one space; should two be equal, the way goes on through child 0.
 */
#include "os/tree.h"

#include <stddef.h>

static uint64_t hash(struct tree_key key)
{
	/* Inodes count up: an odd factor near 2^64 / golden ratio spreads them over the top bits. */
	return (key.number ^ key.space << 32 ^ key.space >> 32) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The place of the node with this key: it is there, or it is empty. */
static struct tree_node **find_place(struct tree_node **root, struct tree_key key)
{
	struct tree_node **place = root;

	for (uint64_t way = hash(key); *place; way <<= 2) {
		if ((*place)->key.space == key.space && (*place)->key.number == key.number)
			break;
		place = &(*place)->child[way >> 62];
	}
	return place;
}

struct tree_node *tree_find(struct tree_node **root, struct tree_key key)
{
	return *find_place(root, key);
}

bool tree_add(struct tree_node **root, struct tree_node *node, struct tree_key key)
{
	struct tree_node **place = find_place(root, key);

	if (*place)
		return false;
	*node = (struct tree_node){ .key = key };
	*place = node;
	return true;
}

/* Cut off and return some leaf of the tree at @place, which is not empty. */
static struct tree_node *take_leaf(struct tree_node **place)
{
	struct tree_node *leaf;

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

void tree_remove(struct tree_node **root, struct tree_node *node)
{
	struct tree_node **place = find_place(root, node->key);
	struct tree_node *leaf;

	if (*place != node)
		return;
	leaf = take_leaf(place);
	if (leaf == node)
		return;
	for (unsigned int i = 0; i < 4; i++)
		leaf->child[i] = node->child[i];
	*place = leaf;
}

struct tree_node *tree_take(struct tree_node **root)
{
	return *root ? take_leaf(root) : NULL;
}
