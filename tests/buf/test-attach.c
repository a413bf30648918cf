/* SPDX-License-Identifier: MIT */
/*
 * Importers. R11: no surprises with directions, and in each row of the table the lock
 * state that it promises.
 */
#include <dmabuf/dma-buf.h>
#include <errno.h>

#include "fake-exporter.h"

static struct device any_device = { .name = "any" };

struct importer {
	unsigned int moves, moves_held;
};

static void count_move(struct dma_buf_attachment *attach)
{
	struct importer *importer = attach->importer_priv;

	importer->moves++;
	importer->moves_held += dma_resv_held(attach->dmabuf->resv);
}

static const struct dma_buf_attach_ops notified = { .move_notify = count_move };
static const struct dma_buf_attach_ops locking_only = { .allow_peer2peer = true };

static void assert_is_error(const void *pointer, int err)
{
	ASSERT_TRUE(dmabuf_is_err(pointer));
	ASSERT_INT(dmabuf_ptr_err(pointer), ==, err);
}

static struct dma_buf_attachment *attach_static(struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, &any_device);

	ASSERT_FALSE(dmabuf_is_err(attach));
	return attach;
}

static struct dma_buf_attachment *attach_dynamic(struct dma_buf *dmabuf,
						 const struct dma_buf_attach_ops *ops)
{
	struct dma_buf_attachment *attach =
		dma_buf_dynamic_attach(dmabuf, &any_device, ops, NULL);

	ASSERT_FALSE(dmabuf_is_err(attach));
	return attach;
}

static struct sg_table *map(struct dma_buf_attachment *attach, enum dma_data_direction direction)
{
	struct sg_table *table = dma_buf_map_attachment(attach, direction);

	ASSERT_FALSE(dmabuf_is_err(table));
	return table;
}

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
	ASSERT_DEATH((void)!dma_buf_pin(attach), "");
	ASSERT_DEATH(dma_buf_unpin(attach), "");
	ASSERT_DEATH(dma_buf_move_notify(dmabuf), "");
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
 * Arguments.
 */

TEST(missing_arguments_are_refused_with_a_warning)
{
	struct fake fake, other_fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf *other = fake_begin_test(&other_fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = attach_static(dmabuf);
	struct sg_table *table = map(attach, DMA_TO_DEVICE);

	ASSERT_WARNS(assert_is_error(dma_buf_attach(NULL, &any_device), -EINVAL), "needs");
	ASSERT_WARNS(assert_is_error(dma_buf_attach(dmabuf, NULL), -EINVAL), "needs");
	ASSERT_WARNS(assert_is_error(dma_buf_map_attachment(NULL, DMA_TO_DEVICE), -EINVAL), "needs");
	ASSERT_WARNS(assert_is_error(dma_buf_map_attachment_unlocked(NULL, DMA_TO_DEVICE), -EINVAL),
		     "needs");
	ASSERT_WARNS(dma_buf_unmap_attachment(NULL, table, DMA_TO_DEVICE), "needs");
	ASSERT_WARNS(dma_buf_unmap_attachment_unlocked(NULL, table, DMA_TO_DEVICE), "needs");
	ASSERT_WARNS(dma_buf_unmap_attachment(attach, NULL, DMA_TO_DEVICE), "needs");
	ASSERT_WARNS(dma_buf_detach(NULL, attach), "needs");
	ASSERT_WARNS(dma_buf_detach(dmabuf, NULL), "needs");
	ASSERT_WARNS(dma_buf_detach(other, attach), "needs");
	fake_assert_calls(&fake, FAKE_UNMAP, 0, false);
	fake_assert_calls(&fake, FAKE_DETACH, 0, false);

	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	dma_buf_put(other);
}

TEST(an_attachment_is_what_was_asked_for_and_on_the_list)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct importer importer;
	struct dma_buf_attachment *attach =
		dma_buf_dynamic_attach(dmabuf, &any_device, &locking_only, &importer);

	ASSERT_FALSE(dmabuf_is_err(attach));
	ASSERT_PTR(attach->dmabuf, ==, dmabuf);
	ASSERT_PTR(attach->dev, ==, &any_device);
	ASSERT_PTR(attach->importer_ops, ==, &locking_only);
	ASSERT_PTR(attach->importer_priv, ==, &importer);
	ASSERT_TRUE(attach->peer2peer);
	ASSERT_PTR(attach->priv, ==, NULL);
	lock(dmabuf);
	ASSERT_PTR(dmabuf->attachments.next, ==, &attach->node);
	unlock(dmabuf);
	dma_buf_detach(dmabuf, attach);
	ASSERT_PTR(dmabuf->attachments.next, ==, &dmabuf->attachments);
	dma_buf_put(dmabuf);
}

/*
 * Failures.
 */

