/* SPDX-License-Identifier: MIT */
/*
 * gcc: analyzer-use-after-free
 * clang-tidy: clang-analyzer-unix.Malloc
 */
#include <stdlib.h>

struct node {
	struct node *next;
};

void drop_all(struct node *node);

void drop_all(struct node *node)
{
	while (node) {
		free(node);
		node = node->next;
	}
}
