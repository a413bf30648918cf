/* SPDX-License-Identifier: MIT */
/* How long to spin is found once a process, so each case has a process of its own. */
#define _GNU_SOURCE
#include "harness.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libc.h"
#include "os/futex.h"

static int processors; /* that we may run on; 0: the kernel has more than a set has room for */

int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *ret_set)
{
	(void)pid;
	if (!processors) {
		errno = EINVAL;
		return -1;
	}
	CPU_ZERO_S(size, ret_set);
	for (int i = 0; i < processors; i++)
		CPU_SET_S((size_t)i, size, ret_set);
	return 0;
}

/* How often a new process with so many processors spins, found twice. */
static int spins_with(int count)
{
	const pid_t child = fork();
	int status;

	if (!child) {
		unsigned int spins;

		processors = count;
		spins = os_spin_limit();
		_exit(os_spin_limit() == spins && spins < 255 ? (int)spins : 255);
	}
	ASSERT_INT(child, >, 0);
	ASSERT_INT(waitpid(child, &status, 0), ==, child);
	ASSERT_TRUE(WIFEXITED(status));
	ASSERT_INT(WEXITSTATUS(status), !=, 255);
	return WEXITSTATUS(status);
}

TEST(on_one_processor_nobody_spins)
{
	ASSERT_INT(spins_with(1), ==, 0);
	ASSERT_INT(spins_with(2), >, 0);
}

TEST(on_more_processors_than_can_be_counted_one_spins)
{
	ASSERT_INT(spins_with(0), ==, spins_with(2));
}
