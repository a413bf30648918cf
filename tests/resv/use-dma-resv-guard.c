/* SPDX-License-Identifier: MIT */
/* Compiled as C11 and as C++17 by scripts/check-headers.py: what the macros become. */
#include <dmabuf/dma-resv-guard.h>

int use_dma_resv_guard(struct dma_resv *obj);

int use_dma_resv_guard(struct dma_resv *obj)
{
	int runs = 0;

	dma_resv_scoped_guard(obj)
		runs++;
	dma_resv_scoped_guard_intr(return -1, obj) {
		runs++;
	}
	dma_resv_scoped_guard_try(return -2, obj) {
		if (runs > 2)
			break;
		runs++;
	}
	dma_resv_guard(obj);
	return runs;
}
