/* SPDX-License-Identifier: MIT */
/*
 * The container and its readers: what the paragraphs Read, Snapshot, Arrays that
 * escape, Holder and Reclaim of the design promise.
 */
#include "harness.h"

#include <dmabuf/dma-resv.h>
#include <errno.h>

#include "unit.h"

/*
 * Read.
 */

TEST(read_entries_below_the_committed_length_never_change)
{
	struct log_entry before[3];
	struct dma_resv_log *log;
	struct unit u;

	begin(&u);
	reserve_in(&u, 4);
	for (unsigned int i = 0; i < 3; i++)
		stage(&u, i ? READ : WRITE);
	commit(&u);
	log = published_log(&u);
	memcpy(before, log->entry, sizeof(before));
	dmabuf_rcu_read_lock();
	/* Signalled or not, superseded or not, and far beyond the end of this log. */
	for (unsigned int i = 0; i < 3; i++) {
		reserve_in(&u, 1);
		dma_resv_fences_set(&u.obj, &u.fences, NULL, READ);
		if (!i)
			dma_fence_signal(before[0].fence);
		for (unsigned int j = 0; j < 20; j++)
			stage(&u, KERNEL);
		commit(&u);
		ASSERT_INT(log->committed, >=, 3);
		for (unsigned int j = 0; j < 3; j++) {
			ASSERT_PTR(log->entry[j].fence, ==, before[j].fence);
			ASSERT_INT(log->entry[j].tag, ==, before[j].tag);
		}
	}
	ASSERT_PTR(published_log(&u), !=, log);
	dmabuf_rcu_read_unlock();
	end(&u);
}

TEST(read_testing_writes_nothing_but_the_hint)
{
	struct dma_fence *fences[4];
	struct dma_resv_fences container;
	struct dma_resv_log *log, before;
	struct dma_resv obj;

	dma_resv_init(&obj);
	for (unsigned int i = 0; i < 4; i++) {
		fences[i] = mock_lone();
		add_alone(&obj, fences[i], (enum dma_resv_usage)i);
	}
	container = obj.fences;
	log = word_log(container.word);
	before = *log;
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int usage = KERNEL; usage <= BOOKKEEP; usage++) {
			const struct dma_fence fence = *fences[i];

			dma_resv_test_signaled(&obj, (enum dma_resv_usage)usage);
			ASSERT_INT(memcmp(&fence, fences[i], sizeof(fence)), ==, 0);
			ASSERT_INT(memcmp(&container, &obj.fences, sizeof(container)), ==, 0);
			if (usage < BOOKKEEP || i < 3)
				ASSERT_INT(log->hint, ==, 0);
			ASSERT_INT(log->refs, ==, before.refs);
		}
		dma_fence_signal(fences[i]);
	}
	dma_resv_fini(&obj);
	for (unsigned int i = 0; i < 4; i++)
		dma_fence_put(fences[i]);
}

/* In a word, and in a log; alone, and behind others. */
TEST(read_testing_asks_a_fence_that_has_to_be_asked)
{
	for (unsigned int others = 0; others < 3; others++) {
		struct dma_fence *lazy = mock_lazy();
		struct dma_resv obj;

		dma_resv_init(&obj);
		add_alone(&obj, lazy, READ);
		for (unsigned int i = 0; i < others; i++) {
			struct dma_fence *other = mock_lone();

			add_alone(&obj, other, READ);
			signal_and_put(other);
		}
		store_relaxed(&to_mock(lazy)->asked, 0);
		ASSERT_TRUE(dma_resv_test_signaled(&obj, WRITE));
		ASSERT_INT(to_mock(lazy)->asked, ==, 0);
		ASSERT_FALSE(dma_resv_test_signaled(&obj, READ));
		ASSERT_INT(to_mock(lazy)->asked, ==, 1);
		store_release(&to_mock(lazy)->done, 1);
		ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
		ASSERT_INT(to_mock(lazy)->asked, ==, 2);
		/* It is signalled now: it has not to be asked again. */
		ASSERT_TRUE(dma_resv_test_signaled(&obj, READ));
		ASSERT_INT(to_mock(lazy)->asked, ==, 2);
		ASSERT_INT(references(lazy), ==, 2);
		dma_resv_fini(&obj);
		dma_fence_put(lazy);
	}
}

