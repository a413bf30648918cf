/* SPDX-License-Identifier: MIT */
/*
 * The library's small public types and Linux's are the same types.
 *
 * Every compat header includes this one first. Where the library's headers come
 * later than that, they declare Linux's tags, which debuggers then show; where
 * they came earlier, Linux's names are macros for the library's.
 */
#ifndef LINUX_COMPAT_TAGS_H
#define LINUX_COMPAT_TAGS_H

#if __SIZEOF_LONG__ < 8
#error "linux-compat is for 64-bit machines: a jiffy is a nanosecond, and code keeps it in a long"
#endif

#ifndef DMABUF_TYPES_H
#define dmabuf_list_head list_head
#define dmabuf_kref kref
#define dmabuf_rcu_head rcu_head
#define dmabuf_spinlock spinlock
#define DMABUF_MUST_CHECK /* Linux's prototypes have none */
#define DMABUF_NO_ANNOTATIONS /* nor does kernel code have those of clang */
#include <dmabuf/dmabuf-types.h>
#else
#define list_head dmabuf_list_head
#define kref dmabuf_kref
#define rcu_head dmabuf_rcu_head
#define spinlock dmabuf_spinlock
#endif

/*
 * What all translation units of a program share is defined in these headers and
 * weak, so that there is no library to link beside libdmabuf.
 */
#define LC_SHARED __attribute__((__weak__))

#endif
