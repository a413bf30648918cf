/* SPDX-License-Identifier: MIT */
/*
 * One entry for each address that the hash sends there.
 *
 *   note                                   reader
 *   N1  object = 0         relaxed         R1  object, equal       acquire
 *   N2  stack, holder      relaxed         R2  stack or holder     relaxed
 *   N3  object             release         R3  object, still       relaxed
 *
 *   R1 from N3: R2 is of N2, or of a later note, which R3 mostly shows. What slips through
 *   takes two notes in one entry at the same moment. Then a report may show a wrong stack, or
 *   a thread may not be known as the one that holds or ends the object (docs/status.md).
 */
#include "debug/places.h"

#include "os/atomic.h"
#include "os/fault.h"
#include "os/pages.h"
#include "os/thread.h"

enum { ENTRIES = 1 << 17 };

struct entry {
	const void *object; /* atomic */
	uintptr_t holder;   /* atomic */
	uint32_t stack;	    /* atomic */
};

static struct entry *tables[PLACE_KINDS]; /* constant after places_init() */

bool places_init(void)
{
	for (unsigned int i = 0; i < PLACE_KINDS; i++) {
		tables[i] = os_pages_reserve(ENTRIES * sizeof(struct entry));
		if (!tables[i])
			return false;
	}
	return true;
}

static struct entry *entry_of(enum place place, const void *object)
{
	const uint64_t hash = (uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u;

	return &tables[place][hash >> (64 - 17)];
}

static struct entry *find(enum place place, const void *object)
{
	struct entry *entry = entry_of(place, object);

	return load_acquire(&entry->object) == object ? entry : NULL; /* R1 */
}

void place_note(enum place place, const void *object, uint32_t stack)
{
	struct entry *entry = entry_of(place, object);

	store_relaxed(&entry->object, NULL); /* N1 */
	store_relaxed(&entry->stack, stack); /* N2 */
	store_relaxed(&entry->holder, os_self());
	store_release(&entry->object, object); /* N3 */
}

void place_over(enum place place, const void *object)
{
	struct entry *entry = find(place, object);
	uintptr_t self = os_self();

	if (entry)
		cas_acq_rel(&entry->holder, &self, 0); /* not if it is the next one's already */
}

void place_forget(enum place place, const void *object)
{
	struct entry *entry = find(place, object);

	if (entry)
		cas_acq_rel(&entry->object, &object, NULL);
}

uintptr_t place_holder(enum place place, const void *object)
{
	const struct entry *entry = find(place, object);
	uintptr_t holder;

	if (!entry)
		return 0;
	holder = load_relaxed(&entry->holder); /* R2 */
	OS_RACE_POINT("places: before the second look");
	return load_relaxed(&entry->object) == object ? holder : 0; /* R3 */
}

uint32_t place_of(enum place place, const void *object)
{
	const struct entry *entry = find(place, object);

	return entry ? load_relaxed(&entry->stack) : 0;
}
