/* SPDX-License-Identifier: MIT */
/*
 * Attaching and mapping. R11: no surprises with directions, and in each row of the table the lock
 * state that it promises.
 */
#include <dmabuf/dma-buf.h>
#include <errno.h>
#include <pthread.h>

#include "importers.h"

/*
 * The four rows of the table.
 */

TEST(R11_static_and_static_map_at_map_without_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = attach_static(dmabuf);
	struct sg_table *first, *second;

	ASSERT_FALSE(dma_buf_is_dynamic(dmabuf));
	ASSERT_FALSE(dma_buf_attachment_is_dynamic(attach));
	fake_assert_calls(&fake, FAKE_MAP, 0, false);
	first = map(attach, DMA_TO_DEVICE);
	ASSERT_INT(fake.direction, ==, DMA_TO_DEVICE);
	second = map(attach, DMA_FROM_DEVICE);
	ASSERT_INT(fake.direction, ==, DMA_FROM_DEVICE);
	ASSERT_PTR(first, !=, second);
	ASSERT_PTR(first->sgl[0].address, ==, fake.memory);
	fake_assert_calls(&fake, FAKE_MAP, 2, false);
	dma_buf_unmap_attachment(attach, first, DMA_TO_DEVICE);
	dma_buf_unmap_attachment(attach, second, DMA_FROM_DEVICE);
	fake_assert_calls(&fake, FAKE_UNMAP, 2, false);
	dma_buf_detach(dmabuf, attach);
	fake_assert_calls(&fake, FAKE_UNMAP, 2, false);
	dma_buf_put(dmabuf);
}

TEST(export_info_makes_an_exporter_dynamic_whatever_its_ops_say)
{
	struct fake fake;
	struct dma_buf_export_info info;
	struct dma_buf_attachment *attach;
	struct sg_table *table;

	fake_init(&fake, FAKE_STATIC);
	info = fake_info(&fake);
	info.dynamic_mapping = true;
	fake.dmabuf = dma_buf_export(&info);
	ASSERT_TRUE(dma_buf_is_dynamic(fake.dmabuf));
	attach = attach_dynamic(fake.dmabuf, &locking_only);
	lock(fake.dmabuf);
	table = map(attach, DMA_TO_DEVICE);
	fake_assert_calls(&fake, FAKE_MAP, 1, true);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	unlock(fake.dmabuf);
	dma_buf_detach(fake.dmabuf, attach);
	dma_buf_put(fake.dmabuf);
}

static void dynamic_and_dynamic(enum fake_kind kind)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);
	struct sg_table *first, *second;

	ASSERT_TRUE(dma_buf_is_dynamic(dmabuf));
	ASSERT_TRUE(dma_buf_attachment_is_dynamic(attach));
	fake_assert_calls(&fake, FAKE_MAP, 0, true);
	lock(dmabuf);
	first = map(attach, DMA_TO_DEVICE);
	ASSERT_INT(fake.direction, ==, DMA_TO_DEVICE);
	second = map(attach, DMA_BIDIRECTIONAL);
	ASSERT_PTR(first, !=, second);
	fake_assert_calls(&fake, FAKE_MAP, 2, true);
	dma_buf_unmap_attachment(attach, first, DMA_TO_DEVICE);
	dma_buf_unmap_attachment(attach, second, DMA_BIDIRECTIONAL);
	fake_assert_calls(&fake, FAKE_UNMAP, 2, true);
	unlock(dmabuf);
	fake_assert_calls(&fake, FAKE_PIN, 0, false);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(R11_dynamic_and_dynamic_map_at_map_with_the_importers_lock)
{
	dynamic_and_dynamic(FAKE_DYNAMIC);
	dynamic_and_dynamic(FAKE_PINNING);
}

