/* SPDX-License-Identifier: MIT */
/* Reports on buffers, in both forms. */
#include <dmabuf/dma-buf-info.h>
#include <dmabuf/dma-fence-timeline.h>
#include <errno.h>

#include "../fence/fences.h"
#include "importers.h"
#include "json.h"
#include "memfd-buffer.h"

/*
 * Reports as strings.
 */

#define REPORT_SIZE 65536

struct report {
	char text[REPORT_SIZE];
	struct seq_file seq;
};

static void report_begin(struct report *report)
{
	report->text[0] = '\0';
	report->seq.stream = fmemopen(report->text, REPORT_SIZE, "w");
	ASSERT_PTR(report->seq.stream, !=, NULL);
}

static const char *report_end(struct report *report)
{
	ASSERT_INT(fclose(report->seq.stream), ==, 0);
	return report->text;
}

static struct report shared_report;

static const char *describe(struct dma_buf *dmabuf, enum dma_buf_info_format format)
{
	report_begin(&shared_report);
	ASSERT_INT(dma_buf_describe(dmabuf, &shared_report.seq, format), ==, 0);
	return report_end(&shared_report);
}

static const char *describe_all(enum dma_buf_info_format format)
{
	report_begin(&shared_report);
	ASSERT_INT(dma_buf_describe_all(&shared_report.seq, format), ==, 0);
	return report_end(&shared_report);
}

static const char *as_text(struct dma_buf *dmabuf)
{
	return describe(dmabuf, DMA_BUF_INFO_TEXT);
}

static const char *as_json(struct dma_buf *dmabuf)
{
	const char *json = describe(dmabuf, DMA_BUF_INFO_JSON);

	ASSERT_TRUE(is_json(json));
	return json;
}

#define ASSERT_HAS(text, part)                                 \
	do {                                                   \
		if (!strstr(text, part))                       \
			FAIL("no \"%s\" in:\n%s", part, text); \
	} while (0)

/*
 * What a report says.
 */

TEST(without_buffers_a_report_is_empty)
{
	ASSERT_STR(describe_all(DMA_BUF_INFO_TEXT), "0 buffers, 0 bytes\n");
	ASSERT_STR(describe_all(DMA_BUF_INFO_JSON), "{\"buffers\": []}\n");
}

TEST(a_report_names_buffer_size_and_exporter)
{
	struct dma_buf *dmabuf = new_memfd_buffer(131072);
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "buffer %p \"test\", 131072 bytes, exporter \"memfd\"\n",
		 (void *)dmabuf);
	ASSERT_STR(as_text(dmabuf), wanted);
	snprintf(
		wanted, sizeof(wanted),
		"{\"buffer\": \"%p\", \"name\": \"test\", \"size\": 131072, \"exporter\": \"memfd\", "
		"\"attachments\": [], \"fences\": []}",
		(void *)dmabuf);
	ASSERT_STR(as_json(dmabuf), wanted);
	dma_buf_put(dmabuf);
}

TEST(a_report_on_all_has_each_and_the_sum)
{
	struct dma_buf *first = new_memfd_buffer(65536), *second = new_memfd_buffer(131072);
	const char *text;

	ASSERT_INT(dma_buf_set_name(second, "second"), ==, 0);
	text = describe_all(DMA_BUF_INFO_TEXT);
	ASSERT_HAS(text, "\"test\", 65536");
	ASSERT_HAS(text, "\"second\", 131072");
	ASSERT_HAS(text, "\n2 buffers, 196608 bytes\n");
	text = describe_all(DMA_BUF_INFO_JSON);
	ASSERT_TRUE(is_json(text));
	ASSERT_HAS(text, "\"fences\": []},\n{\"buffer\"");
	dma_buf_put(first);
	dma_buf_put(second);
}

TEST(a_report_names_who_is_attached_and_whether_it_is_mapped)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct device nameless = { .alignment = 1 };
	struct dma_buf_attachment *first = attach_static(dmabuf);
	struct dma_buf_attachment *second = attach_dynamic(dmabuf, &notified);
	struct dma_buf_attachment *third = attach_with(dmabuf, &nameless, NULL);
	struct sg_table *table;

	ASSERT_HAS(as_text(dmabuf), "\n\tattached \"any\", static, not mapped\n"
				    "\tattached \"any\", dynamic, mapped\n"
				    "\tattached \"\", static, not mapped\n");
	table = map(first, DMA_TO_DEVICE);
	ASSERT_HAS(as_json(dmabuf),
		   "\"attachments\": [{\"device\": \"any\", \"dynamic\": false, \"mapped\": 1}, "
		   "{\"device\": \"any\", \"dynamic\": true, \"mapped\": 1}, "
		   "{\"device\": null, \"dynamic\": false, \"mapped\": 0}]");
	dma_buf_unmap_attachment(first, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, second);
	ASSERT_HAS(as_json(dmabuf),
		   "\"attachments\": [{\"device\": \"any\", \"dynamic\": false, \"mapped\": 0}, "
		   "{\"device\": null, \"dynamic\": false, \"mapped\": 0}]");
	dma_buf_detach(dmabuf, first);
	dma_buf_detach(dmabuf, third);
	dma_buf_put(dmabuf);
}

