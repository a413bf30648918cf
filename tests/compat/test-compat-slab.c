/* SPDX-License-Identifier: MIT */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

struct object {
	u64 value;
	struct rcu_head rcu;
};

static char warning[512];

static void remember(const char *message)
{
	strscpy(warning, message);
}

static void an_object_is_readable_until_the_grace_period_ends(struct kunit *test)
{
	struct kmem_cache *cache = KMEM_CACHE(object, SLAB_TYPESAFE_BY_RCU);
	struct object *object;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, object);
	object->value = 7;
	rcu_read_lock();
	kmem_cache_free(cache, object);
	for (int i = 0; i < 100; i++)
		cond_resched();
	KUNIT_EXPECT_EQ(test, READ_ONCE(object->value), 7); /* AddressSanitizer looks on */
	rcu_read_unlock();
	kmem_cache_destroy(cache);
}

static void construct(void *memory)
{
	((struct object *)memory)->value = 42;
}

static void a_constructor_runs_for_each_object(struct kunit *test)
{
	struct kmem_cache_args args = { .align = 256, .ctor = construct };
	struct kmem_cache *old = kmem_cache_create("old", sizeof(struct object), 128,
						   SLAB_HWCACHE_ALIGN, construct);
	struct kmem_cache *new = kmem_cache_create("new", sizeof(struct object), &args, 0);
	struct object *a = kmem_cache_alloc(old, GFP_KERNEL);
	struct object *b = kmem_cache_alloc(new, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, a->value, 42);
	KUNIT_EXPECT_EQ(test, b->value, 42);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)a, 128));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)b, 256));
	kmem_cache_free(old, a);
	kmem_cache_free(new, b);
	kmem_cache_destroy(old);
	kmem_cache_destroy(new);
	kmem_cache_destroy(NULL);
}

/* Linux lets kfree() and kfree_rcu() free what a cache gave. */
static void objects_may_outlive_the_knowledge_of_their_cache(struct kunit *test)
{
	struct kmem_cache *cache = KMEM_CACHE(object, 0);
	struct kmem_cache *typesafe = KMEM_CACHE(object, SLAB_TYPESAFE_BY_RCU);
	struct object *freed = kmem_cache_alloc(cache, GFP_KERNEL);
	struct object *late = kmem_cache_alloc(cache, GFP_KERNEL);
	struct object *later = kmem_cache_alloc(typesafe, GFP_KERNEL);
	dmabuf_warn_handler before = dmabuf_set_warn_handler(remember);

	kfree(freed);
	kfree_rcu(late, rcu);
	kfree_rcu(later, rcu);
	kmem_cache_destroy(cache);
	kmem_cache_destroy(typesafe);
	dmabuf_set_warn_handler(before);
	KUNIT_EXPECT_STREQ(test, warning, "");
}

static void a_cache_knows_the_size_of_its_objects(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("odd", 13, 0, SLAB_HWCACHE_ALIGN, NULL);

	KUNIT_EXPECT_EQ(test, kmem_cache_size(cache), 13);
	kmem_cache_destroy(cache);
}

static void sizes_that_overflow_are_refused(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, kmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kvcalloc(3, SIZE_MAX / 2, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, size_add(SIZE_MAX, 1), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, struct_size_t(struct { int n; int a[]; }, a, 3), 16);
}

static void memory_is_zeroed_on_request(struct kunit *test)
{
	u8 *a = kzalloc(100, GFP_KERNEL), *b = kmalloc(0, GFP_KERNEL);
	u8 *c = kcalloc(10, 10, GFP_KERNEL);

	KUNIT_EXPECT_NULL(test, memchr_inv(a, 0, 100));
	KUNIT_EXPECT_NULL(test, memchr_inv(c, 0, 100));
	KUNIT_EXPECT_NOT_NULL(test, b);
	c = krealloc(c, 1000, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, memchr_inv(c, 0, 100));
	kfree(a);
	kvfree(b);
	kfree_sensitive(c);
	kfree(NULL);
}

static void reallocating_to_nothing_frees(struct kunit *test)
{
	void *nothing = krealloc(kmalloc(10, GFP_KERNEL), 0, GFP_KERNEL);

	KUNIT_EXPECT_PTR_EQ(test, nothing, ZERO_SIZE_PTR); /* LeakSanitizer looks on */
	kfree(nothing);
	nothing = krealloc(nothing, 10, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, ZERO_OR_NULL_PTR(nothing));
	kfree(nothing);
}