/* The cached table: the same each time, for every direction, and unmapping it does nothing. */
static void assert_cached(struct fake *fake, struct dma_buf_attachment *attach, bool held)
{
	struct sg_table *table = map(attach, DMA_TO_DEVICE);

	ASSERT_PTR(table, ==, attach->sgt);
	ASSERT_INT(attach->dir, ==, DMA_BIDIRECTIONAL);
	ASSERT_PTR(map(attach, DMA_FROM_DEVICE), ==, table);
	ASSERT_PTR(map(attach, DMA_BIDIRECTIONAL), ==, table);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	dma_buf_unmap_attachment(attach, table, DMA_FROM_DEVICE);
	dma_buf_unmap_attachment(attach, table, DMA_BIDIRECTIONAL);
	ASSERT_PTR(map(attach, DMA_TO_DEVICE), ==, table);
	fake_assert_calls(fake, FAKE_MAP, 1, held);
	fake_assert_calls(fake, FAKE_UNMAP, 0, held);
}

static void dynamic_and_static(enum fake_kind kind)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);
	struct dma_buf_attachment *attach = attach_static(dmabuf);
	const unsigned int pins = kind == FAKE_PINNING;

	fake_assert_calls(&fake, FAKE_MAP, 1, true);
	ASSERT_INT(fake.direction, ==, DMA_BIDIRECTIONAL);
	fake_assert_calls(&fake, FAKE_PIN, pins, true);
	assert_cached(&fake, attach, true);
	fake_assert_calls(&fake, FAKE_UNPIN, 0, true);
	dma_buf_detach(dmabuf, attach);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, true);
	fake_assert_calls(&fake, FAKE_UNPIN, pins, true);
	dma_buf_put(dmabuf);
}

TEST(R11_dynamic_and_static_map_once_at_attach_with_the_librarys_lock)
{
	dynamic_and_static(FAKE_DYNAMIC);
	dynamic_and_static(FAKE_PINNING);
}

TEST(R11_static_and_dynamic_map_once_at_attach_without_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);

	fake_assert_calls(&fake, FAKE_MAP, 1, false);
	ASSERT_INT(fake.direction, ==, DMA_BIDIRECTIONAL);
	lock(dmabuf);
	assert_cached(&fake, attach, false);
	unlock(dmabuf);
	dma_buf_detach(dmabuf, attach);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, false);
	dma_buf_put(dmabuf);
}

TEST(attach_and_detach_are_called_without_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);

	dma_buf_detach(dmabuf, attach_static(dmabuf));
	dma_buf_detach(dmabuf, attach_dynamic(dmabuf, &notified));
	fake_assert_calls(&fake, FAKE_ATTACH, 2, false);
	fake_assert_calls(&fake, FAKE_DETACH, 2, false);
	dma_buf_put(dmabuf);
}

/*
 * The unlocked variants take the lock exactly where the table wants it held.
 */

static void map_unlocked(enum fake_kind kind, const struct dma_buf_attach_ops *ops, bool held,
			 bool cached)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, ops);
	struct sg_table *table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	ASSERT_FALSE(dmabuf_is_err(table));
	fake_assert_calls(&fake, FAKE_MAP, 1, held);
	dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE);
	fake_assert_calls(&fake, FAKE_UNMAP, !cached, held);
	ASSERT_FALSE(dma_resv_held(dmabuf->resv));
	dma_buf_detach(dmabuf, attach);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, held);
	dma_buf_put(dmabuf);
}

TEST(unlocked_mapping_that_fails_drops_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);

	fake.map_gives_null = true;
	assert_is_error(dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE), -ENOMEM);
	ASSERT_FALSE(dma_resv_is_locked(dmabuf->resv));
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(unlocked_mapping_takes_the_lock_where_the_table_says)
{
	map_unlocked(FAKE_STATIC, NULL, false, false);
	map_unlocked(FAKE_DYNAMIC, &notified, true, false);
	map_unlocked(FAKE_DYNAMIC, NULL, true, true);
	map_unlocked(FAKE_STATIC, &notified, false, true);
}

/*
 * Whoever breaks the table's rule is told so.
 */

