/* SPDX-License-Identifier: MIT */
/* Atomic operations of every type and order, exchanges, barriers. */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/kthread.h>
#include <linux/nospec.h>
#include <linux/processor.h>
#include <linux/spinlock.h>

/* What returns a value, in one order: p is the prefix, s the suffix. */
#define ORDERED(test, p, t, v, s) \
	do { \
		t old; \
\
		p##_set(v, 12); \
		KUNIT_EXPECT_EQ(test, p##_fetch_add##s(3, v), 12); \
		KUNIT_EXPECT_EQ(test, p##_fetch_sub##s(5, v), 15); \
		KUNIT_EXPECT_EQ(test, p##_fetch_and##s(6, v), 10); \
		KUNIT_EXPECT_EQ(test, p##_fetch_or##s(9, v), 2); \
		KUNIT_EXPECT_EQ(test, p##_fetch_xor##s(3, v), 11); \
		KUNIT_EXPECT_EQ(test, p##_fetch_andnot##s(8, v), 8); \
		KUNIT_EXPECT_EQ(test, p##_fetch_inc##s(v), 0); \
		KUNIT_EXPECT_EQ(test, p##_fetch_dec##s(v), 1); \
		KUNIT_EXPECT_EQ(test, p##_add_return##s(7, v), 7); \
		KUNIT_EXPECT_EQ(test, p##_sub_return##s(9, v), -2); \
		KUNIT_EXPECT_EQ(test, p##_inc_return##s(v), -1); \
		KUNIT_EXPECT_EQ(test, p##_dec_return##s(v), -2); \
		KUNIT_EXPECT_EQ(test, p##_xchg##s(v, 4), -2); \
		KUNIT_EXPECT_EQ(test, p##_cmpxchg##s(v, 3, 5), 4); \
		KUNIT_EXPECT_EQ(test, p##_cmpxchg##s(v, 4, 5), 4); \
		old = 4; \
		KUNIT_EXPECT_FALSE(test, p##_try_cmpxchg##s(v, &old, 6)); \
		KUNIT_EXPECT_EQ(test, old, 5); \
		KUNIT_EXPECT_TRUE(test, p##_try_cmpxchg##s(v, &old, 6)); \
		KUNIT_EXPECT_EQ(test, p##_read(v), 6); \
	} while (0)

#define UNORDERED(test, p, v) \
	do { \
		p##_set_release(v, 12); \
		p##_add(3, v); \
		p##_sub(5, v); \
		KUNIT_EXPECT_EQ(test, p##_read_acquire(v), 10); \
		p##_and(6, v); \
		p##_or(9, v); \
		KUNIT_EXPECT_EQ(test, p##_read(v), 11); \
		p##_xor(3, v); \
		p##_andnot(8, v); \
		p##_inc(v); \
		p##_inc(v); \
		p##_dec(v); \
		KUNIT_EXPECT_EQ(test, p##_read(v), 1); \
	} while (0)

/* What depends on the value: below zero, zero, above. */
#define CONDITIONAL(test, p, v) \
	do { \
		p##_set(v, 2); \
		KUNIT_EXPECT_FALSE(test, p##_sub_and_test(1, v)); \
		KUNIT_EXPECT_TRUE(test, p##_sub_and_test(1, v)); \
		KUNIT_EXPECT_FALSE(test, p##_inc_not_zero(v)); \
		KUNIT_EXPECT_FALSE(test, p##_dec_and_test(v)); \
		KUNIT_EXPECT_FALSE(test, p##_inc_unless_negative(v)); \
		KUNIT_EXPECT_TRUE(test, p##_inc_and_test(v)); \
		KUNIT_EXPECT_TRUE(test, p##_inc_unless_negative(v)); \
		KUNIT_EXPECT_FALSE(test, p##_dec_unless_positive(v)); \
		KUNIT_EXPECT_TRUE(test, p##_inc_not_zero(v)); \
		KUNIT_EXPECT_FALSE(test, p##_add_negative(-2, v)); \
		KUNIT_EXPECT_TRUE(test, p##_dec_unless_positive(v)); \
		KUNIT_EXPECT_TRUE(test, p##_add_negative(-2, v)); \
		KUNIT_EXPECT_EQ(test, p##_fetch_add_unless(v, 4, -3), -3); \
		KUNIT_EXPECT_EQ(test, p##_fetch_add_unless(v, 4, 0), -3); \
		KUNIT_EXPECT_FALSE(test, p##_add_unless(v, 1, 1)); \
		KUNIT_EXPECT_TRUE(test, p##_add_unless(v, 1, 0)); \
		KUNIT_EXPECT_EQ(test, p##_dec_if_positive(v), 1); \
		KUNIT_EXPECT_EQ(test, p##_dec_if_positive(v), 0); \
		KUNIT_EXPECT_EQ(test, p##_dec_if_positive(v), -1); \
		KUNIT_EXPECT_EQ(test, p##_read(v), 0); \
	} while (0)

#define FAMILY(test, p, t, v) \
	do { \
		ORDERED(test, p, t, v, ); \
		ORDERED(test, p, t, v, _relaxed); \
		ORDERED(test, p, t, v, _acquire); \
		ORDERED(test, p, t, v, _release); \
		UNORDERED(test, p, v); \
		CONDITIONAL(test, p, v); \
	} while (0)

static void integers_return_what_linux_returns(struct kunit *test)
{
	atomic_t v;

	FAMILY(test, atomic, int, &v);
}

static void integers_of_64_bits_return_what_linux_returns(struct kunit *test)
{
	atomic64_t v;

	FAMILY(test, atomic64, s64, &v);
	atomic64_set(&v, S64_MAX);
	atomic64_inc(&v);
	KUNIT_EXPECT_EQ(test, atomic64_read(&v), S64_MIN);
}

static void long_integers_return_what_linux_returns(struct kunit *test)
{
	atomic_long_t v = ATOMIC_LONG_INIT(LONG_MAX);

	atomic_long_inc(&v);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&v), LONG_MIN);
	FAMILY(test, atomic_long, long, &v);
}

#define EXCHANGES(test, word, s) \
	do { \
		__typeof__(word) old = 9; \
\
		word = 7; \
		KUNIT_EXPECT_EQ(test, xchg##s(&word, 1), 7); \
		KUNIT_EXPECT_EQ(test, cmpxchg##s(&word, 2, 3), 1); \
		KUNIT_EXPECT_EQ(test, cmpxchg##s(&word, 1, 3), 1); \
		KUNIT_EXPECT_FALSE(test, try_cmpxchg##s(&word, &old, 4)); \
		KUNIT_EXPECT_EQ(test, old, 3); \
		KUNIT_EXPECT_TRUE(test, try_cmpxchg##s(&word, &old, 4)); \
		KUNIT_EXPECT_EQ(test, word, 4); \
	} while (0)

static void scalars_are_exchanged(struct kunit *test)
{
	u64 wide = 1ull << 40;
	unsigned long word;
	u8 byte;

	EXCHANGES(test, word, );
	EXCHANGES(test, word, _relaxed);
	EXCHANGES(test, word, _acquire);
	EXCHANGES(test, byte, _release);
	KUNIT_EXPECT_EQ(test, cmpxchg64(&wide, 1ull << 40, 5), 1ull << 40);
	KUNIT_EXPECT_EQ(test, wide, 5);
}

struct letter {
	int text; /* ordered by sent */
	atomic_t sent, answered;
};

static int send_letter(void *data)
{
	struct letter *letter = data;

	letter->text = 42;
	atomic_set_release(&letter->sent, 1);
	atomic_cond_read_relaxed(&letter->answered, VAL > 1);
	return smp_cond_load_relaxed(&letter->answered.counter, VAL);
}

static void who_waits_for_a_value_sees_what_came_before_it(struct kunit *test)
{
	struct letter letter = { 0, ATOMIC_INIT(0), ATOMIC_INIT(0) };
	struct task_struct *task = get_task_struct(kthread_run(send_letter, &letter, "sender"));

	KUNIT_EXPECT_EQ(test, atomic_cond_read_acquire(&letter.sent, VAL != 0), 1);
	KUNIT_EXPECT_EQ(test, letter.text, 42);
	KUNIT_EXPECT_EQ(test, smp_cond_load_acquire(&letter.sent.counter, VAL == 1), 1);
	atomic_set(&letter.answered, 2);
	KUNIT_EXPECT_EQ(test, kthread_stop_put(task), 2);
}

/* They compile, as statements; what they order, no single thread sees. */
static void barriers_are_statements(struct kunit *test)
{
	mb();
	rmb();
	wmb();
	dma_mb();
	dma_rmb();
	dma_wmb();
	smp_rmb();
	smp_mb__before_atomic();
	smp_mb__after_spinlock();
	smp_mb__after_unlock_lock();
	barrier_nospec();
	spin_begin();
	spin_cpu_relax();
	spin_end();
	KUNIT_SUCCEED(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(integers_return_what_linux_returns),
	KUNIT_CASE(integers_of_64_bits_return_what_linux_returns),
	KUNIT_CASE(long_integers_return_what_linux_returns),
	KUNIT_CASE(scalars_are_exchanged),
	KUNIT_CASE(who_waits_for_a_value_sees_what_came_before_it),
	KUNIT_CASE(barriers_are_statements),
	{}
};

static struct kunit_suite suite = { .name = "compat-atomics", .test_cases = cases };
kunit_test_suite(suite);
