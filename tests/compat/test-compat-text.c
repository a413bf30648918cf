/* SPDX-License-Identifier: MIT */
/* Formats, printk, seq_file, numbers from text, strings. */
#define pr_fmt(fmt) "text: " fmt

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/ratelimit.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/string_helpers.h>

static char said[256];
static int said_level;

static void hear(int level, const char *text)
{
	said_level = level;
	strscpy(said, text);
}

#define EXPECT_FORMAT(test, wanted, fmt, ...) \
	do { \
		char buf_[128]; \
		scnprintf(buf_, sizeof(buf_), fmt, ##__VA_ARGS__); \
		KUNIT_EXPECT_STREQ(test, buf_, wanted); \
	} while (0)

static void nest(struct kunit *test, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	EXPECT_FORMAT(test, "<3 of -12> 4", "<%pV> %d", &vaf, 4);
	va_end(args);
}

static void formats_are_linux_s(struct kunit *test)
{
	const u64 large = 1ull << 40;

	EXPECT_FORMAT(test, "1099511627776 ffffffffffffffff", "%llu %llx", large, U64_MAX);
	EXPECT_FORMAT(test, "   -5|7    |0x1f|%", "%5d|%-5u|%#x|%%", -5, 7, 31);
	EXPECT_FORMAT(test, "  ab|3", "%*.*s|%zu", 4, 2, "abc", (size_t)3);
	EXPECT_FORMAT(test, "c (null) 65535 255", "%c %s %hu %hhu", 'c', (char *)NULL, 65535, 255);
	EXPECT_FORMAT(test, "0x10 after", "%pS after", (void *)0x10);
	EXPECT_FORMAT(test, "-9 2", "%ld %td", -9l, (ptrdiff_t)2);
	EXPECT_FORMAT(test, lc_error_name ? "-ENOMEM!" : "-12!", "%pe!", ERR_PTR(-ENOMEM));
	nest(test, "%d of %ld", 3, -12l);
	EXPECT_FORMAT(test, "", "%s", "");
	EXPECT_FORMAT(test, "cut", "cut%");
}

/* Those that libc has too, also with what only libc's know. */
static void snprintf_and_its_kin_know_them_too(struct kunit *test)
{
	char text[64];

	KUNIT_EXPECT_EQ(test, snprintf(text, sizeof(text), "%pe", ERR_PTR(-EINVAL)), 7);
	KUNIT_EXPECT_STREQ(test, text, "-EINVAL");
	KUNIT_EXPECT_EQ(test, snprintf(NULL, 0, "%pe", ERR_PTR(-EINVAL)), 7);
	KUNIT_EXPECT_EQ(test, sprintf(text, "%d%pe", 1, ERR_PTR(-EIO)), 5);
	KUNIT_EXPECT_STREQ(test, text, "1-EIO");
	errno = ENOENT;
	snprintf(text, sizeof(text), "%.2f %.1Lf %Ld %m", 0.5, 0.5L, 3LL);
	KUNIT_EXPECT_STREQ(test, text, "0.50 0.5 3 No such file or directory");
}

static void what_is_too_long_is_cut(struct kunit *test)
{
	char buf[8] = "xxxxxxx";
	char *text;

	KUNIT_EXPECT_EQ(test, scnprintf(buf, sizeof(buf), "%s-%d", "abcdef", 12345), 7);
	KUNIT_EXPECT_STREQ(test, buf, "abcdef-");
	KUNIT_EXPECT_EQ(test, scnprintf(buf, 0, "%d", 1), 0);
	text = kasprintf(GFP_KERNEL, "%s-%d", "abcdef", 12345);
	KUNIT_EXPECT_STREQ(test, text, "abcdef-12345");
	kfree(text);
}

static void printk_reaches_its_handler_with_its_level(struct kunit *test)
{
	linux_compat_printk_handler before = linux_compat_set_printk_handler(hear);

	pr_err("%d\n", 1);
	KUNIT_EXPECT_STREQ(test, said, "text: 1\n");
	KUNIT_EXPECT_EQ(test, said_level, LOGLEVEL_ERR);
	pr_info("info");
	KUNIT_EXPECT_EQ(test, said_level, LOGLEVEL_INFO);
	printk("plain");
	KUNIT_EXPECT_STREQ(test, said, "plain");
	KUNIT_EXPECT_EQ(test, said_level, LOGLEVEL_WARNING);
	pr_debug("nothing %d", 1);
	KUNIT_EXPECT_STREQ(test, said, "plain");
	for (int i = 0; i < 2; i++)
		pr_notice_once("%d", i);
	KUNIT_EXPECT_STREQ(test, said, "text: 0");
	linux_compat_set_printk_handler(before);
}

static void seq_files_write_to_their_stream(struct kunit *test)
{
	char *text = NULL, large[600];
	size_t size = 0;
	struct seq_file m = { .stream = open_memstream(&text, &size) };

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	seq_printf(&m, "%s %pe", "a", ERR_PTR(-1000));
	seq_putc(&m, '/');
	seq_puts(&m, "b");
	KUNIT_EXPECT_EQ(test, seq_write(&m, "\n", 1), 0);
	seq_printf(&m, "%s", large);
	fclose(m.stream);
	KUNIT_EXPECT_TRUE(test, strstarts(text, "a -1000/b\n"));
	KUNIT_EXPECT_STREQ(test, text + 10, large);
	free(text);
}

static void numbers_are_read_strictly(struct kunit *test)
{
	unsigned long ul = 0;
	bool truth = false;
	int i = 0;
	u8 byte;

	KUNIT_EXPECT_EQ(test, kstrtoint("-12\n", 10, &i), 0);
	KUNIT_EXPECT_EQ(test, i, -12);
	KUNIT_EXPECT_EQ(test, kstrtoul("0x1f", 0, &ul), 0);
	KUNIT_EXPECT_EQ(test, ul, 31);
	KUNIT_EXPECT_EQ(test, kstrtou8("256", 10, &byte), -ERANGE);
	KUNIT_EXPECT_EQ(test, kstrtou8("-1", 10, &byte), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint(" 1", 10, &i), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint("1x", 10, &i), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint("", 10, &i), -EINVAL);
	KUNIT_EXPECT_EQ(test, kstrtoint("99999999999", 10, &i), -ERANGE);
	KUNIT_EXPECT_EQ(test, i, -12);
	KUNIT_EXPECT_EQ(test, kstrtobool("on", &truth), 0);
	KUNIT_EXPECT_TRUE(test, truth);
	KUNIT_EXPECT_EQ(test, kstrtobool("?", &truth), -EINVAL);
}

static void strings_are_copied_and_cut(struct kunit *test)
{
	char buf[4], *text = kstrdup("  a=1,b \n", GFP_KERNEL), *rest = text;

	KUNIT_EXPECT_EQ(test, strscpy(buf, "abc"), 3);
	KUNIT_EXPECT_EQ(test, strscpy(buf, "abcd", sizeof(buf)), -E2BIG);
	KUNIT_EXPECT_STREQ(test, buf, "abc");
	KUNIT_EXPECT_EQ(test, strscpy_pad(buf, "a"), 1);
	KUNIT_EXPECT_MEMEQ(test, buf, "a\0\0\0", 4);
	KUNIT_EXPECT_EQ(test, strlcpy(buf, "abcdef", sizeof(buf)), 6);
	KUNIT_EXPECT_STREQ(test, strsep(&rest, "="), "  a");
	KUNIT_EXPECT_STREQ(test, strim(rest), "1,b");
	KUNIT_EXPECT_TRUE(test, sysfs_streq("x\n", "x"));
	KUNIT_EXPECT_FALSE(test, sysfs_streq("x\n", "xy"));
	KUNIT_EXPECT_STREQ(test, str_yes_no(true), "yes");
	kfree(text);
	text = kstrndup("abcdef", 3, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, text, "abc");
	kfree(text);
	KUNIT_EXPECT_NULL(test, kstrdup(NULL, GFP_KERNEL));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(formats_are_linux_s),
	KUNIT_CASE(snprintf_and_its_kin_know_them_too),
	KUNIT_CASE(what_is_too_long_is_cut),
	KUNIT_CASE(printk_reaches_its_handler_with_its_level),
	KUNIT_CASE(seq_files_write_to_their_stream),
	KUNIT_CASE(numbers_are_read_strictly),
	KUNIT_CASE(strings_are_copied_and_cut),
	{}
};

static struct kunit_suite suite = { .name = "compat-text", .test_cases = cases };
kunit_test_suite(suite);
