/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "os/settings.h"

#include <stdlib.h>
#include <string.h>

bool os_setting_is_on(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value && strcmp(value, "0") != 0;
}
