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

/* The same; no failure is made in it, for what shows in no result, or has asked for one. */
void *os_alloc_quietly(size_t size);

/* Nobody looks at it any more, as if it had been freed: in tests its content goes. */
void os_poison(void *memory);

/* NULL is fine. */
void os_free(void *memory);

#endif