static void add(struct dma_buf *dmabuf, struct dma_fence *fence, enum dma_resv_usage usage)
{
	lock(dmabuf);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, usage);
	unlock(dmabuf);
}

struct scene {
	struct dma_fence_timeline *tl[4];
	struct dma_fence *fence[4];
};

/* A fence of each category, the weakest first. */
static void fill(struct dma_buf *dmabuf, struct scene *scene)
{
	static const char *const names[] = { "k", "w", "r", "b" };

	for (unsigned int i = 4; i--;) {
		scene->tl[i] = dma_fence_timeline_create(names[i]);
		scene->fence[i] = dma_fence_timeline_emit(scene->tl[i]);
		add(dmabuf, scene->fence[i], (enum dma_resv_usage)i);
	}
}

static void empty(struct scene *scene)
{
	for (unsigned int i = 0; i < 4; i++) {
		dma_fence_timeline_destroy(scene->tl[i]);
		dma_fence_put(scene->fence[i]);
	}
}

static void assert_line(const char *report, const char *fmt, const struct dma_fence *fence)
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), fmt, (unsigned long long)fence->context);
	ASSERT_HAS(report, wanted);
}

TEST(a_report_lists_fences_by_category_with_their_state)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	struct scene scene;
	const char *text;

	fill(dmabuf, &scene);
	dma_fence_timeline_signal(scene.tl[1], 1, 0);
	dma_fence_timeline_signal(scene.tl[2], 1, -EIO);
	text = as_text(dmabuf);
	assert_line(text, "\n\tkernel \"dma_fence_timeline\" \"k\" %llu:1, unsignalled\n",
		    scene.fence[0]);
	assert_line(text, "\n\twrite \"dma_fence_timeline\" \"w\" %llu:1, signalled, ",
		    scene.fence[1]);
	assert_line(text, "\n\tread \"dma_fence_timeline\" \"r\" %llu:1, error -5, ",
		    scene.fence[2]);
	assert_line(text, "\n\tbookkeep \"dma_fence_timeline\" \"b\" %llu:1, unsignalled\n",
		    scene.fence[3]);
	ASSERT_TRUE(strstr(text, "\tkernel") < strstr(text, "\twrite"));
	ASSERT_TRUE(strstr(text, "\twrite") < strstr(text, "\tread"));
	ASSERT_TRUE(strstr(text, "\tread") < strstr(text, "\tbookkeep"));
	empty(&scene);
	dma_buf_put(dmabuf);
}

TEST(a_report_in_json_has_all_of_a_fence)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	struct scene scene;
	const char *json;

	fill(dmabuf, &scene);
	dma_fence_timeline_signal(scene.tl[1], 1, 0);
	dma_fence_timeline_signal(scene.tl[2], 1, -EIO);
	json = as_json(dmabuf);
	assert_line(json,
		    "{\"category\": \"kernel\", \"driver\": \"dma_fence_timeline\", "
		    "\"timeline\": \"k\", \"context\": %llu, \"seqno\": 1, "
		    "\"state\": \"unsignalled\", \"error\": 0, \"age_ns\": null}",
		    scene.fence[0]);
	assert_line(json,
		    "\"context\": %llu, \"seqno\": 1, \"state\": \"signalled\", \"error\": 0, "
		    "\"age_ns\": ",
		    scene.fence[1]);
	assert_line(json,
		    "\"context\": %llu, \"seqno\": 1, \"state\": \"error\", \"error\": -5, "
		    "\"age_ns\": ",
		    scene.fence[2]);
	empty(&scene);
	dma_buf_put(dmabuf);
}

/*
 * Ages.
 */

static int64_t age_ns(struct dma_buf *dmabuf)
{
	const char *age = strstr(as_json(dmabuf), "\"age_ns\": ");

	ASSERT_PTR(age, !=, NULL);
	age += strlen("\"age_ns\": ");
	return strncmp(age, "null", 4) ? strtoll(age, NULL, 10) : -1;
}

