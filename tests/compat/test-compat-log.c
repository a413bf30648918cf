/* SPDX-License-Identifier: MIT */
/* What is printed, at which level, how often; warnings, and what ends the program. */
#define pr_fmt(fmt) "log: " fmt

#include <kunit/test.h>
#include <linux/bug.h>
#include <linux/device.h>
#include <linux/dma-fence.h>
#include <linux/once.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include <sys/wait.h>

static char said[256];
static int level, times;

static void listen(int its_level, const char *text)
{
	level = its_level;
	times++;
	strscpy(said, text);
}

/* One call, which says @text at @its_level. */
#define SAYS(test, call, its_level, text) \
	do { \
		times = 0; \
		call; \
		KUNIT_EXPECT_EQ_MSG(test, times, 1, "%s", #call); \
		KUNIT_EXPECT_EQ_MSG(test, level, its_level, "%s", #call); \
		KUNIT_EXPECT_STREQ_MSG(test, said, text, "%s", #call); \
	} while (0)
#define SAYS_NOTHING(test, call) \
	do { \
		times = 0; \
		call; \
		KUNIT_EXPECT_EQ_MSG(test, times, 0, "%s", #call); \
	} while (0)

static struct device card = { .name = "card" };

static int init(struct kunit *test)
{
	linux_compat_set_printk_handler(listen);
	return 0;
}

static void exit_test(struct kunit *test)
{
	linux_compat_set_printk_handler(NULL);
}

static void each_level_has_its_functions(struct kunit *test)
{
	SAYS(test, pr_emerg("%d\n", 0), LOGLEVEL_EMERG, "log: 0\n");
	SAYS(test, pr_alert("%d\n", 1), LOGLEVEL_ALERT, "log: 1\n");
	SAYS(test, pr_crit("%d\n", 2), LOGLEVEL_CRIT, "log: 2\n");
	SAYS(test, printk(KERN_EMERG "a"), 0, "a");
	SAYS(test, printk(KERN_ALERT "a"), 1, "a");
	SAYS(test, printk(KERN_CRIT "a"), 2, "a");
	SAYS(test, printk(KERN_DEFAULT "a"), LOGLEVEL_WARNING, "a");
	SAYS(test, printk(KERN_DEBUG "a"), LOGLEVEL_DEBUG, "a");
	SAYS(test, pr_cont("more"), LOGLEVEL_WARNING, "more");
	SAYS(test, pr_cont("%s", KERN_CONT "more"), LOGLEVEL_WARNING, "more");
	KUNIT_EXPECT_EQ(test, KERN_NOTICE[0], KERN_SOH_ASCII);
	SAYS(test, dev_emerg(&card, "%d\n", 0), 0, "card: 0\n");
	SAYS(test, dev_alert(&card, "%d\n", 1), 1, "card: 1\n");
	SAYS(test, dev_crit(&card, "%d\n", 2), 2, "card: 2\n");
	SAYS(test, dev_err(&card, "%d\n", 3), 3, "card: 3\n");
	SAYS(test, dev_warn(&card, "%d\n", 4), 4, "card: 4\n");
	SAYS(test, dev_notice(&card, "%d\n", 5), LOGLEVEL_NOTICE, "card: 5\n");
	SAYS(test, dev_info(&card, "%d\n", 6), 6, "card: 6\n");
	SAYS_NOTHING(test, dev_dbg(&card, "%d\n", 7));
	SAYS_NOTHING(test, dump_stack());
}

static void a_fence_is_named_by_what_is_said_of_it(struct kunit *test)
{
	struct dma_fence *fence = dma_fence_get_stub();

	SAYS(test, DMA_FENCE_WARN(fence, "late\n"), 4, "f 0#0: late\n");
	SAYS(test, DMA_FENCE_ERR(fence, "lost by %d\n", 3), 3, "f 0#0: lost by 3\n");
	dma_fence_put(fence);
}

/* Three times the same place, and what it is worth each time. */
#define THREE_TIMES(test, call, wanted) \
	do { \
		times = 0; \
		for (int i = 0; i < 3; i++) \
			call; \
		KUNIT_EXPECT_EQ_MSG(test, times, wanted, "%s", #call); \
	} while (0)

static void some_is_said_once(struct kunit *test)
{
	THREE_TIMES(test, printk_once("a"), 1);
	THREE_TIMES(test, pr_err_once("a"), 1);
	THREE_TIMES(test, pr_warn_once("a"), 1);
	THREE_TIMES(test, pr_info_once("a"), 1);
	THREE_TIMES(test, pr_debug_once("a"), 0);
	THREE_TIMES(test, DO_ONCE_LITE(printk, "%d", 5), 1);
	KUNIT_EXPECT_STREQ(test, said, "5");
}

static void nothing_is_said_too_often(struct kunit *test)
{
	DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);

	KUNIT_EXPECT_EQ(test, limit.interval, 5 * HZ);
	THREE_TIMES(test, printk_ratelimited("a"), 3);
	THREE_TIMES(test, pr_err_ratelimited("a"), 3);
	THREE_TIMES(test, pr_warn_ratelimited("a"), 3);
	THREE_TIMES(test, pr_notice_ratelimited("a"), 3);
	THREE_TIMES(test, pr_info_ratelimited("a"), 3);
	THREE_TIMES(test, pr_debug_ratelimited("a"), 0);
	ratelimit_state_init(&limit, HZ, 5);
	KUNIT_EXPECT_EQ(test, limit.burst, 5);
	KUNIT_EXPECT_TRUE(test, __ratelimit(&limit));
}

static void count_warning(const char *message)
{
	times++;
	strscpy(said, message);
}

static void warnings_are_worth_their_condition(struct kunit *test)
{
	dmabuf_warn_handler before = dmabuf_set_warn_handler(count_warning);
	DEFINE_RATELIMIT_STATE(limit, HZ, 1);

	THREE_TIMES(test, KUNIT_EXPECT_TRUE(test, WARN_ONCE(i < 3, "i is %d", i)), 1);
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "i is 0"));
	THREE_TIMES(test, KUNIT_EXPECT_EQ(test, WARN_ON_SMP(i == 1), i == 1), 1);
	THREE_TIMES(test, KUNIT_EXPECT_EQ(test, WARN_ON_RATELIMIT(i == 1, &limit), i == 1), 1);
	THREE_TIMES(test, KUNIT_EXPECT_EQ(test, WARN_TAINT(i, 0, "t%d", i), i > 0), 2);
	KUNIT_EXPECT_NOT_NULL(test, strstr(said, "t2"));
	dmabuf_set_warn_handler(before);
}

/* How a process of its own ends that does it. */
#define SIGNAL_OF(call) \
	({ \
		int status = 0; \
		const pid_t pid = fork(); \
\
		if (!pid) { \
			freopen("/dev/null", "w", stderr); \
			call; \
			_exit(0); \
		} \
		waitpid(pid, &status, 0); \
		WIFSIGNALED(status) ? WTERMSIG(status) : 0; \
	})

static void what_must_not_be_ends_the_program(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, SIGNAL_OF(BUG()), SIGABRT);
	KUNIT_EXPECT_EQ(test, SIGNAL_OF(panic("no %s\n", "way")), SIGABRT);
	KUNIT_EXPECT_EQ(test, SIGNAL_OF(BUG_ON(times < 0)), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(each_level_has_its_functions),
	KUNIT_CASE(a_fence_is_named_by_what_is_said_of_it),
	KUNIT_CASE(some_is_said_once),
	KUNIT_CASE(nothing_is_said_too_often),
	KUNIT_CASE(warnings_are_worth_their_condition),
	KUNIT_CASE(what_must_not_be_ends_the_program),
	{}
};

static struct kunit_suite suite = {
	.name = "compat-log",
	.init = init,
	.exit = exit_test,
	.test_cases = cases,
};
kunit_test_suite(suite);
