/* SPDX-License-Identifier: MIT */
/* What computes a value, and has no test of its own subject: each name is used once. */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/hash.h>
#include <linux/iosys-map.h>
#include <linux/jiffies.h>
#include <linux/kconfig.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/wordpart.h>

static void spans_of_time_are_added_compared_and_converted(struct kunit *test)
{
	const ktime_t second = ktime_set(1, 0);
	struct timespec64 ts;

	KUNIT_EXPECT_EQ(test, ktime_add(second, 5), 1000000005);
	KUNIT_EXPECT_EQ(test, ktime_sub(second, 5), 999999995);
	KUNIT_EXPECT_EQ(test, ktime_add_ns(second, 7), 1000000007);
	KUNIT_EXPECT_EQ(test, ktime_sub_ns(second, 7), 999999993);
	KUNIT_EXPECT_EQ(test, ktime_add_us(second, 2), 1000002000);
	KUNIT_EXPECT_EQ(test, ktime_sub_us(second, 2), 999998000);
	KUNIT_EXPECT_EQ(test, ktime_sub_ms(second, 1), 999000000);
	KUNIT_EXPECT_EQ(test, ktime_to_ns(second), NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, ktime_to_ms(second), 1000);
	KUNIT_EXPECT_EQ(test, ktime_ms_delta(second, 0), 1000);
	KUNIT_EXPECT_EQ(test, ktime_divns(second, 8), 125000000);
	KUNIT_EXPECT_TRUE(test, ktime_after(second, 0));
	KUNIT_EXPECT_FALSE(test, ktime_before(second, 0));
	ts = ktime_to_timespec64(second + 3);
	KUNIT_EXPECT_EQ(test, ts.tv_sec, 1);
	KUNIT_EXPECT_EQ(test, ts.tv_nsec, 3);
	KUNIT_EXPECT_EQ(test, timespec64_to_ktime(ts), second + 3);
	ts = timespec64_add(ts, (struct timespec64){ 1, 999999999 });
	KUNIT_EXPECT_EQ(test, ts.tv_sec, 3);
	KUNIT_EXPECT_EQ(test, ts.tv_nsec, 2);
	ts = timespec64_sub(ts, (struct timespec64){ 1, 3 });
	KUNIT_EXPECT_EQ(test, ts.tv_sec, 1);
	KUNIT_EXPECT_EQ(test, ts.tv_nsec, 999999999);
}

static void a_jiffy_is_a_nanosecond_in_every_conversion(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, jiffies_to_nsecs(5), 5);
	KUNIT_EXPECT_EQ(test, nsecs_to_jiffies(5), 5);
	KUNIT_EXPECT_EQ(test, nsecs_to_jiffies64(5), 5);
	KUNIT_EXPECT_EQ(test, jiffies_to_usecs(5000), 5);
	KUNIT_EXPECT_EQ(test, jiffies64_to_msecs(5000000), 5);
	KUNIT_EXPECT_EQ(test, jiffies64_to_nsecs(5), 5);
	KUNIT_EXPECT_EQ(test, secs_to_jiffies(2), 2 * HZ);
	KUNIT_EXPECT_EQ(test, timespec64_to_jiffies(&(struct timespec64){ 2, 1 }), 2 * HZ + 1);
	KUNIT_EXPECT_TRUE(test, time_before_eq(5, 5));
	KUNIT_EXPECT_TRUE(test, time_in_range(5, 4, 6));
	KUNIT_EXPECT_FALSE(test, time_in_range(7, 4, 6));
	KUNIT_EXPECT_TRUE(test, time_after64(6, 5));
	KUNIT_EXPECT_TRUE(test, time_before64(U64_MAX, 0));
	KUNIT_EXPECT_TRUE(test, time_is_after_jiffies(jiffies + 60 * HZ));
	KUNIT_EXPECT_TRUE(test, time_is_after_eq_jiffies(jiffies + 60 * HZ));
	KUNIT_EXPECT_TRUE(test, time_is_before_jiffies(jiffies - 1));
	KUNIT_EXPECT_TRUE(test, get_jiffies_64() <= jiffies);
}