static struct dma_buf *described;
static int64_t age_in_the_middle;

static void describe_in_the_middle(const char *label)
{
	if (!strcmp(label, "signal: before the timestamp"))
		age_in_the_middle = age_ns(described);
}

/* Whoever signals may have been preempted there: a report does not wait for that. */
TEST(no_age_is_known_in_the_middle_of_a_signal)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("engine");
	struct dma_fence *fence = dma_fence_timeline_emit(tl);

	described = new_memfd_buffer(65536);
	add(described, fence, DMA_RESV_USAGE_WRITE);
	age_in_the_middle = 0;
	os_race_hook(describe_in_the_middle);
	dma_fence_timeline_signal(tl, 1, 0);
	os_race_hook(NULL);
	ASSERT_INT(age_in_the_middle, ==, -1);
	ASSERT_INT(age_ns(described), >=, 0);
	dma_fence_timeline_destroy(tl);
	dma_fence_put(fence);
	dma_buf_put(described);
}

TEST(an_age_is_known_where_it_was_asked_for_and_after_the_signal)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("engine");
	struct dma_fence *unknown = dma_fence_timeline_emit(tl), *known;
	struct dma_buf *dmabuf = new_memfd_buffer(65536);

	add(dmabuf, unknown, DMA_RESV_USAGE_WRITE);
	dma_buf_info_ages(true);
	dma_buf_info_ages(true);
	ASSERT_INT(age_ns(dmabuf), ==, -1);
	known = dma_fence_timeline_emit(tl);
	dma_buf_info_ages(false);
	add(dmabuf, known, DMA_RESV_USAGE_WRITE);
	if (sizeof(long) < 8) { /* a fence has no room for it */
		ASSERT_INT(age_ns(dmabuf), ==, -1);
	} else {
		ASSERT_INT(age_ns(dmabuf), >=, 0);
		ASSERT_HAS(as_text(dmabuf), " ms old\n");
		/* A clock that passes on: milliseconds, and no more. */
		WAIT_UNTIL(age_ns(dmabuf) >= 2000000);
	}
	dma_fence_timeline_signal(tl, 2, 0);
	ASSERT_INT(age_ns(dmabuf), >=, 0);
	ASSERT_HAS(as_text(dmabuf), " ms ago\n");

	dma_fence_put(known);
	known = dma_fence_timeline_emit(tl);
	add(dmabuf, known, DMA_RESV_USAGE_WRITE);
	ASSERT_INT(age_ns(dmabuf), ==, -1);
	dma_fence_timeline_destroy(tl);
	dma_fence_put(unknown);
	dma_fence_put(known);
	dma_buf_put(dmabuf);
}

TEST(any_time_of_a_signal_gives_an_age)
{
	const struct { int64_t timestamp, age; } times[] = { { INT64_MIN, INT64_MAX }, { INT64_MAX, 0 } };

	for (unsigned int i = 0; i < 2; i++) {
		struct dma_buf *dmabuf = new_memfd_buffer(65536);
		struct dma_fence *fence = make_fence();

		add(dmabuf, fence, DMA_RESV_USAGE_WRITE);
		dma_fence_signal_timestamp(fence, times[i].timestamp);
		ASSERT_INT(age_ns(dmabuf), ==, times[i].age);
		dma_fence_put(fence);
		dma_buf_put(dmabuf);
	}
}

/* Birth and state share a word. */
TEST(a_fence_that_knows_its_age_is_otherwise_like_any)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("engine");
	struct dma_fence *fence;

	dma_buf_info_ages(true);
	fence = dma_fence_timeline_emit(tl);
	ASSERT_FALSE(dma_fence_is_signaled(fence));
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 0);
	ASSERT_INT(dma_fence_timeline_signal(tl, 1, 0), ==, 0);
	ASSERT_INT(dma_fence_wait_timeout(fence, false, 1), ==, 1);
	dma_buf_info_ages(false);
	dma_fence_put(fence);
	dma_fence_timeline_destroy(tl);
}

/*
 * Names of any bytes.
 */