struct row {
	int n;
	u64 cells[];
};

static void objects_are_made_by_type_or_variable(struct kunit *test)
{
	struct object *one = kmalloc_obj(*one), *two = kzalloc_obj(struct object, GFP_ATOMIC);
	struct object **table = kzalloc_objs(*table, 3);
	struct row *row = kzalloc_flex(*row, cells, 5), *large = kvzalloc_flex(*large, cells, 1000);
	u64 *cells = kvmalloc_objs(u64, 5, GFP_KERNEL | __GFP_ZERO);

	one->value = 1;
	KUNIT_EXPECT_EQ(test, two->value, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(table, 0, 3 * sizeof(*table)));
	KUNIT_EXPECT_NULL(test, memchr_inv(row, 0, struct_size(row, cells, 5)));
	KUNIT_EXPECT_EQ(test, large->cells[999], 0);
	KUNIT_EXPECT_EQ(test, cells[4], 0);
	KUNIT_EXPECT_NULL(test, kmalloc_objs(*one, SIZE_MAX / 2));
	kfree(one);
	kfree(two);
	kfree(table);
	kfree(row);
	kvfree(large);
	kvfree(cells);
}

/* kfree_rcu() needs no memory, so nothing can go wrong with it. */
static void what_is_freed_later_is_freed(struct kunit *test)
{
	struct object *object = kmalloc(sizeof(*object), GFP_KERNEL);

	kfree_rcu(object, rcu);
	object = NULL;
	kfree_rcu(object, rcu);
	kfree_rcu_mightsleep(kmalloc(10, GFP_KERNEL));
	rcu_barrier(); /* LeakSanitizer looks on */
	KUNIT_SUCCEED(test);
}

static void pages_are_aligned_and_are_their_own_description(struct kunit *test)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	void *address = page_address(page), *large = vzalloc(3 * PAGE_SIZE + 1), *exact;

	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(address));
	KUNIT_EXPECT_NULL(test, memchr_inv(address, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, virt_to_page((char *)address + PAGE_SIZE + 3), page + 1);
	KUNIT_EXPECT_PTR_EQ(test, pfn_to_page(page_to_pfn(page)), page);
	KUNIT_EXPECT_TRUE(test, PAGE_ALIGNED(large));
	KUNIT_EXPECT_EQ(test, get_order(3 * PAGE_SIZE), 2);
	__free_pages(page, 1);
	exact = alloc_pages_exact(3 * PAGE_SIZE - 1, GFP_KERNEL | __GFP_ZERO);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((uintptr_t)exact, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(exact, 0, 3 * PAGE_SIZE - 1));
	free_pages_exact(exact, 3 * PAGE_SIZE - 1);
	vfree(large);
}

static void scoped_pointers_free_what_was_not_taken(struct kunit *test)
{
	char *kept;
	{
		char *freed __free(kfree) = kmalloc(10, GFP_KERNEL);
		char *taken __free(kfree) = kmalloc(10, GFP_KERNEL);

		freed[0] = 1;
		kept = no_free_ptr(taken);
		KUNIT_EXPECT_NULL(test, taken);
	}
	kept[0] = 1;
	kfree(kept);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(an_object_is_readable_until_the_grace_period_ends),
	KUNIT_CASE(a_constructor_runs_for_each_object),
	KUNIT_CASE(objects_may_outlive_the_knowledge_of_their_cache),
	KUNIT_CASE(a_cache_knows_the_size_of_its_objects),
	KUNIT_CASE(sizes_that_overflow_are_refused),
	KUNIT_CASE(memory_is_zeroed_on_request),
	KUNIT_CASE(reallocating_to_nothing_frees),
	KUNIT_CASE(objects_are_made_by_type_or_variable),
	KUNIT_CASE(what_is_freed_later_is_freed),
	KUNIT_CASE(pages_are_aligned_and_are_their_own_description),
	KUNIT_CASE(scoped_pointers_free_what_was_not_taken),
	{}
};

static struct kunit_suite suite = { .name = "compat-slab", .test_cases = cases };
kunit_test_suite(suite);
