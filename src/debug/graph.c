/* SPDX-License-Identifier: MIT */
/*
 * Nodes and edges lie in tables of fixed size; free ones are kept on lists, by index, and
 * 0 is none. A full table of nodes gives up the oldest node that stands for one object, and
 * no class.
 *
 * Locking: graph_lock guards everything. It is a short lock, and the innermost of all: no
 * other is taken under it. The heads of the buckets are also looked at without it, which
 * says at once that an object is not there; and the edges that a thread added last, which
 * hold as long as `removals` has not moved.
 */
#include "debug/graph.h"

#include <stddef.h>
#include <string.h>

#include "debug/stacks.h"
#include "os/atomic.h"
#include "os/fault.h"
#include "os/pages.h"
#include "os/thread.h"

enum { NODES = 1 << 15, EDGES = 1 << 18, BUCKETS = 1 << 15, THREADS_MAX = 64 };

struct node {
	const void *lock_class;
	uintptr_t object;
	uint32_t next_in_bucket;
	uint32_t older, newer; /* among the nodes of objects; `newer` is the list of free ones, too */
	uint32_t out, in;      /* first edge from, and to, this node */
	uint32_t visited;      /* search that came here last */
	uint32_t reached_by;   /* edge by which it came */
	uint32_t next_to_visit;
	bool is_of_fence;
	bool is_completion;
	char name[GRAPH_NAME_LEN];
};

struct edge {
	uint32_t from, to;
	uint32_t next_out, prev_out;
	uint32_t next_in, prev_in;
	uint32_t next_in_bucket;
	uint32_t stack;
	uint32_t threads[2]; /* that added it, first; 0: none */
};

/* One mapping. */
struct tables {
	uint32_t node_buckets[BUCKETS]; /* atomic */
	uint32_t edge_buckets[BUCKETS];
	struct node nodes[NODES];
	struct edge edges[EDGES];
};

static struct dmabuf_spinlock graph_lock = DMABUF_SPINLOCK_INIT;
static struct tables *tables;	       /* constant after graph_init() */
static uint32_t nodes_used DMABUF_GUARDED_BY(graph_lock) = 1; /* never used before: from here on */
static uint32_t edges_used DMABUF_GUARDED_BY(graph_lock) = 1;
static uint32_t free_nodes DMABUF_GUARDED_BY(graph_lock);
static uint32_t free_edges DMABUF_GUARDED_BY(graph_lock);
static uint32_t oldest DMABUF_GUARDED_BY(graph_lock); /* nodes of objects */
static uint32_t newest DMABUF_GUARDED_BY(graph_lock);
static uint32_t searches DMABUF_GUARDED_BY(graph_lock);
static uint32_t removals;	       /* atomic */
static bool overflowed, told_overflow; /* atomic */

static struct node *node(uint32_t index) DMABUF_REQUIRES(graph_lock)
{
	return &tables->nodes[index];
}

static struct edge *edge(uint32_t index) DMABUF_REQUIRES(graph_lock)
{
	return &tables->edges[index];
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ (b << 32 | b >> 32)) * 0x9e3779b97f4a7c15u;

	hash ^= hash >> 29;
	return (hash + b) * 0xbf58476d1ce4e5b9u;
}

/* By the object alone, so that all nodes of one are found together. */
static uint32_t *node_bucket(const void *lock_class, uintptr_t object)
{
	const uint64_t key = object < GRAPH_LEVELS ? (uintptr_t)lock_class + object : object;

	return &tables->node_buckets[mix(key, 1) % BUCKETS];
}

static uint32_t *edge_bucket(uint32_t from, uint32_t to)
{
	return &tables->edge_buckets[mix(from, to) % BUCKETS];
}

/*
 * Edges. All under graph_lock.
 */

static uint32_t find_edge(uint32_t from, uint32_t to) DMABUF_REQUIRES(graph_lock)
{
	uint32_t index = *edge_bucket(from, to);

	while (index && (edge(index)->from != from || edge(index)->to != to))
		index = edge(index)->next_in_bucket;
	return index;
}

static uint32_t take_edge(void) DMABUF_REQUIRES(graph_lock)
{
	const uint32_t index = free_edges;

	if (index) {
		free_edges = edge(index)->next_out;
		return index;
	}
	return edges_used < EDGES ? edges_used++ : 0;
}

static uint32_t make_edge(uint32_t from, uint32_t to, uint32_t stack, uint32_t thread)
	DMABUF_REQUIRES(graph_lock)
{
	const uint32_t index = take_edge();
	struct edge *new = edge(index);
	uint32_t *bucket = edge_bucket(from, to);

	if (!index)
		return 0;
	*new = (struct edge){
		.from = from,
		.to = to,
		.next_out = node(from)->out,
		.next_in = node(to)->in,
		.next_in_bucket = *bucket,
		.stack = stack,
		.threads = { thread },
	};
	if (new->next_out)
		edge(new->next_out)->prev_out = index;
	if (new->next_in)
		edge(new->next_in)->prev_in = index;
	node(from)->out = node(to)->in = *bucket = index;
	return index;
}