TEST(any_name_gives_good_json)
{
	static const struct {
		const char *name, *json;
	} names[] = {
		{ "\"quoted\" \\ /", "\"\\\"quoted\\\" \\\\ /\"" },
		{ "a\nb\tc\x1b[31m\x7f", "\"a\\u000ab\\u0009c\\u001b[31m\\u007f\"" },
		{ "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80",
		  "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"" },
		/* a terminal's escape */
		{ "\xc2\x9b[31m", "\"\\u009b[31m\"" },
		/* no first byte */
		{ "\x80 \xff", "\"\\ufffd \\ufffd\"" },
		/* cut off */
		{ "\xc3", "\"\\ufffd\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
		{ "\xf0\x9f\x98x", "\"\\ufffd\\ufffd\\ufffdx\"" },
		/* longer than need be */
		{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
		{ "\xe0\x80\xaf", "\"\\ufffd\\ufffd\\ufffd\"" },
		/* half of a pair */
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		/* beyond the last */
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf5\x80\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
	};
	struct dma_buf *dmabuf = new_memfd_buffer(65536);

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ASSERT_INT(dma_buf_set_name(dmabuf, names[i].name), ==, 0);
		ASSERT_HAS(as_json(dmabuf), names[i].json);
		ASSERT_HAS(as_text(dmabuf), names[i].json);
	}
	ASSERT_INT(dma_buf_set_name(dmabuf, NULL), ==, 0);
	ASSERT_HAS(as_json(dmabuf), "\"name\": \"\"");
	dma_buf_put(dmabuf);
}

TORTURE(random_names_give_good_json)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	uint32_t random = test_seed();
	char name[DMA_BUF_NAME_LEN];

	for (unsigned int i = 0; i < test_rounds(2000); i++) {
		const unsigned int length = test_random(&random) % DMA_BUF_NAME_LEN;

		test_operation();
		for (unsigned int j = 0; j < length; j++)
			name[j] = (char)(test_random(&random) >> 8);
		name[length] = '\0';
		ASSERT_INT(dma_buf_set_name(dmabuf, name), ==, 0);
		as_json(dmabuf);
	}
	dma_buf_put(dmabuf);
}

TEST(long_names_are_cut_and_exporters_may_have_none)
{
	struct device longest = { .name = "0123456789012345678901234567890123456789"
					  "01234567890123456789012\xc3\xbc" };
	struct dma_buf_attachment *attach;
	struct dma_buf_export_info info;
	struct fake fake;

	fake_init(&fake, FAKE_STATIC);
	info = fake_info(&fake);
	info.exp_name = NULL;
	fake.dmabuf = dma_buf_export(&info);
	attach = attach_with(fake.dmabuf, &longest, NULL);
	ASSERT_HAS(as_json(fake.dmabuf), "\"exporter\": null");
	ASSERT_HAS(as_json(fake.dmabuf), "89012\"");
	ASSERT_HAS(as_text(fake.dmabuf), "exporter \"\"\n");
	longest.name++;
	ASSERT_HAS(as_json(fake.dmabuf), "89012\\ufffd\"");
	dma_buf_detach(fake.dmabuf, attach);
	dma_buf_put(fake.dmabuf);
}

/*
 * Every value that it returns.
 */

TEST(a_report_needs_a_stream_and_a_format)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	struct seq_file seq = { .stream = NULL };

	ASSERT_INT(dma_buf_describe(dmabuf, NULL, DMA_BUF_INFO_TEXT), ==, -EINVAL);
	ASSERT_INT(dma_buf_describe(dmabuf, &seq, DMA_BUF_INFO_TEXT), ==, -EINVAL);
	ASSERT_INT(dma_buf_describe_all(NULL, DMA_BUF_INFO_JSON), ==, -EINVAL);
	seq.stream = stdout;
	ASSERT_INT(dma_buf_describe(NULL, &seq, DMA_BUF_INFO_TEXT), ==, -EINVAL);
	ASSERT_INT(dma_buf_describe(dmabuf, &seq, (enum dma_buf_info_format)2), ==, -EINVAL);
	ASSERT_INT(dma_buf_describe_all(&seq, (enum dma_buf_info_format)2), ==, -EINVAL);
	dma_buf_put(dmabuf);
}

TEST(a_stream_that_takes_nothing_is_an_error)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	struct seq_file seq = { .stream = fopen("/dev/null", "r") };

	ASSERT_INT(dma_buf_describe(dmabuf, &seq, DMA_BUF_INFO_TEXT), ==, -EIO);
	ASSERT_INT(dma_buf_describe_all(&seq, DMA_BUF_INFO_JSON), ==, -EIO);
	fclose(seq.stream);
	dma_buf_put(dmabuf);
}

/*
 * It waits for nobody.
 */

static struct {
	struct dma_buf *dmabuf;
	unsigned int held, go; /* atomic */
} holder;

