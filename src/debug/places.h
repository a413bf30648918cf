/* SPDX-License-Identifier: MIT */
/*
 * Where something happened to an object last, by its address: a table that forgets the
 * older of two that fall together, and never says of one object what was of another.
 */
#ifndef DEBUG_PLACES_H
#define DEBUG_PLACES_H

#include <stdbool.h>
#include <stdint.h>

enum place {
	PLACE_LOCKED, /* and who holds it */
	PLACE_FREED,
	PLACE_KINDS
};

/* False: no memory. Until then nothing is known of any object. */
bool places_init(void);

/* It happened to @object, at @stack, by this thread. */
void place_note(enum place place, const void *object, uint32_t stack);

/* It is so no more. The stack of PLACE_LOCKED stays known. */
void place_over(enum place place, const void *object);

/* @object is another one now. */
void place_forget(enum place place, const void *object);

/* The thread for which it is so, as os_self() has it; 0: for none, or not known. */
uintptr_t place_holder(enum place place, const void *object);

/* The stack where it happened, or 0. */
uint32_t place_of(enum place place, const void *object);

#endif
