/* SPDX-License-Identifier: MIT */
/*
 * Stamps, on a made-up machine: its counter moves a little with each look at it, its clock by the
 * counter, at a rate that changes.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <dmabuf/dma-fence.h>
#include <fcntl.h>
#include <unistd.h>

#include "os/stamp.h"

static struct {
	uint64_t counter;
	uint64_t step;       /* of the counter, a look */
	uint64_t window;     /* and for a look at the clock */
	double ns, rate;     /* the clock, and its ns a tick */
	unsigned int asked;  /* how often the clock was */
	unsigned int looked; /* and the counter */
} machine;

static void pass(uint64_t ticks)
{
	machine.counter += ticks;
	machine.ns += (double)ticks * machine.rate;
}

static uint64_t look_at_counter(void)
{
	machine.looked++;
	pass(machine.step);
	return machine.counter;
}

static int64_t clock_now(void)
{
	return (int64_t)machine.ns;
}

static int64_t ask_clock(void)
{
	int64_t now;

	machine.asked++;
	pass(machine.window / 2);
	now = clock_now();
	pass(machine.window - machine.window / 2);
	return now;
}

/* One ns takes two ticks. */
static void make_machine(void)
{
	memset(&machine, 0, sizeof(machine));
	machine.counter = 1000000000;
	machine.ns = 5e12;
	machine.rate = 0.5;
	machine.window = 50;
	os_stamp_fake(look_at_counter, ask_clock);
}

/* Until a rate is known, if one ever is: twice the shortest time that is measured, and a start. */
static void let_it_measure(void)
{
	for (unsigned int i = 0; i < 3; i++) {
		os_stamp_ns();
		pass(1 << 20);
	}
	os_stamp_ns();
}

static bool asks(void)
{
	const unsigned int before = machine.asked;

	os_stamp_ns();
	return machine.asked > before;
}

TEST(where_the_counter_is_not_trusted_each_stamp_is_the_clock)
{
	make_machine();
	os_stamp_fake(NULL, ask_clock);
	let_it_measure();
	ASSERT_INT(machine.asked, ==, 0); /* os_now_ns() is asked, which cannot be made up */
	ASSERT_INT(machine.looked, ==, 0);
	for (unsigned int i = 0; i < 1000; i++) {
		const int64_t before = os_now_ns(), stamp = os_stamp_ns();

		ASSERT_INT(stamp, >=, before);
		ASSERT_INT(stamp, <=, os_now_ns());
	}
	os_stamp_real();
}

static bool named_in(const char *path, const char *text)
{
	const int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(write(fd, text, strlen(text)), ==, strlen(text));
	close(fd);
	return os_counter_named_by(path);
}

TEST(the_counter_is_trusted_only_by_its_name)
{
	char path[] = "/tmp/test-stamp-XXXXXX";
#ifdef __x86_64__
	const bool has_counter = true;
#else
	const bool has_counter = false;
#endif

	close(mkostemp(path, O_CLOEXEC));
	ASSERT_INT(named_in(path, "tsc\n"), ==, has_counter);
	ASSERT_FALSE(named_in(path, "tsc-early\n"));
	ASSERT_FALSE(named_in(path, "hpet\n"));
	ASSERT_FALSE(named_in(path, "abc\n"));
	ASSERT_FALSE(named_in(path, "tsc\nhpet\n"));
	ASSERT_FALSE(named_in(path, ""));
	unlink(path);
	ASSERT_FALSE(os_counter_named_by(path));
}

TEST(the_clock_is_asked_until_two_rates_agree)
{
	make_machine();
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_TRUE(asks()); /* the beginning, and the first */
		ASSERT_TRUE(asks()); /* too near to measure */
		pass(1 << 20);
	}
	ASSERT_TRUE(asks()); /* the second, and it agrees */
	ASSERT_FALSE(asks());
	os_stamp_real();
}

/* To the tick: from the middle of the window, 3000 ns. */
TEST(an_anchor_serves_for_its_time)
{
	make_machine();
	let_it_measure();
	pass(6000 - machine.window / 2 - 1);
	ASSERT_FALSE(asks());
	pass(1);
	ASSERT_TRUE(asks());
	ASSERT_FALSE(asks());
	os_stamp_real();
}

TEST(a_wide_window_is_not_believed)
{
	make_machine();
	let_it_measure();
	pass(10000);
	machine.window = OS_WINDOW_TICKS;
	ASSERT_TRUE(asks());
	ASSERT_FALSE(asks());
	pass(10000);
	machine.window = OS_WINDOW_TICKS + 1;
	ASSERT_TRUE(asks());
	ASSERT_TRUE(asks());
	machine.window = 50;
	ASSERT_TRUE(asks());
	ASSERT_FALSE(asks()); /* the rate is still known */

	/* The anchor of before is gone, also to a counter that goes back there. */
	pass(10000);
	machine.window = OS_WINDOW_TICKS + 1;
	ASSERT_TRUE(asks());
	machine.counter -= 10000;
	ASSERT_TRUE(asks());
	os_stamp_real();
}

