/* SPDX-License-Identifier: MIT */
/* The walks over lists, hash tables and numbers that no other test needs, and odd list calls. */
#include <kunit/test.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rbtree.h>
#include <linux/rculist.h>
#include <linux/slab.h>

struct item {
	int value;
	struct list_head node;
	struct hlist_node hash;
	struct llist_node lock_less;
};

static struct item items[4] = { { .value = 1 }, { .value = 2 }, { .value = 3 }, { .value = 4 } };

static void fill(struct list_head *list)
{
	INIT_LIST_HEAD(list);
	for (int i = 0; i < 4; i++)
		list_add_tail(&items[i].node, list);
}

/* Digits in the order in which they are met. */
static void lists_are_walked_both_ways_and_from_anywhere(struct kunit *test)
{
	struct item *item, *next;
	static struct item around; /* the walks compute the item that the head would be in */
	struct list_head *const list = &around.node;
	struct list_head *at, *after;
	int met;

	fill(list);
	met = 0;
	list_for_each(at, list)
		met = met * 10 + list_entry(at, struct item, node)->value;
	KUNIT_EXPECT_EQ(test, met, 1234);
	met = 0;
	list_for_each_prev(at, list)
		met = met * 10 + list_entry(at, struct item, node)->value;
	KUNIT_EXPECT_EQ(test, met, 4321);
	met = 0;
	list_for_each_entry_reverse(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 4321);
	met = 0;
	item = &items[1];
	list_for_each_entry_continue(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 34);
	met = 0;
	item = &items[1];
	list_for_each_entry_continue_reverse(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 1);
	met = 0;
	item = &items[1];
	list_for_each_entry_from(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 234);
	met = 0;
	item = &items[1];
	list_for_each_entry_from_reverse(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 21);
	met = 0;
	item = NULL;
	item = list_prepare_entry(item, list, node);
	list_for_each_entry_continue(item, list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 1234);
	item = &items[2];
	met = 0;
	list_for_each_entry_safe_from(item, next, list, node) {
		met = met * 10 + item->value;
		list_del(&item->node);
	}
	KUNIT_EXPECT_EQ(test, met, 34);
	met = 0;
	list_for_each_entry_safe_reverse(item, next, list, node) {
		met = met * 10 + item->value;
		list_del(&item->node);
	}
	KUNIT_EXPECT_EQ(test, met, 21);
	KUNIT_EXPECT_TRUE(test, list_empty_careful(list));
	fill(list);
	list_for_each_safe(at, after, list)
		list_del_init(at);
	KUNIT_EXPECT_TRUE(test, list_empty(list));
}

static void a_list_knows_its_ends(struct kunit *test)
{
	struct list_head list, empty;

	fill(&list);
	INIT_LIST_HEAD(&empty);
	KUNIT_EXPECT_TRUE(test, list_is_first(&items[0].node, &list));
	KUNIT_EXPECT_TRUE(test, list_is_last(&items[3].node, &list));
	KUNIT_EXPECT_TRUE(test, list_is_head(&list, &list));
	KUNIT_EXPECT_PTR_EQ(test, list_prev_entry(&items[1], node), &items[0]);
	KUNIT_EXPECT_NULL(test, list_last_entry_or_null(&empty, struct item, node));
	KUNIT_EXPECT_PTR_EQ(test, list_last_entry_or_null(&list, struct item, node), &items[3]);
	list_rotate_left(&list);
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&list, struct item, node), &items[1]);
	KUNIT_EXPECT_TRUE(test, list_is_last(&items[0].node, &list));
}

static void lists_are_read_under_rcu(struct kunit *test)
{
	struct item other = { .value = 9 }, *item;
	struct list_head list;
	int met = 0;

	INIT_LIST_HEAD_RCU(&list);
	KUNIT_EXPECT_NULL(test, list_first_or_null_rcu(&list, struct item, node));
	list_add_rcu(&items[0].node, &list);
	list_add_rcu(&items[1].node, &list);
	list_replace_rcu(&items[0].node, &other.node);
	rcu_read_lock();
	list_for_each_entry_rcu(item, &list, node)
		met = met * 10 + item->value;
	KUNIT_EXPECT_PTR_EQ(test, list_first_or_null_rcu(&list, struct item, node), &items[1]);
	KUNIT_EXPECT_PTR_EQ(test, list_next_rcu(&items[1].node), &other.node);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, met, 29);
}

