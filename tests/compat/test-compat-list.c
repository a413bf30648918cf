/* SPDX-License-Identifier: MIT */
#include <kunit/test.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/list_sort.h>
#include <linux/llist.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/sort.h>

struct item {
	int value;
	unsigned int order;
	struct list_head node;
	struct llist_node lnode;
	struct hlist_node hnode;
	struct rb_node rb;
};

static void fill(struct list_head *list, struct item *items, int n)
{
	for (int i = 0; i < n; i++) {
		items[i].value = i;
		list_add_tail(&items[i].node, list);
	}
}

/* The values of @list as one number in base ten. */
static int digits(struct list_head *list)
{
	struct item *item;
	int n = 0;

	list_for_each_entry(item, list, node)
		n = n * 10 + item->value;
	return n;
}

static void lists_move_and_splice(struct kunit *test)
{
	struct item items[6];
	struct item *item, *next;
	LIST_HEAD(list);
	LIST_HEAD(other);

	KUNIT_EXPECT_TRUE(test, list_empty(&list));
	fill(&list, items, 6);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&list), 6);
	list_move(&items[3].node, &list);
	KUNIT_EXPECT_EQ(test, digits(&list), 301245);
	list_cut_position(&other, &list, &items[1].node);
	KUNIT_EXPECT_EQ(test, digits(&other), 301);
	KUNIT_EXPECT_EQ(test, digits(&list), 245);
	list_splice_tail_init(&other, &list);
	KUNIT_EXPECT_TRUE(test, list_empty(&other));
	KUNIT_EXPECT_EQ(test, digits(&list), 245301);
	list_for_each_entry_safe(item, next, &list, node)
		if (item->value & 1)
			list_del_init(&item->node);
	KUNIT_EXPECT_EQ(test, digits(&list), 240);
	list_bulk_move_tail(&list, &items[2].node, &items[4].node);
	KUNIT_EXPECT_EQ(test, digits(&list), 24);
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&list, struct item, node), &items[0]);
	KUNIT_EXPECT_PTR_EQ(test, list_last_entry(&list, struct item, node), &items[4]);
	list_replace_init(&items[2].node, &items[5].node);
	KUNIT_EXPECT_EQ(test, digits(&list), 54);
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry_or_null(&other, struct item, node), NULL);
}

static int by_value(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct item, node)->value - list_entry(b, struct item, node)->value;
}

static void sorting_a_list_is_stable(struct kunit *test)
{
	const struct item *before = NULL, *item;
	struct item items[200];
	LIST_HEAD(list);

	for (unsigned int i = 0; i < ARRAY_SIZE(items); i++) {
		items[i].value = (int)get_random_u32_below(20);
		items[i].order = i;
		list_add_tail(&items[i].node, &list);
	}
	list_sort(NULL, &list, by_value);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&list), ARRAY_SIZE(items));
	list_for_each_entry(item, &list, node) {
		if (before)
			KUNIT_EXPECT_TRUE(test, before->value < item->value ||
						(before->value == item->value &&
						 before->order < item->order));
		before = item;
	}
}

static int by_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void sorting_sorts_arrays_of_all_lengths(struct kunit *test)
{
	int values[50];

	for (size_t n = 0; n <= ARRAY_SIZE(values); n++) {
		for (size_t i = 0; i < n; i++)
			values[i] = (int)get_random_u32_below(30);
		sort(values, n, sizeof(*values), by_int, NULL);
		for (size_t i = 1; i < n; i++)
			KUNIT_EXPECT_LE(test, values[i - 1], values[i]);
	}
}

static void lockless_lists_hand_over_all_at_once(struct kunit *test)
{
	struct item items[3], *item;
	LLIST_HEAD(list);
	int n = 0;

	KUNIT_EXPECT_TRUE(test, llist_add(&items[0].lnode, &list));
	KUNIT_EXPECT_FALSE(test, llist_add(&items[1].lnode, &list));
	llist_add(&items[2].lnode, &list);
	for (int i = 0; i < 3; i++)
		items[i].value = i + 1;
	llist_for_each_entry(item, llist_reverse_order(llist_del_all(&list)), lnode)
		n = n * 10 + item->value;
	KUNIT_EXPECT_EQ(test, n, 123);
	KUNIT_EXPECT_TRUE(test, llist_empty(&list));
}