/* Each clock goes forward, in its unit. */
static void clocks_agree_with_each_other(struct kunit *test)
{
	const u64 now = ktime_get_ns();
	struct timespec64 ts;

	KUNIT_EXPECT_GE(test, ktime_get(), (ktime_t)now);
	KUNIT_EXPECT_GE(test, ktime_get_mono_fast_ns(), now);
	KUNIT_EXPECT_GE(test, ktime_get_seconds(), (time64_t)(now / NSEC_PER_SEC));
	KUNIT_EXPECT_LE(test, ktime_get_coarse_ns(), ktime_get_ns());
	KUNIT_EXPECT_LE(test, ktime_get_coarse(), ktime_get());
	KUNIT_EXPECT_GE(test, ktime_get_boottime_ns(), now);
	KUNIT_EXPECT_GE(test, ktime_get_boottime(), (ktime_t)now);
	KUNIT_EXPECT_GT(test, ktime_get_raw_ns(), 0ull);
	KUNIT_EXPECT_GT(test, ktime_get_raw(), 0);
	KUNIT_EXPECT_GT(test, ktime_get_real_ns(), 1500000000ull * NSEC_PER_SEC);
	KUNIT_EXPECT_GT(test, ktime_get_real(), 1500000000ll * NSEC_PER_SEC);
	KUNIT_EXPECT_GT(test, ktime_get_real_seconds(), 1500000000);
	ktime_get_ts64(&ts);
	KUNIT_EXPECT_GE(test, timespec64_to_ns(&ts), (s64)now);
	ktime_get_real_ts64(&ts);
	KUNIT_EXPECT_GT(test, ts.tv_sec, 1500000000);
}

static void numbers_are_clamped_rounded_and_divided(struct kunit *test)
{
	u64 rest;
	u32 rest32;

	KUNIT_EXPECT_EQ(test, ALIGN_DOWN(13, 8), 8);
	KUNIT_EXPECT_PTR_EQ(test, PTR_ALIGN((char *)13, 8), (char *)16);
	KUNIT_EXPECT_PTR_EQ(test, PTR_ALIGN_DOWN((char *)13, 8), (char *)8);
	KUNIT_EXPECT_EQ(test, rounddown_pow_of_two(1000), 512);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_CLOSEST_ULL(11ull, 4), 3ull);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_DOWN_ULL(11ull, 4), 2ull);
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP_ULL(9ull, 4), 3ull);
	KUNIT_EXPECT_EQ(test, DIV64_U64_ROUND_UP(9ull, 4ull), 3ull);
	KUNIT_EXPECT_EQ(test, abs_diff(3u, 5u), 2u);
	KUNIT_EXPECT_EQ(test, mult_frac(1ull << 62, 3, 4), 3ull << 60);
	KUNIT_EXPECT_EQ(test, div64_s64(-9, 2), -4);
	KUNIT_EXPECT_EQ(test, div_s64(-9, 2), -4);
	KUNIT_EXPECT_EQ(test, div64_u64(9, 2), 4);
	KUNIT_EXPECT_EQ(test, div_u64(9, 2), 4);
	KUNIT_EXPECT_EQ(test, div64_u64_rem(9, 2, &rest), 4);
	KUNIT_EXPECT_EQ(test, rest, 1);
	KUNIT_EXPECT_EQ(test, div_u64_rem(11, 4, &rest32), 2);
	KUNIT_EXPECT_EQ(test, rest32, 3);
	KUNIT_EXPECT_EQ(test, mul_u32_u32(U32_MAX, 2), 2ull * U32_MAX);
	KUNIT_EXPECT_EQ(test, mul_u64_u32_div(U64_MAX, 3, 3), U64_MAX);
	KUNIT_EXPECT_EQ(test, mul_u64_u32_shr(1ull << 40, 1u << 30, 60), 1ull << 10);
	KUNIT_EXPECT_EQ(test, max_t(u8, 3, 5), 5);
	KUNIT_EXPECT_EQ(test, min3(3, 1, 2), 1);
	KUNIT_EXPECT_EQ(test, min_not_zero(0, 2), 2);
	KUNIT_EXPECT_EQ(test, umin(3, 5), 3);
	KUNIT_EXPECT_EQ(test, umax(3, 5), 5);
	KUNIT_EXPECT_EQ(test, clamp_t(int, 9, 1, 5), 5);
	KUNIT_EXPECT_EQ(test, clamp_val(9, 1, 5), 5);
	KUNIT_EXPECT_TRUE(test, in_range(5, 4, 2));
	KUNIT_EXPECT_FALSE(test, in_range(6, 4, 2));
	KUNIT_EXPECT_EQ(test, MIN(3, 5) + MAX(3, 5), 8);
	KUNIT_EXPECT_EQ(test, array_size(SIZE_MAX, 2), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, array3_size(2, 3, 4), 24);
	KUNIT_EXPECT_EQ(test, size_sub(2, 3), SIZE_MAX);
	KUNIT_EXPECT_EQ(test, array_index_nospec(3, 5), 3);
}

