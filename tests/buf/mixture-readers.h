/* SPDX-License-Identifier: MIT */
/*
 * The readers of the mixture: whoever asks a reservation without its lock, and holds what it
 * says against what engines announced and submitters noted before the question.
 */
#ifndef MIXTURE_READERS_H
#define MIXTURE_READERS_H

#include <dmabuf/dma-buf-info.h>
#include <dmabuf/dma-buf-sync-file.h>

#include "json.h"
#include "mixture-world.h"

/* What had been committed before, and the newest job that was seen, by point and by twin. */
struct sight {
	const struct world *world;
	struct dma_resv *resv;
	uint64_t committed[ENGINES][BOOKKEEP];
	uint64_t newest[ENGINES][2];
};

static inline struct sight look_first(const struct world *world, const struct buffer *buffer)
{
	struct sight sight = { .world = world, .resv = buffer->dmabuf->resv };

	for (unsigned int i = 0; i < ENGINES; i++) {
		for (unsigned int k = KERNEL; k < BOOKKEEP; k++)
			sight.committed[i][k] = load_acquire(&buffer->notes->committed[i][k]);
	}
	return sight;
}

static inline void saw(struct sight *sight, const struct dma_fence *fence)
{
	for (unsigned int i = 0; i < ENGINES; i++) {
		for (unsigned int k = POINT; k <= TWIN; k++) {
			if (sight->world->engine[i].context[k] == fence->context &&
			    sight->newest[i][k] < fence->seqno)
				sight->newest[i][k] = fence->seqno;
		}
	}
}

/* Neither half of a commit, nor a set older than what was committed before. */
static inline void check_sight(const struct sight *sight)
{
	for (unsigned int i = 0; i < ENGINES; i++) {
		const struct engine *engine = &sight->world->engine[i];
		const uint64_t point = sight->newest[i][POINT], twin = sight->newest[i][TWIN];
		uint64_t due = point > twin ? point : twin;

		for (unsigned int k = KERNEL; k < BOOKKEEP; k++) {
			if (due < sight->committed[i][k])
				due = sight->committed[i][k];
		}
		if (point < due)
			ASSERT_INT(load_acquire(&engine->announced[POINT]), >=, due);
		if (twin < due)
			ASSERT_INT(load_acquire(&engine->announced[TWIN]), >=, due);
	}
}

/* All up to @usage that had been committed has signalled. */
static inline void check_signaled(const struct sight *sight, enum dma_resv_usage usage)
{
	for (unsigned int i = 0; i < ENGINES; i++) {
		const struct engine *engine = &sight->world->engine[i];

		for (unsigned int k = KERNEL; k < BOOKKEEP; k++) {
			if (k <= usage)
				ASSERT_INT(load_relaxed(&engine->announced[POINT]), >=,
					   sight->committed[i][k]);
			if (usage == BOOKKEEP)
				ASSERT_INT(load_relaxed(&engine->announced[TWIN]), >=,
					   sight->committed[i][k]);
		}
	}
}

/*
 * Sets.
 */

static inline void read_snapshot(struct sight sight)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct sight again = sight;
	struct dma_fence *fence;

	if (dma_resv_get_snapshot(sight.resv, &snap)) {
		dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
			saw(&sight, fence);
		test_yield();
		dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
			saw(&again, fence);
		ASSERT_INT(memcmp(&sight, &again, sizeof(sight)), ==, 0);
		dma_resv_put_snapshot(&snap);
	}
	check_sight(&sight);
}

static inline void read_walk(struct sight sight)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;

	dma_resv_iter_begin(&cursor, sight.resv, BOOKKEEP);
	dma_resv_for_each_fence_unlocked(&cursor, fence) {
		if (dma_resv_iter_is_restarted(&cursor))
			memset(sight.newest, 0, sizeof(sight.newest));
		saw(&sight, fence);
	}
	dma_resv_iter_end(&cursor);
	check_sight(&sight);
}

static inline void read_one(struct sight sight)
{
	struct dma_fence_unwrap cursor;
	struct dma_fence *all, *leaf;

	ASSERT_INT(dma_resv_get_singleton(sight.resv, BOOKKEEP, &all), ==, 0);
	dma_fence_unwrap_for_each(leaf, &cursor, all)
		saw(&sight, leaf);
	dma_fence_put(all);
	check_sight(&sight);
}

