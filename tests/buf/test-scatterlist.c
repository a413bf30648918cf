/* SPDX-License-Identifier: MIT */
#include <dmabuf/scatterlist.h>
#include <errno.h>

#include "harness.h"

static char memory[256] __attribute__((aligned(256)));

static struct scatterlist piece(size_t begin, size_t length)
{
	return (struct scatterlist){ .address = memory + begin, .length = length, .fd = -1 };
}

static struct scatterlist file_piece(int fd, uint64_t offset, size_t length)
{
	return (struct scatterlist){ .length = length, .fd = fd, .offset = offset };
}

/* Builds, and asserts how many segments there are. */
static struct sg_table build(const struct scatterlist *pieces, unsigned int n,
			     const struct device *dev, unsigned int nents)
{
	struct sg_table table;

	ASSERT_INT(sg_check_pieces(pieces, n, dev), ==, 0);
	ASSERT_INT(sg_alloc_table_from_pieces(&table, pieces, n, dev), ==, 0);
	ASSERT_INT(table.nents, ==, nents);
	ASSERT_INT(table.orig_nents, ==, nents);
	ASSERT_INT(sg_check_table(&table, dev), ==, 0);
	return table;
}

static void assert_segment(const struct scatterlist *sg, void *address, size_t length, int fd,
			   uint64_t offset)
{
	ASSERT_PTR(sg->address, ==, address);
	ASSERT_INT(sg->length, ==, length);
	ASSERT_INT(sg->fd, ==, fd);
	if (fd >= 0)
		ASSERT_INT(sg->offset, ==, offset);
}

static void assert_built(const struct scatterlist *pieces, unsigned int n,
			 const struct device *dev, unsigned int nents)
{
	struct sg_table table = build(pieces, n, dev, nents);

	sg_free_table(&table);
}

/* Both ways of asking refuse it, and the table stays as it was. */
static void assert_refused(const struct scatterlist *pieces, unsigned int n,
			   const struct device *dev, int err)
{
	struct sg_table table = { .nents = 77 };

	ASSERT_INT(sg_check_pieces(pieces, n, dev), ==, err);
	ASSERT_INT(sg_alloc_table_from_pieces(&table, pieces, n, dev), ==, err);
	ASSERT_INT(table.nents, ==, 77);
}

static void assert_last_says_so(struct sg_table table)
{
	const struct scatterlist *sg;

	sg_table_for_each(sg, &table)
		ASSERT_INT(sg->is_last, ==, sg + 1 == table.sgl + table.nents);
	sg_free_table(&table);
}

TEST(the_last_segment_says_so)
{
	const struct device dev = { .max_segment_size = 16 };
	struct scatterlist pieces[] = { piece(0, 16), piece(16, 32) };
	struct sg_table table;

	ASSERT_INT(sg_alloc_table(&table, 3), ==, 0);
	assert_last_says_so(table);
	pieces[0].is_last = true;
	assert_last_says_so(build(pieces, 2, &dev, 3));
	assert_last_says_so(build(pieces, 2, NULL, 1));
}

TEST(a_new_table_has_empty_segments_without_descriptor)
{
	struct scatterlist *sg;
	struct sg_table table;
	unsigned int n = 0;

	ASSERT_INT(sg_alloc_table(&table, 3), ==, 0);
	sg_table_for_each(sg, &table) {
		assert_segment(sg, NULL, 0, -1, 0);
		n++;
	}
	ASSERT_INT(n, ==, 3);
	ASSERT_INT(table.orig_nents, ==, 3);
	sg_free_table(&table);
}

TEST(a_table_of_nothing_is_refused)
{
	struct sg_table table = { .nents = 77 };

	ASSERT_INT(sg_alloc_table(&table, 0), ==, -EINVAL);
	ASSERT_INT(sg_alloc_table(NULL, 1), ==, -EINVAL);
	ASSERT_INT(table.nents, ==, 77);
}

TEST(a_table_may_be_freed_twice_and_none_at_all)
{
	struct scatterlist *sg;
	struct sg_table table;

	ASSERT_INT(sg_alloc_table(&table, 1), ==, 0);
	sg_free_table(&table);
	sg_free_table(&table);
	sg_free_table(NULL);
	sg_table_for_each(sg, &table)
		FAIL("a segment in a table that was freed");
}

