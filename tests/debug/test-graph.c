/* SPDX-License-Identifier: MIT */
/*
 * The graph by itself: against a model that knows nothing but a matrix of edges, and where it is
 * full. It never forgets by itself, so each test has a child for it.
 */
#include "rules.h"

#include "debug/graph.h"

enum { NODES = 24, MANY = 40000, LEVELS = GRAPH_LEVELS };

static const int classes[3]; /* by address */

/*
 * The model: which edge is there, and who added it.
 */

struct model {
	bool edge[NODES][NODES];
	bool reached[NODES];
};

/* The nodes of a test, by number: half of them are objects, some of which share a class. */
static struct graph_node node(unsigned int number)
{
	return (struct graph_node){
		.lock_class = &classes[number % 3],
		.object = number % 2 ? 1000 + number : number / 6, /* levels: 0 to 3 of each class */
		.name = "node",
	};
}

static void reach(struct model *model, unsigned int from)
{
	if (model->reached[from])
		return;
	model->reached[from] = true;
	for (unsigned int to = 0; to < NODES; to++) {
		if (model->edge[from][to])
			reach(model, to);
	}
}

static bool leads(struct model *model, unsigned int from, unsigned int to)
{
	memset(model->reached, 0, sizeof(model->reached));
	reach(model, from);
	return model->reached[to];
}

static void model_forget(struct model *model, unsigned int number)
{
	for (unsigned int i = 0; i < NODES; i++)
		model->edge[number][i] = model->edge[i][number] = false;
}

/* Are the steps those of a cycle, from the new edge back to its beginning? */
static void check_cycle(const struct model *model, const struct graph_cycle *cycle,
			unsigned int from, unsigned int to)
{
	const unsigned int shown = cycle->length < GRAPH_CYCLE_MAX ? cycle->length : GRAPH_CYCLE_MAX;

	(void)model;
	ASSERT_INT(cycle->steps, ==, shown);
	ASSERT_INT(cycle->step[0].from_object, ==, node(from).object);
	ASSERT_INT(cycle->step[0].to_object, ==, node(to).object);
	for (unsigned int i = 1; i < cycle->steps; i++)
		ASSERT_INT(cycle->step[i].to_object, ==, cycle->step[i - 1].from_object);
	if (cycle->length <= GRAPH_CYCLE_MAX)
		ASSERT_INT(cycle->step[cycle->steps - 1].from_object, ==, node(to).object);
}

/* Adding, again and anew, forgetting, and asking, by several threads that know what they added. */
static void compare_with_model(uint32_t seed)
{
	static struct graph_known known[3];
	static struct model model;
	uint32_t random = seed;

	for (unsigned int i = 0; i < 3; i++)
		known[i].thread = i + 1;
	for (unsigned int steps = test_rounds(8000); steps; steps--) {
		const unsigned int a = test_random(&random) % NODES, b = test_random(&random) % NODES;
		const struct graph_node from = node(a), to = node(b);
		struct graph_cycle cycle;
		bool closes, expected;

		if (test_random(&random) % 16 == 0 && from.object >= LEVELS) {
			graph_forget(from.object);
			ASSERT_FALSE(graph_knows(from.lock_class, from.object));
			model_forget(&model, a);
			continue;
		}
		if (a == b)
			continue;
		expected = !model.edge[a][b] && leads(&model, b, a);
		closes = graph_add(&known[test_random(&random) % 3], &from, &to,
				   __builtin_return_address(0), &cycle);
		if (closes != expected)
			FAIL("%u to %u: %d, not %d", a, b, closes, expected);
		if (closes)
			check_cycle(&model, &cycle, a, b);
		model.edge[a][b] = true;
		ASSERT_TRUE(graph_knows(from.lock_class, from.object));
		ASSERT_TRUE(graph_knows(to.lock_class, to.object));
		/* What closes a cycle would close many more. */
		if (closes && from.object >= LEVELS) {
			graph_forget(from.object);
			model_forget(&model, a);
		}
	}
	ASSERT_FALSE(graph_overflowed());
}

TEST(graph_finds_what_a_naive_one_finds)
{
	for (uint32_t i = 0; i < 4; i++)
		IN_CHILD(compare_with_model(test_seed() + i));
}

/*
 * Cycles of every length.
 */

static struct graph_node link_of(unsigned int number)
{
	return (struct graph_node){
		.lock_class = &classes[0],
		.object = 1000 + number,
		.name = "link",
	};
}

