/* SPDX-License-Identifier: MIT */
/* Chains that several threads walk, ask, await and let go of while their fences signal. */
#include <urcu-bp.h>

#include "fence/fence.h"
#include "chains.h"

#define LINKS 24
#define THREADS 4

struct race {
	struct test_chain chain;
	unsigned int seed;
};

/* What each walk must see, whoever collects meanwhile: descending numbers of one timeline. */
static void walk(struct dma_fence *head)
{
	uint64_t last = INT64_MAX;
	struct dma_fence *fence;

	dma_fence_chain_for_each(fence, head) {
		ASSERT_INT(fence->seqno, <, last);
		ASSERT_INT(fence->context, ==, head->context);
		last = fence->seqno;
	}
}

static void find(const struct race *race, uint64_t seqno)
{
	struct dma_fence *fence = dma_fence_get(chain_head(&race->chain));

	ASSERT_INT(dma_fence_chain_find_seqno(&fence, seqno), ==, 0);
	/* Without a fence, that point and all before it have signalled. */
	for (uint64_t i = 0; !fence && i < seqno; i++)
		ASSERT_TRUE(dma_fence_test_signaled_flag(race->chain.fences[i]));
	dma_fence_put(fence);
}

static void ask(const struct race *race, unsigned int i)
{
	if (!dma_fence_is_signaled(race->chain.links[i]))
		return;
	for (unsigned int k = 0; k <= i; k++)
		ASSERT_TRUE(dma_fence_test_signaled_flag(race->chain.fences[k]));
}

static void act(unsigned int index, void *arg)
{
	struct race *race = arg;
	uint32_t state = race->seed + index + 1;

	for (unsigned int k = 0; k < LINKS; k++) {
		const unsigned int i = test_random(&state) % LINKS;

		test_operation();
		/* Two of the threads signal: one half of the fences each, in any order. */
		if (index < 2 && i % 2 == index)
			dma_fence_check_and_signal(race->chain.fences[i]);
		switch (test_random(&state) % 4) {
		case 0:
			walk(chain_head(&race->chain));
			break;
		case 1:
			find(race, i + 1);
			break;
		case 2:
			ask(race, i);
			break;
		default:
			dma_fence_enable_sw_signaling(race->chain.links[i]);
			break;
		}
	}
}

static void go_round(unsigned int seed)
{
	struct race race = { make_chain(LINKS), seed };

	test_threads(THREADS, act, &race);
	for (unsigned int i = 0; i < LINKS; i++)
		dma_fence_check_and_signal(race.chain.fences[i]);
	for (unsigned int i = 0; i < LINKS; i++)
		ASSERT_TRUE(dma_fence_is_signaled(race.chain.links[i]));
	end_chain(&race.chain);
}

static unsigned int references;

static void assert_in_a_section(const char *label)
{
	if (strcmp(label, "get_rcu_safe: before the reference"))
		return;
	ASSERT_TRUE(urcu_bp_read_ongoing());
	references++;
}

/* Only there, what it has just found cannot go before it has a reference. */
TEST(a_walk_takes_its_references_in_read_sections)
{
	struct dma_fence *fence = make_fence();
	struct dma_fence_chain *first = dma_fence_chain_alloc(), *second = dma_fence_chain_alloc();

	dma_fence_chain_init(first, NULL, dma_fence_get(fence), 1);
	dma_fence_chain_init(second, &first->base, dma_fence_get(fence), 2);
	references = 0;
	os_race_hook(assert_in_a_section);
	dma_fence_put(dma_fence_chain_walk(dma_fence_get(&second->base)));
	os_race_hook(NULL);
	ASSERT_INT(references, ==, 1);
	dma_fence_put(&second->base);
	dma_fence_put(fence);
}

TORTURE(walks_points_and_signals_race)
{
	test_race_begin();
	for (unsigned int round = 0; round < test_rounds(200); round++)
		go_round(test_seed() + round * 16);
	test_race_end();
}

/*
 * The last references on a chain go in several threads at once, while it is collected.
 */

static void let_go(unsigned int index, void *arg)
{
	struct race *race = arg;

	for (unsigned int i = 0; i < LINKS; i++) {
		if (i % THREADS != index)
			continue;
		test_operation();
		dma_fence_check_and_signal(race->chain.fences[i]);
		walk(race->chain.links[i]);
		dma_fence_put(race->chain.links[i]);
		dma_fence_put(race->chain.fences[i]);
	}
}

TORTURE(walks_and_the_last_references_race)
{
	test_race_begin();
	for (unsigned int round = 0; round < test_rounds(200); round++) {
		struct race race = { make_chain(LINKS), 0 };

		for (unsigned int i = 0; round % 2 && i < LINKS; i++)
			dma_fence_enable_sw_signaling(race.chain.links[i]);
		test_threads(THREADS, let_go, &race);
		free(race.chain.fences);
		free(race.chain.links);
	}
	test_race_end();
}
