/* SPDX-License-Identifier: MIT */
/* XArray, idr, ida. */
#include <kunit/test.h>
#include <linux/idr.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <linux/xarray.h>

static void what_is_stored_is_loaded(struct kunit *test)
{
	static const unsigned long indices[] = { 0, 1, 63, 64, 4095, 4096, 1ul << 31, ULONG_MAX };
	DEFINE_XARRAY(xa);
	unsigned long index, n = 0;
	void *entry;

	KUNIT_EXPECT_TRUE(test, xa_empty(&xa));
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++) {
		KUNIT_EXPECT_NULL(test, xa_load(&xa, indices[i]));
		KUNIT_EXPECT_NULL(test, xa_store(&xa, indices[i], xa_mk_value(i), GFP_KERNEL));
	}
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		KUNIT_EXPECT_EQ(test, xa_to_value(xa_load(&xa, indices[i])), i);
	KUNIT_EXPECT_NULL(test, xa_load(&xa, 2));
	KUNIT_EXPECT_NULL(test, xa_load(&xa, 1ul << 40));
	xa_for_each(&xa, index, entry) {
		KUNIT_EXPECT_EQ(test, index, indices[n]);
		KUNIT_EXPECT_EQ(test, xa_to_value(entry), n++);
	}
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(indices));
	xa_for_each_range(&xa, index, entry, 64, 4095)
		n++;
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(indices) + 2);
	for (size_t i = 0; i < ARRAY_SIZE(indices); i++)
		KUNIT_EXPECT_EQ(test, xa_to_value(xa_erase(&xa, indices[i])), i);
	KUNIT_EXPECT_TRUE(test, xa_empty(&xa));
	rcu_barrier();
}

/* Against an array that says what must be there. */
static void it_agrees_with_a_plain_array(struct kunit *test)
{
	void **model = kunit_kcalloc(test, 10000, sizeof(*model), GFP_KERNEL);
	unsigned long index, n = 0;
	DEFINE_XARRAY(xa);
	void *entry;

	for (int i = 0; i < 20000; i++) {
		const u32 at = get_random_u32_below(10000);

		entry = get_random_u32_below(3) ? &model[at] : NULL;
		KUNIT_EXPECT_PTR_EQ(test, xa_store(&xa, at, entry, GFP_KERNEL), model[at]);
		model[at] = entry;
	}
	xa_for_each(&xa, index, entry)
		n++;
	for (int i = 0; i < 10000; i++) {
		KUNIT_EXPECT_PTR_EQ(test, xa_load(&xa, i), model[i]);
		n -= !!model[i];
	}
	KUNIT_EXPECT_EQ(test, n, 0);
	xa_destroy(&xa);
	KUNIT_EXPECT_TRUE(test, xa_empty(&xa));
	rcu_barrier();
}

