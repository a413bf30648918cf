/* SPDX-License-Identifier: MIT */
/* The tree of keys, against a plain table. */
#include "harness.h"

#include "os/tree.h"

#define KEYS 64

/* Every third number in two spaces: some ways begin alike. */
static struct tree_key key(unsigned int i)
{
	return (struct tree_key){ i % 2, i / 2 * 3 };
}

static void assert_same(struct tree_node **root, struct tree_node *nodes, const bool *there)
{
	for (unsigned int i = 0; i < KEYS; i++)
		ASSERT_PTR(tree_find(root, key(i)), ==, there[i] ? &nodes[i] : NULL);
}

TORTURE(a_tree_has_what_was_added_and_not_removed)
{
	struct tree_node nodes[KEYS], *root = NULL;
	bool there[KEYS] = { false };
	uint32_t state = test_seed();

	for (unsigned int round = test_rounds(2000); round; round--) {
		const unsigned int i = test_random(&state) % KEYS;

		test_operation();
		if (there[i])
			tree_remove(&root, &nodes[i]);
		else
			ASSERT_TRUE(tree_add(&root, &nodes[i], key(i)));
		there[i] = !there[i];
		assert_same(&root, nodes, there);
	}
}

TEST(a_key_is_there_once)
{
	struct tree_node first, second, *root = NULL;

	ASSERT_TRUE(tree_add(&root, &first, key(1)));
	ASSERT_FALSE(tree_add(&root, &second, key(1)));
	ASSERT_PTR(tree_find(&root, key(1)), ==, &first);
}

/* Two spaces that hash alike for these numbers: the way goes on through child 0. */
TEST(keys_that_hash_alike_are_told_apart)
{
	const struct tree_key keys[2] = { { 1, 0 }, { 0, UINT64_C(1) << 32 } };
	struct tree_node nodes[2], *root = NULL;

	for (int i = 0; i < 2; i++)
		ASSERT_TRUE(tree_add(&root, &nodes[i], keys[i]));
	tree_remove(&root, &nodes[0]);
	ASSERT_PTR(tree_find(&root, keys[0]), ==, NULL);
	ASSERT_PTR(tree_find(&root, keys[1]), ==, &nodes[1]);
}

TEST(what_is_not_in_the_tree_is_not_removed)
{
	struct tree_node first, other = { .key = key(1) }, *root = NULL;

	tree_add(&root, &first, key(1));
	tree_remove(&root, &other);
	ASSERT_PTR(tree_find(&root, key(1)), ==, &first);
}

TEST(taking_ends_with_an_empty_tree)
{
	struct tree_node nodes[KEYS], *root = NULL;
	unsigned int taken = 0;

	for (unsigned int i = 0; i < KEYS; i++)
		tree_add(&root, &nodes[i], key(i));
	while (tree_take(&root))
		taken++;
	ASSERT_INT(taken, ==, KEYS);
	ASSERT_PTR(root, ==, NULL);
}