TEST(neighbours_in_memory_become_one_segment)
{
	const struct scatterlist pieces[] = { piece(0, 16), piece(16, 32), piece(48, 16) };
	struct sg_table table = build(pieces, 3, NULL, 1);

	assert_segment(&table.sgl[0], memory, 64, -1, 0);
	sg_free_table(&table);
}

TEST(a_gap_begins_a_new_segment)
{
	const struct scatterlist pieces[] = { piece(0, 16), piece(17, 15), piece(32, 16) };
	struct sg_table table = build(pieces, 3, NULL, 2);

	assert_segment(&table.sgl[0], memory, 16, -1, 0);
	assert_segment(&table.sgl[1], memory + 17, 31, -1, 0);
	sg_free_table(&table);
}

TEST(memory_in_the_wrong_order_is_not_merged)
{
	const struct scatterlist pieces[] = { piece(16, 16), piece(0, 16) };

	assert_built(pieces, 2, NULL, 2);
}

TEST(neighbours_in_one_file_become_one_segment)
{
	const struct scatterlist pieces[] = { file_piece(5, 4096, 4096), file_piece(5, 8192, 16) };
	struct sg_table table = build(pieces, 2, NULL, 1);

	assert_segment(&table.sgl[0], NULL, 4112, 5, 4096);
	sg_free_table(&table);
}

TEST(neighbours_in_memory_of_two_files_stay_apart)
{
	struct scatterlist pieces[] = { piece(0, 16), piece(16, 16) };

	pieces[0].fd = 5;
	pieces[1].fd = 6;
	pieces[1].offset = 16;
	assert_built(pieces, 2, NULL, 2);
	pieces[1].fd = 5;
	assert_built(pieces, 2, NULL, 1);
	pieces[1].offset = 32;
	assert_built(pieces, 2, NULL, 2);
	pieces[1].fd = -1;
	assert_built(pieces, 2, NULL, 2);
	pieces[0].fd = -1;
	pieces[1].fd = 5;
	assert_built(pieces, 2, NULL, 2);
}

TEST(mapped_and_unmapped_memory_stay_apart)
{
	struct scatterlist pieces[] = { piece(0, 16), file_piece(5, 16, 16), piece(32, 16) };

	pieces[0].fd = 5;
	pieces[2].fd = 5;
	pieces[2].offset = 32;
	assert_built(pieces, 3, NULL, 3);
}

TEST(segments_are_as_long_as_the_device_can_take)
{
	const struct device dev = { .max_segment_size = 40 };
	const struct scatterlist pieces[] = { piece(0, 30), piece(30, 70), piece(128, 8) };
	struct sg_table table = build(pieces, 3, &dev, 4);

	assert_segment(&table.sgl[0], memory, 40, -1, 0);
	assert_segment(&table.sgl[1], memory + 40, 40, -1, 0);
	assert_segment(&table.sgl[2], memory + 80, 20, -1, 0);
	assert_segment(&table.sgl[3], memory + 128, 8, -1, 0);
	sg_free_table(&table);
}

TEST(a_segment_may_end_with_its_piece_at_the_longest)
{
	const struct device dev = { .max_segment_size = 32 };
	const struct scatterlist pieces[] = { piece(0, 32), piece(32, 32) };
	struct sg_table table = build(pieces, 2, &dev, 2);

	assert_segment(&table.sgl[1], memory + 32, 32, -1, 0);
	sg_free_table(&table);
}

TEST(splits_fall_on_multiples_of_the_alignment)
{
	const struct device dev = { .max_segment_size = 40, .alignment = 16 };
	const struct scatterlist pieces[] = { piece(0, 100) };
	struct sg_table table = build(pieces, 1, &dev, 4);

	assert_segment(&table.sgl[1], memory + 32, 32, -1, 0);
	assert_segment(&table.sgl[3], memory + 96, 4, -1, 0);
	sg_free_table(&table);
}

TEST(offsets_move_with_the_split)
{
	const struct device dev = { .max_segment_size = 4096 };
	const struct scatterlist pieces[] = { file_piece(5, 4096, 8192) };
	struct sg_table table = build(pieces, 1, &dev, 2);

	assert_segment(&table.sgl[1], NULL, 4096, 5, 8192);
	sg_free_table(&table);
}

