/* SPDX-License-Identifier: MIT */
#ifndef RESV_WW_MUTEX_INTERNAL_H
#define RESV_WW_MUTEX_INTERNAL_H

#include <stdbool.h>

#ifdef DMABUF_SEAMS
/*
 * Make up an -EDEADLK now and then where a context takes one more lock: first at
 * its second lock, then ever more rarely, so that every job ends. For all
 * threads; off at start.
 */
void ww_mutex_inject_deadlocks(bool on);
#endif

#endif
