/* SPDX-License-Identifier: MIT */
/* A trace hook that writes down what it hears, from any thread. */
#ifndef RECORDER_H
#define RECORDER_H

#include <dmabuf/dmabuf-trace.h>

#include "harness.h"

#define RECORDER_SIZE 64

struct recorder {
	struct dmabuf_trace heard[RECORDER_SIZE];
	unsigned int n; /* atomic */
};

static inline void recorder_hook(const struct dmabuf_trace *trace, void *data)
{
	struct recorder *recorder = data;
	const unsigned int i = fetch_add_relaxed(&recorder->n, 1);

	ASSERT_INT(i, <, RECORDER_SIZE);
	recorder->heard[i] = *trace;
}

static inline void recorder_begin(struct recorder *recorder)
{
	*recorder = (struct recorder){ .n = 0 };
	ASSERT_INT(dmabuf_set_trace_hook(recorder_hook, recorder), ==, 0);
}

static inline void recorder_end(void)
{
	ASSERT_INT(dmabuf_set_trace_hook(NULL, NULL), ==, 0);
}

/* What was heard, in a row: "fence_init fence_signal". */
static inline const char *recorder_story(const struct recorder *recorder)
{
	static char story[RECORDER_SIZE * 20];
	size_t used = 0;

	story[0] = '\0';
	for (unsigned int i = 0; i < recorder->n; i++)
		used += (size_t)sprintf(story + used, "%s%s", i ? " " : "",
					dmabuf_trace_name(recorder->heard[i].event));
	return story;
}

/* All that @statement makes a hook hear, and nothing else. */
#define ASSERT_STORY(recorder, statement, story)             \
	do {                                                 \
		recorder_begin(recorder);                    \
		statement;                                   \
		recorder_end();                              \
		ASSERT_STR(recorder_story(recorder), story); \
	} while (0)

#endif
