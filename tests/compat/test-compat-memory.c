/* SPDX-License-Identifier: MIT */
/* The variants of allocations, pages, memory of user space, registers, and classes. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/cache.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

struct item {
	int value;
	struct callback_head rcu;
};

struct flexible {
	int n;
	int values[];
};

/* It is there, can be written, and is zero if it must be. */
static void expect_memory(struct kunit *test, void *memory, size_t size, bool zeroed,
			  const char *call)
{
	KUNIT_ASSERT_NOT_NULL_MSG(test, memory, "%s", call);
	if (zeroed)
		KUNIT_EXPECT_NULL_MSG(test, memchr_inv(memory, 0, size), "%s", call);
	memset(memory, 0x5a, size);
	kvfree(memory);
}
#define GIVES(test, size, call) expect_memory(test, call, size, false, #call)
#define GIVES_ZEROES(test, size, call) expect_memory(test, call, size, true, #call)

static void memory_is_given_under_every_name(struct kunit *test)
{
	GIVES(test, 100, kmalloc_node(100, GFP_KERNEL, NUMA_NO_NODE));
	GIVES(test, 100, kmalloc_array_node(10, 10, GFP_NOIO, NUMA_NO_NODE));
	GIVES(test, 100, kmalloc_track_caller(100, GFP_NOFS));
	GIVES(test, 100, kvmalloc(100, GFP_USER));
	GIVES(test, 100, kvmalloc_node(100, GFP_HIGHUSER, NUMA_NO_NODE));
	GIVES(test, 100, krealloc_array(NULL, 10, 10, GFP_KERNEL_ACCOUNT));
	GIVES(test, sizeof(struct item), kvmalloc_obj(struct item));
	GIVES(test, sizeof(struct flexible) + 12, kvmalloc_flex(struct flexible, values, 3));
	GIVES_ZEROES(test, 100, kzalloc_node(100, GFP_DMA, NUMA_NO_NODE));
	GIVES_ZEROES(test, 100, kcalloc_node(10, 10, GFP_DMA32, NUMA_NO_NODE));
	GIVES_ZEROES(test, 100, kvzalloc(100, GFP_KERNEL));
	GIVES_ZEROES(test, 100, kvzalloc_node(100, GFP_KERNEL, NUMA_NO_NODE));
	GIVES_ZEROES(test, sizeof(struct item), kvzalloc_obj(struct item));
	GIVES_ZEROES(test, 3 * sizeof(struct item), kvzalloc_objs(struct item, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, krealloc_array(NULL, SIZE_MAX, 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kmemdup_array(test, SIZE_MAX, 2, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, kunit_kzalloc(test, KMALLOC_MAX_SIZE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, ARCH_KMALLOC_MINALIGN % sizeof(void *), 0);
	KUNIT_EXPECT_TRUE(test, gfpflags_allow_blocking(GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, gfpflags_allow_blocking(GFP_ATOMIC));
}

static void what_is_copied_is_equal(struct kunit *test)
{
	static const int three[] = { 1, 2, 3 };
	int *copy = kmemdup_array(three, 3, sizeof(int), GFP_KERNEL);
	const char *text = kstrdup_const("constant", GFP_KERNEL);
	struct { char a[2], b[6]; } filled = { "a", "bcdef" };

	KUNIT_ASSERT_NOT_NULL(test, copy);
	KUNIT_EXPECT_MEMEQ(test, copy, three, sizeof(three));
	copy = krealloc_array(copy, 6, sizeof(int), GFP_KERNEL);
	KUNIT_EXPECT_MEMEQ(test, copy, three, sizeof(three));
	kvfree_sensitive(copy, 6 * sizeof(int));
	KUNIT_EXPECT_STREQ(test, text, "constant");
	kfree_const(text);
	memset_after(&filled, 0, a);
	KUNIT_EXPECT_STREQ(test, filled.a, "a");
	KUNIT_EXPECT_NULL(test, memchr_inv(filled.b, 0, 6));
}

static void caches_give_objects_under_every_name(struct kunit *test)
{
	static const slab_flags_t flags[] = {
		SLAB_ACCOUNT, SLAB_CACHE_DMA, SLAB_CONSISTENCY_CHECKS, SLAB_MEM_SPREAD,
		SLAB_NOLEAKTRACE, SLAB_NO_MERGE, SLAB_POISON, SLAB_RECLAIM_ACCOUNT, SLAB_RED_ZONE,
		SLAB_STORE_USER, SLAB_TEMPORARY,
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct kmem_cache *cache = kmem_cache_create_usercopy("items", 24, 8, flags[i], 0,
								      24, NULL);
		void *object = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO, 0);

		KUNIT_ASSERT_NOT_NULL(test, object);
		KUNIT_EXPECT_NULL(test, memchr_inv(object, 0, 24));
		KUNIT_EXPECT_FALSE(test, flags[i] & (SLAB_TYPESAFE_BY_RCU | SLAB_PANIC));
		kmem_cache_free(cache, object);
		KUNIT_EXPECT_EQ(test, kmem_cache_shrink(cache), 0);
		kmem_cache_destroy(cache);
	}
}

static void pages_are_memory_that_is_always_mapped(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	struct page *other = alloc_pages_node(NUMA_NO_NODE, GFP_KERNEL, 0);
	void *address = page_address(page);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_NOT_NULL(test, other);
	KUNIT_EXPECT_PTR_EQ(test, kmap(page), address);
	KUNIT_EXPECT_PTR_EQ(test, kmap_atomic(page), address);
	KUNIT_EXPECT_PTR_EQ(test, kmap_local_page(page), address);
	KUNIT_EXPECT_NULL(test, memchr_inv(address, 0, page_size(page)));
	memset(address, 7, PAGE_SIZE);
	kunmap_local(address);
	kunmap_atomic(address);
	kunmap(page);
	copy_highpage(other, page);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(other), 7, PAGE_SIZE));
	clear_highpage(other);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(other), 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, page_to_phys(page), virt_to_phys(address));
	KUNIT_EXPECT_EQ(test, page_to_phys(page), PFN_PHYS(page_to_pfn(page)));
	__free_page(page);
	__free_page(other);
}

static void memory_in_whole_pages_is_given_under_every_name(struct kunit *test)
{
	char *array = vmalloc_array(3, 2 * PAGE_SIZE), *zeroes = vcalloc(3, 100);

	KUNIT_ASSERT_NOT_NULL(test, array);
	KUNIT_ASSERT_NOT_NULL(test, zeroes);
	memset(array, 1, 6 * PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(zeroes, 0, 300));
	KUNIT_EXPECT_PTR_EQ(test, page_address(vmalloc_to_page(array + PAGE_SIZE + 5)),
			    array + PAGE_SIZE);
	KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(array));
	KUNIT_EXPECT_NULL(test, vmalloc_array(SIZE_MAX, 2));
	KUNIT_EXPECT_NULL(test, vcalloc(SIZE_MAX, 2));
	vfree(array);
	vfree(zeroes);
}

