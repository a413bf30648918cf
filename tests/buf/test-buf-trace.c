/* SPDX-License-Identifier: MIT */
/* Events of buffers, on every path that leads to them. */
#include <dmabuf/dma-buf.h>
#include <errno.h>
#include <unistd.h>

#include "importers.h"
#include "memfd-buffer.h"
#include "recorder.h"

static struct recorder heard;

static const struct dmabuf_trace *heard_at(unsigned int i, const struct dma_buf *dmabuf,
					   int64_t value)
{
	const struct dmabuf_trace *trace = &heard.heard[i];

	ASSERT_PTR(trace->dmabuf, ==, dmabuf);
	ASSERT_INT(trace->value, ==, value);
	ASSERT_PTR(trace->fence, ==, NULL);
	ASSERT_PTR(trace->resv, ==, NULL);
	return trace;
}

static void live_and_die(void)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);

	get_dma_buf(dmabuf);
	dma_buf_put(dmabuf);
	dma_buf_put(dmabuf);
}

TEST(export_comes_first_and_release_last)
{
	ASSERT_STORY(&heard, live_and_die(), "buf_export buf_release");
	ASSERT_STR(heard.heard[0].exporter, "memfd");
	ASSERT_INT(heard.heard[0].size, ==, 65536);
	ASSERT_PTR(heard.heard[0].attach, ==, NULL);
	ASSERT_PTR(heard.heard[0].dmabuf, ==, heard.heard[1].dmabuf);
}

/* What the hook may ask, also under the lock of all buffers. */
static void read_name(const struct dmabuf_trace *trace, void *ret_name)
{
	dma_buf_get_name(trace->dmabuf, ret_name);
}

TEST(a_buffer_has_its_name_from_the_start)
{
	char name[DMA_BUF_NAME_LEN] = "";
	struct dma_buf *dmabuf;

	ASSERT_INT(dmabuf_set_trace_hook(read_name, name), ==, 0);
	dmabuf = new_memfd_buffer(65536);
	ASSERT_STR(name, "test");
	recorder_end();
	dma_buf_put(dmabuf);
}

static struct fake fake;

static void fail_to_export(void)
{
	const struct dma_buf_export_info nothing = { .exp_name = "nobody" };
	struct dma_buf *memory = new_memfd_buffer(65536);
	struct dma_buf_export_info info;
	int fd = dma_buf_fd(memory, O_RDWR);

	fake_init(&fake, FAKE_STATIC);
	info = fake_info(&fake);
	assert_is_error(dma_buf_export_memory(&info, fd), -EEXIST);
	ASSERT_WARNS(assert_is_error(dma_buf_export(&nothing), -EINVAL), "needs info");
	os_fault_arm(1);
	assert_is_error(dma_buf_export(&info), -ENOMEM);
	os_fault_disarm();
	close(fd);
	dma_buf_put(memory);
}

TEST(an_export_that_fails_is_not_heard)
{
	ASSERT_STORY(&heard, fail_to_export(), "buf_export buf_release");
}

/*
 * Importers, in the four rows of the table.
 */

static void import(enum fake_kind kind, const struct dma_buf_attach_ops *ops)
{
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, ops);
	struct sg_table *table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	ASSERT_FALSE(dmabuf_is_err(table));
	dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/* Only what buffers do; the locks on the way are heard as well. */
static const char *import_story(enum fake_kind kind, const struct dma_buf_attach_ops *ops)
{
	unsigned int n = 0;

	recorder_begin(&heard);
	import(kind, ops);
	recorder_end();
	for (unsigned int i = 0; i < heard.n; i++) {
		if (heard.heard[i].event >= DMABUF_TRACE_BUF_EXPORT)
			heard.heard[n++] = heard.heard[i];
	}
	heard.n = n;
	return recorder_story(&heard);
}

#define IMPORT_STORY "buf_export buf_attach buf_map buf_unmap buf_detach buf_release"

static void assert_import(enum fake_kind kind, const struct dma_buf_attach_ops *ops,
			  int64_t direction)
{
	ASSERT_STR(import_story(kind, ops), IMPORT_STORY);
	heard_at(0, fake.dmabuf, 0);
	ASSERT_STR(heard_at(1, fake.dmabuf, ops != NULL)->device, "any");
	ASSERT_PTR(heard.heard[1].attach, !=, NULL);
	ASSERT_STR(heard_at(2, fake.dmabuf, direction)->exporter, "fake");
	ASSERT_PTR(heard.heard[2].attach, ==, heard.heard[1].attach);
	heard_at(3, fake.dmabuf, direction);
	ASSERT_PTR(heard_at(4, fake.dmabuf, 0)->attach, ==, heard.heard[1].attach);
	heard_at(5, fake.dmabuf, 0);
}