/* Attach fails with @err, and nothing is left of it. */
static void assert_attach_fails(struct fake *fake, struct device *dev,
				const struct dma_buf_attach_ops *ops, int err)
{
	const struct test_resources before = test_resources();
	struct dma_buf *dmabuf = fake->dmabuf;

	assert_is_error(dma_buf_dynamic_attach(dmabuf, dev, ops, NULL), err);
	ASSERT_FALSE(dma_resv_held(dmabuf->resv));
	ASSERT_PTR(dmabuf->attachments.next, ==, &dmabuf->attachments);
	ASSERT_RESOURCES(before);
}

TEST(an_attachment_that_the_exporter_refuses_is_not_detached)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);

	fake.fail[FAKE_ATTACH] = -EBUSY;
	assert_attach_fails(&fake, &any_device, NULL, -EBUSY);
	fake_assert_calls(&fake, FAKE_MAP, 0, false);
	fake_assert_calls(&fake, FAKE_DETACH, 0, false);
	dma_buf_put(dmabuf);
}

static void fail_at_attach(enum fake_kind kind, const struct dma_buf_attach_ops *ops,
			   enum fake_call call, int fail, int err)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);

	fake.fail[call] = fail;
	fake.map_gives_null = !fail;
	assert_attach_fails(&fake, &any_device, ops, err);
	fake_assert_calls(&fake, FAKE_DETACH, 1, false);
	fake_assert_calls(&fake, FAKE_UNMAP, 0, false);
	ASSERT_INT(fake.calls[FAKE_UNPIN], ==, call == FAKE_MAP ? fake.calls[FAKE_PIN] : 0);
	dma_buf_put(dmabuf);
}

TEST(a_failing_map_at_attach_leaves_nothing_behind)
{
	fail_at_attach(FAKE_DYNAMIC, NULL, FAKE_MAP, -EIO, -EIO);
	fail_at_attach(FAKE_DYNAMIC, NULL, FAKE_MAP, 0, -ENOMEM);
	fail_at_attach(FAKE_PINNING, NULL, FAKE_MAP, -EIO, -EIO);
	fail_at_attach(FAKE_STATIC, &notified, FAKE_MAP, -EIO, -EIO);
	fail_at_attach(FAKE_STATIC, &notified, FAKE_MAP, 0, -ENOMEM);
}

TEST(a_failing_pin_at_attach_leaves_nothing_behind)
{
	fail_at_attach(FAKE_PINNING, NULL, FAKE_PIN, -ENOSPC, -ENOSPC);
}

TEST(a_failing_map_is_reported)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = attach_static(dmabuf);

	fake.fail[FAKE_MAP] = -EIO;
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -EIO);
	fake.fail[FAKE_MAP] = 0;
	fake.map_gives_null = true;
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -ENOMEM);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

static void attach_unwinds(enum fake_kind kind, const struct dma_buf_attach_ops *ops)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, kind);

	for (unsigned int nth = 1;; nth++) {
		struct test_resources before = test_resources();
		struct dma_buf_attachment *attach;

		os_fault_arm(nth);
		attach = dma_buf_dynamic_attach(dmabuf, &any_device, ops, NULL);
		if (!os_fault_disarm()) {
			ASSERT_INT(nth, >, 1);
			dma_buf_detach(dmabuf, attach);
			break;
		}
		assert_is_error(attach, -ENOMEM);
		ASSERT_PTR(dmabuf->attachments.next, ==, &dmabuf->attachments);
		ASSERT_RESOURCES(before);
	}
	ASSERT_INT(fake.calls[FAKE_PIN], ==, fake.calls[FAKE_UNPIN]);
	ASSERT_INT(fake.calls[FAKE_ATTACH], ==, fake.calls[FAKE_DETACH]);
	dma_buf_put(dmabuf);
}

TEST(attach_unwinds_from_every_failure)
{
	attach_unwinds(FAKE_STATIC, NULL);
	attach_unwinds(FAKE_STATIC, &notified);
	attach_unwinds(FAKE_DYNAMIC, NULL);
	attach_unwinds(FAKE_DYNAMIC, &notified);
	attach_unwinds(FAKE_PINNING, NULL);
}

/*
 * Limits of the device.
 */

TEST(limits_that_contradict_themselves_are_refused_at_attach)
{
	struct device crooked = { .alignment = 3 };
	struct device narrow = { .alignment = 64, .max_segment_size = 63 };
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	assert_attach_fails(&fake, &crooked, NULL, -EINVAL);
	assert_attach_fails(&fake, &narrow, NULL, -EINVAL);
	fake_assert_calls(&fake, FAKE_ATTACH, 0, false);
	dma_buf_put(dmabuf);
}

TEST(a_table_beyond_the_limits_is_busy_at_attach_where_it_is_mapped_there)
{
	struct device small = { .max_segment_size = 32 };
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_PINNING);

	assert_attach_fails(&fake, &small, NULL, -EBUSY);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, true);
	fake_assert_calls(&fake, FAKE_UNPIN, 1, true);
	fake_assert_calls(&fake, FAKE_DETACH, 1, false);
	dma_buf_put(dmabuf);
}

