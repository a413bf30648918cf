/* SPDX-License-Identifier: MIT */
/* clang-tidy: bugprone-macro-parentheses */
#define TWICE(n) (2 * n)

int four(void);

int four(void)
{
	return TWICE(1 + 1);
}