TEST(importers_are_heard_in_every_row_of_the_table)
{
	assert_import(FAKE_STATIC, NULL, DMA_TO_DEVICE);
	assert_import(FAKE_DYNAMIC, &notified, DMA_TO_DEVICE);
	assert_import(FAKE_PINNING, &locking_only, DMA_TO_DEVICE);
	/* Mapped once, at attach, for both directions; and unmapped by detach. */
	assert_import(FAKE_DYNAMIC, NULL, DMA_BIDIRECTIONAL);
	assert_import(FAKE_PINNING, NULL, DMA_BIDIRECTIONAL);
	assert_import(FAKE_STATIC, &notified, DMA_BIDIRECTIONAL);
}

/* What the locks of attach and detach say is left out by row static, static. */
static void fail_to_map(enum fake_call call, int err)
{
	struct dma_buf_attachment *attach = attach_dynamic(fake.dmabuf, &locking_only);

	lock(fake.dmabuf);
	fake.fail[call] = err;
	recorder_begin(&heard);
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), err);
	recorder_end();
	fake.fail[call] = 0;
	unlock(fake.dmabuf);
	ASSERT_STR(recorder_story(&heard), "buf_map");
	ASSERT_PTR(heard_at(0, fake.dmabuf, err)->attach, ==, attach);
	dma_buf_detach(fake.dmabuf, attach);
}

TEST(a_map_that_fails_is_heard_with_its_error)
{
	fake_begin_test(&fake, FAKE_PINNING);
	fail_to_map(FAKE_PIN, -ENOMEM);
	fail_to_map(FAKE_MAP, -EIO);
	dma_buf_put(fake.dmabuf);
}

TEST(an_attach_that_fails_to_map_is_heard_to_detach)
{
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	fake.fail[FAKE_MAP] = -EIO;
	ASSERT_STORY(&heard,
		     assert_is_error(dma_buf_dynamic_attach(dmabuf, &any_device, &notified, NULL),
				     -EIO),
		     "resv_lock resv_unlock buf_attach buf_map resv_lock resv_unlock buf_detach");
	fake.fail[FAKE_MAP] = 0;
	dma_buf_put(dmabuf);
}

TEST(an_attach_that_is_refused_is_not_heard)
{
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	fake.fail[FAKE_ATTACH] = -EBUSY;
	ASSERT_STORY(&heard, assert_is_error(dma_buf_attach(dmabuf, &any_device), -EBUSY), "");
	ASSERT_STORY(&heard, os_fault_arm(1);
		     assert_is_error(dma_buf_attach(dmabuf, &any_device), -ENOMEM);
		     os_fault_disarm(), "");
	dma_buf_put(dmabuf);
}

/* So that nobody hears of a buffer before its export: also those that find it at once. */
static void find_it(unsigned int index, void *arg)
{
	const int fd = *(int *)arg;

	(void)index;
	for (unsigned int i = 0; i < test_rounds(2000); i++) {
		struct dma_buf *dmabuf = dma_buf_get(fd);
		struct dma_buf_attachment *attach;

		if (dmabuf_is_err(dmabuf) && dma_buf_memfd_import(fd, &dmabuf))
			continue;
		attach = dma_buf_attach(dmabuf, &any_device);
		ASSERT_FALSE(dmabuf_is_err(attach));
		dma_buf_detach(dmabuf, attach);
		dma_buf_put(dmabuf);
		test_operation();
	}
}

/* One buffer at a time, and each is heard to begin, and then to end. */
static struct {
	unsigned int alive, attached; /* atomic */
} order;

static void check_order(const struct dmabuf_trace *trace, void *unused)
{
	(void)unused;
	switch (trace->event) {
	case DMABUF_TRACE_BUF_EXPORT:
		fetch_add_relaxed(&order.alive, 1);
		break;
	case DMABUF_TRACE_BUF_ATTACH:
		ASSERT_INT(load_relaxed(&order.alive), >, 0);
		fetch_add_relaxed(&order.attached, 1);
		break;
	case DMABUF_TRACE_BUF_DETACH:
		ASSERT_INT(fetch_sub_relaxed(&order.attached, 1), >, 0);
		break;
	case DMABUF_TRACE_BUF_RELEASE:
		ASSERT_INT(fetch_sub_relaxed(&order.alive, 1), >, 0);
		break;
	default:
		break;
	}
}

TORTURE(nothing_is_heard_of_a_buffer_before_its_export_or_after_its_release)
{
	struct dma_buf *dmabuf = new_memfd_buffer(65536);
	int fd = dma_buf_fd(dmabuf, O_RDWR);

	dma_buf_put(dmabuf);
	order.alive = order.attached = 0;
	ASSERT_INT(dmabuf_set_trace_hook(check_order, NULL), ==, 0);
	test_race_begin();
	test_threads(3, find_it, &fd);
	test_race_end();
	recorder_end();
	ASSERT_INT(order.alive, ==, 0);
	ASSERT_INT(order.attached, ==, 0);
	close(fd);
}
