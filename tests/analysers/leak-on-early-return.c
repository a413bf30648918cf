/* SPDX-License-Identifier: MIT */
/*
 * gcc: analyzer-malloc-leak
 * clang-tidy: clang-analyzer-unix.Malloc
 * cppcheck: memleak
 */
#include <stdlib.h>

int sum(const int *from, int n);

int sum(const int *from, int n)
{
	int *copy = malloc(sizeof(*copy));
	int result;

	if (!copy)
		return -1;
	if (n < 0)
		return -1;
	*copy = from[n];
	result = *copy + n;
	free(copy);
	return result;
}
