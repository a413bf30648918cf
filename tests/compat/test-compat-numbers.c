/* SPDX-License-Identifier: MIT */
/* Constants that kernel code counts on, random numbers, and a few odd calls. */
#include <kunit/test.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/const.h>
#include <linux/container_of.h>
#include <linux/dma-fence-array.h>
#include <linux/dma-fence.h>
#include <linux/errno.h>
#include <linux/idr.h>
#include <linux/irqreturn.h>
#include <linux/jiffies.h>
#include <linux/kref.h>
#include <linux/limits.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/sprintf.h>
#include <linux/stat.h>
#include <linux/stddef.h>
#include <linux/swab.h>
#include <linux/time64.h>

static void limits_are_those_of_the_types(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, U8_MAX, (u8)~0);
	KUNIT_EXPECT_EQ(test, S8_MAX, 127);
	KUNIT_EXPECT_EQ(test, S8_MIN, -128);
	KUNIT_EXPECT_EQ(test, U16_MAX, (u16)~0);
	KUNIT_EXPECT_EQ(test, S16_MAX, 32767);
	KUNIT_EXPECT_EQ(test, S16_MIN, -32768);
	KUNIT_EXPECT_EQ(test, S32_MIN, -2147483647 - 1);
	KUNIT_EXPECT_EQ(test, KTIME_MIN, S64_MIN);
	KUNIT_EXPECT_EQ(test, BITS_PER_BYTE * sizeof(long long), BITS_PER_LONG_LONG);
	KUNIT_EXPECT_EQ(test, UL(5) + ULL(5), 10);
	KUNIT_EXPECT_EQ(test, sizeof(UL(5)), sizeof(long));
	KUNIT_EXPECT_EQ(test, sizeof(ULL(5)), 8);
}

static void units_of_time_fit_each_other(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, MSEC_PER_SEC * USEC_PER_MSEC, USEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, USEC_PER_SEC * NSEC_PER_USEC, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, PSEC_PER_NSEC, 1000);
	KUNIT_EXPECT_EQ(test, TICK_NSEC * HZ, NSEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, time_after(jiffies, (unsigned long)INITIAL_JIFFIES));
}

/* Numbers that Linux gives to those that never reach a program. */
static void errors_of_the_kernel_are_numbered(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ERESTARTNOINTR, 513);
	KUNIT_EXPECT_EQ(test, ERESTARTNOHAND, 514);
	KUNIT_EXPECT_EQ(test, ENOIOCTLCMD, 515);
	KUNIT_EXPECT_EQ(test, ERESTART_RESTARTBLOCK, 516);
	KUNIT_EXPECT_EQ(test, EPROBE_DEFER, 517);
	KUNIT_EXPECT_EQ(test, EOPENSTALE, 518);
	KUNIT_EXPECT_EQ(test, ENOPARAM, 519);
	KUNIT_EXPECT_EQ(test, ENOTSUPP, 524);
	KUNIT_EXPECT_EQ(test, S_IRWXUGO, 0777);
	KUNIT_EXPECT_EQ(test, S_IRUGO, 0444);
	KUNIT_EXPECT_EQ(test, S_IWUGO, 0222);
	KUNIT_EXPECT_EQ(test, S_IXUGO, 0111);
	KUNIT_EXPECT_EQ(test, IRQ_RETVAL(5), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, IRQ_RETVAL(0), IRQ_NONE);
}

struct aligned {
	char first;
	char second ____cacheline_aligned;
};

#define CONFIG_BUILT_IN 1
#define CONFIG_MODULAR_MODULE 1

