/* SPDX-License-Identifier: MIT */
/*
 * Reports: what the walk over buffers (dma-buf-info.c) finds, and the two forms in which
 * it is written down (info-text.c, info-json.c).
 */
#ifndef BUF_INFO_H
#define BUF_INFO_H

#include <dmabuf/dma-buf-info.h>

#define INFO_NAME_LEN 64

struct info_buffer {
	const struct dma_buf *dmabuf;
	char name[DMA_BUF_NAME_LEN]; /* "": none */
};

struct info_attachment {
	char device[INFO_NAME_LEN];
	bool has_name;
	bool is_dynamic;
	unsigned int mapped;
};

struct info_fence {
	enum dma_resv_usage usage;
	char driver[INFO_NAME_LEN], timeline[INFO_NAME_LEN];
	uint64_t context, seqno;
	bool signaled;
	int error;
	int64_t age_ns; /* -1: not known */
};

struct info_sum {
	unsigned int buffers;
	uint64_t bytes;
};

/* @nth: which one it is of its list; from 0. */
struct info_form {
	void (*begin)(FILE *out);
	void (*buffer)(FILE *out, const struct info_buffer *buffer, unsigned int nth);
	void (*attachment)(FILE *out, const struct info_attachment *attachment, unsigned int nth);
	void (*end_attachments)(FILE *out);
	void (*fence)(FILE *out, const struct info_fence *fence, unsigned int nth);
	void (*end_buffer)(FILE *out);
	void (*end)(FILE *out, const struct info_sum *sum);
};

extern const struct info_form info_text, info_json;

/* A string as JSON has it: in quotes, in UTF-8, and without control characters. */
void info_write_string(FILE *out, const char *string);

#endif
