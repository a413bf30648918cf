/* SPDX-License-Identifier: MIT */
/* Call stacks, as return addresses and as text. Nothing here allocates once it is initialised. */
#ifndef OS_BACKTRACE_H
#define OS_BACKTRACE_H

#include <stddef.h>

/* The most that one call gets. */
#define OS_BACKTRACE_MAX 60

/* Load the unwinder, for which libc allocates: after this, it no longer does. */
void os_backtrace_init(void);

/*
 * The return addresses of who called this, of who called that, and so on. Returns how many;
 * 0 where stacks cannot be read.
 */
unsigned int os_backtrace(void **ret_frames, unsigned int max);

/*
 * The same from the call on that returns to @caller, so without who called this on that
 * one's behalf; all of it if none does. What a function passes as @caller is
 * __builtin_return_address(0).
 */
unsigned int os_backtrace_from(const void *caller, void **ret_frames, unsigned int max);

/*
 * Where a call returns to @address: a line without its end, such as
 *
 *     dma_resv_lock+0x1a (libdmabuf.so.0+0x5e1a)
 *
 * Static functions have names too, unless they were stripped. Without a name it is the part
 * in brackets, without a module the bare address. Both numbers belong to the byte before
 * @address, which is the call's: addr2line gives that line, not the next.
 *
 * Returns the length, without the end; what has no room is cut off. Takes the dynamic
 * linker's lock, and opens the module's file for a moment.
 */
size_t os_symbol(const void *address, char *text, size_t size);

#endif
