/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include "os/alloc.h"

#define SIZE 100

static const unsigned char *block;
static unsigned int poisoned; /* bytes of it, as it is freed */

static void look_at_block(const void *memory)
{
	for (unsigned int i = 0; memory == block && i < SIZE; i++)
		poisoned += block[i] == 0x6b;
}

/* In debug builds, whoever still looks at it shall notice. */
TEST(what_is_freed_is_overwritten_first)
{
	block = os_alloc(SIZE);
	ASSERT_PTR(block, !=, NULL);
	poisoned = 0;
	test_on_free(look_at_block);
	os_free((void *)(uintptr_t)block);
	test_on_free(NULL);
	ASSERT_INT(poisoned, ==, SIZE);
}