/* A reader that loaded the word is overtaken before it gets its reference. */
static struct dma_resv *overtaken;
static struct dma_fence *overtaking;
static unsigned int attempts;

static void prune_and_add(void *arg)
{
	struct dma_resv *obj = arg;

	lock(obj);
	dma_resv_prune_fences(obj);
	add(obj, overtaking, READ);
	dma_resv_unlock(obj);
}

static void overtake(const char *label)
{
	if (!strcmp(label, "snapshot: before reference") && !attempts++)
		in_other_thread(prune_and_add, overtaken);
}

TEST(read_a_reference_that_fails_loads_the_word_again)
{
	for (unsigned int n = 1; n < 4; n++) { /* a word, then logs */
		struct dma_fence *fences[3], *all;
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		for (unsigned int i = 0; i < n; i++) {
			fences[i] = mock_lone();
			add(&obj, fences[i], READ);
		}
		dma_resv_unlock(&obj);
		ASSERT_INT(word_is_log(obj.fences.word), ==, n > 1);
		for (unsigned int i = 0; i < n; i++)
			signal_and_put(fences[i]);
		overtaken = &obj;
		overtaking = mock_lone();
		attempts = 0;
		os_race_hook(overtake);
		ASSERT_INT(dma_resv_get_singleton(&obj, BOOKKEEP, &all), ==, 0);
		os_race_hook(NULL);
		ASSERT_INT(attempts, ==, 2);
		ASSERT_PTR(all, ==, overtaking);
		dma_fence_put(all);
		dma_resv_fini(&obj);
		dma_fence_put(overtaking);
	}
}

/* A test that is overtaken at either point, by each thing that replaces a word. */
static const char *overtaken_at;
static unsigned int overtaken_how;

static void change_all(void *arg)
{
	struct dma_resv *obj = arg;
	struct dma_resv nothing;

	dma_resv_init(&nothing);
	lock(obj);
	switch (overtaken_how) {
	case 0:
		dma_resv_prune_fences(obj);
		break;
	case 1:
		ASSERT_INT(dma_resv_copy_fences(obj, &nothing), ==, 0);
		break;
	case 2:
		for (unsigned int i = 0; i < 20; i++)
			add(obj, overtaking, i % 2 ? READ : BOOKKEEP);
		break;
	case 3: /* in place, and the walk of another reader raises the hint */
		add(obj, overtaking, READ);
		dma_resv_test_signaled(obj, BOOKKEEP);
		break;
	}
	dma_resv_unlock(obj);
	dma_resv_fini(&nothing);
}

static void overtake_test(const char *label)
{
	if (!strcmp(label, overtaken_at) && !attempts++)
		in_other_thread(change_all, overtaken);
}

TEST(read_testing_is_about_the_set_that_it_began_with)
{
	static const char *const points[] = { "test: before the length", "test: before the hint" };

	overtaking = mock_lone();
	dma_fence_signal(overtaking);
	for (unsigned int i = 0; i < 2 * 4 * 4; i++) {
		struct dma_fence *busy = mock_lone();
		const unsigned int others = i / 8;
		struct dma_resv obj;

		overtaken_at = points[i % 2];
		overtaken_how = i / 2 % 4;
		overtaken = &obj;
		dma_resv_init(&obj);
		lock(&obj);
		for (unsigned int j = 0; j < others; j++) {
			struct dma_fence *other = mock_lone();

			add(&obj, other, READ);
			dma_fence_put(other);
		}
		add(&obj, busy, WRITE);
		dma_resv_unlock(&obj);
		if (word_is_log(obj.fences.word)) { /* so that only the last is busy */
			for (unsigned int j = 0; j < others; j++)
				dma_fence_signal(word_log(obj.fences.word)->entry[j].fence);
		}
		attempts = 0;
		os_race_hook(overtake_test);
		ASSERT_FALSE(dma_resv_test_signaled(&obj, BOOKKEEP));
		os_race_hook(NULL);
		ASSERT_INT(attempts > 0, ==, others || i % 2 == 0); /* one fence has no hint */
		dma_resv_fini(&obj);
		dma_fence_put(busy);
	}
	dma_fence_put(overtaking);
}