static void hash_tables_find_what_was_added(struct kunit *test)
{
	DEFINE_HASHTABLE(table, 4);
	struct item items[100], *item;
	struct hlist_node *next;
	int bucket, n = 0;

	hash_init(table);
	for (int i = 0; i < 100; i++) {
		items[i].value = i;
		hash_add(table, &items[i].hnode, i);
	}
	hash_for_each_possible(table, item, hnode, 42)
		if (item->value == 42)
			n++;
	KUNIT_EXPECT_EQ(test, n, 1);
	hash_for_each_safe(table, bucket, next, item, hnode) {
		hash_del(&item->hnode);
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, 101);
	KUNIT_EXPECT_TRUE(test, hash_empty(table));
	KUNIT_EXPECT_FALSE(test, hash_hashed(&items[7].hnode));
}

static bool rb_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct item, rb)->value < rb_entry(b, struct item, rb)->value;
}

static int rb_cmp(const void *key, const struct rb_node *node)
{
	return *(const int *)key - rb_entry(node, struct item, rb)->value;
}

static void expect_order(struct kunit *test, struct rb_root_cached *root, size_t n)
{
	struct rb_node *node = rb_first(&root->rb_root), *last = NULL;

	KUNIT_EXPECT_PTR_EQ(test, node, rb_first_cached(root));
	for (; node; last = node, node = rb_next(node), n--) {
		KUNIT_EXPECT_PTR_EQ(test, rb_prev(node), last);
		if (last)
			KUNIT_EXPECT_FALSE(test, rb_less(node, last));
	}
	KUNIT_EXPECT_EQ(test, n, 0);
	KUNIT_EXPECT_PTR_EQ(test, rb_last(&root->rb_root), last);
}

static int depth(const struct rb_node *node)
{
	return node ? 1 + max(depth(node->rb_left), depth(node->rb_right)) : 0;
}

static void trees_keep_their_order_and_stay_flat(struct kunit *test)
{
	struct rb_root_cached root = RB_ROOT_CACHED;
	struct item *items = kunit_kcalloc(test, 1000, sizeof(*items), GFP_KERNEL);
	struct item *item, *next;
	const int key = 700;
	int n = 0;

	KUNIT_ASSERT_NOT_NULL(test, items);
	for (int i = 0; i < 1000; i++) {
		items[i].value = i;
		rb_add_cached(&items[i].rb, &root, rb_less);
	}
	expect_order(test, &root, 1000);
	KUNIT_EXPECT_LT(test, depth(root.rb_root.rb_node), 60);
	KUNIT_EXPECT_PTR_EQ(test, rb_find(&key, &root.rb_root, rb_cmp), &items[700].rb);
	for (int i = 0; i < 1000; i += 2)
		rb_erase_cached(&items[i].rb, &root);
	expect_order(test, &root, 500);
	items[0].value = items[701].value;
	rb_replace_node(&items[701].rb, &items[0].rb, &root.rb_root);
	expect_order(test, &root, 500);
	rbtree_postorder_for_each_entry_safe(item, next, &root.rb_root, rb) {
		memset(item, 0xff, sizeof(*item));
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, 500);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lists_move_and_splice),
	KUNIT_CASE(sorting_a_list_is_stable),
	KUNIT_CASE(sorting_sorts_arrays_of_all_lengths),
	KUNIT_CASE(lockless_lists_hand_over_all_at_once),
	KUNIT_CASE(hash_tables_find_what_was_added),
	KUNIT_CASE(trees_keep_their_order_and_stay_flat),
	{}
};

static struct kunit_suite suite = { .name = "compat-list", .test_cases = cases };
kunit_test_suite(suite);
