/* SPDX-License-Identifier: MIT */
/*
 * Logs that were published come back to the thread that dropped them.
 *
 * Memory that one thread allocates and the reclaimer frees costs several times what both
 * cost in one thread. So a thread gathers logs of a size in a flight, sends it through a grace
 * period, and takes memory from it when it has landed. The reclaimer touches the flight alone,
 * not the logs.
 *
 *   owner                                        reclaimer, a grace period after L1
 *   L1  os_call_rcu_soon()                       L3  state = LANDED     exchange, acq_rel
 *   L2  state = LANDED?      acquire
 *   L4  at its end: state = ORPHAN               L5  L3 found ORPHAN: free all
 *       exchange, acq_rel; found LANDED: free all
 *
 *   After L3 the flight is the owner's, after L4 the reclaimer's; who comes second of the two
 *   frees.
 *
 * A thread keeps at most LANE_BYTES of each of the smaller sizes until it ends; all else goes to
 * free(), as it does where the thread sends faster than grace periods pass.
 */
#include "os/alloc.h"
#include "os/fault.h"
#include "os/rcu.h"
#include "os/thread.h"
#include "resv/log-memory.h"

#define LANES 4 /* sizes: to 1 KiB */
#define LANE_BYTES 65536u
#define SEATS 32

enum flight_state { IN_THE_AIR, LANDED, ORPHAN };

struct flight {
	struct dmabuf_rcu_head rcu;
	struct flight *next;
	uint32_t state; /* atomic: enum flight_state */
	uint32_t count;
	struct dma_resv_log *log[SEATS];
};

static __thread struct lane {
	struct flight *loading;
	struct flight *first, *last; /* those that left, in order */
	unsigned int flights;
} lanes[LANES] __attribute__((tls_model("initial-exec")));

static void free_all(struct flight *flight)
{
	while (flight->count)
		os_free(flight->log[--flight->count]);
	os_free(flight);
}

static void land(struct dmabuf_rcu_head *head)
{
	struct flight *flight = container_of(head, struct flight, rcu);

	for (uint32_t i = 0; i < SEATS; i++)
		os_poison(flight->log[i]);
	OS_RACE_POINT("recycle: before it lands");
	if (exchange_acq_rel(&flight->state, LANDED) == ORPHAN) /* L3 */
		free_all(flight);				/* L5 */
}

static void run_free_all(struct dmabuf_rcu_head *head)
{
	free_all(container_of(head, struct flight, rcu));
}

static void end_lane(struct lane *lane)
{
	struct flight *flight = lane->first;

	if (lane->loading)
		dmabuf_call_rcu(&lane->loading->rcu, run_free_all);
	while (flight) {
		struct flight *next = flight->next;

		OS_RACE_POINT("recycle: before it is left");
		if (exchange_acq_rel(&flight->state, ORPHAN) == LANDED) /* L4 */
			free_all(flight);
		flight = next;
	}
	*lane = (struct lane){ 0 };
}

static void end_lanes(void)
{
	for (unsigned int i = 0; i < LANES; i++)
		end_lane(&lanes[i]);
	dmabuf_rcu_flush();
}

static struct os_exit_hook end_at_exit = { .func = end_lanes };

static struct flight *new_flight(struct lane *lane, unsigned int size_class)
{
	struct flight *flight;

	if (lane->flights >= LANE_BYTES / SEATS / LOG_SMALLEST >> size_class)
		return NULL;
	flight = os_alloc_quietly(sizeof(*flight));
	if (!flight)
		return NULL;
	flight->count = 0;
	lane->flights++;
	os_thread_enrol(&end_at_exit);
	return flight;
}

static void depart(struct lane *lane)
{
	struct flight *flight = lane->loading;

	lane->loading = NULL;
	flight->state = IN_THE_AIR;
	flight->next = NULL;
	if (lane->first)
		lane->last->next = flight;
	else
		lane->first = flight;
	lane->last = flight;
	os_call_rcu_soon(&flight->rcu, land); /* L1 */
}

bool log_recycle(struct dma_resv_log *log, unsigned int size_class)
{
	struct lane *lane;

	if (size_class >= LANES)
		return false;
	lane = &lanes[size_class];
	if (!lane->loading)
		lane->loading = new_flight(lane, size_class);
	if (!lane->loading)
		return false;
	lane->loading->log[lane->loading->count++] = log;
	if (lane->loading->count == SEATS)
		depart(lane);
	return true;
}

/* The first flight has been emptied. It loads next, or goes. */
static void leave_ground(struct lane *lane)
{
	struct flight *flight = lane->first;

	lane->first = flight->next;
	if (!lane->loading) {
		lane->loading = flight;
		return;
	}
	lane->flights--;
	os_free(flight);
}

struct dma_resv_log *log_recycled(unsigned int size_class)
{
	struct dma_resv_log *log;
	struct flight *flight;
	struct lane *lane;

	if (size_class >= LANES)
		return NULL;
	lane = &lanes[size_class];
	flight = lane->first;
	if (!flight)
		return NULL;
	if (load_acquire(&flight->state) != LANDED) /* L2 */
		return NULL;
	log = flight->log[--flight->count];
	if (!flight->count)
		leave_ground(lane);
	return log;
}
