/* SPDX-License-Identifier: MIT */
/*
 * Memory files and their mappings. Everything returns 0 (or what it says) or
 * -errno.
 */
#ifndef OS_FILE_H
#define OS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "os/tree.h"

/* Which file a descriptor stands for, and what it may be used for. */
struct os_file {
	struct tree_key key; /* device and inode: unique among the files that exist */
	uint64_t size;
	bool regular; /* @size means something */
	bool readable, writable;
};

int os_file_inspect(int fd, struct os_file *ret_file);

/* The same where it cannot fail, as long as @fd is what the caller says. */
int os_file_inspect_own(int fd, struct os_file *ret_file);

/* A new descriptor of an empty memory file that can be sealed, close-on-exec. */
int os_memfd_create(const char *name);

int os_file_resize(int fd, size_t size);

/* F_SEAL_* */
int os_file_add_seals(int fd, int seals);

/* The seals; -EINVAL: a kind of file that cannot be sealed. */
int os_file_get_seals(int fd);

/*
 * Is it a memory file of ordinary pages? Of large ones there may be none when they are touched, once
 * somebody else has punched a hole into it.
 */
bool os_file_is_ordinary(int fd);

/* Another descriptor of the same open file: same access, same position. */
int os_file_dup(int fd, bool cloexec);

/* A descriptor of the file that can only read, whatever @fd can. Needs /proc. */
int os_file_reopen_readonly(int fd, bool cloexec);

void os_file_close(int fd);

/* Map @size bytes from the start of the file, shared. @prot is PROT_*. */
int os_map(int fd, size_t size, int prot, void **ret_address);

/* Change what a whole mapping may be used for. */
int os_map_protect(void *address, size_t size, int prot);

/* Children of this process will not have the mapping. */
int os_map_hide_from_children(void *address, size_t size);

void os_unmap(void *address, size_t size);

/* A power of two. */
size_t os_page_size(void);

#endif
