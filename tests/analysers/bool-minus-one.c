/* SPDX-License-Identifier: MIT */
/* cppcheck: returnNonBoolInBooleanFunction */
#include <stdbool.h>

bool is_even(int n);

bool is_even(int n)
{
	if (n < 0)
		return -1;
	return n % 2 == 0;
}
