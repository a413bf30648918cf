/* SPDX-License-Identifier: MIT */
/* Importers: bad arguments, failures, limits, pins and moves. */
#include <dmabuf/dma-buf.h>
#include <errno.h>

#include "importers.h"

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

TEST(attach_of_a_static_importer_unwinds_too)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_STATIC);

	os_fault_arm(1);
	assert_is_error(dma_buf_attach(dmabuf, &any_device), -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	dma_buf_put(dmabuf);
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
	ASSERT_WARNS(ASSERT_INT(dma_buf_pin(NULL), ==, -EINVAL), "needs an attachment");
	ASSERT_WARNS(dma_buf_unpin(NULL), "needs an attachment");
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

/*
 * Revoking.
 */

TEST(an_attachment_is_revocable_if_its_importer_can_be_told)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct importer importer = { .moves = 0 };
	struct dma_buf_attachment *told =
		dma_buf_dynamic_attach(dmabuf, &any_device, &notified, &importer);
	struct dma_buf_attachment *locking = attach_dynamic(dmabuf, &locking_only);
	struct dma_buf_attachment *ignorant = attach_static(dmabuf);

	ASSERT_TRUE(dma_buf_attach_revocable(told));
	ASSERT_FALSE(dma_buf_attach_revocable(locking));
	ASSERT_FALSE(dma_buf_attach_revocable(ignorant));
	/* Both names of the callback are one. */
	ASSERT_TRUE(notified.invalidate_mappings == notified.move_notify);
	dma_buf_detach(dmabuf, told);
	dma_buf_detach(dmabuf, locking);
	dma_buf_detach(dmabuf, ignorant);
	dma_buf_put(dmabuf);
}

static void unmap_when_revoked(void *arg)
{
	struct dma_buf_attachment *attach = arg;
	struct importer *importer = attach->importer_priv;
	struct sg_table *table;

	lock(attach->dmabuf);
	table = map(attach, DMA_TO_DEVICE);
	unlock(attach->dmabuf);
	store_release(&importer->mapped, true);
	WAIT_UNTIL(load_acquire(&importer->moves));
	lock(attach->dmabuf);
	dma_buf_unmap_attachment(attach, table, DMA_TO_DEVICE);
	assert_is_error(dma_buf_map_attachment(attach, DMA_TO_DEVICE), -ENODEV);
	unlock(attach->dmabuf);
}

/* What dma_buf_invalidate_mappings() says an exporter does to take its memory back. */
TEST(an_exporter_revokes_its_memory)
{
	struct fake fake;
	struct dma_buf *dmabuf = fake_begin_test(&fake, FAKE_DYNAMIC);
	struct importer importer = { .moves = 0 };
	struct dma_buf_attachment *attach =
		dma_buf_dynamic_attach(dmabuf, &any_device, &notified, &importer);
	struct test_thread *thread = test_thread_start(unmap_when_revoked, attach);

	WAIT_UNTIL(load_acquire(&importer.mapped));
	lock(dmabuf);
	fake.fail[FAKE_MAP] = -ENODEV;
	dma_buf_invalidate_mappings(dmabuf);
	ASSERT_INT(importer.moves_held, ==, 1);
	ASSERT_INT(dma_resv_wait_timeout(dmabuf->resv, DMA_RESV_USAGE_BOOKKEEP, false,
					 MAX_SCHEDULE_TIMEOUT), >, 0);
	unlock(dmabuf);
	WAIT_UNTIL(load_relaxed(&fake.calls[FAKE_UNMAP]));
	test_thread_join(thread);
	dma_buf_detach(dmabuf, attach);
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
