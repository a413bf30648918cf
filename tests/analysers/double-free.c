/* SPDX-License-Identifier: MIT */
/*
 * gcc: analyzer-double-free
 * clang-tidy: clang-analyzer-unix.Malloc
 * cppcheck: doubleFree
 */
#include <stdlib.h>

void drop(char *memory, int n);

void drop(char *memory, int n)
{
	if (n)
		free(memory);
	free(memory);
}
