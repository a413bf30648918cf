/* SPDX-License-Identifier: MIT */
/* Memory straight from the system, for what must not meet malloc(). */
#ifndef OS_PAGES_H
#define OS_PAGES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * @size bytes of zeroes, which take room only as they are touched; NULL: there are none.
 * That it failed shows in no result, so it has a seam of its own and not OS_FAULT().
 */
void *os_pages_reserve(size_t size);

/* NULL is fine. */
void os_pages_release(void *pages, size_t size);

#ifdef DMABUF_SEAMS
/* While @refuses, there are none for this thread. */
void os_pages_refuse(bool refuses);
#endif

#endif