static void break_the_rule(enum fake_kind kind, const struct dma_buf_attach_ops *ops,
			   bool hold, const char *text)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, ops);
	struct sg_table *table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	if (hold)
		lock(dmabuf);
	ASSERT_DEATH((void)!dma_buf_map_attachment(attach, DMA_TO_DEVICE), text);
	ASSERT_DEATH(dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE), text);
	if (hold)
		unlock(dmabuf);
	dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(R11_a_dynamic_importer_without_the_lock_aborts_also_when_cached)
{
	break_the_rule(FAKE_DYNAMIC, &notified, false, "is dynamic, lock the reservation");
	break_the_rule(FAKE_STATIC, &notified, false, "is dynamic, lock the reservation");
}

TEST(R11_a_static_importer_with_the_lock_aborts_also_when_cached)
{
	break_the_rule(FAKE_STATIC, NULL, true, "unlock it first");
	break_the_rule(FAKE_DYNAMIC, NULL, true, "unlock it first");
}

TEST(what_takes_the_lock_aborts_with_it)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);
	struct sg_table *table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);

	lock(dmabuf);
	ASSERT_DEATH((void)!dma_buf_attach(dmabuf, &any_device), "unlock it first");
	ASSERT_DEATH(dma_buf_detach(dmabuf, attach), "unlock it first");
	ASSERT_DEATH((void)!dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE),
		     "unlock it first");
	ASSERT_DEATH(dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE),
		     "unlock it first");
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	unlock(dmabuf);
	ASSERT_DEATH((void)!dma_buf_pin(attach), "call dma_resv_lock() first");
	ASSERT_DEATH(dma_buf_unpin(attach), "call dma_resv_lock() first");
	ASSERT_DEATH(dma_buf_move_notify(dmabuf), "call dma_resv_lock() first");
	ASSERT_DEATH(dma_buf_invalidate_mappings(dmabuf), "call dma_resv_lock() first");
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/*
 * Directions.
 */

TEST(R11_a_cached_table_of_one_direction_is_busy_for_others)
{
	struct fake fake;
	struct dma_buf_attachment *attach;
	struct sg_table *table;
	struct dma_buf *dmabuf;

	fake_init(&fake, FAKE_STATIC);
	fake.ops.cache_sgt_mapping = true;
	fake_export(&fake);
	dmabuf = fake.dmabuf;
	attach = attach_static(dmabuf);
	table = map(attach, DMA_TO_DEVICE);
	ASSERT_PTR(map(attach, DMA_TO_DEVICE), ==, table);
	assert_is_error(dma_buf_map_attachment(attach, DMA_FROM_DEVICE), -EBUSY);
	assert_is_error(dma_buf_map_attachment(attach, DMA_BIDIRECTIONAL), -EBUSY);
	assert_is_error(dma_buf_map_attachment_unlocked(attach, DMA_FROM_DEVICE), -EBUSY);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	ASSERT_PTR(map(attach, DMA_TO_DEVICE), ==, table);
	fake_assert_calls(&fake, FAKE_MAP, 1, false);
	fake_assert_calls(&fake, FAKE_UNMAP, 0, false);
	dma_buf_detach(dmabuf, attach);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, false);
	dma_buf_put(dmabuf);
}

TEST(directions_that_are_none_are_refused)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = attach_static(dmabuf);

	assert_is_error(dma_buf_map_attachment(attach, DMA_NONE), -EINVAL);
	assert_is_error(dma_buf_map_attachment(attach, (enum dma_data_direction)17), -EINVAL);
	fake_assert_calls(&fake, FAKE_MAP, 0, false);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/*
 * The list of attachments changes only under the lock: while another thread holds it, attach
 * and detach sleep.
 */

static struct {
	pthread_t thread;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	unsigned int asleep, done; /* atomic */
} newcomer;

static void notice_sleep(const char *label)
{
	if (!strcmp(label, "futex: before sleep") && pthread_equal(pthread_self(), newcomer.thread))
		store_release(&newcomer.asleep, 1);
}

