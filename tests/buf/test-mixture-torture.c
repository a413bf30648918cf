/* SPDX-License-Identifier: MIT */
/*
 * Everything at once: submitters lock several buffers, of which some move, and give jobs to
 * engines, which wait for what was there before, in any way; readers ask meanwhile.
 *
 * Jobs find in plain memory what the job before them must have left, so a fence that is lost, a
 * reader that is overwritten, an importer that was not told of a move, show at once, and
 * ThreadSanitizer sees an order that is missing though the values are right.
 *
 * A job waits for fences that were committed before its own point was made, and an engine works in
 * the order of its points: so somebody can always go on.
 */
#include <dmabuf/drm-exec.h>

#include "mixture-readers.h"
#include "resv/ww-mutex-internal.h"

#define SUBMITTERS 3
#define READERS 2
#define LAG 16 /* jobs that an engine has not done yet, at most */

/*
 * Submitters.
 */

struct submitter {
	struct world *world;
	struct seat seat[SLOTS];
	uint32_t chance;
};

/* Up to three that differ, in any order. */
static unsigned int choose_slots(uint32_t *chance, unsigned int slots[SLOTS])
{
	for (unsigned int i = 0; i < SLOTS; i++) {
		const unsigned int j = test_random(chance) % (i + 1);

		slots[i] = slots[j];
		slots[j] = i;
	}
	return 1 + test_random(chance) % MAX_USES;
}

/* Sit at what is in the slot now; now and then in another manner. */
static void take_seat(struct submitter *submitter, unsigned int slot)
{
	struct buffer *buffer = get_buffer(submitter->world, slot);
	struct seat *seat = &submitter->seat[slot];

	if (seat->buffer == buffer && test_random(&submitter->chance) % 16) {
		dma_buf_put(buffer->dmabuf);
		return;
	}
	if (seat->buffer)
		stand_up(seat);
	sit_down(seat, buffer, test_random(&submitter->chance));
}

static void lock_all(struct drm_exec *exec, struct seat *const *seats, unsigned int n)
{
	drm_exec_init(exec, DRM_EXEC_IGNORE_DUPLICATES, n);
	drm_exec_until_all_locked(exec) {
		for (unsigned int i = 0; i < n; i++) {
			const int err = drm_exec_lock_resv(exec, seats[i]->buffer->dmabuf->resv);

			drm_exec_retry_on_contention(exec);
			ASSERT_INT(err, ==, 0);
		}
	}
}

static void move_buffer(struct use *use)
{
	struct buffer *buffer = use->buffer;

	dma_buf_move_notify(buffer->dmabuf);
	use->usage = KERNEL;
	use->from = buffer->store;
	use->to = buffer->spare;
	buffer->store = use->to;
	buffer->spare = use->from;
}

/* Under the lock. */
static struct use plan_use(const struct seat *seat, uint32_t chance)
{
	struct buffer *buffer = seat->buffer;
	struct use use = { .buffer = buffer, .usage = READ };

	get_dma_buf(buffer->dmabuf);
	use.from = store_of_seat(seat);
	if (chance % 4 == 0 && buffer->kind != STATIC && !buffer->pins) {
		move_buffer(&use);
	} else if (chance % 4 == 1) {
		use.usage = WRITE;
		buffer->version++;
	}
	use.version = buffer->version;
	return use;
}

/* What was there before: to read, writers; to write, readers, too; to move, all. */
static void collect_deps(struct job *job, const struct use *use)
{
	const enum dma_resv_usage usage = use->usage == READ ? WRITE :
					  use->usage == WRITE ? READ : BOOKKEEP;
	struct dma_fence **fences;
	unsigned int n;

	ASSERT_INT(dma_resv_get_fences(use->buffer->dmabuf->resv, usage, &n, &fences), ==, 0);
	job->deps = realloc(job->deps, (job->num_deps + n + 1) * sizeof(*job->deps));
	ASSERT_TRUE(job->deps);
	for (unsigned int i = 0; i < n; i++)
		job->deps[job->num_deps++] = fences[i];
	free(fences);
}

static struct job *plan_job(struct submitter *submitter, struct seat *const *seats, unsigned int n)
{
	struct job *job = calloc(1, sizeof(*job));

	ASSERT_TRUE(job);
	job->num_uses = n;
	for (unsigned int i = 0; i < n; i++) {
		open_seat(seats[i], true);
		job->use[i] = plan_use(seats[i], test_random(&submitter->chance));
		collect_deps(job, &job->use[i]);
		close_seat(seats[i], true);
	}
	return job;
}

static void add_fences(const struct job *job, const struct use *use, uint32_t chance)
{
	struct dma_resv *resv = use->buffer->dmabuf->resv;

	ASSERT_INT(dma_resv_reserve_fences(resv, 2), ==, 0);
	if (chance % 2)
		dma_resv_add_fence(resv, job->twin, BOOKKEEP);
	dma_resv_add_fence(resv, job->point, use->usage);
	if (chance % 2 == 0)
		dma_resv_add_fence(resv, job->twin, BOOKKEEP);
	if (chance / 2 % 8 == 0)
		dma_resv_prune_fences(resv);
}

