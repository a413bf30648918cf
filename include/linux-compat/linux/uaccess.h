/* SPDX-License-Identifier: MIT */
/* Memory of user space, which is the program's own: nothing is checked, nothing fails. */
#ifndef LINUX_COMPAT_UACCESS_H
#define LINUX_COMPAT_UACCESS_H

#include <linux/kernel.h>
#include <linux/sched.h>

#include <string.h>

#define access_ok(address, size) ((void)(address), (void)(size), 1)

/* How many bytes were not copied. */
static inline unsigned long copy_from_user(void *to, const void __user *from, unsigned long n)
{
	memcpy(to, from, n);
	return 0;
}

static inline unsigned long copy_to_user(void __user *to, const void *from, unsigned long n)
{
	memcpy(to, from, n);
	return 0;
}

static inline unsigned long clear_user(void __user *to, unsigned long n)
{
	memset(to, 0, n);
	return 0;
}

#define __copy_from_user(to, from, n) copy_from_user(to, from, n)
#define __copy_to_user(to, from, n) copy_to_user(to, from, n)
#define get_user(x, ptr) ((x) = *(ptr), 0)
#define put_user(x, ptr) (*(ptr) = (x), 0)
#define __get_user(x, ptr) get_user(x, ptr)
#define __put_user(x, ptr) put_user(x, ptr)

/* The length without its end, or @count if there is no end within it. */
static inline long strncpy_from_user(char *dst, const char __user *src, long count)
{
	const size_t length = strnlen(src, (size_t)count);

	memcpy(dst, src, length < (size_t)count ? length + 1 : length);
	return (long)length;
}

/* New memory, or an error pointer. */
static inline void *memdup_user(const void __user *src, size_t size)
{
	void *copy = malloc(size ? size : 1);

	return copy ? memcpy(copy, src, size) : ERR_PTR(-ENOMEM);
}

#define vmemdup_user(src, size) memdup_user(src, size)

/* What lies behind what is known must be zero. */
static inline int copy_struct_from_user(void *dst, size_t known, const void __user *src, size_t size)
{
	const size_t both = size < known ? size : known;
	const char *bytes = (const char *)src;

	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memset((char *)dst + both, 0, known - both);
	memcpy(dst, src, both);
	return 0;
}

#endif