/*
 * Snapshot.
 */

/* Superseded, signalled, dropped: what a snapshot holds stays what it was. */
TEST(snapshot_pins_the_set_until_it_is_put)
{
	struct dma_resv_snapshot_cursor cursor;
	struct dma_resv_snapshot snap;
	struct dma_fence *fence;
	bool released[3];
	struct dma_resv obj;
	unsigned int n = 3;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 3; i++) {
		fence = mock_watched(&released[i]);
		add(&obj, fence, READ);
		dma_fence_put(fence);
	}
	dma_resv_unlock(&obj);
	ASSERT_TRUE(dma_resv_get_snapshot(&obj, &snap));
	dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
		dma_fence_signal(fence);
	lock(&obj);
	dma_resv_prune_fences(&obj);
	dma_resv_unlock(&obj);
	ASSERT_INT(obj.fences.word, ==, 0);
	dma_resv_fini(&obj);
	dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP)
		ASSERT_FALSE(released[--n]);
	ASSERT_INT(n, ==, 0);
	dma_resv_put_snapshot(&snap);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_TRUE(released[i]);
	dma_resv_put_snapshot(&snap); /* empty now */
}

/* A job that takes what it must wait for, and then adds its own fence, does not wait for itself. */
TEST(snapshot_does_not_see_what_is_added_after_it)
{
	for (unsigned int n = 0; n < 10; n++) {
		struct dma_fence *fence, *job = mock_lone();
		struct dma_resv_snapshot_cursor cursor;
		struct dma_resv_snapshot snap;
		struct dma_resv obj;
		unsigned int seen = 0;

		dma_resv_init(&obj);
		lock(&obj);
		for (unsigned int i = 0; i < n; i++) {
			fence = mock_lone();
			add(&obj, fence, READ);
			dma_fence_put(fence);
		}
		ASSERT_INT(dma_resv_get_snapshot(&obj, &snap), ==, n > 0);
		add(&obj, job, WRITE);
		dma_resv_unlock(&obj);
		dma_resv_snapshot_for_each(fence, &cursor, &snap, BOOKKEEP) {
			ASSERT_PTR(fence, !=, job);
			seen++;
		}
		ASSERT_INT(seen, ==, n);
		dma_resv_put_snapshot(&snap);
		dma_resv_fini(&obj);
		dma_fence_put(job);
	}
}

/* A log that prune left without entries is still a log, and nobody has to put what is empty. */
TEST(snapshot_of_an_empty_log_holds_nothing)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() };
	struct dma_resv_snapshot snap;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	for (unsigned int i = 0; i < 3; i++)
		add(&obj, fences[i], READ);
	for (unsigned int i = 0; i < 3; i++)
		signal_and_put(fences[i]);
	reserve(&obj, 3);
	dma_resv_prune_fences(&obj);
	dma_resv_commit(&obj);
	ASSERT_TRUE(word_is_log(obj.fences.word));
	ASSERT_FALSE(dma_resv_get_snapshot(&obj, &snap));
	dma_resv_unlock(&obj);
	ASSERT_FALSE(dma_resv_get_snapshot(&obj, &snap));
	ASSERT_INT(word_log(obj.fences.word)->refs, ==, 1);
	ASSERT_PTR(dma_resv_snapshot_first(&(struct dma_resv_snapshot_cursor){ 0 }, &snap, BOOKKEEP),
		   ==, NULL);
	dma_resv_fini(&obj);
}

/*
 * Arrays that escape.
 */

/* A fence that keeps an array of what it waits for, as a job does. */
struct job {
	struct dma_fence base;
	struct dma_fence *dependencies;
};

static void job_release(struct dma_fence *fence)
{
	dma_fence_put(container_of(fence, struct job, base)->dependencies);
	dma_fence_free(fence);
}