static void commit(const struct job *job, const struct use *use, unsigned int engine)
{
	dma_resv_commit(use->buffer->dmabuf->resv);
	store_release(&use->buffer->notes->committed[engine][use->usage], job->point->seqno);
}

static void submit(struct submitter *submitter, struct seat *const *seats, unsigned int n)
{
	const unsigned int which = test_random(&submitter->chance) % ENGINES;
	struct engine *engine = &submitter->world->engine[which];
	struct drm_exec exec;
	struct job *job;
	uint64_t seqno;

	WAIT_UNTIL(load_relaxed(&engine->emitted) <= load_relaxed(&engine->announced[POINT]) + LAG);
	lock_all(&exec, seats, n);
	job = plan_job(submitter, seats, n);
	job->point = dma_fence_timeline_emit(engine->timeline);
	fetch_add_release(&engine->emitted, 1);
	seqno = job->point->seqno;
	job->twin = make_fence_with(&plain_ops, NULL, engine->context[TWIN], seqno);
	for (unsigned int i = 0; i < n; i++)
		add_fences(job, &job->use[i], test_random(&submitter->chance));
	for (unsigned int i = 0; i < n; i++)
		commit(job, &job->use[i], which);
	add_to_history(submitter->world, engine, job->point);
	if (test_random(&submitter->chance) % 2) {
		drm_exec_fini(&exec);
		store_release(&engine->job[seqno], job);
	} else {
		store_release(&engine->job[seqno], job);
		drm_exec_fini(&exec);
	}
}

static void submit_one(struct submitter *submitter)
{
	unsigned int slots[SLOTS];
	const unsigned int n = choose_slots(&submitter->chance, slots);
	struct seat *seats[MAX_USES];

	for (unsigned int i = 0; i < n; i++) {
		seats[i] = &submitter->seat[slots[i]];
		take_seat(submitter, slots[i]);
		open_seat(seats[i], false);
	}
	submit(submitter, seats, n);
	for (unsigned int i = 0; i < n; i++)
		close_seat(seats[i], false);
	if (test_random(&submitter->chance) % 32 == 0)
		replace_buffer(submitter->world, slots[0]);
}

static void submit_all(struct world *world)
{
	struct submitter submitter = { .world = world, .chance = test_thread_seed() };

	for (unsigned int i = 0; i < world->rounds; i++)
		submit_one(&submitter);
	for (unsigned int i = 0; i < SLOTS; i++) {
		if (submitter.seat[i].buffer)
			stand_up(&submitter.seat[i]);
	}
	fetch_sub_acq_rel(&world->submitting, 1);
}

/*
 * Readers.
 */

static void read_buffer(struct world *world, struct buffer *buffer, struct buffer *own,
			uint32_t *chance)
{
	const struct sight sight = look_first(world, buffer);

	switch (test_random(chance) % 12) {
	case 0:
		read_snapshot(sight);
		break;
	case 1:
		read_walk(sight);
		break;
	case 2:
		read_one(sight);
		break;
	case 3:
		read_copy(sight);
		break;
	case 4:
		use_cpu(&sight, buffer->dmabuf, test_random(chance) % 2);
		break;
	case 5:
		pass_on(&sight, buffer->dmabuf, own, test_random(chance) % 2);
		break;
	case 6:
		read_history(world, test_random(chance));
		break;
	case 7:
		describe_all(test_random(chance) % 2 ? DMA_BUF_INFO_JSON : DMA_BUF_INFO_TEXT);
		break;
	default:
		test_or_wait(&sight, test_random(chance));
	}
}

static void read_all(struct world *world)
{
	struct buffer *own = make_buffer(STATIC, NULL, NULL);
	uint32_t chance = test_thread_seed();

	while (load_acquire(&world->running)) {
		struct buffer *buffer = get_buffer(world, test_random(&chance) % SLOTS);

		read_buffer(world, buffer, own, &chance);
		dma_buf_put(buffer->dmabuf);
		test_operation();
	}
	dma_buf_put(own->dmabuf);
}

static void play(unsigned int index, void *arg)
{
	struct world *world = arg;

	if (index < ENGINES) {
		run_engine(&world->engine[index], &world->submitting);
		fetch_sub_acq_rel(&world->running, 1);
	} else if (index < ENGINES + SUBMITTERS) {
		submit_all(world);
	} else {
		read_all(world);
	}
}

TORTURE(jobs_find_what_the_jobs_before_them_left_while_all_moves)
{
	struct world *world = make_world(test_rounds(2000), SUBMITTERS);

	test_race_begin();
	ww_mutex_inject_deadlocks(true);
	test_threads(ENGINES + SUBMITTERS + READERS, play, world);
	ww_mutex_inject_deadlocks(false);
	test_race_end();
	for (unsigned int i = 0; i < SLOTS; i++)
		ASSERT_TRUE(dma_resv_test_signaled(world->slot[i]->dmabuf->resv, BOOKKEEP));
	end_world(world);
}
