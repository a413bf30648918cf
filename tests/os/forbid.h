/* SPDX-License-Identifier: MIT */
/* System calls that a process forbids itself, as sandboxes do; and what a test does where it cannot. */
#ifndef FORBID_H
#define FORBID_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "harness.h"

/* The exit status of a child that could not be forbidden anything. */
#define NOTHING_CAN_BE_FORBIDDEN 77

/* As these @count steps of @code say: for the calling thread and its children, for good. */
static inline bool forbid_by(struct sock_filter *code, unsigned short count)
{
	const struct sock_fprog program = { count, code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* The call numbered @call gives @error. */
static inline bool forbid(unsigned int call, unsigned int error)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};

	return forbid_by(code, sizeof(code) / sizeof(code[0]));
}

/* @status: with which the child ended. */
static inline void skip_if_nothing_can_be_forbidden(int status)
{
	if (status != NOTHING_CAN_BE_FORBIDDEN)
		return;
	puts("not tested: nothing can be forbidden here");
	test_skip();
}

#endif