static const struct dma_fence_ops job_ops = {
	.get_driver_name = mock_name,
	.get_timeline_name = mock_name,
	.release = job_release,
};

/* It is added to the reservation that the array came from: the harness counts what leaks. */
TEST(arrays_do_not_keep_a_fence_that_keeps_them_alive)
{
	for (unsigned int rcu = 0; rcu < 2; rcu++) {
		struct dma_fence *fences[2] = { mock_lone(), mock_lone() };
		struct job *job = calloc(1, sizeof(*job));
		struct dma_resv obj;

		dma_resv_init(&obj);
		lock(&obj);
		add(&obj, fences[0], READ);
		add(&obj, fences[1], READ);
		reserve(&obj, 1);
		dma_resv_commit(&obj);
		if (rcu)
			job->dependencies = dma_resv_fences_get_rcu(&obj.fences, BOOKKEEP);
		else
			ASSERT_INT(dma_resv_get_singleton(&obj, BOOKKEEP, &job->dependencies), ==, 0);
		ASSERT_TRUE(dma_fence_is_array(job->dependencies));
		dma_fence_enable_sw_signaling(job->dependencies);
		dma_fence_init(&job->base, &job_ops, NULL, dma_fence_context_alloc(1), 1);
		dma_resv_add_fence(&obj, &job->base, WRITE);
		dma_fence_put(&job->base);
		dma_resv_unlock(&obj);
		signal_and_put(fences[0]);
		signal_and_put(fences[1]);
		dma_resv_fini(&obj);
	}
}

TEST(arrays_hold_their_own_members_and_not_the_log)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() }, *all;
	struct unit u;

	begin(&u);
	reserve_in(&u, 3);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_fences_add(&u.fences, fences[i], READ);
	commit(&u);
	all = dma_resv_fences_get_rcu(&u.fences, BOOKKEEP);
	ASSERT_INT(published_log(&u)->refs, ==, 1);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_INT(references(fences[i]), ==, 3);
	end(&u);
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_INT(references(fences[i]), ==, 2);
	/* One callback at a time. */
	dma_fence_enable_sw_signaling(all);
	for (unsigned int done = 0; done < 3; done++) {
		unsigned int armed = 0;

		for (unsigned int i = 0; i < 3; i++) {
			armed += !dma_fence_test_signaled_flag(fences[i]) &&
				 fences[i]->flags & 1ul << DMA_FENCE_FLAG_HAS_CALLBACKS_BIT;
		}
		ASSERT_INT(armed, ==, 1);
		ASSERT_FALSE(dma_fence_is_signaled(all));
		dma_fence_signal(to_dma_fence_array(all)->fences[done]);
	}
	ASSERT_TRUE(dma_fence_test_signaled_flag(all));
	dma_fence_put(all);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
}

/* "None", "one" and "several" are different things; a signalled fence is none of them. */
TEST(arrays_exactly_one_fence_is_that_fence)
{
	struct dma_fence *fences[3] = { mock_lone(), mock_lone(), mock_lone() }, *all;
	struct unit u;

	begin(&u);
	ASSERT_PTR(dma_resv_fences_get_rcu(&u.fences, BOOKKEEP), ==, NULL);
	reserve_in(&u, 3);
	for (unsigned int i = 0; i < 3; i++)
		dma_resv_fences_add(&u.fences, fences[i], READ);
	commit(&u);
	ASSERT_PTR(dma_resv_fences_get_rcu(&u.fences, WRITE), ==, NULL);
	dma_fence_signal(fences[2]);
	dma_fence_signal(fences[0]);
	all = dma_resv_fences_get_rcu(&u.fences, BOOKKEEP);
	ASSERT_PTR(all, ==, fences[1]);
	dma_fence_put(all);
	dma_fence_signal(fences[1]);
	ASSERT_PTR(dma_resv_fences_get_rcu(&u.fences, BOOKKEEP), ==, NULL);
	end(&u);
	for (unsigned int i = 0; i < 3; i++)
		dma_fence_put(fences[i]);
}

