/* SPDX-License-Identifier: MIT */
/* The rows of all designs: those of a file are compiled once a design, with -DDESIGN=its name. */
#ifndef ROWS_H
#define ROWS_H

#include "designs/name.h"
#include "frame.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

extern const struct design ours_resv_rows, flat_resv_rows, inline_resv_rows, classic_resv_rows;
extern const struct design ours_readers_rows, flat_readers_rows, inline_readers_rows,
	classic_readers_rows;
extern const struct design ours_fence_rows, linux_fence_rows, condvar_fence_rows,
	semaphore_fence_rows, eventfd_fence_rows;
extern const struct design ours_container_rows, ours_buffer_rows;
extern const struct design ours_lock_rows, linux_lock_rows, pthread_lock_rows;
extern const struct design ours_hand_over_rows, futex_hand_over_rows, eventfd_hand_over_rows,
	pipe_hand_over_rows, mutex_hand_over_rows, copy_hand_over_rows;
extern const struct design ours_shared_rows, private_shared_rows;
extern const struct design ours_death_rows, pidfd_death_rows;

#endif
