/* SPDX-License-Identifier: MIT */
/*
 * Trace events: the switch that every event looks at, and the way out for those that
 * find it on. Each layer has an inline function for its own events.
 */
#ifndef DEBUG_TRACE_H
#define DEBUG_TRACE_H

#include <dmabuf/dmabuf-trace.h>

#include "os/atomic.h"

/*
 * Who listens: one word, so that off is one comparison. Tracers of probes add themselves
 * to the first half from outside, which is why it is a word of its own to them.
 */
union trace_switch {
	struct {
		unsigned short probes; /* the kernel's, or a debugger's */
		uint8_t users;	       /* atomic: hooks, and trace_listen() */
		uint8_t rules;	       /* the rules are checked; constant after the constructors */
	};
	uint32_t any; /* atomic */
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define TRACE_LISTENERS 0xffffff00u
#else
#define TRACE_LISTENERS 0x00ffffffu
#endif

extern union trace_switch trace_switch __attribute__((visibility("hidden")));

/* Relaxed: whoever switches it on hears what begins after that, and of the rest what comes. */
static inline bool trace_is_on(void)
{
	return unlikely(load_relaxed(&trace_switch.any) & TRACE_LISTENERS);
}

/* Does anybody listen, or are the rules checked? The one question of a path that is to be fast. */
static inline bool watch_is_on(void)
{
	return unlikely(load_relaxed(&trace_switch.any));
}

/* Tell the probes and the hook. */
void trace_emit(const struct dmabuf_trace *trace) __attribute__((cold));

/* Keep the switch on, or no more, for one who listens inside the library. */
void trace_listen(bool on);

#endif
