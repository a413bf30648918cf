/* SPDX-License-Identifier: MIT */
/* Another process that adds fences to a buffer, counts them and signals its own, as it is told. */
#ifndef ADDING_H
#define ADDING_H

#include "world.h"

enum deed { ADD, SIGNAL_ALL, COUNT, END };

struct order {
	enum deed deed;
	enum dma_resv_usage usage;
};

struct added {
	struct dma_fence *fence[4];
	unsigned int count;
};

static inline int add_there(struct dma_resv *resv, struct added *added, enum dma_resv_usage usage)
{
	struct dma_fence *fence = make_fence();

	added->fence[added->count++] = fence;
	add(resv, fence, usage);
	return 0;
}

static inline int signal_all_there(struct added *added)
{
	signal_and_put_all(added->fence, added->count);
	added->count = 0;
	return 0;
}

/* Who only asks whether there are any hears the same. */
static inline int count_there(struct dma_resv *resv, enum dma_resv_usage usage)
{
	struct dma_fence **fences;
	unsigned int n;

	PEER_MUST(!dma_resv_get_fences(resv, usage, &n, &fences));
	PEER_MUST(dma_resv_test_signaled(resv, usage) == !n);
	for (unsigned int i = 0; i < n; i++)
		dma_fence_put(fences[i]);
	free(fences);
	return (int)n;
}

static inline int do_there(struct dma_resv *resv, struct added *added, const struct order *order)
{
	switch (order->deed) {
	case ADD:
		return add_there(resv, added, order->usage);
	case SIGNAL_ALL:
	case END:
		return signal_all_there(added);
	case COUNT:
		return count_there(resv, order->usage);
	default:
		return -ENOSYS;
	}
}

static inline void add_as_told(int sock)
{
	struct there there = arrive(sock, 1);
	struct added added = { .count = 0 };
	struct order order = { .deed = COUNT };

	while (order.deed != END && peer_hear(sock, &order, sizeof(order))) {
		const int answer = do_there(there.dmabuf[0]->resv, &added, &order);

		peer_tell(sock, &answer, sizeof(answer));
	}
	depart(&there);
}

static inline int let(const struct world *world, enum deed deed, enum dma_resv_usage usage)
{
	const struct order order = { .deed = deed, .usage = usage };
	int answer = -ENOMSG;

	peer_tell(world->peer.sock, &order, sizeof(order));
	ASSERT_TRUE(peer_hear(world->peer.sock, &answer, sizeof(answer)));
	return answer;
}

static inline struct dma_resv *begin(struct world *world)
{
	begin_world(world, 1, add_as_told);
	return world->dmabuf[0]->resv;
}

static inline void end(struct world *world)
{
	ASSERT_INT(let(world, END, 0), ==, 0);
	end_world(world, 0);
}

#endif