static void layouts_are_known(struct kunit *test)
{
	struct flexible {
		int n;
		DECLARE_FLEX_ARRAY(char, bytes);
	};
	struct aligned aligned;
	typeof_member(struct flexible, n) n = 3;

	KUNIT_EXPECT_EQ(test, 1 << L1_CACHE_SHIFT, L1_CACHE_BYTES);
	KUNIT_EXPECT_EQ(test, SMP_CACHE_BYTES, cache_line_size());
	KUNIT_EXPECT_EQ(test, L1_CACHE_ALIGN(L1_CACHE_BYTES + 1), 2 * L1_CACHE_BYTES);
	KUNIT_EXPECT_EQ(test, offsetof(struct aligned, second), L1_CACHE_BYTES);
	KUNIT_EXPECT_PTR_EQ(test, container_of_const(&aligned.second, struct aligned, second),
			    &aligned);
	KUNIT_EXPECT_EQ(test, sizeof(struct flexible), sizeof(n));
	KUNIT_EXPECT_TRUE(test, IS_REACHABLE(CONFIG_BUILT_IN) && IS_REACHABLE(CONFIG_MODULAR));
	KUNIT_EXPECT_FALSE(test, IS_REACHABLE(CONFIG_MISSING));
	KUNIT_EXPECT_NOT_NULL(test, strstr(KBUILD_BASENAME, "numbers"));
}

static int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return length;
}

static void numbers_are_turned_divided_and_printed(struct kunit *test)
{
	char text[4];

	KUNIT_EXPECT_EQ(test, swab16(0x1234), 0x3412);
	KUNIT_EXPECT_EQ(test, swab32(0x12345678), 0x78563412);
	KUNIT_EXPECT_EQ(test, swab64(0x1234567890abcdefull), 0xefcdab9078563412ull);
	KUNIT_EXPECT_EQ(test, div64_long(-9, 2), -4);
	KUNIT_EXPECT_EQ(test, div64_ul(U64_MAX, 2), U64_MAX / 2);
	KUNIT_EXPECT_EQ(test, format(text, sizeof(text), "%d%s", 12, "345"), 5);
	KUNIT_EXPECT_STREQ(test, text, "123");
}

/* That each bit is sometimes set and sometimes not: else, once in 2^50. */
#define EXPECT_RANDOM(test, type, call) \
	do { \
		type set = 0, clear = 0; \
\
		for (int i = 0; i < 64; i++) { \
			const type drawn = call; \
			set |= drawn; \
			clear |= (type)~drawn; \
		} \
		KUNIT_EXPECT_EQ_MSG(test, (u64)(type)~set, 0, "%s", #call); \
		KUNIT_EXPECT_EQ_MSG(test, (u64)(type)~clear, 0, "%s", #call); \
	} while (0)

static void random_numbers_have_all_their_bits(struct kunit *test)
{
	struct rnd_state state, same;
	u64 bytes, again;

	EXPECT_RANDOM(test, u8, get_random_u8());
	EXPECT_RANDOM(test, u16, get_random_u16());
	EXPECT_RANDOM(test, u64, get_random_u64());
	EXPECT_RANDOM(test, unsigned int, get_random_int());
	EXPECT_RANDOM(test, unsigned long, get_random_long());
	EXPECT_RANDOM(test, u32, prandom_u32());
	EXPECT_RANDOM(test, u64, ({ prandom_bytes(&bytes, sizeof(bytes)); bytes; }));
	prandom_seed_state(&state, 42);
	same = state;
	prandom_bytes_state(&same, &again, sizeof(again));
	prandom_bytes_state(&state, &bytes, sizeof(bytes));
	KUNIT_EXPECT_EQ(test, bytes, again);
	EXPECT_RANDOM(test, u64, ({ prandom_bytes_state(&state, &bytes, sizeof(bytes)); bytes; }));
	for (int i = 0; i < 64; i++)
		KUNIT_EXPECT_GT(test, get_random_u32_above(U32_MAX - 3), U32_MAX - 3);
}

struct node {
	int value;
	struct rb_node node;
	struct llist_node lock_less;
};

static bool less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct node, node)->value < rb_entry(b, struct node, node)->value;
}

