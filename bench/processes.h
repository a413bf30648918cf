/* SPDX-License-Identifier: MIT */
/* Other processes, for rows that are about them: forked, and connected by a socket. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frame.h"

struct process {
	pid_t pid;
	int sock;
};

/* In a new process, which ends when @func returns. */
static inline struct process process_begin(void (*func)(int sock, void *arg), void *arg)
{
	struct process process;
	int ends[2];

	MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	process.pid = fork();
	MUST(process.pid >= 0);
	if (!process.pid) {
		close(ends[0]);
		func(ends[1], arg);
		_exit(0);
	}
	close(ends[1]);
	process.sock = ends[0];
	return process;
}

static inline void process_tell(int sock, const void *bytes, size_t size)
{
	MUST(write(sock, bytes, size) == (ssize_t)size);
}

static inline void process_hear(int sock, void *bytes, size_t size)
{
	MUST(recv(sock, bytes, size, MSG_WAITALL) == (ssize_t)size);
}

static inline void process_end(const struct process *process)
{
	int status;

	shutdown(process->sock, SHUT_RDWR); /* later ones have inherited it */
	close(process->sock);
	MUST(waitpid(process->pid, &status, 0) == process->pid);
}

#endif
