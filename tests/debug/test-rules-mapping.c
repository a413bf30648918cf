/* SPDX-License-Identifier: MIT */
/*
 * D015: the truth table of who attaches and maps under which lock (docs/locking.md). In each of
 * its four rows each call is made with the lock as it must be, and the other way round.
 */
#include "rules.h"

#include <dmabuf/dmabuf.h>

#include "../buf/importers.h"

/* A row: what the exporter likes, and the importer. */
struct row {
	enum fake_kind exporter;
	const struct dma_buf_attach_ops *importer; /* NULL: static */
};

static const struct row rows[] = {
	{ FAKE_STATIC, NULL },
	{ FAKE_DYNAMIC, NULL },
	{ FAKE_STATIC, &notified },
	{ FAKE_DYNAMIC, &notified },
	{ FAKE_PINNING, &locking_only },
};

#define for_each_row(row) \
	for (const struct row *row = rows; row < rows + sizeof(rows) / sizeof(rows[0]); row++)

struct scene {
	struct fake fake;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	bool is_dynamic; /* the importer: it maps under the lock */
};

static void begin(struct scene *scene, const struct row *row)
{
	scene->dmabuf = fake_begin_test(&scene->fake, row->exporter);
	scene->attach = attach_with(scene->dmabuf, &any_device, row->importer);
	scene->is_dynamic = row->importer;
}

static void end(struct scene *scene)
{
	dma_buf_detach(scene->dmabuf, scene->attach);
	dma_buf_put(scene->dmabuf);
}

/* @held or not, whatever the row says. */
STEP struct sg_table *map_table(struct scene *scene, bool held)
{
	struct sg_table *table;

	if (held)
		lock(scene->dmabuf);
	table = map(scene->attach, DMA_TO_DEVICE);
	if (held)
		unlock(scene->dmabuf);
	STAYS;
	return table;
}

STEP void unmap_table(struct scene *scene, struct sg_table *table, bool held)
{
	if (held)
		lock(scene->dmabuf);
	dma_buf_unmap_attachment(scene->attach, table, DMA_TO_DEVICE);
	if (held)
		unlock(scene->dmabuf);
	STAYS;
}

STEP void attach_held(struct scene *scene, const struct dma_buf_attach_ops *importer)
{
	lock(scene->dmabuf);
	attach_with(scene->dmabuf, &any_device, importer);
	STAYS;
}

STEP void detach_held(struct scene *scene)
{
	lock(scene->dmabuf);
	dma_buf_detach(scene->dmabuf, scene->attach);
	STAYS;
}

STEP void map_unlocked_held(struct scene *scene)
{
	lock(scene->dmabuf);
	dma_buf_unmap_attachment_unlocked(
		scene->attach, dma_buf_map_attachment_unlocked(scene->attach, DMA_TO_DEVICE),
		DMA_TO_DEVICE);
	STAYS;
}

STEP void unmap_unlocked_held(struct scene *scene, struct sg_table *table)
{
	lock(scene->dmabuf);
	dma_buf_unmap_attachment_unlocked(scene->attach, table, DMA_TO_DEVICE);
	STAYS;
}

#define ADVICE "What to do: static importers: without the reservation lock"

TEST(map_and_unmap_against_the_table_is_reported)
{
	for_each_row(row) {
		struct scene scene;
		struct sg_table *table;

		begin(&scene, row);
		ASSERT_FATAL(map_table(&scene, !scene.is_dynamic), "D015",
			     "dma_buf_map_attachment", "here:", "map_table", ADVICE);
		table = map_table(&scene, scene.is_dynamic);
		ASSERT_FATAL(unmap_table(&scene, table, !scene.is_dynamic), "D015",
			     "dma_buf_unmap_attachment", "here:", "unmap_table", ADVICE);
		unmap_table(&scene, table, scene.is_dynamic);
		end(&scene);
	}
}

/* Where the lock is held against the table, the report tells where it was taken. */
TEST(report_tells_where_the_lock_was_taken)
{
	struct scene scene;

	begin(&scene, &rows[0]);
	ASSERT_FATAL(map_table(&scene, true), "D015", "here:", "map_table", "taken last:",
		     "lock", "map_table", ADVICE);
	end(&scene);
}