TEST(a_table_beyond_the_limits_is_never_handed_out)
{
	struct device small = { .max_segment_size = 32 };
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);
	struct dma_buf_attachment *attach = dma_buf_attach(dmabuf, &small);

	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -EBUSY);
	fake_assert_calls(&fake, FAKE_UNMAP, 1, false);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

/*
 * Pins and moves.
 */

TEST(pin_and_unpin_reach_the_exporter_with_the_lock)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_PINNING);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);

	lock(dmabuf);
	ASSERT_INT(dma_buf_pin(attach), ==, 0);
	dma_buf_unpin(attach);
	fake_assert_calls(&fake, FAKE_PIN, 1, true);
	fake_assert_calls(&fake, FAKE_UNPIN, 1, true);
	fake.fail[FAKE_PIN] = -ENOSPC;
	ASSERT_INT(dma_buf_pin(attach), ==, -ENOSPC);
	unlock(dmabuf);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(memory_that_never_moves_needs_no_pin)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &notified);

	lock(dmabuf);
	ASSERT_INT(dma_buf_pin(attach), ==, 0);
	dma_buf_unpin(attach);
	unlock(dmabuf);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(a_static_importer_that_pins_by_hand_warns)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_PINNING);
	struct dma_buf_attachment *attach = attach_static(dmabuf);

	lock(dmabuf);
	ASSERT_WARNS(ASSERT_INT(dma_buf_pin(attach), ==, -EINVAL), "is static");
	ASSERT_WARNS(dma_buf_unpin(attach), "is static");
	unlock(dmabuf);
	fake_assert_calls(&fake, FAKE_PIN, 1, true);
	fake_assert_calls(&fake, FAKE_UNPIN, 0, true);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(an_importer_that_cannot_be_notified_is_pinned_while_mapped)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_PINNING);
	struct dma_buf_attachment *attach = attach_dynamic(dmabuf, &locking_only);
	struct sg_table *table;

	fake_assert_calls(&fake, FAKE_PIN, 0, true);
	lock(dmabuf);
	table = map(attach, DMA_TO_DEVICE);
	fake_assert_calls(&fake, FAKE_PIN, 1, true);
	fake_assert_calls(&fake, FAKE_UNPIN, 0, true);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	fake_assert_calls(&fake, FAKE_UNPIN, 1, true);

	fake.fail[FAKE_PIN] = -ENOSPC;
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -ENOSPC);
	fake_assert_calls(&fake, FAKE_MAP, 1, true);
	fake.fail[FAKE_PIN] = 0;
	fake.fail[FAKE_MAP] = -EIO;
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -EIO);
	fake_assert_calls(&fake, FAKE_UNPIN, 2, true);
	unlock(dmabuf);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
}

TEST(a_move_is_told_to_every_importer_that_wants_to_know)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_PINNING);
	struct importer first = { .moves = 0 }, second = { .moves = 0 };
	struct dma_buf_attachment *attach[] = {
		dma_buf_dynamic_attach(dmabuf, &any_device, &notified, &first),
		attach_dynamic(dmabuf, &locking_only),
		attach_static(dmabuf),
		dma_buf_dynamic_attach(dmabuf, &any_device, &notified, &second),
	};

	lock(dmabuf);
	dma_buf_move_notify(dmabuf);
	unlock(dmabuf);
	ASSERT_INT(first.moves, ==, 1);
	ASSERT_INT(first.moves_held, ==, 1);
	ASSERT_INT(second.moves, ==, 1);
	dma_buf_detach(dmabuf, attach[0]);
	lock(dmabuf);
	dma_buf_move_notify(dmabuf);
	unlock(dmabuf);
	ASSERT_INT(first.moves, ==, 1);
	ASSERT_INT(second.moves, ==, 2);
	for (unsigned int i = 1; i < 4; i++)
		dma_buf_detach(dmabuf, attach[i]);
	dma_buf_put(dmabuf);
}

TEST(the_ops_attach_and_detach_are_optional)
{
	struct fake fake;
	struct dma_buf *dmabuf;

	fake_init(&fake, FAKE_STATIC);
	fake.ops.attach = NULL;
	fake.ops.detach = NULL;
	fake_export(&fake);
	dmabuf = fake.dmabuf;
	dma_buf_detach(dmabuf, attach_static(dmabuf));
	dma_buf_put(dmabuf);
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

TEST(detach_against_map_of_another_attachment_in_every_row)
{
	crowd(FAKE_STATIC, NULL);
	crowd(FAKE_DYNAMIC, &notified);
	crowd(FAKE_PINNING, &notified);
	crowd(FAKE_PINNING, &locking_only);
	crowd(FAKE_DYNAMIC, NULL);
	crowd(FAKE_PINNING, NULL);
	crowd(FAKE_STATIC, &notified);
}
