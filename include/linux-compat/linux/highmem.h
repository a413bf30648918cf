/* SPDX-License-Identifier: MIT */
/* Pages that must be mapped to be reached. All of them always are. */
#ifndef LINUX_COMPAT_HIGHMEM_H
#define LINUX_COMPAT_HIGHMEM_H

#include <linux/mm.h>

#define kmap(page) page_address(page)
#define kunmap(page) ((void)(page))
#define kmap_atomic(page) page_address(page)
#define kunmap_atomic(address) ((void)(address))
#define kmap_local_page(page) page_address(page)
#define kunmap_local(address) ((void)(address))
#define clear_highpage(page) memset(page_address(page), 0, PAGE_SIZE)
#define copy_highpage(to, from) memcpy(page_address(to), page_address(from), PAGE_SIZE)

#endif
