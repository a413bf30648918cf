/* SPDX-License-Identifier: MIT */
/* The size of a page, which is a constant here: 4096 unless PAGE_SHIFT is defined. */
#ifndef LINUX_COMPAT_ASM_PAGE_H
#define LINUX_COMPAT_ASM_PAGE_H

#ifndef PAGE_SHIFT
#define PAGE_SHIFT 12
#endif
#undef PAGE_SIZE
#define PAGE_SIZE (1UL << PAGE_SHIFT)
#undef PAGE_MASK
#define PAGE_MASK (~(PAGE_SIZE - 1))

#define PAGE_ALIGN(address) (((address) + PAGE_SIZE - 1) & PAGE_MASK)
#define PAGE_ALIGN_DOWN(address) ((address) & PAGE_MASK)
#define PAGE_ALIGNED(address) (!((unsigned long)(address) & ~PAGE_MASK))
#define offset_in_page(address) ((unsigned long)(address) & ~PAGE_MASK)

#define virt_to_page(address) ((struct page *)((unsigned long)(address) & PAGE_MASK))
#define page_to_virt(page) ((void *)(page))
#define page_to_pfn(page) ((unsigned long)(page) >> PAGE_SHIFT)
#define pfn_to_page(pfn) ((struct page *)((unsigned long)(pfn) << PAGE_SHIFT))
#define page_to_phys(page) ((phys_addr_t)(unsigned long)(page))
#define virt_to_phys(address) ((phys_addr_t)(unsigned long)(address))
#define PFN_UP(address) (((address) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(address) ((address) >> PAGE_SHIFT)
#define PFN_PHYS(pfn) ((phys_addr_t)(pfn) << PAGE_SHIFT)

#endif
