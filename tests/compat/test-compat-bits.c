/* SPDX-License-Identifier: MIT */
/* Bits, bitmaps, arithmetic, random numbers. */
#include <kunit/test.h>
#include <linux/args.h>
#include <linux/bitmap.h>
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/overflow.h>
#include <linux/random.h>
#include <linux/stringify.h>
#include <linux/uaccess.h>

static void bits_are_set_and_found(struct kunit *test)
{
	DECLARE_BITMAP(map, 200);
	unsigned long bit, sum = 0;

	bitmap_zero(map, 200);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(map, 200));
	KUNIT_EXPECT_FALSE(test, test_and_set_bit(64, map));
	KUNIT_EXPECT_TRUE(test, test_and_set_bit(64, map));
	set_bit(0, map);
	__set_bit(199, map);
	change_bit(3, map);
	for_each_set_bit(bit, map, 200)
		sum += bit;
	KUNIT_EXPECT_EQ(test, sum, 266);
	KUNIT_EXPECT_EQ(test, bitmap_weight(map, 200), 4);
	KUNIT_EXPECT_EQ(test, find_next_bit(map, 200, 65), 199);
	KUNIT_EXPECT_EQ(test, find_next_bit(map, 199, 65), 199);
	KUNIT_EXPECT_EQ(test, find_first_zero_bit(map, 200), 1);
	KUNIT_EXPECT_EQ(test, find_last_bit(map, 199), 64);
	KUNIT_EXPECT_TRUE(test, test_and_clear_bit(64, map));
	KUNIT_EXPECT_FALSE(test, test_bit(64, map));
	bitmap_fill(map, 200);
	KUNIT_EXPECT_TRUE(test, bitmap_full(map, 200));
	clear_bit_unlock(7, map);
	KUNIT_EXPECT_EQ(test, find_first_zero_bit(map, 200), 7);
}

static void words_have_first_and_last_bits(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, BIT(3) | BIT_ULL(40), 0x10000000008ull);
	KUNIT_EXPECT_EQ(test, GENMASK(7, 4), 0xf0);
	KUNIT_EXPECT_EQ(test, GENMASK_ULL(63, 0), U64_MAX);
	KUNIT_EXPECT_EQ(test, ffs(8), 4);
	KUNIT_EXPECT_EQ(test, __ffs(8), 3);
	KUNIT_EXPECT_EQ(test, fls(0), 0);
	KUNIT_EXPECT_EQ(test, fls(0x80000000u), 32);
	KUNIT_EXPECT_EQ(test, fls64(1ull << 40), 41);
	KUNIT_EXPECT_EQ(test, __fls(9), 3);
	KUNIT_EXPECT_EQ(test, hweight64(0xff00ff), 16);
	KUNIT_EXPECT_EQ(test, rol32(0x80000001, 4), 0x18);
	KUNIT_EXPECT_EQ(test, sign_extend32(0xf, 3), -1);
	KUNIT_EXPECT_EQ(test, ilog2(1000), 9);
	KUNIT_EXPECT_EQ(test, roundup_pow_of_two(1000), 1024);
	KUNIT_EXPECT_EQ(test, order_base_2(1025), 11);
	KUNIT_EXPECT_TRUE(test, is_power_of_2(64));
	KUNIT_EXPECT_FALSE(test, is_power_of_2(0));
}

