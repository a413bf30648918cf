/* SPDX-License-Identifier: MIT */
/* All that is measured. */
#include "rows.h"

static const struct design *const resv[] = {
	&ours_resv_rows, &flat_resv_rows, &inline_resv_rows, &classic_resv_rows,
};

static const struct design *const readers[] = {
	&ours_readers_rows, &flat_readers_rows, &inline_readers_rows, &classic_readers_rows,
};

static const struct design *const fence[] = {
	&ours_fence_rows, &linux_fence_rows, &condvar_fence_rows, &semaphore_fence_rows,
	&eventfd_fence_rows,
};

static const struct design *const container[] = { &ours_container_rows };

static const struct design *const lock[] = {
	&ours_lock_rows, &linux_lock_rows, &pthread_lock_rows,
};

static const struct design *const buffer[] = { &ours_buffer_rows };

static const struct design *const hand_over[] = {
	&ours_hand_over_rows, &futex_hand_over_rows, &eventfd_hand_over_rows,
	&pipe_hand_over_rows, &mutex_hand_over_rows, &copy_hand_over_rows,
};

static const struct design *const shared[] = { &ours_shared_rows, &private_shared_rows };

static const struct design *const death[] = { &ours_death_rows, &pidfd_death_rows };

const struct family families[] = {
	{ "reservation", resv, COUNT(resv) },
	{ "readers against a writer", readers, COUNT(readers) },
	{ "fence", fence, COUNT(fence) },
	{ "chain and array", container, COUNT(container) },
	{ "locks", lock, COUNT(lock) },
	{ "buffer", buffer, COUNT(buffer) },
	{ "shared reservation", shared, COUNT(shared) },
	{ "between processes", hand_over, COUNT(hand_over) },
	{ "a member's death", death, COUNT(death) },
};
const unsigned int families_count = COUNT(families);