static void free_edge(uint32_t index) DMABUF_REQUIRES(graph_lock)
{
	struct edge *old = edge(index);
	uint32_t *link = edge_bucket(old->from, old->to);

	while (*link != index)
		link = &edge(*link)->next_in_bucket;
	*link = old->next_in_bucket;
	*(old->prev_out ? &edge(old->prev_out)->next_out : &node(old->from)->out) = old->next_out;
	*(old->prev_in ? &edge(old->prev_in)->next_in : &node(old->to)->in) = old->next_in;
	if (old->next_out)
		edge(old->next_out)->prev_out = old->prev_out;
	if (old->next_in)
		edge(old->next_in)->prev_in = old->prev_in;
	old->next_out = free_edges;
	free_edges = index;
}

/*
 * Nodes. All under graph_lock.
 */

static uint32_t find_node(const void *lock_class, uintptr_t object) DMABUF_REQUIRES(graph_lock)
{
	uint32_t index = *node_bucket(lock_class, object);

	while (index && (node(index)->lock_class != lock_class || node(index)->object != object))
		index = node(index)->next_in_bucket;
	return index;
}

static void free_node(uint32_t index) DMABUF_REQUIRES(graph_lock)
{
	struct node *old = node(index);
	uint32_t *link = node_bucket(old->lock_class, old->object);

	while (old->out)
		free_edge(old->out);
	while (old->in)
		free_edge(old->in);
	if (*link == index)
		store_relaxed(link, old->next_in_bucket); /* whoever looks without the lock sees either */
	else {
		while (node(*link)->next_in_bucket != index)
			link = &node(*link)->next_in_bucket;
		node(*link)->next_in_bucket = old->next_in_bucket;
	}
	if (old->object >= GRAPH_LEVELS) {
		*(old->older ? &node(old->older)->newer : &oldest) = old->newer;
		*(old->newer ? &node(old->newer)->older : &newest) = old->older;
	}
	old->newer = free_nodes;
	free_nodes = index;
	fetch_add_release(&removals, 1);
}

static uint32_t take_node(void) DMABUF_REQUIRES(graph_lock)
{
	uint32_t index;

	if (!free_nodes && nodes_used < NODES)
		return nodes_used++;
	if (!free_nodes && oldest)
		free_node(oldest);
	index = free_nodes;
	if (index)
		free_nodes = node(index)->newer;
	return index;
}

static uint32_t make_node(const struct graph_node *like) DMABUF_REQUIRES(graph_lock)
{
	uint32_t *bucket = node_bucket(like->lock_class, like->object);
	const uint32_t index = take_node();
	struct node *new = node(index);

	if (!index)
		return 0;
	*new = (struct node){
		.lock_class = like->lock_class,
		.object = like->object,
		.next_in_bucket = *bucket,
		.is_of_fence = like->is_of_fence,
		.is_completion = like->is_completion,
	};
	strncpy(new->name, like->name, sizeof(new->name) - 1);
	if (like->object >= GRAPH_LEVELS) {
		new->older = newest;
		*(newest ? &node(newest)->newer : &oldest) = index;
		newest = index;
	}
	store_relaxed(bucket, index); /* whoever looks without the lock takes it for a hint */
	return index;
}

static uint32_t find_or_make(const struct graph_node *like) DMABUF_REQUIRES(graph_lock)
{
	const uint32_t index = find_node(like->lock_class, like->object);

	return index ? index : make_node(like);
}

/*
 * The search. Under graph_lock.
 */

/* Is there a way from @from @to? Then each node on it knows by which edge it was reached. */
static bool search(uint32_t from, uint32_t to) DMABUF_REQUIRES(graph_lock)
{
	uint32_t last = from;

	searches++;
	node(from)->visited = searches;
	node(from)->next_to_visit = 0;
	for (uint32_t at = from; at; at = node(at)->next_to_visit) {
		if (at == to)
			return true;
		for (uint32_t i = node(at)->out; i; i = edge(i)->next_out) {
			struct node *next = node(edge(i)->to);

			if (next->visited == searches)
				continue;
			next->visited = searches;
			next->reached_by = i;
			next->next_to_visit = 0;
			node(last)->next_to_visit = edge(i)->to;
			last = edge(i)->to;
		}
	}
	return false;
}