static void insert_cmpxchg_and_reserve_respect_what_is_there(struct kunit *test)
{
	int a, b;
	DEFINE_XARRAY(xa);

	KUNIT_EXPECT_EQ(test, xa_insert(&xa, 5, &a, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, xa_insert(&xa, 5, &b, GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_PTR_EQ(test, xa_cmpxchg(&xa, 5, &b, &b, GFP_KERNEL), &a);
	KUNIT_EXPECT_PTR_EQ(test, xa_cmpxchg(&xa, 5, &a, &b, GFP_KERNEL), &a);
	KUNIT_EXPECT_PTR_EQ(test, xa_load(&xa, 5), &b);
	KUNIT_EXPECT_EQ(test, xa_reserve(&xa, 7, GFP_KERNEL), 0);
	KUNIT_EXPECT_NULL(test, xa_load(&xa, 7));
	KUNIT_EXPECT_EQ(test, xa_insert(&xa, 7, &a, GFP_KERNEL), -EBUSY);
	xa_release(&xa, 7);
	KUNIT_EXPECT_EQ(test, xa_insert(&xa, 7, &a, GFP_KERNEL), 0);
	xa_release(&xa, 7);
	KUNIT_EXPECT_PTR_EQ(test, xa_load(&xa, 7), &a);
	KUNIT_EXPECT_EQ(test, xa_err(lc_xa_error(-ENOMEM)), -ENOMEM);
	KUNIT_EXPECT_EQ(test, xa_err(&a), 0);
	KUNIT_EXPECT_FALSE(test, xa_is_err(xa_mk_value(ULONG_MAX >> 1)));
	xa_destroy(&xa);
	rcu_barrier();
}

static void free_indices_are_given_out_lowest_first(struct kunit *test)
{
	DEFINE_XARRAY_ALLOC1(xa);
	u32 id, next = 0;

	for (u32 i = 1; i <= 200; i++) {
		KUNIT_EXPECT_EQ(test, xa_alloc(&xa, &id, &xa, xa_limit_32b, GFP_KERNEL), 0);
		KUNIT_EXPECT_EQ(test, id, i);
	}
	xa_erase(&xa, 130);
	xa_erase(&xa, 70);
	KUNIT_EXPECT_EQ(test, xa_alloc(&xa, &id, NULL, xa_limit_32b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 70);
	KUNIT_EXPECT_NULL(test, xa_load(&xa, 70));
	KUNIT_EXPECT_EQ(test, xa_alloc(&xa, &id, &xa, xa_limit_32b, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 130);
	KUNIT_EXPECT_EQ(test, xa_alloc(&xa, &id, &xa, XA_LIMIT(10, 200), GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_EQ(test, xa_alloc(&xa, &id, &xa, XA_LIMIT(192, 200), GFP_KERNEL), -EBUSY);
	KUNIT_EXPECT_EQ(test, xa_alloc_cyclic(&xa, &id, &xa, XA_LIMIT(0, 201), &next, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, id, 201);
	xa_erase(&xa, 3);
	KUNIT_EXPECT_EQ(test, xa_alloc_cyclic(&xa, &id, &xa, XA_LIMIT(0, 201), &next, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, id, 3);
	xa_destroy(&xa);
	rcu_barrier();
}

static DEFINE_XARRAY(shared);

static int load_all(void *data)
{
	int *wrong = data;

	while (!kthread_should_stop())
		for (unsigned long i = 0; i < 300; i++) {
			void *entry = xa_load(&shared, i * i);

			if (entry && xa_to_value(entry) != i)
				WRITE_ONCE(*wrong, 1);
		}
	return 0;
}

/* AddressSanitizer and ThreadSanitizer look on. */
static void loads_need_no_lock(struct kunit *test)
{
	int wrong = 0;
	struct task_struct *task = kthread_run(load_all, &wrong, "loader");

	for (int round = 0; round < 20; round++) {
		for (unsigned long i = 0; i < 300; i++)
			xa_store(&shared, i * i, xa_mk_value(i), GFP_KERNEL);
		for (unsigned long i = 0; i < 300; i++)
			xa_erase(&shared, (299 - i) * (299 - i));
	}
	kthread_stop(task);
	KUNIT_EXPECT_FALSE(test, wrong);
	KUNIT_EXPECT_TRUE(test, xa_empty(&shared));
	rcu_barrier();
}

static int add_id(int id, void *p, void *data)
{
	*(int *)data += id;
	return 0;
}

static void ids_find_their_pointers(struct kunit *test)
{
	DEFINE_IDR(idr);
	int a, b, id, sum = 0;
	void *entry;

	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &a, 1, 0, GFP_KERNEL), 1);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &b, 1, 3, GFP_KERNEL), 2);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, &b, 1, 3, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, NULL, 100, 0, GFP_KERNEL), 100);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 2), &b);
	KUNIT_EXPECT_NULL(test, idr_find(&idr, 100));
	KUNIT_EXPECT_NULL(test, idr_replace(&idr, &a, 100));
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 100), &a);
	KUNIT_EXPECT_EQ(test, PTR_ERR(idr_replace(&idr, &a, 7)), -ENOENT);
	idr_for_each_entry(&idr, entry, id)
		sum += id;
	idr_for_each(&idr, add_id, &sum);
	KUNIT_EXPECT_EQ(test, sum, 206);
	KUNIT_EXPECT_PTR_EQ(test, idr_remove(&idr, 1), &a);
	KUNIT_EXPECT_EQ(test, idr_alloc_cyclic(&idr, &a, 1, 0, GFP_KERNEL), 1);
	KUNIT_EXPECT_PTR_EQ(test, idr_remove(&idr, 1), &a);
	KUNIT_EXPECT_EQ(test, idr_alloc_cyclic(&idr, &a, 1, 0, GFP_KERNEL), 3);
	KUNIT_EXPECT_FALSE(test, idr_is_empty(&idr));
	idr_destroy(&idr);
	rcu_barrier();
}

static void ids_without_pointers_come_back(struct kunit *test)
{
	DEFINE_IDA(ida);

	for (int i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, ida_alloc(&ida, GFP_KERNEL), i);
	ida_free(&ida, 50);
	KUNIT_EXPECT_EQ(test, ida_alloc_max(&ida, 99, GFP_KERNEL), 50);
	KUNIT_EXPECT_EQ(test, ida_alloc_max(&ida, 99, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, ida_alloc_min(&ida, 500, GFP_KERNEL), 500);
	ida_destroy(&ida);
	KUNIT_EXPECT_TRUE(test, ida_is_empty(&ida));
	rcu_barrier();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(what_is_stored_is_loaded),
	KUNIT_CASE(it_agrees_with_a_plain_array),
	KUNIT_CASE(insert_cmpxchg_and_reserve_respect_what_is_there),
	KUNIT_CASE(free_indices_are_given_out_lowest_first),
	KUNIT_CASE(loads_need_no_lock),
	KUNIT_CASE(ids_find_their_pointers),
	KUNIT_CASE(ids_without_pointers_come_back),
	{}
};

static struct kunit_suite suite = { .name = "compat-xarray", .test_cases = cases };
kunit_test_suite(suite);