static void hold_lock(void *unused)
{
	(void)unused;
	lock(holder.dmabuf);
	store_release(&holder.held, 1);
	WAIT_UNTIL(load_acquire(&holder.go));
	unlock(holder.dmabuf);
}

TEST(a_report_does_not_wait_for_who_holds_the_lock)
{
	struct fake fake;
	struct dma_buf_attachment *attach;
	struct test_thread *thread;

	holder.dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	holder.held = holder.go = 0;
	attach = attach_dynamic(holder.dmabuf, &notified);
	thread = test_thread_start(hold_lock, NULL);
	WAIT_UNTIL(load_acquire(&holder.held));
	ASSERT_HAS(as_text(holder.dmabuf), "attached \"any\"");
	ASSERT_HAS(describe_all(DMA_BUF_INFO_JSON), "\"device\": \"any\"");
	store_release(&holder.go, 1);
	test_thread_join(thread);
	dma_buf_detach(holder.dmabuf, attach);
	dma_buf_put(holder.dmabuf);
}

TEST(who_holds_the_lock_sees_what_it_staged)
{
	struct dma_fence_timeline *tl = dma_fence_timeline_create("staged");
	struct dma_fence *fence = dma_fence_timeline_emit(tl);
	struct dma_buf *dmabuf = new_memfd_buffer(65536);

	lock(dmabuf);
	ASSERT_INT(dma_resv_reserve_fences(dmabuf->resv, 1), ==, 0);
	dma_resv_add_fence(dmabuf->resv, fence, DMA_RESV_USAGE_READ);
	ASSERT_HAS(as_text(dmabuf), "\"staged\"");
	unlock(dmabuf);
	dma_fence_timeline_destroy(tl);
	dma_fence_put(fence);
	dma_buf_put(dmabuf);
}

/*
 * Torture: some live, others look. What is attached, and what is on the stack, is gone soon.
 */

struct crowd {
	struct dma_buf *common;
	struct dma_fence_timeline *tl;
	unsigned int alive; /* atomic: threads that have not ended */
	struct report reports[2];
};

static void add_some(struct crowd *crowd, struct dma_buf *dmabuf)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct dma_fence *fence = dma_fence_timeline_emit(crowd->tl);

		add(dmabuf, fence, (enum dma_resv_usage)(i + 1));
		dma_fence_put(fence);
	}
}

static void use(struct crowd *crowd, struct dma_buf *dmabuf)
{
	struct device own = { .name = "gone soon" };
	struct dma_buf_attachment *attach = attach_with(dmabuf, &own, NULL);
	struct sg_table *table = map(attach, DMA_TO_DEVICE);

	add_some(crowd, dmabuf);
	dma_fence_timeline_fail(crowd->tl, -EIO);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	own.name = NULL; /* it may be anything now */
}

static void live(struct crowd *crowd)
{
	for (unsigned int i = 0; i < test_rounds(2000); i++) {
		struct dma_buf *dmabuf = new_memfd_buffer(65536);

		use(crowd, dmabuf);
		ASSERT_INT(dma_buf_set_name(dmabuf, i % 2 ? "\xffodd\"" : "even"), ==, 0);
		use(crowd, crowd->common);
		dma_buf_put(dmabuf);
		test_operation();
	}
	fetch_sub_acq_rel(&crowd->alive, 1);
}

static void look(struct crowd *crowd, struct report *report, enum dma_buf_info_format format)
{
	do {
		report_begin(report);
		ASSERT_INT(dma_buf_describe_all(&report->seq, format), ==, 0);
		report_end(report);
		if (format == DMA_BUF_INFO_JSON)
			ASSERT_TRUE(is_json(report->text));
		else
			ASSERT_HAS(report->text, " bytes\n");
	} while (load_acquire(&crowd->alive));
}

static void live_or_look(unsigned int index, void *arg)
{
	struct crowd *crowd = arg;

	if (index < 2)
		look(crowd, &crowd->reports[index], (enum dma_buf_info_format)index);
	else
		live(crowd);
}

TORTURE(reports_are_made_while_buffers_come_and_go)
{
	static struct crowd crowd = { .alive = 2 };

	crowd.common = new_memfd_buffer(65536);
	crowd.tl = dma_fence_timeline_create("torture");
	test_race_begin();
	test_threads(4, live_or_look, &crowd);
	test_race_end();
	dma_fence_timeline_destroy(crowd.tl);
	dma_buf_put(crowd.common);
	ASSERT_PTR(dma_buf_iter_begin(), ==, NULL);
}