static inline void read_copy(struct sight sight)
{
	struct dma_resv copy;

	dma_resv_init(&copy);
	ASSERT_INT(dma_resv_lock(&copy, NULL), ==, 0);
	ASSERT_INT(dma_resv_copy_fences(&copy, sight.resv), ==, 0);
	dma_resv_unlock(&copy);
	sight.resv = &copy;
	read_walk(sight);
	dma_resv_fini(&copy);
}

/*
 * Waiting.
 */

static inline void test_or_wait(const struct sight *sight, uint32_t chance)
{
	const enum dma_resv_usage usage = (enum dma_resv_usage)(chance / 4 % 4);
	const int64_t timeout = chance % 4 == 1 ? MAX_SCHEDULE_TIMEOUT : 100000;
	bool signaled;

	if (chance % 4)
		signaled = dma_resv_wait_timeout(sight->resv, usage, false, timeout) > 0;
	else
		signaled = dma_resv_test_signaled(sight->resv, usage);
	if (signaled)
		check_signaled(sight, usage);
}

static inline void use_cpu(const struct sight *sight, struct dma_buf *dmabuf, bool writes)
{
	const enum dma_data_direction direction = writes ? DMA_TO_DEVICE : DMA_FROM_DEVICE;

	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, direction), ==, 0);
	check_signaled(sight, writes ? READ : WRITE);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, direction), ==, 0);
}

/* Through a descriptor, and on to a buffer of the reader's own. */
static inline void pass_on(const struct sight *sight, struct dma_buf *dmabuf, struct buffer *own,
			   bool writes)
{
	const int fd = dma_buf_export_sync_file(dmabuf, writes ? DMA_BUF_SYNC_WRITE : DMA_BUF_SYNC_READ);
	struct dma_fence *fence;

	ASSERT_INT(fd, >=, 0);
	ASSERT_INT(dma_buf_import_sync_file(own->dmabuf, DMA_BUF_SYNC_WRITE, fd), ==, 0);
	fence = sync_file_get_fence(fd);
	wait_readable(fd);
	ASSERT_TRUE(dma_fence_is_signaled(fence));
	dma_fence_put(fence);
	check_signaled(sight, writes ? READ : WRITE);
	ASSERT_TRUE(dma_resv_test_signaled(own->dmabuf->resv, BOOKKEEP));
}

/* A number of the chain of all jobs: what is behind it has signalled when its link has. */
static inline void read_history(struct world *world, uint32_t chance)
{
	struct dma_fence *head, *link;
	uint64_t length, number;

	pthread_mutex_lock(&world->lock);
	length = world->history_length;
	head = dma_fence_get(world->history);
	pthread_mutex_unlock(&world->lock);
	if (!head)
		return;
	number = 1 + chance % length;
	link = dma_fence_get(head);
	ASSERT_INT(dma_fence_chain_find_seqno(&link, number), ==, 0);
	if (!link || (chance & (1u << 31) && !dma_fence_wait(link, false)) ||
	    dma_fence_is_signaled(link)) {
		for (uint64_t i = number; i && i + 20 > number; i--) {
			const struct entry *entry = &world->entry[i];

			ASSERT_INT(load_relaxed(&entry->engine->announced[POINT]), >=, entry->seqno);
		}
	}
	dma_fence_put(link);
	dma_fence_put(head);
}

/* All buffers of the process, wherever they are in their lives. */
static inline void describe_all(enum dma_buf_info_format format)
{
	const size_t size = 1 << 18;
	char *text = calloc(1, size);
	struct seq_file seq = { fmemopen(text, size, "w") };

	ASSERT_TRUE(text && seq.stream);
	ASSERT_INT(dma_buf_describe_all(&seq, format), ==, 0);
	ASSERT_INT(fclose(seq.stream), ==, 0);
	ASSERT_TRUE(format == DMA_BUF_INFO_JSON ? is_json(text) : strstr(text, " bytes\n") != NULL);
	free(text);
}

#endif
