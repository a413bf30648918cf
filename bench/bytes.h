/* SPDX-License-Identifier: MIT */
/* Bytes that are allocated. */
#ifndef BYTES_H
#define BYTES_H

#include <stddef.h>

#include "rows.h"

/* So many of each, that what a thread keeps for all of them does not count. */
#define BYTES_OBJECTS 512

/* What is allocated: as it was asked for, and by malloc_usable_size(). */
struct bytes {
	size_t asked, usable;
};

struct bytes bytes_live(void);

/* What has been allocated since @before for each of BYTES_OBJECTS. */
void bytes_report(const char *what, struct bytes before);

extern const struct design ours_bytes_rows, flat_bytes_rows, inline_bytes_rows, classic_bytes_rows;

#endif
