/* SPDX-License-Identifier: MIT */
/*
 * All that is written for the process and not for the kernel: begin the modules of the
 * program, each of which runs its tests, and end them. The same file serves for any
 * module whose init function tells by its result whether all is well.
 */
#include <linux/module.h>

int main(void)
{
	const int err = linux_compat_modules_init();

	linux_compat_modules_exit();
	return err ? 1 : 0;
}
