/* SPDX-License-Identifier: MIT */
/* Members of structures: offsets, sizes, flexible arrays. As in Linux. */
#ifndef LINUX_COMPAT_STDDEF_H
#define LINUX_COMPAT_STDDEF_H

#include_next <linux/stddef.h>

#include <linux/types.h>

#define sizeof_field(type, member) sizeof(((type *)0)->member)
#define offsetofend(type, member) (offsetof(type, member) + sizeof_field(type, member))

#define struct_group(name, members...) \
	union { \
		struct { members }; \
		struct { members } name; \
	}
#define DECLARE_FLEX_ARRAY(type, name) \
	struct { \
		struct { } lc_empty_##name; \
		type name[]; \
	}

#endif