static bool add(struct graph_known *known, unsigned int from, unsigned int to,
		struct graph_cycle *cycle)
{
	const struct graph_node a = link_of(from), b = link_of(to);

	return graph_add(known, &a, &b, __builtin_return_address(0), cycle);
}

static void close_cycle_of(unsigned int length)
{
	static struct graph_known known;
	struct graph_cycle cycle;

	for (unsigned int i = 0; i < length - 1; i++)
		ASSERT_FALSE(add(&known, i, i + 1, &cycle));
	ASSERT_TRUE(add(&known, length - 1, 0, &cycle));
	ASSERT_INT(cycle.length, ==, length);
	ASSERT_INT(cycle.steps, ==, length < GRAPH_CYCLE_MAX ? length : GRAPH_CYCLE_MAX);
	ASSERT_TRUE(cycle.has_lock);
	ASSERT_FALSE(cycle.has_completion);
	for (unsigned int i = 0; i < cycle.steps; i++) {
		ASSERT_INT(cycle.step[i].from_object, ==, 1000 + length - 1 - i);
		ASSERT_INT(cycle.step[i].to_object, ==, 1000 + (length - i) % length);
		ASSERT_STR(cycle.step[i].from, "link");
		ASSERT_INT(cycle.step[i].stack, !=, 0);
	}
	/* It is told once. */
	ASSERT_FALSE(add(&known, length - 1, 0, &cycle));
}

TEST(cycle_of_every_length_is_found)
{
	for (unsigned int length = 2; length <= 2 * GRAPH_CYCLE_MAX + 1; length++)
		IN_CHILD(close_cycle_of(length));
	IN_CHILD(close_cycle_of(5000));
}

/*
 * Who hangs.
 */

static bool add_for(uint32_t thread, struct graph_node from, struct graph_node to,
		    struct graph_cycle *cycle)
{
	static struct graph_known known[4];

	known[thread].thread = thread;
	return graph_add(&known[thread], &from, &to, __builtin_return_address(0), cycle);
}

static struct graph_node fence_of(unsigned int number)
{
	return (struct graph_node){
		.lock_class = &classes[1],
		.object = 5000 + number,
		.name = "fence",
		.is_of_fence = true,
		.is_completion = true,
	};
}

static const struct graph_node section = {
	.lock_class = &classes[2],
	.object = 0,
	.name = "section",
	.is_completion = true,
};

static void wait_and_signal_in_turn(void)
{
	struct graph_cycle cycle;

	/* One thread, one fence. */
	ASSERT_FALSE(add_for(1, link_of(0), fence_of(0), &cycle));
	ASSERT_FALSE(add_for(1, fence_of(0), link_of(0), &cycle));
	/* Two threads, and one of them twice. */
	ASSERT_FALSE(add_for(1, link_of(1), fence_of(1), &cycle));
	ASSERT_FALSE(add_for(2, fence_of(1), link_of(2), &cycle));
	ASSERT_FALSE(add_for(2, link_of(2), fence_of(2), &cycle));
	ASSERT_FALSE(add_for(3, fence_of(2), link_of(1), &cycle));
	/* Each once. */
	ASSERT_FALSE(add_for(1, link_of(3), fence_of(3), &cycle));
	ASSERT_TRUE(add_for(2, fence_of(3), link_of(3), &cycle));
	ASSERT_TRUE(cycle.has_lock && cycle.has_completion && cycle.has_fence);
	/* Sections, and orders of locks, are anybody's. */
	ASSERT_FALSE(add_for(1, link_of(4), section, &cycle));
	ASSERT_TRUE(add_for(1, section, link_of(4), &cycle));
	ASSERT_TRUE(cycle.has_lock && cycle.has_completion && !cycle.has_fence);
	ASSERT_FALSE(add_for(1, link_of(5), fence_of(5), &cycle));
	ASSERT_FALSE(add_for(1, link_of(6), link_of(5), &cycle));
	ASSERT_TRUE(add_for(2, fence_of(5), link_of(6), &cycle));
	ASSERT_INT(cycle.length, ==, 3);
	/* Fences alone. */
	ASSERT_FALSE(add_for(1, fence_of(7), fence_of(8), &cycle));
	ASSERT_TRUE(add_for(2, fence_of(8), fence_of(7), &cycle));
	ASSERT_TRUE(!cycle.has_lock && cycle.has_completion);
}

