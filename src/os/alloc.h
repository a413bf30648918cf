/* SPDX-License-Identifier: MIT */
/* Memory. All of it comes from malloc() and goes to free(), also by users' hands. */
#ifndef OS_ALLOC_H
#define OS_ALLOC_H

#include <stddef.h>

/* Zeroed memory, or NULL. */
void *os_alloc(size_t size);

/* @count zeroed elements of @size bytes, or NULL, also where the product overflows. */
void *os_alloc_array(size_t count, size_t size);

/* Memory with any content, or NULL. */
void *os_alloc_raw(size_t size);

/* NULL is fine. */
void os_free(void *memory);

#endif