static void bits_of_every_width(struct kunit *test)
{
	unsigned long word = 0;

	KUNIT_EXPECT_EQ(test, BITS_PER_TYPE(u32), 32);
	KUNIT_EXPECT_EQ(test, BITS_TO_BYTES(9), 2);
	KUNIT_EXPECT_EQ(test, BIT_ULL_MASK(65), 2ull);
	KUNIT_EXPECT_EQ(test, BIT_ULL_WORD(65), 1);
	KUNIT_EXPECT_EQ(test, BIT_U8(7) + BIT_U16(8) + BIT_U32(9), 128 + 256 + 512);
	KUNIT_EXPECT_EQ(test, BIT_U64(40), 1ull << 40);
	KUNIT_EXPECT_EQ(test, ffz(7), 3);
	KUNIT_EXPECT_EQ(test, fls_long(8), 4);
	KUNIT_EXPECT_EQ(test, hweight8(0xff) + hweight16(3) + hweight32(1), 11);
	KUNIT_EXPECT_EQ(test, hweight_long(7), 3);
	KUNIT_EXPECT_EQ(test, rol64(1, 63), 1ull << 63);
	KUNIT_EXPECT_EQ(test, ror32(1, 1), 0x80000000u);
	assign_bit(4, &word, true);
	KUNIT_EXPECT_FALSE(test, test_and_set_bit_lock(2, &word));
	KUNIT_EXPECT_TRUE(test, test_bit_acquire(2, &word));
	KUNIT_EXPECT_TRUE(test, test_and_change_bit(4, &word));
	clear_bit(2, &word);
	KUNIT_EXPECT_EQ(test, word, 0);
	KUNIT_EXPECT_EQ(test, lower_32_bits(0x1234567890ull), 0x34567890);
	KUNIT_EXPECT_EQ(test, lower_16_bits(0x12345678), 0x5678);
	KUNIT_EXPECT_EQ(test, upper_16_bits(0x12345678), 0x1234);
	KUNIT_EXPECT_LT(test, hash_long(12345, 5), 32);
	KUNIT_EXPECT_LT(test, hash_32(12345, 5), 32);
	KUNIT_EXPECT_EQ(test, hash_ptr(&word, 5), hash_ptr(&word, 5));
	KUNIT_EXPECT_TRUE(test, IS_ENABLED(CONFIG_NOT_THERE) == 0);
}

static void bitmaps_are_combined(struct kunit *test)
{
	unsigned long *a = bitmap_alloc(100, GFP_KERNEL), *b = bitmap_zalloc(100, GFP_KERNEL);
	unsigned long bit, sum = 0;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	bitmap_copy(a, b, 100);
	KUNIT_EXPECT_TRUE(test, bitmap_equal(a, b, 100));
	bitmap_set(a, 60, 10);
	set_bit(65, b);
	KUNIT_EXPECT_TRUE(test, bitmap_and(b, a, b, 100));
	KUNIT_EXPECT_EQ(test, bitmap_weight(b, 100), 1);
	KUNIT_EXPECT_TRUE(test, bitmap_andnot(a, a, b, 100));
	KUNIT_EXPECT_EQ(test, bitmap_weight(a, 100), 9);
	bitmap_or(a, a, b, 100);
	bitmap_clear(a, 60, 4);
	KUNIT_EXPECT_EQ(test, bitmap_weight(a, 100), 6);
	KUNIT_EXPECT_EQ(test, find_next_zero_bit(a, 100, 64), 70);
	bitmap_fill(b, 100);
	clear_bit(3, b);
	clear_bit(90, b);
	for_each_clear_bit(bit, b, 100)
		sum += bit;
	KUNIT_EXPECT_EQ(test, sum, 93);
	bit = 68;
	sum = 0;
	for_each_set_bit_from(bit, a, 100)
		sum += bit;
	KUNIT_EXPECT_EQ(test, sum, 68 + 69);
	bitmap_free(a);
	bitmap_free(b);
}

