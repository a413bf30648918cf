/* SPDX-License-Identifier: MIT */
/* Reports for programs, and what strings of any bytes become in both forms. */
#include <inttypes.h>

#include "buf/info.h"
#include "resv/usage.h"

/*
 * Strings.
 */

/* The character that begins at @s, and of how many bytes it is; 0: not well formed. */
static unsigned int decode(const unsigned char *s, uint32_t *ret_char)
{
	/* By length: the mark of the first byte, its mask, and the first character so long. */
	static const struct {
		unsigned char mark, mask;
		uint32_t first;
	} kinds[] = { { 0x00, 0x80, 0 }, { 0xc0, 0xe0, 0x80 }, { 0xe0, 0xf0, 0x800 },
		      { 0xf0, 0xf8, 0x10000 } };
	unsigned int more = 0;
	uint32_t c;

	while (more < 4 && (s[0] & kinds[more].mask) != kinds[more].mark)
		more++;
	if (more == 4)
		return 0;
	c = s[0] & (unsigned char)~kinds[more].mask;
	for (unsigned int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80) /* also the NUL */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < kinds[more].first || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret_char = c;
	return more + 1;
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

void info_write_string(FILE *out, const char *string)
{
	unsigned int length;
	uint32_t c;

	fputc('"', out);
	for (const char *s = string; *s; s += length ? length : 1) {
		length = decode((const unsigned char *)s, &c);
		if (!length)
			fputs("\\ufffd", out);
		else if (is_control(c))
			fprintf(out, "\\u%04" PRIx32, c);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (char)c);
		else
			fwrite(s, 1, length, out);
	}
	fputc('"', out);
}

static void write_string_or_null(FILE *out, const char *string)
{
	if (string)
		info_write_string(out, string);
	else
		fputs("null", out);
}

/*
 * The form: a line for each buffer.
 */

static void begin(FILE *out)
{
	fputs("{\"buffers\": [", out);
}

static void write_buffer(FILE *out, const struct info_buffer *buffer, unsigned int nth)
{
	const struct dma_buf *dmabuf = buffer->dmabuf;

	fprintf(out, "%s{\"buffer\": \"%p\", \"name\": ", nth ? ",\n" : "", (const void *)dmabuf);
	info_write_string(out, buffer->name);
	fprintf(out, ", \"size\": %zu, \"exporter\": ", dmabuf->size);
	write_string_or_null(out, dmabuf->exp_name);
	fputs(", \"attachments\": [", out);
}

static void write_attachment(FILE *out, const struct info_attachment *attachment, unsigned int nth)
{
	fprintf(out, "%s{\"device\": ", nth ? ", " : "");
	write_string_or_null(out, attachment->has_name ? attachment->device : NULL);
	fprintf(out, ", \"dynamic\": %s, \"mapped\": %u}",
		attachment->is_dynamic ? "true" : "false", attachment->mapped);
}

static void end_attachments(FILE *out)
{
	fputs("], \"fences\": [", out);
}

static void write_fence(FILE *out, const struct info_fence *fence, unsigned int nth)
{
	const char *state = fence->error ? "error" : "signalled";

	fprintf(out, "%s{\"category\": \"%s\", \"driver\": ", nth ? ", " : "",
		resv_usage_name(fence->usage));
	info_write_string(out, fence->driver);
	fputs(", \"timeline\": ", out);
	info_write_string(out, fence->timeline);
	fprintf(out, ", \"context\": %" PRIu64 ", \"seqno\": %" PRIu64, fence->context,
		fence->seqno);
	fprintf(out, ", \"state\": \"%s\", \"error\": %d, \"age_ns\": ",
		fence->signaled ? state : "unsignalled", fence->error);
	if (fence->age_ns >= 0)
		fprintf(out, "%" PRId64 "}", fence->age_ns);
	else
		fputs("null}", out);
}

static void end_buffer(FILE *out)
{
	fputs("]}", out);
}

static void end(FILE *out, const struct info_sum *sum)
{
	(void)sum;
	fputs("]}\n", out);
}

const struct info_form info_json = {
	.begin = begin,
	.buffer = write_buffer,
	.attachment = write_attachment,
	.end_attachments = end_attachments,
	.fence = write_fence,
	.end_buffer = end_buffer,
	.end = end,
};
