/* SPDX-License-Identifier: MIT */
/*
 * Trace events, past the switch: probes and the hook.
 *
 * Each probe has a semaphore, a counter that a tracer raises while it is attached. Here
 * all of them are one and the same half word, which the switch looks at together with
 * what is ours. So nothing is made ready for a probe that nobody is attached to.
 *
 *   event, in a read section                     setter
 *   T1  hook       acquire                       U1  hook, what it replaces  exchange, acq_rel
 *   T2  call it                                  U2  a grace period
 *                                                U3  free what was replaced
 *
 *   T1 before U1: the section that T2 is in ends before U2 does.
 */
#include "debug/trace.h"

#include <errno.h>

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

#include "debug/lockdep.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/rcu.h"

/* Where tracers look for semaphores; .bss would not do, since no file has it. */
union trace_switch trace_switch __attribute__((section(".probes"))) = { .any = 0 };

/* Event, its name, and which arguments its probe has. */
#define EVENTS(DO)                                    \
	DO(FENCE_INIT, fence_init, FENCE)             \
	DO(FENCE_ENABLE, fence_enable, FENCE)         \
	DO(FENCE_SIGNAL, fence_signal, FENCE)         \
	DO(FENCE_WAIT_BEGIN, fence_wait_begin, FENCE) \
	DO(FENCE_WAIT_END, fence_wait_end, FENCE)     \
	DO(RESV_CONTENDED, resv_contended, RESV)      \
	DO(RESV_LOCK, resv_lock, RESV)                \
	DO(RESV_COMMIT, resv_commit, RESV)            \
	DO(RESV_UNLOCK, resv_unlock, RESV)            \
	DO(BUF_EXPORT, buf_export, BUF)               \
	DO(BUF_ATTACH, buf_attach, BUF)               \
	DO(BUF_MAP, buf_map, BUF)                     \
	DO(BUF_UNMAP, buf_unmap, BUF)                 \
	DO(BUF_DETACH, buf_detach, BUF)               \
	DO(BUF_RELEASE, buf_release, BUF)

#define SEMAPHORE(event, name, arguments)                  \
	extern unsigned short libdmabuf_##name##_semaphore \
		__attribute__((alias("trace_switch"), visibility("hidden")));
EVENTS(SEMAPHORE)

#define PROBE_FENCE(name, t)                                                           \
	STAP_PROBE6(libdmabuf, name, (t)->fence, (t)->value, (t)->context, (t)->seqno, \
		    (t)->driver, (t)->timeline)
#define PROBE_RESV(name, t) STAP_PROBE2(libdmabuf, name, (t)->resv, (t)->value)
#define PROBE_BUF(name, t)                                                              \
	STAP_PROBE6(libdmabuf, name, (t)->dmabuf, (t)->value, (t)->size, (t)->exporter, \
		    (t)->attach, (t)->device)

static void fire_probe(const struct dmabuf_trace *trace)
{
	switch (trace->event) {
#define FIRE(event, name, arguments)            \
	case DMABUF_TRACE_##event:              \
		PROBE_##arguments(name, trace); \
		break;
	EVENTS(FIRE)
	}
}

const char *dmabuf_trace_name(enum dmabuf_trace_event event)
{
	switch (event) {
#define NAME(event, name, arguments) \
	case DMABUF_TRACE_##event:   \
		return #name;
	EVENTS(NAME)
	}
	return "unknown";
}

struct hook {
	dmabuf_trace_hook func;
	void *data;
};

static struct hook *current_hook; /* atomic; freed after a grace period */
static __thread bool inside __attribute__((tls_model("initial-exec")));

static void call_hook(const struct dmabuf_trace *trace)
{
	const struct hook *hook;

	if (inside)
		return;
	OS_RACE_POINT("trace: before the section");
	dmabuf_rcu_read_lock();
	hook = load_acquire(&current_hook); /* T1 */
	OS_RACE_POINT("trace: before the hook");
	if (hook) {
		inside = true;
		hook->func(trace, hook->data); /* T2 */
		inside = false;
	}
	dmabuf_rcu_read_unlock();
}

void trace_emit(const struct dmabuf_trace *trace)
{
	fire_probe(trace);
	if (load_relaxed(&current_hook)) /* as relaxed as the switch */
		call_hook(trace);
}

void trace_listen(bool on)
{
	fetch_add_relaxed(&trace_switch.users, (uint8_t)(on ? 1 : -1));
}

int dmabuf_set_trace_hook(dmabuf_trace_hook hook, void *data)
{
	struct hook *new = NULL, *old;

	lockdep_might_alloc();
	lockdep_might_sleep();
	if (hook) {
		new = os_alloc(sizeof(*new));
		if (!new)
			return -ENOMEM;
		*new = (struct hook){ hook, data };
		trace_listen(true);
	}
	old = __atomic_exchange_n(&current_hook, new, __ATOMIC_ACQ_REL); /* U1 */
	if (old) {
		trace_listen(false);
		os_rcu_synchronize(); /* U2 */
		os_free(old);         /* U3 */
	}
	return 0;
}
