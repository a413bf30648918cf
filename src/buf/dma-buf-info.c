/* SPDX-License-Identifier: MIT */
/*
 * Reports on buffers: one walk, and a form that writes down what it finds.
 *
 * Locking: list_lock for one attachment at a time, name_lock for the name; fences come
 * from a snapshot. Nothing is written under a lock, since a stream may block.
 */
#include "buf/info.h"

#include <errno.h>
#include <string.h>

#include "buf/buffer.h"
#include "debug/trace.h"
#include "fence/fence.h"
#include "os/clock.h"
#include "os/fault.h"
#include "os/list.h"

static void copy_name(char ret_name[INFO_NAME_LEN], const char *name)
{
	snprintf(ret_name, INFO_NAME_LEN, "%s", name ? name : "");
}

/* Under list_lock: until it is dropped, the importer has not detached. */
static void look_at_attachment(struct dma_buf_attachment *attach, struct info_attachment *ret_info)
{
	copy_name(ret_info->device, attach->dev->name);
	ret_info->has_name = attach->dev->name;
	ret_info->is_dynamic = dma_buf_attachment_is_dynamic(attach);
	ret_info->mapped = load_relaxed(&to_attachment(attach)->tables); /* a number */
}

/* Who is newer came after the walk began: without an end to it, walks might have none. */
static uint64_t last_attachment(struct buffer *buffer)
{
	uint64_t last;

	dmabuf_spin_lock(&buffer->list_lock);
	last = buffer->attached;
	dmabuf_spin_unlock(&buffer->list_lock);
	return last;
}

/* The oldest one after *@number; false: none up to @last. Numbers rise along the list. */
static bool next_attachment(struct buffer *buffer, uint64_t *number, uint64_t last,
			    struct info_attachment *ret_info)
{
	struct dma_buf_attachment *attach;
	bool found = false;

	dmabuf_spin_lock(&buffer->list_lock);
	list_for_each_entry(attach, &buffer->base.attachments, node) {
		if (to_attachment(attach)->number <= *number)
			continue;
		found = to_attachment(attach)->number <= last;
		if (found) {
			*number = to_attachment(attach)->number;
			look_at_attachment(attach, ret_info);
		}
		break;
	}
	dmabuf_spin_unlock(&buffer->list_lock);
	return found;
}

static void describe_attachments(struct dma_buf *dmabuf, FILE *out, const struct info_form *form)
{
	struct buffer *buffer = to_buffer(dmabuf);
	const uint64_t last = last_attachment(buffer);
	struct info_attachment info;
	uint64_t number = 0;

	for (unsigned int n = 0; next_attachment(buffer, &number, last, &info); n++) {
		OS_RACE_POINT("describe: between attachments");
		form->attachment(out, &info, n);
	}
}

/* Not by dma_fence_timestamp(), which waits for the signaller to write it. */
static int64_t age_of_signal_ns(const struct dma_fence *fence)
{
	int64_t age;

	if (!(load_acquire(&fence->flags) & TIMESTAMP))
		return -1;
	/* Whoever signals may say any time. */
	if (__builtin_sub_overflow(os_now_ns(), fence->timestamp, &age))
		return INT64_MAX;
	return age < 0 ? 0 : age;
}

static void look_at_fence(struct dma_fence *fence, enum dma_resv_usage usage,
			  struct info_fence *ret_info)
{
	*ret_info = (struct info_fence){
		.usage = usage,
		.context = fence->context,
		.seqno = fence->seqno,
		.signaled = dma_fence_test_signaled_flag(fence),
	};
	if (ret_info->signaled) {
		ret_info->error = load_relaxed(&fence->error); /* ordered by SIGNALED */
		ret_info->age_ns = age_of_signal_ns(fence);
	} else {
		ret_info->age_ns = fence_age_ns(fence);
	}
	/* Not dma_fence_driver_name(): who has signalled would be nobody. */
	dmabuf_rcu_read_lock();
	copy_name(ret_info->driver, fence->ops->get_driver_name(fence));
	copy_name(ret_info->timeline, fence->ops->get_timeline_name(fence));
	dmabuf_rcu_read_unlock();
}

static void describe_fences(struct dma_buf *dmabuf, FILE *out, const struct info_form *form)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot set;
	struct info_fence info;
	struct dma_fence *fence;
	unsigned int n = 0;

	dma_resv_get_snapshot(dmabuf->resv, &set);
	OS_RACE_POINT("describe: with a snapshot");
	for (unsigned int usage = 0; usage <= DMA_RESV_USAGE_BOOKKEEP; usage++) {
		dma_resv_snapshot_for_each(fence, &cursor, &set, usage) {
			if (cursor.fence_usage != usage)
				continue;
			look_at_fence(fence, usage, &info);
			form->fence(out, &info, n++);
		}
	}
	dma_resv_put_snapshot(&set);
}

static void describe(struct dma_buf *dmabuf, FILE *out, const struct info_form *form,
		     unsigned int nth)
{
	struct info_buffer info = { .dmabuf = dmabuf };

	dma_buf_get_name(dmabuf, info.name);
	form->buffer(out, &info, nth);
	describe_attachments(dmabuf, out, form);
	form->end_attachments(out);
	describe_fences(dmabuf, out, form);
	form->end_buffer(out);
}

static const struct info_form *find_form(const struct seq_file *seq,
					 enum dma_buf_info_format format)
{
	if (!seq || !seq->stream)
		return NULL;
	switch (format) {
	case DMA_BUF_INFO_TEXT:
		return &info_text;
	case DMA_BUF_INFO_JSON:
		return &info_json;
	}
	return NULL;
}

int dma_buf_describe(struct dma_buf *dmabuf, struct seq_file *seq, enum dma_buf_info_format format)
{
	const struct info_form *form = find_form(seq, format);

	if (!form || !dmabuf)
		return -EINVAL;
	buffer_check_alive(dmabuf, __func__);
	describe(dmabuf, seq->stream, form, 0);
	return ferror(seq->stream) ? -EIO : 0;
}

static uint64_t last_buffer(void)
{
	uint64_t last;

	registry_lock();
	last = registry_last_number();
	registry_unlock();
	return last;
}

int dma_buf_describe_all(struct seq_file *seq, enum dma_buf_info_format format)
{
	const struct info_form *form = find_form(seq, format);
	struct info_sum sum = { .buffers = 0 };
	uint64_t last;

	lockdep_might_sleep(); /* in a buffer's end */
	if (!form)
		return -EINVAL;
	last = last_buffer();
	form->begin(seq->stream);
	for (struct dma_buf *dmabuf = dma_buf_iter_begin(); dmabuf;
	     dmabuf = dma_buf_iter_next(dmabuf)) {
		if (to_buffer(dmabuf)->registered.number > last) {
			dma_buf_put(dmabuf);
			break;
		}
		describe(dmabuf, seq->stream, form, sum.buffers++);
		sum.bytes += dmabuf->size;
	}
	form->end(seq->stream, &sum);
	return ferror(seq->stream) ? -EIO : 0;
}

void dma_buf_info_ages(bool on)
{
	static bool listens; /* atomic */

	if (__atomic_exchange_n(&listens, on, __ATOMIC_ACQ_REL) != on)
		trace_listen(on);
}