TEST(cycle_that_one_thread_walks_in_turn_is_none)
{
	IN_CHILD(wait_and_signal_in_turn());
}

/*
 * Forgetting, and giving way.
 */

static void forget_the_middle(void)
{
	static struct graph_known known;
	struct graph_cycle cycle;

	for (unsigned int i = 0; i < 4; i++)
		ASSERT_FALSE(add(&known, i, i + 1, &cycle));
	graph_forget(1002);
	graph_forget(77); /* nobody's */
	graph_forget(3);  /* no object's, but a level */
	ASSERT_FALSE(add(&known, 4, 0, &cycle));
	ASSERT_FALSE(add(&known, 1, 2, &cycle));
	ASSERT_TRUE(add(&known, 2, 3, &cycle));
}

TEST(forgotten_node_closes_nothing)
{
	IN_CHILD(forget_the_middle());
}

/* All nodes at one address go together, whatever they are. */
static void forget_all_at_an_address(void)
{
	static struct graph_known known;
	struct graph_node one = link_of(0), other = fence_of(0), third = link_of(1);
	struct graph_cycle cycle;

	other.object = one.object;
	ASSERT_FALSE(graph_add(&known, &one, &third, __builtin_return_address(0), &cycle));
	ASSERT_FALSE(graph_add(&known, &third, &other, __builtin_return_address(0), &cycle));
	graph_forget(one.object);
	ASSERT_FALSE(graph_knows(one.lock_class, one.object));
	ASSERT_FALSE(graph_knows(other.lock_class, other.object));
	ASSERT_TRUE(graph_knows(third.lock_class, third.object));
}

TEST(all_at_an_address_is_forgotten_together)
{
	IN_CHILD(forget_all_at_an_address());
}

/* Objects come without end. A class stays, with what is known of it, and so do the newest. */
static void outlive_many(void)
{
	static const struct graph_node outer = { .lock_class = &classes[1], .name = "outer" },
				       inner = { .lock_class = &classes[2], .name = "inner" };
	static struct graph_known known;
	struct graph_cycle cycle;

	ASSERT_FALSE(graph_add(&known, &outer, &inner, __builtin_return_address(0), &cycle));
	for (unsigned int i = 0; i < MANY; i++)
		ASSERT_FALSE(add(&known, i, i + 1, &cycle));
	ASSERT_FALSE(graph_knows(&classes[0], 1000));
	ASSERT_TRUE(graph_knows(&classes[0], 1000 + MANY));
	ASSERT_FALSE(add(&known, MANY, 0, &cycle));
	ASSERT_TRUE(add(&known, MANY, MANY - 2, &cycle));
	ASSERT_TRUE(graph_add(&known, &inner, &outer, __builtin_return_address(0), &cycle));

	/* Until it is given up. Then objects give way as before. */
	graph_forget_class(outer.lock_class);
	ASSERT_FALSE(graph_knows(outer.lock_class, 0));
	ASSERT_FALSE(graph_add(&known, &inner, &outer, __builtin_return_address(0), &cycle));
	for (unsigned int i = 0; i < 8; i++)
		ASSERT_FALSE(add(&known, MANY + i, MANY + i + 1, &cycle));
	ASSERT_TRUE(graph_knows(&classes[0], 1000 + MANY + 8));
	ASSERT_FALSE(graph_overflowed());
}

TEST(oldest_objects_give_way_and_classes_stay)
{
	IN_CHILD(outlive_many());
}

/* Edges end, too: what goes with its nodes makes room for others. */
static void fill_edges(void)
{
	enum { SIDE = 600 };
	static struct graph_known known;
	struct graph_cycle cycle;

	for (unsigned int i = 0; i < SIDE; i++) {
		for (unsigned int j = 0; j < SIDE; j++)
			ASSERT_FALSE(add(&known, i, SIDE + j, &cycle));
	}
	ASSERT_TRUE(graph_overflowed());
	ASSERT_FALSE(graph_overflowed()); /* told once */
	for (unsigned int i = 0; i < SIDE / 2; i++)
		graph_forget(1000 + i);
	for (unsigned int i = 0; i < SIDE / 4; i++) {
		ASSERT_FALSE(add(&known, i, SIDE, &cycle));
		ASSERT_TRUE(add(&known, SIDE, i, &cycle));
	}
}

TEST(edges_that_went_make_room)
{
	IN_CHILD(fill_edges());
}
