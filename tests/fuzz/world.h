/* SPDX-License-Identifier: MIT */
/*
 * The fuzz target's world: every fence that a program made, and what is known of it.
 *
 * An input is a program: a row of bytes, each a choice among what is possible, so that
 * any input means something. Where it ends, every choice is the last one there is, and the
 * program ends after that step.
 *
 * The model knows no reference counts, lists of callbacks or states: for each fence
 * the moment when its work is done, and what it is made of. What a container must say is
 * worked out from its members each time.
 */
#ifndef WORLD_H
#define WORLD_H

#include "property-steps.h"

#include "os/clock.h"

#define MAX_THINGS 96
#define MAX_MEMBERS 6
#define MAX_SIZE 1024 /* of a program */

/* Contexts: those of fences of the program's own, two timelines', and that of stubs. */
#define OWN_CONTEXTS 5
#define TIMELINES 2
#define STUBS (OWN_CONTEXTS + TIMELINES)

_Static_assert(STUBS + 1 == MAX_CONTEXTS, "the model has room for all contexts");

enum kind {
	PLAIN,
	ASKED,	 /* says that it is done when it is asked */
	ENABLED, /* or when somebody registers */
	EITHER,	 /* or both */
	OWN_KINDS,
	POINT = OWN_KINDS, /* of a timeline */
	STUB,
	ALL, /* arrays */
	ANY,
	LINK, /* of a chain */
};

/* A fence of the program's own. */
struct own {
	struct dma_fence base; /* first, for dma_fence_free() */
	struct thing *thing;
};

/*
 * A fence, and what the program knows about it, also after its end. w.known[] has
 * the rest, at the same index: what a reservation's model asks for.
 */
struct thing {
	struct dma_fence *fence;
	enum kind kind;
	unsigned int references; /* the program's */
	unsigned int pins;	 /* those of them that registrations need */
	unsigned int files;	 /* descriptors of it */

	bool done;    /* its own: the work is, though nobody may have noticed */
	bool enabled; /* somebody registered: it must tell by itself */
	int error;    /* that it ends with */
	int64_t deadline; /* the earliest that it was told */

	struct thing *members[MAX_MEMBERS]; /* an array's; a link's own is the first */
	unsigned int n_members;
	struct thing *prev;   /* a link's */
	uint64_t prev_seqno;  /* a link's */

	bool alive;	   /* for the check after each step: somebody has a reference */
	bool seen;	   /* it was found signalled */
	int64_t timestamp; /* then */
	unsigned int ran;  /* number of the registration that was called last */
};

static struct thing things[MAX_THINGS];

/* The program. */
static struct {
	const uint8_t *at, *end;
	int64_t began;	/* the step */
	struct dma_fence *guards[MAX_SIZE]; /* who is chosen lives until the step ends */
	unsigned int n_guards;
	bool may_allocate; /* a callback of this step; others may meet a made failure */
} program;

static unsigned int below(unsigned int n)
{
	if (program.at == program.end)
		return n - 1;
	return *program.at++ % n;
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

static struct known *known_of(const struct thing *thing)
{
	return &w.known[thing - things];
}

static struct thing *thing_of(const struct known *known)
{
	return &things[known - w.known];
}

static bool is_container(const struct thing *thing)
{
	return thing->kind >= ALL;
}

/* Somebody certainly has a reference. */
static bool is_usable(const struct thing *thing)
{
	if (thing->references || thing->files)
		return true;
	return thing->kind < OWN_KINDS && !known_of(thing)->released;
}

static bool has_room(void)
{
	return w.n_known < MAX_THINGS;
}

/* The program holds one reference. */
static struct thing *new_thing(enum kind kind, unsigned int context, uint64_t seqno)
{
	struct thing *thing = &things[w.n_known];

	*thing = (struct thing){ .kind = kind, .references = 1, .deadline = INT64_MAX };
	w.known[w.n_known++] = (struct known){ .context = context, .seqno = seqno, .held = true };
	return thing;
}

/* Whatever was there before, and told nobody of its end, has ended. */
static void set_fence(struct thing *thing, struct dma_fence *fence)
{
	for (struct thing *old = things; old < thing; old++) {
		if (old->fence == fence)
			known_of(old)->released = true;
	}
	thing->fence = fence;
	known_of(thing)->fence = fence;
}

static void drop_guards(void)
{
	while (program.n_guards)
		dma_fence_put(program.guards[--program.n_guards]);
}

/*
 * One of those that @wanted accepts; NULL if there is none. Counted from the newest. It is
 * held until the step ends: callbacks may drop all other references.
 */
static struct thing *choose(bool (*wanted)(const struct thing *thing))
{
	unsigned int skip = w.n_known ? below(w.n_known) : 0;
	struct thing *found = NULL;

	for (unsigned int i = w.n_known; i--;) {
		if (!is_usable(&things[i]) || (wanted && !wanted(&things[i])))
			continue;
		found = &things[i];
		if (!skip--)
			break;
	}
	if (found && program.n_guards < MAX_SIZE)
		program.guards[program.n_guards++] = dma_fence_get(found->fence);
	return found;
}

static bool is_leaf(const struct thing *thing)
{
	return !is_container(thing);
}

static bool is_own(const struct thing *thing)
{
	return thing->kind < OWN_KINDS;
}

/* The program has got a reference on it. */
static struct thing *got(struct thing *thing)
{
	thing->references++;
	known_of(thing)->held = true;
	return thing;
}

static void put_thing(struct thing *thing)
{
	CHECK(thing->references, "the program puts what it does not have");
	known_of(thing)->held = --thing->references;
	dma_fence_put(thing->fence);
}

/*
 * What the model says.
 */

/* Would it say so, if it were asked? */
static bool is_done(const struct thing *thing)
{
	unsigned int done = 0;

	if (!is_container(thing))
		return known_of(thing)->signaled;
	for (unsigned int i = 0; i < thing->n_members; i++)
		done += is_done(thing->members[i]);
	if (thing->kind == ANY)
		return done;
	return done == thing->n_members && (!thing->prev || is_done(thing->prev));
}

/* It has signalled, or everything has that it consists of. */
static bool is_due(const struct thing *thing)
{
	unsigned int due = 0;

	if (!is_container(thing) || thing->seen)
		return thing->seen;
	for (unsigned int i = 0; i < thing->n_members; i++)
		due += is_due(thing->members[i]);
	if (thing->kind == ANY)
		return due;
	return due == thing->n_members && (!thing->prev || is_due(thing->prev));
}

/* Of the member that signalled first, among those that count. */
static int error_of(const struct thing *thing)
{
	int64_t first = INT64_MAX;
	int error = 0;

	if (!is_container(thing))
		return thing->error;
	if (thing->kind == LINK)
		return 0;
	for (unsigned int i = 0; i < thing->n_members; i++) {
		const struct thing *member = thing->members[i];

		if (!member->seen || member->timestamp >= first)
			continue;
		if (thing->kind == ALL && !member->error)
			continue;
		first = member->timestamp;
		error = member->error;
	}
	return error;
}

#endif
