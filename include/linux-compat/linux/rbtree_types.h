/* SPDX-License-Identifier: MIT */
/* Types of linux/rbtree.h. */
#ifndef LINUX_COMPAT_RBTREE_TYPES_H
#define LINUX_COMPAT_RBTREE_TYPES_H

#include <linux/types.h>

struct rb_node {
	struct rb_node *lc_parent;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

#define RB_ROOT (struct rb_root){ NULL }
#define RB_ROOT_CACHED (struct rb_root_cached){ { NULL }, NULL }

#endif
