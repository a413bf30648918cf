/* SPDX-License-Identifier: MIT */
#include "os/alloc.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "os/fault.h"

void *os_alloc(size_t size)
{
	return os_alloc_array(1, size);
}

void *os_alloc_array(size_t count, size_t size)
{
	if (OS_FAULT())
		return NULL;
	return calloc(count, size);
}

void *os_alloc_raw(size_t size)
{
	if (OS_FAULT())
		return NULL;
	return os_alloc_quietly(size);
}

void *os_alloc_quietly(size_t size)
{
	return malloc(size);
}

void os_poison(void *memory)
{
#ifdef DMABUF_CHECKS
	/* Whoever still looks at it shall notice. */
	memset(memory, 0x6b, malloc_usable_size(memory));
	/* To a compiler, what is written just before free() is written for nobody. */
	__asm__ volatile("" : : "r"(memory) : "memory");
#else
	(void)memory;
#endif
}

void os_free(void *memory)
{
	if (memory)
		os_poison(memory);
	free(memory);
}
