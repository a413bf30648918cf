/* SPDX-License-Identifier: MIT */
/*
 * Ending at a labelled point of the library: between two steps of a lock, a commit, a signal, of joining or
 * leaving, where tests end processes, too. Only where the program is linked with the library that has
 * such points (DEMO_POINTS); otherwise nothing happens.
 */
#ifndef DEMO_CHAOS_POINTS_H
#define DEMO_CHAOS_POINTS_H

#include <stdbool.h>

#include "chaos-plan.h"

struct wire_report;

/* Does this program have them? */
bool chaos_points_are_there(void);

/* From now on. */
void chaos_points_begin(const struct chaos_plan *plan);

/* Where to write when it ended; NULL: nowhere any more. */
void chaos_points_report(struct wire_report *report);

#endif
