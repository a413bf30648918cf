/* SPDX-License-Identifier: MIT */
/* clang-tidy: bugprone-suspicious-string-compare */
#include <string.h>

int is_other(const char *name);

int is_other(const char *name)
{
	return strcmp(name, "memfd") == 1;
}
