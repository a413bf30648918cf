/* SPDX-License-Identifier: MIT */
/*
 * gcc: analyzer-null-dereference
 * clang-tidy: clang-analyzer-core.NullDereference
 * cppcheck: nullPointer
 */
#include <stddef.h>

int first(const int *table, int n);

int first(const int *table, int n)
{
	const int *entry = NULL;

	if (n > 0)
		entry = table;
	return *entry;
}
