/* SPDX-License-Identifier: MIT */
/* Error pointers, as in Linux; they are the library's. */
#ifndef LINUX_COMPAT_ERR_H
#define LINUX_COMPAT_ERR_H

#include <linux/errno.h>
#include <linux/types.h>

#define MAX_ERRNO DMABUF_MAX_ERRNO
#define IS_ERR_VALUE(x) unlikely((unsigned long)(void *)(x) >= (unsigned long)-MAX_ERRNO)
#define IOMEM_ERR_PTR(error) ERR_PTR(error)

static inline void *__must_check ERR_PTR(long error)
{
	return dmabuf_err_ptr(error);
}

static inline long __must_check PTR_ERR(const void *ptr)
{
	return dmabuf_ptr_err(ptr);
}

static inline bool __must_check IS_ERR(const void *ptr)
{
	return dmabuf_is_err(ptr);
}

static inline bool __must_check IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || dmabuf_is_err(ptr);
}

static inline void *__must_check ERR_CAST(const void *ptr)
{
	return (void *)(uintptr_t)ptr;
}

static inline int __must_check PTR_ERR_OR_ZERO(const void *ptr)
{
	return dmabuf_is_err(ptr) ? (int)dmabuf_ptr_err(ptr) : 0;
}

#endif
