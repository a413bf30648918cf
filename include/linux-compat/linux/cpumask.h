/* SPDX-License-Identifier: MIT */
/* Processors. Those that are online are numbered from 0; there are no masks of them. */
#ifndef LINUX_COMPAT_CPUMASK_H
#define LINUX_COMPAT_CPUMASK_H

#include <linux/smp.h>

#define num_online_cpus() lc_cpus(_SC_NPROCESSORS_ONLN)
#define num_possible_cpus() lc_cpus(_SC_NPROCESSORS_CONF)
#define num_present_cpus() num_possible_cpus()
#define nr_cpu_ids num_possible_cpus()
#define cpu_online(cpu) ((unsigned int)(cpu) < num_online_cpus())
#define cpu_possible(cpu) ((unsigned int)(cpu) < num_possible_cpus())

#define for_each_online_cpu(cpu) for ((cpu) = 0; cpu_online(cpu); (cpu)++)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; cpu_possible(cpu); (cpu)++)
#define for_each_present_cpu(cpu) for_each_possible_cpu(cpu)

static inline unsigned int lc_cpus(int which)
{
	const long n = sysconf(which);

	return n > 0 ? (unsigned int)n : 1;
}

#endif