static void hash_lists_are_walked_and_cut(struct kunit *test)
{
	struct hlist_node *at, *next;
	struct item *item;
	HLIST_HEAD(other);
	HLIST_HEAD(list);
	int met = 0;

	hlist_add_head(&items[1].hash, &list);
	hlist_add_before(&items[0].hash, &items[1].hash);
	hlist_add_behind(&items[2].hash, &items[1].hash);
	hlist_for_each(at, &list)
		met = met * 10 + hlist_entry(at, struct item, hash)->value;
	KUNIT_EXPECT_EQ(test, met, 123);
	hlist_move_list(&list, &other);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&list));
	hlist_for_each_safe(at, next, &other)
		hlist_del(at);
	KUNIT_EXPECT_TRUE(test, hlist_empty(&other));

	hlist_add_head_rcu(&items[0].hash, &list);
	hlist_add_head_rcu(&items[1].hash, &list);
	met = 0;
	rcu_read_lock();
	hlist_for_each_entry_rcu(item, &list, hash)
		met = met * 10 + item->value;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, met, 21);
	hlist_del_rcu(&items[1].hash);
	hlist_del_init_rcu(&items[0].hash);
	KUNIT_EXPECT_TRUE(test, hlist_unhashed(&items[0].hash));
	KUNIT_EXPECT_TRUE(test, hlist_empty(&list));
}

static void hash_tables_are_walked_by_bucket_and_as_a_whole(struct kunit *test)
{
	DEFINE_HASHTABLE(table, 3);
	struct hlist_node *next;
	struct item *item;
	int bucket, sum = 0;

	for (int i = 0; i < 4; i++)
		hash_add_rcu(table, &items[i].hash, items[i].value);
	hash_for_each(table, bucket, item, hash)
		sum += item->value;
	rcu_read_lock();
	hash_for_each_rcu(table, bucket, item, hash)
		sum += item->value;
	hash_for_each_possible_rcu(table, item, hash, 3)
		sum += item->value == 3 ? 100 : 0;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, sum, 120);
	hash_for_each_possible_safe(table, item, next, hash, 3) {
		if (item->value == 3)
			hash_del_rcu(&item->hash);
	}
	sum = 0;
	hash_for_each(table, bucket, item, hash)
		sum += item->value;
	KUNIT_EXPECT_EQ(test, sum, 7);
}

static void lock_less_lists_give_the_newest_first(struct kunit *test)
{
	struct llist_node *at, *next;
	struct item *item, *after;
	struct llist_head list;
	int met = 0;

	init_llist_head(&list);
	for (int i = 0; i < 4; i++)
		llist_add(&items[i].lock_less, &list);
	KUNIT_EXPECT_PTR_EQ(test, llist_del_first(&list), &items[3].lock_less);
	at = llist_del_all(&list);
	KUNIT_EXPECT_PTR_EQ(test, llist_next(at), &items[1].lock_less);
	llist_for_each(next, at)
		met = met * 10 + llist_entry(next, struct item, lock_less)->value;
	llist_for_each_entry_safe(item, after, at, lock_less)
		met = met * 10 + item->value;
	KUNIT_EXPECT_EQ(test, met, 321321);
}

static void numbers_are_given_out_by_older_names_too(struct kunit *test)
{
	struct ida ida;
	struct idr idr;
	unsigned long id = 0;
	void *entry;
	int n, sum = 0;

	ida_init(&ida);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 5, 0, GFP_KERNEL), 5);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 5, 7, GFP_KERNEL), 6);
	KUNIT_EXPECT_EQ(test, ida_simple_get(&ida, 5, 7, GFP_KERNEL), -ENOSPC);
	ida_simple_remove(&ida, 5);
	ida_destroy(&ida);

	idr_init_base(&idr, 1);
	idr_preload(GFP_KERNEL);
	idr_lock(&idr);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &items[0], 1, 0, GFP_NOWAIT), 1);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &items[1], 1, 0, GFP_NOWAIT), 2);
	idr_unlock(&idr);
	idr_preload_end();
	KUNIT_EXPECT_PTR_EQ(test, idr_get_next_ul(&idr, &id), &items[0]);
	KUNIT_EXPECT_EQ(test, id, 1ul);
	n = 2;
	idr_for_each_entry_continue(&idr, entry, n)
		sum += n;
	KUNIT_EXPECT_EQ(test, sum, 2);
	idr_destroy(&idr);
}

static void a_tree_knows_what_is_in_it(struct kunit *test)
{
	struct rb_root root = RB_ROOT;
	struct rb_node node;

	RB_CLEAR_NODE(&node);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_NODE(&node));
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&root));
	rb_link_node(&node, NULL, &root.rb_node);
	rb_insert_color(&node, &root);
	KUNIT_EXPECT_FALSE(test, RB_EMPTY_NODE(&node));
	KUNIT_EXPECT_FALSE(test, RB_EMPTY_ROOT(&root));
	KUNIT_EXPECT_NULL(test, rb_parent(&node));
	rb_erase(&node, &root);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lists_are_walked_both_ways_and_from_anywhere),
	KUNIT_CASE(a_list_knows_its_ends),
	KUNIT_CASE(lists_are_read_under_rcu),
	KUNIT_CASE(hash_lists_are_walked_and_cut),
	KUNIT_CASE(hash_tables_are_walked_by_bucket_and_as_a_whole),
	KUNIT_CASE(lock_less_lists_give_the_newest_first),
	KUNIT_CASE(numbers_are_given_out_by_older_names_too),
	KUNIT_CASE(a_tree_knows_what_is_in_it),
	{}
};

static struct kunit_suite suite = { .name = "compat-walks", .test_cases = cases };
kunit_test_suite(suite);