static void user_space_is_copied_from_and_to(struct kunit *test)
{
	char user[8] = "user", text[8] = "???????";
	char *copy;

	KUNIT_EXPECT_TRUE(test, access_ok(user, sizeof(user)));
	KUNIT_EXPECT_EQ(test, strncpy_from_user(text, user, sizeof(text)), 4);
	KUNIT_EXPECT_STREQ(test, text, "user");
	KUNIT_EXPECT_EQ(test, strncpy_from_user(text, "long", 3), 3);
	KUNIT_EXPECT_STREQ(test, text, "lonr");
	copy = memdup_user(user, sizeof(user));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, copy);
	KUNIT_EXPECT_STREQ(test, copy, "user");
	kfree(copy);
	copy = vmemdup_user(user, sizeof(user));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, copy);
	KUNIT_EXPECT_STREQ(test, copy, "user");
	kvfree(copy);
	KUNIT_EXPECT_EQ(test, copy_to_user(user, "to", 3), 0);
	KUNIT_EXPECT_STREQ(test, user, "to");
	KUNIT_EXPECT_EQ(test, clear_user(user, sizeof(user)), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(user, 0, sizeof(user)));
}

static void registers_are_read_and_written_in_every_width(struct kunit *test)
{
	u64 device[2] = { 0, 0 }, memory[2] = { 1, 2 };
	struct iosys_map map = IOSYS_MAP_INIT_VADDR_IOMEM(device);

	writeb(0x11, device);
	KUNIT_EXPECT_EQ(test, readb(device), 0x11);
	writew(0x2222, device);
	KUNIT_EXPECT_EQ(test, readw(device), 0x2222);
	writel(0x33333333, device);
	KUNIT_EXPECT_EQ(test, readl(device), 0x33333333);
	writel_relaxed(0x44444444, device);
	KUNIT_EXPECT_EQ(test, readl_relaxed(device), 0x44444444);
	writeq(0x5555555555555555, device);
	KUNIT_EXPECT_EQ(test, readq(device), 0x5555555555555555);
	KUNIT_EXPECT_EQ(test, device[1], 0);
	memcpy_toio(device, memory, sizeof(device));
	KUNIT_EXPECT_EQ(test, device[1], 2);
	device[0] = 9;
	memcpy_fromio(memory, device, sizeof(memory));
	KUNIT_EXPECT_EQ(test, memory[0], 9);
	memset_io(device, 0xff, 8);
	KUNIT_EXPECT_EQ(test, device[0], U64_MAX);
	KUNIT_EXPECT_TRUE(test, map.is_iomem);
	KUNIT_EXPECT_EQ(test, iosys_map_rd(&map, 8, u64), 2);
	KUNIT_EXPECT_EQ(test, PTR_ERR(IOMEM_ERR_PTR(-ENOMEM)), -ENOMEM);
}

