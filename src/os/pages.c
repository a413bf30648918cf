/* SPDX-License-Identifier: MIT */
#include "os/pages.h"

#include <sys/mman.h>

#ifdef DMABUF_SEAMS
static __thread bool refusing __attribute__((tls_model("initial-exec")));

void os_pages_refuse(bool refuses)
{
	refusing = refuses;
}
#else
enum { refusing = false };
#endif

void *os_pages_reserve(size_t size)
{
	void *pages;

	if (refusing)
		return NULL;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return pages == MAP_FAILED ? NULL : pages;
}

void os_pages_release(void *pages, size_t size)
{
	if (pages)
		munmap(pages, size);
}
