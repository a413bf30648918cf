/* SPDX-License-Identifier: MIT */
/* refused: calling function 'registry_find' requires holding short lock 'registry_spinlock' */
#include "buf/registry.h"

struct registry_node *find(struct tree_key file);

struct registry_node *find(struct tree_key file)
{
	struct registry_node *node;

#ifdef BROKEN
	node = registry_find(file);
#else
	registry_lock();
	node = registry_find(file);
	registry_unlock();
#endif
	return node;
}