TEST(attach_and_detach_under_the_lock_is_reported)
{
	for_each_row(row) {
		struct scene scene;

		begin(&scene, row);
		ASSERT_FATAL(attach_held(&scene, row->importer), "D015", "dma_buf_dynamic_attach",
			     "here:", "attach_held", "taken last:", "attach_held", ADVICE);
		ASSERT_FATAL(detach_held(&scene), "D015", "dma_buf_detach", "here:", "detach_held",
			     "taken last:", "detach_held", ADVICE);
		end(&scene);
	}
}

TEST(unlocked_calls_under_the_lock_is_reported)
{
	for_each_row(row) {
		struct scene scene;
		struct sg_table *table;

		begin(&scene, row);
		ASSERT_FATAL(map_unlocked_held(&scene), "D015", "_unlocked", "here:",
			     "map_unlocked_held", "taken last:", "map_unlocked_held", ADVICE);
		table = dma_buf_map_attachment_unlocked(scene.attach, DMA_TO_DEVICE);
		ASSERT_FATAL(unmap_unlocked_held(&scene, table), "D015", "_unlocked", "here:",
			     "unmap_unlocked_held", "taken last:", "unmap_unlocked_held", ADVICE);
		dma_buf_unmap_attachment_unlocked(scene.attach, table, DMA_TO_DEVICE);
		end(&scene);
	}
}

/* Not where the table is the attachment's own, from attach to detach: that is given many times. */
TEST(table_that_is_unmapped_twice_is_reported)
{
	for_each_row(row) {
		struct scene scene;
		struct sg_table *table;

		if ((row->exporter != FAKE_STATIC) != !!row->importer)
			continue;
		begin(&scene, row);
		table = map_table(&scene, scene.is_dynamic);
		unmap_table(&scene, table, scene.is_dynamic);
		ASSERT_FATAL(unmap_table(&scene, table, scene.is_dynamic), "D015",
			     "is unmapped, and none is mapped", "here:", "unmap_table",
			     "What to do:");
		end(&scene);
	}
}

struct cpu_use {
	const char *name;
	void (*func)(struct dma_buf *dmabuf);
};

STEP void begin_cpu(struct dma_buf *dmabuf)
{
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_TO_DEVICE), ==, 0);
	STAYS;
}

STEP void end_cpu(struct dma_buf *dmabuf)
{
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_TO_DEVICE), ==, 0);
	STAYS;
}

STEP void mmap_cpu(struct dma_buf *dmabuf)
{
	void *address;

	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, 1, &address), ==, 0);
	STAYS;
}

STEP void vmap_unlocked(struct dma_buf *dmabuf)
{
	struct iosys_map here;

	ASSERT_INT(dma_buf_vmap_unlocked(dmabuf, &here), ==, 0);
	dma_buf_vunmap_unlocked(dmabuf, &here);
	STAYS;
}

STEP void last_put(struct dma_buf *dmabuf)
{
	dma_buf_put(dmabuf);
	STAYS;
}

/* What the exporter may lock for is called without the lock. */
TEST(cpu_access_under_the_lock_is_reported)
{
	static const struct cpu_use uses[] = {
		{ "begin_cpu", begin_cpu },
		{ "end_cpu", end_cpu },
		{ "mmap_cpu", mmap_cpu },
		{ "vmap_unlocked", vmap_unlocked },
		{ "last_put", last_put },
	};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		struct dma_buf *dmabuf;
		struct fake fake;

		dmabuf = fake_begin_test(&fake, FAKE_STATIC);
		lock(dmabuf);
		ASSERT_FATAL(uses[i].func(dmabuf), "D015", "here:", uses[i].name, "taken last:",
			     "cpu_access_under_the_lock", ADVICE);
		unlock(dmabuf);
		uses[i].func(dmabuf);
		if (uses[i].func != last_put)
			dma_buf_put(dmabuf);
	}
}

TEST(all_rows_of_the_table_is_not)
{
	for_each_row(row) {
		struct scene scene;

		begin(&scene, row);
		for (unsigned int i = 0; i < 3; i++) {
			struct sg_table *table = map_table(&scene, scene.is_dynamic);

			unmap_table(&scene, table, scene.is_dynamic);
			table = dma_buf_map_attachment_unlocked(scene.attach, DMA_TO_DEVICE);
			dma_buf_unmap_attachment_unlocked(scene.attach, table, DMA_TO_DEVICE);
		}
		end(&scene);
	}
}
