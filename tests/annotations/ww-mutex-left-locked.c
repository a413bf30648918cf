/* SPDX-License-Identifier: MIT */
/* refused: (mutex|ww_mutex) 'b' is (still held at the end of function|not held on every path) */
#include <dmabuf/dmabuf.h>

int both(struct ww_mutex *a, struct ww_mutex *b, struct ww_acquire_ctx *ctx);

int both(struct ww_mutex *a, struct ww_mutex *b, struct ww_acquire_ctx *ctx)
{
	int err;

	err = ww_mutex_lock(a, ctx);
	if (err)
		return err;
	err = ww_mutex_lock_interruptible(b, ctx);
	if (err)
		goto unlock;
#ifndef BROKEN
	ww_mutex_unlock(b);
#endif
unlock:
	ww_mutex_unlock(a);
	return err;
}
