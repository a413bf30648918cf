/* SPDX-License-Identifier: MIT */
#include "os/alloc.h"

#include <stdlib.h>

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
	return malloc(size);
}

void os_free(void *memory)
{
	free(memory);
}