static void arithmetic_rounds_as_in_linux(struct kunit *test)
{
	u64 n = 1000000007;
	int a = 1, b = 2;
	u32 rest;

	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(10, 4), 3);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_CLOSEST(11, 4), 3);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_CLOSEST(-11, 4), -3);
	KUNIT_EXPECT_EQ(test, roundup(10, 3), 12);
	KUNIT_EXPECT_EQ(test, rounddown(10, 3), 9);
	KUNIT_EXPECT_EQ(test, round_up(17, 16), 32);
	KUNIT_EXPECT_EQ(test, round_down(31, 16), 16);
	KUNIT_EXPECT_EQ(test, ALIGN(0x1001ul, 0x1000), 0x2000);
	KUNIT_EXPECT_EQ(test, abs(-5ll), 5);
	KUNIT_EXPECT_EQ(test, clamp(15, 3, 9), 9);
	KUNIT_EXPECT_EQ(test, min_t(u8, 300, 100), 44);
	KUNIT_EXPECT_EQ(test, max3(1, 7, 3), 7);
	KUNIT_EXPECT_EQ(test, min(max(2, 5), 4), 4);
	swap(a, b);
	KUNIT_EXPECT_EQ(test, a * 10 + b, 21);
	rest = do_div(n, 1000);
	KUNIT_EXPECT_EQ(test, rest, 7);
	KUNIT_EXPECT_EQ(test, n, 1000000);
	KUNIT_EXPECT_EQ(test, mul_u64_u64_div_u64(U64_MAX, 6, 12), U64_MAX / 2);
	KUNIT_EXPECT_EQ(test, int_sqrt(99), 9);
	KUNIT_EXPECT_EQ(test, upper_32_bits(0x1234567890ull), 0x12);
	KUNIT_EXPECT_TRUE(test, check_add_overflow(S32_MAX, 1, &a));
	KUNIT_EXPECT_STREQ(test, __stringify(CONCATENATE(a, b)), "ab");
	KUNIT_EXPECT_EQ(test, COUNT_ARGS(a, b, c), 3);
	KUNIT_EXPECT_EQ(test, COUNT_ARGS(), 0);
}

static void random_numbers_stay_below_their_bound(struct kunit *test)
{
	struct rnd_state one, two;
	unsigned int seen = 0;

	for (int i = 0; i < 1000; i++) {
		const u32 value = get_random_u32_below(5);

		KUNIT_EXPECT_LT(test, value, 5);
		seen |= BIT(value);
		KUNIT_EXPECT_LT(test, prandom_u32_max(3), 3);
		KUNIT_EXPECT_LE(test, get_random_u32_inclusive(7, 8) - 7, 1);
	}
	KUNIT_EXPECT_EQ(test, seen, 31);
	KUNIT_EXPECT_EQ(test, get_random_u32_below(1), 0);
	prandom_seed_state(&one, 42);
	prandom_seed_state(&two, 42);
	KUNIT_EXPECT_EQ(test, prandom_u32_state(&one), prandom_u32_state(&two));
	KUNIT_EXPECT_NE(test, prandom_u32_state(&one), prandom_u32_state(&one));
}

static void user_memory_is_memory(struct kunit *test)
{
	struct { u32 a, b; } known;
	const u32 larger[3] = { 1, 2, 0 };
	int value, other = 5;

	KUNIT_EXPECT_EQ(test, get_user(value, &other), 0);
	KUNIT_EXPECT_EQ(test, value, 5);
	KUNIT_EXPECT_EQ(test, put_user(6, &other), 0);
	KUNIT_EXPECT_EQ(test, copy_from_user(&value, u64_to_user_ptr((uintptr_t)&other), 4), 0);
	KUNIT_EXPECT_EQ(test, value, 6);
	KUNIT_EXPECT_EQ(test, copy_struct_from_user(&known, sizeof(known), larger, 12), 0);
	KUNIT_EXPECT_EQ(test, known.b, 2);
	KUNIT_EXPECT_EQ(test, copy_struct_from_user(&known, sizeof(known), larger, 4), 0);
	KUNIT_EXPECT_EQ(test, known.b, 0);
	KUNIT_EXPECT_EQ(test, copy_struct_from_user(&known, 4, larger, 8), -E2BIG);
}

static void there_is_a_processor(struct kunit *test)
{
	unsigned int cpu, n = 0;

	for_each_online_cpu(cpu)
		n++;
	KUNIT_EXPECT_GE(test, n, 1);
	KUNIT_EXPECT_EQ(test, n, num_online_cpus());
	KUNIT_EXPECT_GE(test, raw_smp_processor_id(), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(bits_are_set_and_found),
	KUNIT_CASE(words_have_first_and_last_bits),
	KUNIT_CASE(arithmetic_rounds_as_in_linux),
	KUNIT_CASE(random_numbers_stay_below_their_bound),
	KUNIT_CASE(user_memory_is_memory),
	KUNIT_CASE(there_is_a_processor),
	{}
};

static struct kunit_suite suite = { .name = "compat-bits", .test_cases = cases };
kunit_test_suite(suite);