/* Neither by the anchor, nor by the rate. */
TEST(a_counter_that_jumps_is_noticed)
{
	static const int64_t jumps[] = { 6001, 1 << 25, INT64_MAX, -51, -(1 << 25), INT64_MIN };

	for (unsigned int i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		make_machine();
		let_it_measure();
		ASSERT_FALSE(asks());
		machine.counter += (uint64_t)jumps[i];
		for (unsigned int round = 0; round < 10000; round++) {
			ASSERT_INT(llabs(os_stamp_ns() - clock_now()), <=, OS_STAMP_ERROR_NS);
			pass(1000);
		}
		ASSERT_TRUE(machine.asked < 4000); /* it has measured anew */
	}
	os_stamp_real();
}

/* As in a suspend, when the counter may go on: what is measured across it is not the rate. */
TEST(a_clock_that_stood_still_gives_no_rate)
{
	make_machine();
	let_it_measure();
	machine.counter += 1 << 20;
	ASSERT_TRUE(asks());
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_TRUE(asks());
		pass(1 << 20);
		ASSERT_TRUE(asks()); /* a rate, but not the one before, and then the same */
	}
	ASSERT_FALSE(asks());
	os_stamp_real();
}

TEST(a_rate_of_another_time_is_not_used)
{
	make_machine();
	let_it_measure();
	pass((uint64_t)1 << 32);
	ASSERT_TRUE(asks());
	ASSERT_TRUE(asks());
	let_it_measure();
	ASSERT_FALSE(asks());
	os_stamp_real();
}

TEST(a_slow_counter_is_not_used)
{
	make_machine();
	machine.rate = 1.25;
	let_it_measure();
	ASSERT_FALSE(asks());
	make_machine();
	machine.rate = 1.26;
	let_it_measure();
	ASSERT_TRUE(asks());
	os_stamp_real();
}

/* As far and as suddenly as the kernel can: 11 % to either side. */
TEST(a_clock_that_changes_its_rate_is_followed)
{
	int64_t last = 0;

	make_machine();
	machine.window = OS_WINDOW_TICKS;
	for (unsigned int i = 0; i < 200000; i++) {
		int64_t stamp;

		if (i % 20011 == 0)
			machine.rate = 0.5 * (i / 20011 % 2 ? 0.89 : 1.11);
		stamp = os_stamp_ns();
		ASSERT_INT(llabs(stamp - clock_now()), <=, OS_STAMP_ERROR_NS);
		ASSERT_INT(stamp, >=, last);
		last = stamp;
		pass(i % 1009);
	}
	ASSERT_INT(machine.asked, <, 100000);
	os_stamp_real();
}

static const char *name(struct dma_fence *fence)
{
	(void)fence;
	return "stamp";
}

static int64_t signalled_at(void)
{
	static const struct dma_fence_ops ops = { .get_driver_name = name, .get_timeline_name = name };
	struct dma_fence *fence = calloc(1, sizeof(*fence));
	int64_t timestamp;

	ASSERT_PTR(fence, !=, NULL);
	dma_fence_init(fence, &ops, NULL, 1, 1);
	dma_fence_signal(fence);
	timestamp = dma_fence_timestamp(fence);
	dma_fence_put(fence);
	return timestamp;
}

/* From ahead of the clock to a new anchor. */
TEST(stamps_of_a_thread_never_go_back)
{
	int64_t before;

	make_machine();
	let_it_measure();
	machine.rate = 0.45;
	pass(5900);
	before = os_stamp_ns();
	ASSERT_INT(before, >, clock_now());
	pass(200);
	ASSERT_TRUE(asks());
	ASSERT_INT(clock_now(), <, before);
	ASSERT_INT(os_stamp_ns(), ==, before); /* by the new anchor */
	pass(10);
	ASSERT_INT(clock_now(), <, before);
	ASSERT_INT(signalled_at(), ==, before); /* nor those of fences */
	os_stamp_real();
}

TEST(a_clock_that_is_set_back_is_followed)
{
	make_machine();
	let_it_measure();
	os_stamp_ns();
	machine.ns -= OS_STAMP_ERROR_NS + 6000 + 1;
	pass(10000);
	ASSERT_INT(llabs(os_stamp_ns() - clock_now()), <=, machine.window);
	ASSERT_INT(llabs(os_stamp_ns() - clock_now()), <=, machine.window);
	os_stamp_real();
}

/* On this machine, whatever it is. */
TEST(a_stamp_is_the_clock_within_its_error)
{
	int64_t last = 0;

	for (unsigned int i = 0; i < 500000; i++) {
		const int64_t before = os_now_ns();
		const int64_t stamp = os_stamp_ns();
		const int64_t after = os_now_ns();

		ASSERT_INT(stamp, >=, before - OS_STAMP_ERROR_NS);
		ASSERT_INT(stamp, <=, after + OS_STAMP_ERROR_NS);
		ASSERT_INT(stamp, >=, last);
		last = stamp;
	}
}
