/* SPDX-License-Identifier: MIT */
/* Reports end, though what they report on goes on. */
#include <dmabuf/dma-buf-info.h>

#include "importers.h"
#include "memfd-buffer.h"

#define ENOUGH 100

static struct device device = { .name = "card0" };

/* Whoever comes goes, and is followed by another, wherever the report is. */
static struct {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	unsigned int times;
} others;

static void attach_anew(const char *label)
{
	if (strcmp(label, "describe: between attachments") || ++others.times > ENOUGH)
		return;
	dma_buf_detach(others.dmabuf, others.attach);
	others.attach = dma_buf_attach(others.dmabuf, &device);
}

static void export_anew(const char *label)
{
	if (strcmp(label, "describe: with a snapshot") || ++others.times > ENOUGH)
		return;
	dma_buf_put(others.dmabuf);
	others.dmabuf = new_memfd_buffer(4096);
}

static void report(void (*hook)(const char *label))
{
	struct seq_file seq = { .stream = fopen("/dev/null", "w") };

	others.times = 0;
	os_race_hook(hook);
	ASSERT_INT(dma_buf_describe_all(&seq, DMA_BUF_INFO_TEXT), ==, 0);
	os_race_hook(NULL);
	fclose(seq.stream);
}

TEST(a_report_ends_while_others_attach_and_detach)
{
	others.dmabuf = new_memfd_buffer(4096);
	others.attach = dma_buf_attach(others.dmabuf, &device);
	report(attach_anew);
	ASSERT_INT(others.times, ==, 1);
	dma_buf_detach(others.dmabuf, others.attach);
	dma_buf_put(others.dmabuf);
}

TEST(a_report_ends_while_others_export_and_put)
{
	struct dma_buf *first = new_memfd_buffer(4096);

	others.dmabuf = new_memfd_buffer(4096);
	report(export_anew);
	ASSERT_INT(others.times, ==, 1);
	dma_buf_put(others.dmabuf);
	dma_buf_put(first);
}
