/* SPDX-License-Identifier: MIT */
/*
 * The first process of the user-mode Linux: mount what the tests look into, run them, turn
 * the machine off.
 */
#include <stdio.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void mount_on(const char *folder, const char *type)
{
	mkdir(folder, 0755);
	if (mount(type, folder, type, 0, NULL))
		perror(folder);
}

/* The tests say themselves how many failed, unless they end before that. */
static void run(char **arguments)
{
	int status = 0;
	const pid_t pid = fork();

	if (!pid) {
		execv(arguments[0], arguments);
		perror(arguments[0]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		perror("init");
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		printf("test-uml ended with status %#x\n0 passed, 1 failed\n",
		       (unsigned int)status);
}

/* A word on the kernel's command line that it does not know is the first argument. */
int main(int argc, char **argv)
{
	char *arguments[] = { "/test-uml", argc > 1 ? argv[1] : NULL, NULL };

	mount_on("/dev", "devtmpfs");
	mount_on("/proc", "proc");
	mount_on("/sys", "sysfs");
	mount_on("/sys/kernel/debug", "debugfs");
	mount_on("/tmp", "tmpfs");
	run(arguments);
	fflush(stdout);
	reboot(RB_POWER_OFF);
}