TEST(arrays_get_rcu_unwinds_from_every_failure)
{
	for (unsigned int n = 0; n < 12; n++) {
		struct unit u;

		begin(&u);
		for (unsigned int i = 0; i < n; i++)
			stage(&u, READ);
		commit(&u);
		for (unsigned int nth = 1;; nth++) {
			const struct test_resources before = test_resources();
			struct dma_fence *all;

			os_fault_arm(nth);
			all = dma_resv_fences_get_rcu(&u.fences, BOOKKEEP);
			if (!os_fault_disarm()) {
				ASSERT_INT(nth, ==, n > 1 ? 2 : 1);
				dma_fence_put(all);
				break;
			}
			ASSERT_PTR(all, ==, dmabuf_err_ptr(-ENOMEM));
			ASSERT_RESOURCES(before);
		}
		end(&u);
	}
}

/*
 * Holder.
 */

static void committed_by_other(void *arg)
{
	ASSERT_INT(committed(arg, BOOKKEEP), ==, 1);
}

/* Without the object, committed fences only: also for the holder. */
TEST(holder_is_shown_committed_fences_by_get_rcu)
{
	struct unit u;

	begin(&u);
	stage(&u, READ);
	commit(&u);
	stage(&u, READ);
	ASSERT_INT(committed(&u, BOOKKEEP), ==, 1);
	in_other_thread(committed_by_other, &u);
	end(&u);
}

/*
 * Reclaim.
 */

static void supersede(void *arg)
{
	struct dma_resv *obj = arg;

	lock(obj);
	dma_resv_prune_fences(obj);
	dma_resv_unlock(obj);
}

/* A fence that a reader may still look at is not freed: in a word, and in a log. */
TEST(reclaim_waits_for_readers)
{
	for (unsigned int others = 0; others < 3; others++) {
		bool released;
		struct dma_fence *fence = mock_watched(&released), *seen;
		struct dma_resv obj;

		dma_resv_init(&obj);
		add_alone(&obj, fence, READ);
		for (unsigned int i = 0; i < others; i++) {
			struct dma_fence *other = mock_lone();

			add_alone(&obj, other, READ);
			dma_fence_put(other);
		}
		signal_and_put(fence);

		dmabuf_rcu_read_lock();
		seen = others ? word_log(obj.fences.word)->entry[0].fence : word_fence(obj.fences.word);
		ASSERT_FALSE(released);
		in_other_thread(supersede, &obj);
		ASSERT_TRUE(released);
		ASSERT_PTR(dma_fence_get_rcu(seen), ==, NULL);
		ASSERT_TRUE(dma_fence_test_signaled_flag(seen));
		dmabuf_rcu_read_unlock();
		dma_resv_fini(&obj);
	}
}

/* Superseded: nobody waits for it any more, so if it is lazy it may never signal. */
TEST(superseded_fences_do_not_keep_a_test_false)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct dma_fence *first = mock_lone();
	struct dma_fence *old = mock_fence(context, 1), *new = mock_fence(context, 2);
	struct dma_resv_snapshot before;
	struct dma_resv obj;

	dma_resv_init(&obj);
	lock(&obj);
	add(&obj, first, READ);
	add(&obj, old, READ);
	dma_resv_get_snapshot(&obj, &before);
	add(&obj, new, READ);
	dma_resv_unlock(&obj);
	dma_fence_signal(first);
	ASSERT_FALSE(dma_resv_test_signaled(&obj, BOOKKEEP));
	dma_fence_signal(new);
	ASSERT_INT(dma_resv_wait_timeout(&obj, BOOKKEEP, false, 0), ==, 1);
	ASSERT_TRUE(dma_resv_test_signaled(&obj, BOOKKEEP));
	/* The older set still counts it: it must not be hinted at as done. */
	ASSERT_INT(load_relaxed(&word_log(obj.fences.word)->hint), ==, 0);
	dma_resv_put_snapshot(&before);
	dma_resv_fini(&obj);
	dma_fence_put(first);
	dma_fence_put(old);
	dma_fence_put(new);
}