static void add_step(struct graph_cycle *cycle, const struct edge *edge) DMABUF_REQUIRES(graph_lock)
{
	const struct node *from = node(edge->from), *to = node(edge->to);

	*(from->is_completion ? &cycle->has_completion : &cycle->has_lock) = true;
	cycle->has_fence = cycle->has_fence || from->is_of_fence;
	cycle->length++;
	if (cycle->steps == GRAPH_CYCLE_MAX)
		return;
	cycle->step[cycle->steps] = (struct graph_step){
		.from_object = from->object,
		.to_object = to->object,
		.stack = edge->stack,
	};
	memcpy(cycle->step[cycle->steps].from, from->name, GRAPH_NAME_LEN);
	memcpy(cycle->step[cycle->steps].to, to->name, GRAPH_NAME_LEN);
	cycle->steps++;
}

static bool is_one_fence(uint32_t index) DMABUF_REQUIRES(graph_lock)
{
	return node(index)->is_completion && node(index)->is_of_fence;
}

static bool is_for_any_thread(const struct edge *edge) DMABUF_REQUIRES(graph_lock)
{
	return !is_one_fence(edge->from) && !is_one_fence(edge->to);
}

/* Is there no more to be said by @thread's doing the same? Two are enough to tell threads apart. */
static bool is_by(const struct edge *edge, uint32_t thread) DMABUF_REQUIRES(graph_lock)
{
	return is_for_any_thread(edge) || edge->threads[1] || edge->threads[0] == thread;
}

/*
 * The threads of some edges, in groups: two that one edge has are of one group. An edge needs a
 * thread of its own, so a group may have as many edges as threads, and is full then.
 */
struct groups {
	unsigned int count;
	uint32_t thread[THREADS_MAX];
	unsigned int leader[THREADS_MAX];
	bool full[THREADS_MAX]; /* of leaders */
};

static unsigned int group_of(struct groups *groups, uint32_t thread)
{
	unsigned int i = 0;

	while (i < groups->count && groups->thread[i] != thread)
		i++;
	if (i == groups->count) {
		groups->thread[i] = thread;
		groups->leader[i] = i;
		groups->full[i] = false;
		groups->count++;
	}
	while (groups->leader[i] != i)
		i = groups->leader[i];
	return i;
}

/*
 * Who waits for a fence, and who signals it, is known: in a deadlock those are all different
 * threads, each of which hangs in one place. What one thread did in more, it did in turn. Orders
 * of locks and sections are for any thread. @groups: of the edges before.
 */
static bool can_hang(const struct edge *edge, struct groups *groups) DMABUF_REQUIRES(graph_lock)
{
	unsigned int a, b;

	if (is_for_any_thread(edge) || groups->count + 2 > THREADS_MAX)
		return true;
	a = group_of(groups, edge->threads[0]);
	b = edge->threads[1] ? group_of(groups, edge->threads[1]) : a;
	if (groups->full[a] && groups->full[b])
		return false;
	groups->full[a] = groups->full[a] || groups->full[b] || a == b;
	groups->leader[b] = a;
	return true;
}

/* @index has closed a cycle, which search() has found. False: it is none that can happen. */
static bool describe(uint32_t index, struct graph_cycle *cycle) DMABUF_REQUIRES(graph_lock)
{
	const struct edge *const new = edge(index);
	struct groups groups = { .count = 0 };
	bool can_happen = can_hang(new, &groups);

	*cycle = (struct graph_cycle){ .length = 0 };
	add_step(cycle, new);
	for (uint32_t at = new->from; at != new->to;) {
		const struct edge *by = edge(node(at)->reached_by);

		can_happen = can_happen && can_hang(by, &groups);
		add_step(cycle, by);
		at = by->from;
	}
	return can_happen;
}

/* An edge that is there, and by one thread only, until now. */
static uint32_t share_edge(uint32_t index, uint32_t stack, uint32_t thread)
	DMABUF_REQUIRES(graph_lock)
{
	edge(index)->threads[1] = thread;
	edge(index)->stack = stack;
	return index;
}

/* An edge that is not there yet, or not by this thread. */
static bool learn(uint32_t from, uint32_t to, uint32_t stack, uint32_t thread,
		  struct graph_cycle *ret_cycle) DMABUF_REQUIRES(graph_lock)
{
	const bool closes = search(to, from);
	const uint32_t there = find_edge(from, to);
	const uint32_t index = there ? share_edge(there, stack, thread)
				     : make_edge(from, to, stack, thread);

	OS_RACE_POINT("graph: locked");
	if (!index)
		store_relaxed(&overflowed, true); /* a note, nothing else */
	return index && closes && describe(index, ret_cycle);
}

/*
 * The interface.
 */

bool graph_init(void)
{
	tables = os_pages_reserve(sizeof(*tables));
	return tables;
}