static int freed; /* digits */

static void note(int digit)
{
	freed = freed * 10 + digit;
}

struct counter {
	int n;
};

static bool enter_if_free(struct counter *counter)
{
	return !counter->n && ++counter->n;
}

DEFINE_FREE(note, int, note(_T))
DEFINE_CLASS(number, int, note(_T), start + 1, int start)
EXTEND_CLASS(number, _twice, 2 * start, int start)
DEFINE_GUARD(counter, struct counter *, _T->n++, _T->n--)
DEFINE_GUARD_COND(counter, _try, enter_if_free(_T))
DEFINE_LOCK_GUARD_0(nothing, note(1), note(2))
DEFINE_LOCK_GUARD_1(entered, struct counter, _T->lock->n += _T->by = 5, _T->lock->n -= _T->by, int by)
DEFINE_LOCK_GUARD_1_COND(entered, _try, enter_if_free(_T->lock) && (_T->by = 1))

static int *escape(void)
{
	int *memory __free(kvfree) = kvmalloc(sizeof(int), GFP_KERNEL);
	unsigned long *bits __free(bitmap) = bitmap_zalloc(8, GFP_KERNEL);
	unsigned long *given __free(bitmap) = bitmap_zalloc(8, GFP_KERNEL);

	bitmap_free(given);
	retain_and_null_ptr(given);
	if (bits)
		return_ptr(memory);
	return NULL;
}

static void scopes_release_what_they_hold(struct kunit *test)
{
	struct counter counter = { 0 };
	int *memory = escape();

	KUNIT_EXPECT_NOT_NULL(test, memory);
	kfree(memory);
	freed = 0;
	{
		int last __free(note) = 3;
		CLASS(number, two)(1);
		CLASS(number_twice, eight)(4);
		CLASS_INIT(number, five, 5);

		KUNIT_EXPECT_EQ(test, last * 1000 + two * 100 + eight * 10 + five, 3285);
	}
	KUNIT_EXPECT_EQ(test, freed, 5823);
	freed = 0;
	scoped_guard(nothing)
		note(7);
	KUNIT_EXPECT_EQ(test, freed, 172);
	scoped_guard(counter, &counter) {
		KUNIT_EXPECT_EQ(test, counter.n, 1);
		scoped_guard(counter_try, &counter)
			KUNIT_FAIL(test, "entered twice");
		scoped_guard(entered_try, &counter)
			KUNIT_FAIL(test, "entered twice");
		scoped_guard(entered, &counter)
			KUNIT_EXPECT_EQ(test, counter.n, 6);
		KUNIT_EXPECT_EQ(test, counter.n, 1);
	}
	scoped_guard(entered_try, &counter)
		KUNIT_EXPECT_EQ(test, counter.n, 1);
	scoped_guard(counter_try, &counter)
		KUNIT_EXPECT_EQ(test, counter.n, 1);
	KUNIT_EXPECT_EQ(test, counter.n, 0);
}

