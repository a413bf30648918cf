/* SPDX-License-Identifier: MIT */
/* What describes mappings. Of a vm_area_struct only what a driver's mmap reads and writes. */
#ifndef LINUX_COMPAT_MM_TYPES_H
#define LINUX_COMPAT_MM_TYPES_H

#include <linux/gfp.h>

struct file;
struct vm_area_struct;
struct vm_fault;

typedef unsigned long vm_flags_t;
typedef unsigned int vm_fault_t;
typedef struct {
	unsigned long pgprot;
} pgprot_t;

struct mm_struct {
	char unused;
};

struct vm_operations_struct {
	void (*open)(struct vm_area_struct *vma);
	void (*close)(struct vm_area_struct *vma);
	vm_fault_t (*fault)(struct vm_fault *vmf);
};

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_pgoff; /* in pages */
	vm_flags_t vm_flags;
	pgprot_t vm_page_prot;
	const struct vm_operations_struct *vm_ops;
	struct file *vm_file;
	void *vm_private_data;
	struct mm_struct *vm_mm;
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned int flags;
	unsigned long pgoff;
	unsigned long address;
	struct page *page;
};

#endif
