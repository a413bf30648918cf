/* SPDX-License-Identifier: MIT */
/* Which processor runs this thread; it may be another one at once, also behind get_cpu(). */
#ifndef LINUX_COMPAT_SMP_H
#define LINUX_COMPAT_SMP_H

#include <sys/syscall.h>
#include <unistd.h>

static inline int raw_smp_processor_id(void)
{
	unsigned int cpu = 0;

	syscall(SYS_getcpu, &cpu, NULL, NULL);
	return (int)cpu;
}

#define smp_processor_id() raw_smp_processor_id()
#define get_cpu() raw_smp_processor_id()
#define put_cpu() ((void)0)

#endif
