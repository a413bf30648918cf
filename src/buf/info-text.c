/* SPDX-License-Identifier: MIT */
/* Reports for people. */
#include <inttypes.h>

#include "buf/info.h"
#include "resv/usage.h"

static void begin(FILE *out)
{
	(void)out;
}

static void write_buffer(FILE *out, const struct info_buffer *buffer, unsigned int nth)
{
	const struct dma_buf *dmabuf = buffer->dmabuf;

	(void)nth;
	fprintf(out, "buffer %p ", (const void *)dmabuf);
	info_write_string(out, buffer->name);
	fprintf(out, ", %zu bytes, exporter ", dmabuf->size);
	info_write_string(out, dmabuf->exp_name ? dmabuf->exp_name : "");
	fputc('\n', out);
}

static void write_attachment(FILE *out, const struct info_attachment *attachment, unsigned int nth)
{
	(void)nth;
	fputs("\tattached ", out);
	info_write_string(out, attachment->device);
	fprintf(out, ", %s, %s\n", attachment->is_dynamic ? "dynamic" : "static",
		attachment->mapped ? "mapped" : "not mapped");
}

static void end_attachments(FILE *out)
{
	(void)out;
}

/* In milliseconds, which is as exact as it is known before the signal. */
static void write_state(FILE *out, const struct info_fence *fence)
{
	const int64_t ms = fence->age_ns / 1000000;

	if (!fence->signaled)
		fputs("unsignalled", out);
	else if (fence->error)
		fprintf(out, "error %d", fence->error);
	else
		fputs("signalled", out);
	if (fence->age_ns >= 0)
		/* cppcheck-suppress duplicateExpressionTernary; it does not see behind PRId64 */
		fprintf(out, fence->signaled ? ", %" PRId64 " ms ago" : ", %" PRId64 " ms old", ms);
}

static void write_fence(FILE *out, const struct info_fence *fence, unsigned int nth)
{
	(void)nth;
	fprintf(out, "\t%s ", resv_usage_name(fence->usage));
	info_write_string(out, fence->driver);
	fputc(' ', out);
	info_write_string(out, fence->timeline);
	fprintf(out, " %" PRIu64 ":%" PRIu64 ", ", fence->context, fence->seqno);
	write_state(out, fence);
	fputc('\n', out);
}

static void end_buffer(FILE *out)
{
	(void)out;
}

static void end(FILE *out, const struct info_sum *sum)
{
	fprintf(out, "%u %s, %" PRIu64 " bytes\n", sum->buffers,
		sum->buffers == 1 ? "buffer" : "buffers", sum->bytes);
}

const struct info_form info_text = {
	.begin = begin,
	.buffer = write_buffer,
	.attachment = write_attachment,
	.end_attachments = end_attachments,
	.fence = write_fence,
	.end_buffer = end_buffer,
	.end = end,
};
