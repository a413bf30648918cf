/* SPDX-License-Identifier: MIT */
/* Threads that drop mutexes without a locked operation, however often they meet others. */
#ifndef RESTLESS_H
#define RESTLESS_H

#include "os/rseq.h"

/* @on: let no thread rest; else for as long as ever. */
static inline void be_restless(bool on)
{
#ifdef OS_HAS_RSEQ
	store_relaxed(&os_rseq_rest_length, on ? 0 : 16384);
#else
	(void)on;
#endif
}

#endif