static void strings_and_layouts(struct kunit *test)
{
	static const char *const names[] = { "one", "two" };
	struct layout { int a; struct_group(both, char b; char c;); char d[]; } layout;
	char text[] = "  a-b  ";

	KUNIT_EXPECT_STREQ(test, kbasename("a/b/c"), "c");
	KUNIT_EXPECT_EQ(test, match_string(names, 2, "two"), 1);
	KUNIT_EXPECT_EQ(test, match_string(names, 2, "six"), -EINVAL);
	KUNIT_EXPECT_EQ(test, str_has_prefix("prefix", "pre"), 3);
	KUNIT_EXPECT_EQ(test, str_has_prefix("prefix", "fix"), 0);
	KUNIT_EXPECT_STREQ(test, strstrip(text), "a-b");
	strreplace(text, '-', '+');
	KUNIT_EXPECT_STREQ(test, strim(text), "a+b");
	KUNIT_EXPECT_STREQ(test, str_on_off(true), "on");
	KUNIT_EXPECT_STREQ(test, str_true_false(false), "false");
	KUNIT_EXPECT_STREQ(test, str_enabled_disabled(true), "enabled");
	KUNIT_EXPECT_STREQ(test, str_enable_disable(false), "disable");
	KUNIT_EXPECT_STREQ(test, str_read_write(true), "read");
	KUNIT_EXPECT_STREQ(test, str_plural(2), "s");
	layout.b = 1;
	KUNIT_EXPECT_EQ(test, sizeof_field(struct layout, a), sizeof(int));
	KUNIT_EXPECT_EQ(test, offsetofend(struct layout, a), sizeof(int));
	KUNIT_EXPECT_EQ(test, sizeof(layout.both), 2);
	KUNIT_EXPECT_PTR_EQ(test, ARRAY_END(names), &names[2]);
	KUNIT_EXPECT_EQ(test, PAGE_ALIGN_DOWN(PAGE_SIZE + 1), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, PFN_UP(PAGE_SIZE + 1), 2);
	KUNIT_EXPECT_EQ(test, PFN_DOWN(PAGE_SIZE + 1), 1);
	KUNIT_EXPECT_EQ(test, PFN_PHYS(3), 3 * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, IS_ERR_VALUE((unsigned long)-EINVAL));
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(ERR_PTR(-EINVAL)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(test), 0);
}

static void mappings_are_read_and_written_by_field(struct kunit *test)
{
	struct field { u32 a, b; } fields[2] = { { 1, 2 }, { 3, 4 } };
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(fields), other;

	KUNIT_EXPECT_FALSE(test, iosys_map_is_null(&map));
	KUNIT_EXPECT_EQ(test, iosys_map_rd_field(&map, 0, struct field, b), 2);
	iosys_map_wr_field(&map, 0, struct field, b, 9);
	KUNIT_EXPECT_EQ(test, fields[0].b, 9);
	other = (struct iosys_map)IOSYS_MAP_INIT_OFFSET(&map, sizeof(fields[0]));
	KUNIT_EXPECT_EQ(test, iosys_map_rd_field(&other, 0, struct field, a), 3);
	iosys_map_incr(&map, sizeof(fields[0]));
	KUNIT_EXPECT_TRUE(test, iosys_map_is_equal(&map, &other));
	iosys_map_memset(&map, 0, 0, sizeof(fields[0]));
	KUNIT_EXPECT_EQ(test, fields[1].b, 0);
	iosys_map_set_vaddr_iomem(&other, fields);
	KUNIT_EXPECT_FALSE(test, iosys_map_is_equal(&map, &other));
	iosys_map_clear(&map);
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&map));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(spans_of_time_are_added_compared_and_converted),
	KUNIT_CASE(a_jiffy_is_a_nanosecond_in_every_conversion),
	KUNIT_CASE(clocks_agree_with_each_other),
	KUNIT_CASE(numbers_are_clamped_rounded_and_divided),
	KUNIT_CASE(bits_of_every_width),
	KUNIT_CASE(bitmaps_are_combined),
	KUNIT_CASE(strings_and_layouts),
	KUNIT_CASE(mappings_are_read_and_written_by_field),
	{}
};

static struct kunit_suite suite = { .name = "compat-values", .test_cases = cases };
kunit_test_suite(suite);
