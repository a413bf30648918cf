/* SPDX-License-Identifier: MIT */
/* Between the parts of the harness: threads, whose chance and operations torture.c keeps. */
#ifndef HARNESS_TORTURE_H
#define HARNESS_TORTURE_H

/* The number of a thread that is about to be started. */
unsigned int torture_new_thread(void);

void torture_thread_begins(unsigned int number);
void torture_thread_ends(void);

/* How many operations there were, if any, and in how much memory. */
void torture_report(void);

#endif