static int reserve_and_take(int *reserved)
{
	CLASS(get_unused_fd, fd)(O_CLOEXEC);

	*reserved = fd;
	return take_fd(fd);
}

static void reserve_only(int *reserved)
{
	CLASS(get_unused_fd, fd)(O_CLOEXEC);

	*reserved = fd;
}

static void a_descriptor_is_given_back_unless_it_is_taken(struct kunit *test)
{
	int reserved, next;

	reserve_only(&reserved);
	KUNIT_EXPECT_GE(test, reserved, 0);
	KUNIT_EXPECT_EQ(test, reserve_and_take(&next), reserved);
	KUNIT_EXPECT_EQ(test, next, reserved);
	reserve_only(&next);
	KUNIT_EXPECT_NE(test, next, reserved);
	put_unused_fd(reserved);
	reserve_only(&next);
	KUNIT_EXPECT_EQ(test, next, reserved);
}

static void freed_late(struct rcu_head *head)
{
	note(container_of(head, struct item, rcu)->value);
}

static void rcu_goes_by_every_name(struct kunit *test)
{
	struct item first = { .value = 1 }, second = { .value = 2 }, *at = RCU_INITIALIZER(&first);
	struct { struct item *at; } initialised = { RCU_POINTER_INITIALIZER(at, &first) };
	struct item *old = kvmalloc_obj(struct item);

	rcu_read_lock_bh();
	rcu_read_lock_sched();
	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "not in a section");
	rcu_lockdep_assert(rcu_read_lock_any_held(), "not in a section");
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_bh(at), &first);
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_sched(at), &first);
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_check(at, rcu_read_lock_held()), &first);
	KUNIT_EXPECT_PTR_EQ(test, rcu_dereference_raw(initialised.at), &first);
	KUNIT_EXPECT_PTR_EQ(test, rcu_pointer_handoff(at), &first);
	rcu_read_unlock_sched();
	rcu_read_unlock_bh();
	KUNIT_EXPECT_PTR_EQ(test, rcu_replace_pointer(at, &second, true), &first);
	KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(at), &second);
	KUNIT_EXPECT_PTR_EQ(test, unrcu_pointer(at), &second);
	freed = 0;
	init_rcu_head(&first.rcu);
	init_rcu_head_on_stack(&second.rcu);
	call_rcu_hurry(&first.rcu, freed_late);
	rcu_barrier();
	call_rcu_hurry(&second.rcu, freed_late);
	kvfree_rcu(old, rcu);
	kvfree_rcu_mightsleep(kvmalloc_obj(struct item));
	kvfree_rcu_barrier();
	synchronize_rcu_expedited();
	KUNIT_EXPECT_EQ(test, freed, 12);
	destroy_rcu_head(&first.rcu);
	destroy_rcu_head_on_stack(&second.rcu);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(memory_is_given_under_every_name),
	KUNIT_CASE(what_is_copied_is_equal),
	KUNIT_CASE(caches_give_objects_under_every_name),
	KUNIT_CASE(pages_are_memory_that_is_always_mapped),
	KUNIT_CASE(memory_in_whole_pages_is_given_under_every_name),
	KUNIT_CASE(user_space_is_copied_from_and_to),
	KUNIT_CASE(registers_are_read_and_written_in_every_width),
	KUNIT_CASE(scopes_release_what_they_hold),
	KUNIT_CASE(a_descriptor_is_given_back_unless_it_is_taken),
	KUNIT_CASE(rcu_goes_by_every_name),
	{}
};

static struct kunit_suite suite = { .name = "compat-memory", .test_cases = cases };
kunit_test_suite(suite);