static void trees_and_lists_are_walked(struct kunit *test)
{
	static struct node nodes[4] = {
		{ .value = 3 }, { .value = 1 }, { .value = 4 }, { .value = 2 },
	};
	struct rb_root_cached cached = RB_ROOT_CACHED;
	struct rb_root root = RB_ROOT;
	struct llist_node *at, *next;
	LLIST_HEAD(list);
	int met = 0;

	for (int i = 0; i < 4; i++)
		rb_add(&nodes[i].node, &root, less);
	for (struct rb_node *node = rb_first(&root); node; node = rb_next(node))
		met = met * 10 + rb_entry(node, struct node, node)->value;
	KUNIT_EXPECT_EQ(test, met, 1234);
	rb_link_node(&nodes[0].node, NULL, &cached.rb_root.rb_node);
	rb_insert_color_cached(&nodes[0].node, &cached, true);
	rb_link_node(&nodes[2].node, &nodes[0].node, &nodes[0].node.rb_right);
	rb_insert_color_cached(&nodes[2].node, &cached, false);
	KUNIT_EXPECT_PTR_EQ(test, rb_first_cached(&cached), &nodes[0].node);
	KUNIT_EXPECT_PTR_EQ(test, rb_next(&nodes[0].node), &nodes[2].node);
	met = 0;
	for (int i = 0; i < 4; i++)
		llist_add(&nodes[i].lock_less, &list);
	llist_for_each_safe(at, next, llist_del_all(&list)) {
		met = met * 10 + llist_entry(at, struct node, lock_less)->value;
		at->next = NULL;
	}
	KUNIT_EXPECT_EQ(test, met, 2413);
}

static void counts_begin_where_they_are_set(struct kunit *test)
{
	struct kref kref = KREF_INIT(2);
	struct idr idr;

	KUNIT_EXPECT_EQ(test, kref_read(&kref), 2);
	idr_init(&idr);
	KUNIT_EXPECT_EQ(test, idr_alloc(&idr, test, 0, 0, GFP_KERNEL), 0);
	KUNIT_EXPECT_PTR_EQ(test, idr_find(&idr, 0), (void *)test);
	idr_destroy(&idr);
}

static const char *name(struct dma_fence *fence)
{
	return "numbers";
}

static const struct dma_fence_ops ops = { .get_driver_name = name, .get_timeline_name = name };

static void fences_are_waited_for_by_every_name(struct kunit *test)
{
	struct dma_fence *fence = kzalloc_obj(struct dma_fence), *stub = dma_fence_get_stub();
	struct dma_fence_array *array = dma_fence_array_alloc(2);
	struct dma_fence **fences = kmalloc_objs(struct dma_fence *, 2);
	static DEFINE_SPINLOCK(lock);
	uint32_t first = 9;

	dma_fence_init(fence, &ops, &lock, dma_fence_context_alloc(1), 1);
	fences[0] = fence;
	fences[1] = stub;
	KUNIT_EXPECT_EQ(test, dma_fence_default_wait(fence, false, 1000), 0);
	KUNIT_EXPECT_EQ(test, dma_fence_wait_any_timeout(fences, 1, false, 1000, &first), 0);
	KUNIT_EXPECT_GT(test, dma_fence_wait_any_timeout(fences, 2, false, HZ, &first), 0);
	KUNIT_EXPECT_EQ(test, first, 1);
	dma_fence_array_init(array, 2, fences, dma_fence_context_alloc(1), 1);
	dma_fence_enable_sw_signaling(&array->base); /* which this wait does not do */
	KUNIT_EXPECT_EQ(test, dma_fence_default_wait(&array->base, false, 1000), 0);
	dma_fence_signal(fence);
	KUNIT_EXPECT_GT(test, dma_fence_default_wait(fence, true, HZ), 0);
	KUNIT_EXPECT_GT(test, dma_fence_default_wait(&array->base, true, HZ), 0);
	dma_fence_put(&array->base);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(limits_are_those_of_the_types),
	KUNIT_CASE(units_of_time_fit_each_other),
	KUNIT_CASE(errors_of_the_kernel_are_numbered),
	KUNIT_CASE(layouts_are_known),
	KUNIT_CASE(numbers_are_turned_divided_and_printed),
	KUNIT_CASE(random_numbers_have_all_their_bits),
	KUNIT_CASE(trees_and_lists_are_walked),
	KUNIT_CASE(counts_begin_where_they_are_set),
	KUNIT_CASE(fences_are_waited_for_by_every_name),
	{}
};

static struct kunit_suite suite = { .name = "compat-numbers", .test_cases = cases };
kunit_test_suite(suite);
