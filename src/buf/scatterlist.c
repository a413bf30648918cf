/* SPDX-License-Identifier: MIT */
/*
 * Tables of segments.
 *
 * One function, next_segment(), knows how pieces become segments. Checking runs it
 * to count, building runs it again to fill, so that the two cannot disagree.
 */
#include <dmabuf/scatterlist.h>

#include <errno.h>
#include <limits.h>

#include "os/alloc.h"
#include "os/atomic.h"

int sg_alloc_table(struct sg_table *table, unsigned int nents)
{
	struct scatterlist *sgl;

	if (!table || !nents)
		return -EINVAL;
	sgl = os_alloc_array(nents, sizeof(*sgl));
	if (!sgl)
		return -ENOMEM;
	for (unsigned int i = 0; i < nents; i++)
		sgl[i].fd = -1;
	sgl[nents - 1].is_last = true;
	*table = (struct sg_table){ .sgl = sgl, .nents = nents, .orig_nents = nents };
	return 0;
}

void sg_free_table(struct sg_table *table)
{
	if (!table)
		return;
	os_free(table->sgl);
	*table = (struct sg_table){ .sgl = NULL };
}

/* A device's limits with "any" spelled out. */
struct limits {
	size_t segment_size;
	size_t alignment;
	unsigned int segments;
};

static int read_limits(const struct device *dev, struct limits *ret_limits)
{
	struct limits limits = { .segment_size = SIZE_MAX, .alignment = 1, .segments = UINT_MAX };

	if (dev && dev->max_segment_size)
		limits.segment_size = dev->max_segment_size;
	if (dev && dev->alignment)
		limits.alignment = dev->alignment;
	if (dev && dev->max_segments)
		limits.segments = dev->max_segments;
	if (limits.alignment & (limits.alignment - 1) || limits.segment_size < limits.alignment)
		return -EINVAL;
	*ret_limits = limits;
	return 0;
}

static bool begins_aligned(const struct scatterlist *sg, size_t alignment)
{
	if (sg->fd >= 0 && sg->offset & (alignment - 1))
		return false;
	return !((uintptr_t)sg->address & (alignment - 1));
}

static bool is_sane(const struct scatterlist *piece)
{
	uintptr_t end_address;
	uint64_t end_offset;

	if (!piece->length || (!piece->address && piece->fd < 0))
		return false;
	if (__builtin_add_overflow((uintptr_t)piece->address, piece->length, &end_address))
		return false;
	return piece->fd < 0 || !__builtin_add_overflow(piece->offset, piece->length, &end_offset);
}

static bool are_neighbours(const struct scatterlist *first, const struct scatterlist *second)
{
	if (!first->address != !second->address)
		return false;
	if (first->address && (char *)first->address + first->length != second->address)
		return false;
	if (first->fd < 0 && second->fd < 0)
		return true;
	return first->fd == second->fd && first->offset + first->length == second->offset;
}

/* How far the pieces are used up. */
struct walk {
	const struct scatterlist *piece, *end;
	size_t used; /* bytes of *piece that earlier segments took */
};

/* The next segment, at most @longest bytes; false: no more pieces. */
static bool next_segment(struct walk *walk, size_t longest, struct scatterlist *ret_segment)
{
	struct scatterlist segment;

	if (walk->piece == walk->end)
		return false;
	segment = *walk->piece;
	segment.address = segment.address ? (char *)segment.address + walk->used : NULL;
	segment.offset += walk->used;
	segment.length = 0;
	segment.is_last = false;
	for (;;) {
		const size_t left = walk->piece->length - walk->used;
		const size_t room = longest - segment.length;
		const size_t taken = left < room ? left : room;

		segment.length += taken;
		walk->used += taken;
		/* cppcheck-suppress knownConditionTrueFalse; it does not see the other half of ?: */
		if (taken < left)
			break;
		walk->used = 0;
		walk->piece++;
		if (walk->piece == walk->end || !are_neighbours(&segment, walk->piece))
			break;
	}
	*ret_segment = segment;
	return true;
}

static struct walk walk_begin(const struct scatterlist *pieces, unsigned int n_pieces)
{
	return (struct walk){ .piece = pieces, .end = pieces + n_pieces };
}

/* Splits fall on multiples of the alignment, counted from an aligned beginning. */
static size_t longest_segment(const struct limits *limits)
{
	return limits->segment_size & ~(limits->alignment - 1);
}

static int count_segments(const struct scatterlist *pieces, unsigned int n_pieces,
			  const struct limits *limits, unsigned int *ret_count)
{
	struct scatterlist segment;
	unsigned int count = 0;
	struct walk walk;

	if (!pieces || !n_pieces)
		return -EINVAL;
	for (unsigned int i = 0; i < n_pieces; i++) {
		if (!is_sane(&pieces[i]))
			return -EINVAL;
	}
	walk = walk_begin(pieces, n_pieces);
	while (next_segment(&walk, longest_segment(limits), &segment)) {
		if (count == limits->segments || !begins_aligned(&segment, limits->alignment))
			return -EBUSY;
		count++;
	}
	*ret_count = count;
	return 0;
}

int sg_check_pieces(const struct scatterlist *pieces, unsigned int n_pieces,
		    const struct device *dev)
{
	struct limits limits;
	unsigned int count;
	int err;

	err = read_limits(dev, &limits);
	if (err)
		return err;
	return count_segments(pieces, n_pieces, &limits, &count);
}

int sg_alloc_table_from_pieces(struct sg_table *table, const struct scatterlist *pieces,
			       unsigned int n_pieces, const struct device *dev)
{
	struct limits limits;
	unsigned int count = 0; /* gcc -O3 cannot see that it is set */
	struct walk walk;
	int err;

	err = read_limits(dev, &limits);
	if (err)
		return err;
	err = count_segments(pieces, n_pieces, &limits, &count);
	if (err)
		return err;
	err = sg_alloc_table(table, count);
	if (err)
		return err;
	walk = walk_begin(pieces, n_pieces);
	for (struct scatterlist *sg = table->sgl;
	     next_segment(&walk, longest_segment(&limits), sg); sg++)
		;
	table->sgl[count - 1].is_last = true;
	return 0;
}

int sg_check_table(const struct sg_table *table, const struct device *dev)
{
	const struct scatterlist *sg;
	struct limits limits;
	int err;

	err = read_limits(dev, &limits);
	if (err)
		return err;
	if (table->nents > limits.segments)
		return -EBUSY;
	sg_table_for_each(sg, table) {
		if (sg->length > limits.segment_size || !begins_aligned(sg, limits.alignment))
			return -EBUSY;
	}
	return 0;
}
