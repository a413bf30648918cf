/* SPDX-License-Identifier: MIT */
/* Memory of user space: see linux/uaccess.h. */
#ifndef LINUX_COMPAT_ASM_UACCESS_H
#define LINUX_COMPAT_ASM_UACCESS_H

#include <linux/uaccess.h>

#endif
