/* SPDX-License-Identifier: MIT */
/* Words for truth. As in Linux. */
#ifndef LINUX_COMPAT_STRING_HELPERS_H
#define LINUX_COMPAT_STRING_HELPERS_H

#include <linux/string.h>

#define str_yes_no(v) ((v) ? "yes" : "no")
#define str_on_off(v) ((v) ? "on" : "off")
#define str_true_false(v) ((v) ? "true" : "false")
#define str_enable_disable(v) ((v) ? "enable" : "disable")
#define str_enabled_disabled(v) ((v) ? "enabled" : "disabled")
#define str_read_write(v) ((v) ? "read" : "write")
#define str_plural(n) ((n) == 1 ? "" : "s")

#endif