static void come_or_go(void *unused)
{
	(void)unused;
	newcomer.thread = pthread_self();
	os_race_hook(notice_sleep);
	if (newcomer.attach)
		dma_buf_detach(newcomer.dmabuf, newcomer.attach);
	else
		newcomer.attach = attach_static(newcomer.dmabuf);
	store_release(&newcomer.done, 1);
}

static void sleeps_for_the_lock(bool on_list)
{
	struct dma_buf *dmabuf = newcomer.dmabuf;
	struct test_thread *thread;

	newcomer.asleep = newcomer.done = 0;
	lock(dmabuf);
	thread = test_thread_start(come_or_go, NULL);
	WAIT_UNTIL(load_acquire(&newcomer.asleep) || load_acquire(&newcomer.done));
	ASSERT_INT(dmabuf->attachments.next != &dmabuf->attachments, ==, on_list);
	unlock(dmabuf);
	test_thread_join(thread);
	os_race_hook(NULL);
}

TEST(attachments_come_and_go_under_the_lock)
{
	struct fake fake;

	newcomer.dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	newcomer.attach = NULL;
	sleeps_for_the_lock(false);
	sleeps_for_the_lock(true);
	ASSERT_PTR(newcomer.dmabuf->attachments.next, ==, &newcomer.dmabuf->attachments);
	dma_buf_put(newcomer.dmabuf);
}

/*
 * Torture: one attachment is detached while another of the same buffer is mapped.
 */

struct crowd {
	struct dma_buf *dmabuf;
	const struct dma_buf_attach_ops *ops;
	unsigned int rounds;
};

static void attach_map_detach(unsigned int index, void *arg)
{
	const struct crowd *crowd = arg;
	struct dma_buf *dmabuf = crowd->dmabuf;

	for (unsigned int i = 0; i < crowd->rounds; i++) {
		struct importer importer = { .moves = 0 };
		struct dma_buf_attachment *attach =
			dma_buf_dynamic_attach(dmabuf, &any_device, crowd->ops, &importer);
		struct sg_table *table;

		ASSERT_FALSE(dmabuf_is_err(attach));
		table = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
		ASSERT_FALSE(dmabuf_is_err(table));
		ASSERT_INT(table->nents, ==, 1);
		test_operation();
		if (index == 0 && dma_buf_is_dynamic(dmabuf)) {
			lock(dmabuf);
			dma_buf_move_notify(dmabuf);
			unlock(dmabuf);
		}
		dma_buf_unmap_attachment_unlocked(attach, table, DMA_TO_DEVICE);
		dma_buf_detach(dmabuf, attach);
	}
}

static void crowd(enum fake_kind kind, const struct dma_buf_attach_ops *ops)
{
	struct fake fake;
	struct crowd crowd = {
		.dmabuf = fake_begin_test(&fake, kind),
		.ops = ops,
		.rounds = test_rounds(1500),
	};

	test_race_begin();
	test_threads(3, attach_map_detach, &crowd);
	test_race_end();
	ASSERT_INT(fake.calls[FAKE_MAP], ==, 3 * crowd.rounds);
	ASSERT_INT(fake.calls[FAKE_UNMAP], ==, 3 * crowd.rounds);
	ASSERT_INT(fake.calls[FAKE_DETACH], ==, 3 * crowd.rounds);
	ASSERT_INT(fake.calls[FAKE_PIN], ==, fake.calls[FAKE_UNPIN]);
	ASSERT_PTR(crowd.dmabuf->attachments.next, ==, &crowd.dmabuf->attachments);
	dma_buf_put(crowd.dmabuf);
}

TORTURE(detach_against_map_of_another_attachment_in_every_row)
{
	crowd(FAKE_STATIC, NULL);
	crowd(FAKE_DYNAMIC, &notified);
	crowd(FAKE_PINNING, &notified);
	crowd(FAKE_PINNING, &locking_only);
	crowd(FAKE_DYNAMIC, NULL);
	crowd(FAKE_PINNING, NULL);
	crowd(FAKE_STATIC, &notified);
}
