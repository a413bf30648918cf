/* SPDX-License-Identifier: MIT */
/* What the environment says. */
#ifndef OS_SETTINGS_H
#define OS_SETTINGS_H

#include <stdbool.h>

/* Is @name set, to something else than "" and "0"? Never in a program with more rights than its user. */
bool os_setting_is_on(const char *name);

#endif