static uint64_t fingerprint(const struct graph_node *from, const struct graph_node *to)
{
	return mix(mix((uintptr_t)from->lock_class, from->object),
		   mix((uintptr_t)to->lock_class, to->object)) | 1;
}

/* Where the thread would have noted it. */
static uint64_t *known_edge(struct graph_known *known, uint64_t print)
{
	return &known->edges[print / 2 % (sizeof(known->edges) / sizeof(known->edges[0]))];
}

/* Did this thread add this edge lately, and has nothing gone since? */
static bool is_known(struct graph_known *known, uint64_t print)
{
	const uint32_t now = load_acquire(&removals);

	if (known->removals != now)
		*known = (struct graph_known){ .removals = now, .thread = known->thread };
	return *known_edge(known, print) == print;
}

static bool is_learnt_locked(uint32_t from, uint32_t to, uint32_t thread)
	DMABUF_REQUIRES(graph_lock)
{
	const uint32_t index = find_edge(from, to);

	return index && is_by(edge(index), thread);
}

/* Is the edge there? It takes less than a stack does. */
static bool is_learnt(const struct graph_node *from, const struct graph_node *to, uint32_t thread)
{
	uint32_t a, b;
	bool is_there;

	dmabuf_spin_lock(&graph_lock);
	a = find_node(from->lock_class, from->object);
	b = find_node(to->lock_class, to->object);
	is_there = a && b && is_learnt_locked(a, b, thread);
	dmabuf_spin_unlock(&graph_lock);
	return is_there;
}

static bool add_locked(const struct graph_node *from, const struct graph_node *to, uint32_t stack,
		       uint32_t thread, struct graph_cycle *ret_cycle) DMABUF_REQUIRES(graph_lock)
{
	uint32_t a = find_or_make(from);
	const uint32_t b = find_or_make(to);

	/* Making the second may have cost the first, which is new then. */
	if (find_node(from->lock_class, from->object) != a)
		a = find_or_make(from);
	if (!a || !b || find_node(to->lock_class, to->object) != b) {
		store_relaxed(&overflowed, true); /* a note, nothing else */
		return false;
	}
	return !is_learnt_locked(a, b, thread) && learn(a, b, stack, thread, ret_cycle);
}

bool graph_add(struct graph_known *known, const struct graph_node *from,
	       const struct graph_node *to, const void *caller, struct graph_cycle *ret_cycle)
{
	const uint64_t print = fingerprint(from, to);
	bool closes = false;

	if (is_known(known, print))
		return false;
	if (!is_learnt(from, to, known->thread)) {
		const uint32_t stack = stack_save_from(caller);

		OS_RACE_POINT("graph: before an edge");
		dmabuf_spin_lock(&graph_lock);
		closes = add_locked(from, to, stack, known->thread, ret_cycle);
		dmabuf_spin_unlock(&graph_lock);
	}
	*known_edge(known, print) = print;
	return closes;
}

bool graph_knows(const void *lock_class, uintptr_t object)
{
	bool is_there;

	if (!load_relaxed(node_bucket(lock_class, object))) /* a hint */
		return false;
	dmabuf_spin_lock(&graph_lock);
	is_there = find_node(lock_class, object);
	dmabuf_spin_unlock(&graph_lock);
	return is_there;
}

void graph_forget_class(const void *lock_class)
{
	for (unsigned int level = 0; level < GRAPH_LEVELS; level++) {
		uint32_t index;

		if (!load_relaxed(node_bucket(lock_class, level))) /* as in graph_forget() */
			continue;
		dmabuf_spin_lock(&graph_lock);
		index = find_node(lock_class, level);
		if (index)
			free_node(index);
		dmabuf_spin_unlock(&graph_lock);
	}
}

void graph_forget(uintptr_t object)
{
	uint32_t *bucket, index, next;

	if (object < GRAPH_LEVELS)
		return;
	bucket = node_bucket(NULL, object);
	if (!load_relaxed(bucket)) /* whoever added one is done with the object */
		return;
	dmabuf_spin_lock(&graph_lock);
	for (index = *bucket; index; index = next) {
		next = node(index)->next_in_bucket;
		if (node(index)->object == object)
			free_node(index);
	}
	dmabuf_spin_unlock(&graph_lock);
}

bool graph_overflowed(void)
{
	return load_relaxed(&overflowed) &&
	       !__atomic_exchange_n(&told_overflow, true, __ATOMIC_RELAXED);
}

/* The lock alone: a fork must not leave it held. */
static struct os_fork_hook fork_hook = { .lock = &graph_lock };

/* Before those of all other short locks: the first hook added is the last whose lock a fork takes. */
__attribute__((constructor(1001))) static void watch_forks(void)
{
	os_fork_hook_add(&fork_hook);
}