TEST(what_the_device_cannot_reach_is_busy)
{
	const struct device few = { .max_segments = 1 };
	const struct device aligned = { .alignment = 16 };
	const struct scatterlist apart[] = { piece(0, 16), piece(32, 16) };
	const struct scatterlist odd[] = { piece(8, 16) };
	const struct scatterlist odd_offset[] = { file_piece(5, 8, 16) };

	assert_refused(apart, 2, &few, -EBUSY);
	assert_refused(odd, 1, &aligned, -EBUSY);
	assert_refused(odd_offset, 1, &aligned, -EBUSY);
	assert_built(apart, 2, &aligned, 2);
}

TEST(limits_that_contradict_themselves_are_invalid)
{
	const struct device crooked = { .alignment = 24 };
	const struct device narrow = { .alignment = 64, .max_segment_size = 32 };
	const struct scatterlist pieces[] = { piece(0, 16) };
	const struct sg_table nothing = { .nents = 0 };

	assert_refused(pieces, 1, &crooked, -EINVAL);
	assert_refused(pieces, 1, &narrow, -EINVAL);
	ASSERT_INT(sg_check_table(&nothing, &crooked), ==, -EINVAL);
}

TEST(pieces_that_cannot_be_are_invalid)
{
	const struct scatterlist empty[] = { piece(0, 0) };
	const struct scatterlist nowhere[] = { { .length = 16, .fd = -1 } };
	const struct scatterlist wraps[] = { piece(0, SIZE_MAX) };
	const struct scatterlist wraps_file[] = { file_piece(5, UINT64_MAX - 4, 16) };
	const struct scatterlist good[] = { piece(0, 16) };

	assert_refused(empty, 1, NULL, -EINVAL);
	assert_refused(nowhere, 1, NULL, -EINVAL);
	assert_refused(wraps, 1, NULL, -EINVAL);
	assert_refused(wraps_file, 1, NULL, -EINVAL);
	assert_refused(good, 0, NULL, -EINVAL);
	assert_refused(NULL, 1, NULL, -EINVAL);
	ASSERT_INT(sg_alloc_table_from_pieces(NULL, good, 1, NULL), ==, -EINVAL);
}

TEST(a_finished_table_is_checked_against_the_limits)
{
	const struct device small = { .max_segment_size = 32 };
	const struct device few = { .max_segments = 1 };
	const struct device aligned = { .alignment = 64 };
	const struct scatterlist pieces[] = { piece(0, 64), piece(96, 16) };
	struct sg_table table = build(pieces, 2, NULL, 2);

	ASSERT_INT(sg_check_table(&table, &small), ==, -EBUSY);
	ASSERT_INT(sg_check_table(&table, &few), ==, -EBUSY);
	ASSERT_INT(sg_check_table(&table, &aligned), ==, -EBUSY);
	table.nents = 1;
	ASSERT_INT(sg_check_table(&table, &few), ==, 0);
	ASSERT_INT(sg_check_table(&table, &aligned), ==, 0);
	sg_free_table(&table);
}

TEST(a_table_without_memory_for_it_is_not_touched)
{
	struct sg_table table = { .nents = 77 };

	os_fault_arm(1);
	ASSERT_INT(sg_alloc_table(&table, 3), ==, -ENOMEM);
	ASSERT_TRUE(os_fault_disarm());
	ASSERT_INT(table.nents, ==, 77);
}

TEST(building_unwinds_from_every_failure)
{
	const struct scatterlist pieces[] = { piece(0, 64) };

	for (unsigned int nth = 1;; nth++) {
		struct sg_table table = { .nents = 77 };
		struct test_resources before = test_resources();
		int err;

		os_fault_arm(nth);
		err = sg_alloc_table_from_pieces(&table, pieces, 1, NULL);
		if (!os_fault_disarm()) {
			ASSERT_INT(err, ==, 0);
			ASSERT_INT(nth, >, 1);
			sg_free_table(&table);
			break;
		}
		ASSERT_INT(err, ==, -ENOMEM);
		ASSERT_INT(table.nents, ==, 77);
		ASSERT_RESOURCES(before);
	}
}
