/* SPDX-License-Identifier: MIT */
/* The ways in which a process ends, or is none of a pool's any more, without leaving. */
#ifndef ENDS_H
#define ENDS_H

#include <sys/resource.h>

#include "peers.h"
#include "share/member.h"

enum way {
	KILLED,
	SEGMENTATION_FAULT,
	ABORTED,
	GONE,	  /* by _exit() */
	EXITED,	  /* by exit(), with all that runs then */
	EXECUTED, /* it lives on, as another program, until it is killed */
	WAYS,
	STOPPED = WAYS, /* no end: it may go on */
};

enum { STATUS_GONE = 21, STATUS_EXITED };

/* As peer_reap() has it. */
static inline int end_status(enum way way)
{
	static const int status[WAYS] = {
		[KILLED] = -SIGKILL, [SEGMENTATION_FAULT] = -SIGSEGV, [ABORTED] = -SIGABRT,
		[GONE] = STATUS_GONE, [EXITED] = STATUS_EXITED,	      [EXECUTED] = -SIGKILL,
	};

	return status[way];
}

/* In the process. Returns if it was STOPPED, and goes on. */
static inline void end_there(enum way way)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	switch (way) {
	case KILLED:
		raise(SIGKILL);
		break;
	case SEGMENTATION_FAULT:
		raise(SIGSEGV);
		break;
	case ABORTED:
		signal(SIGABRT, SIG_DFL);
		abort();
	case GONE:
		_exit(STATUS_GONE);
	case EXITED:
		exit(STATUS_EXITED);
	case EXECUTED:
		execlp("sleep", "sleep", "60", NULL);
		break;
	case STOPPED:
		raise(SIGSTOP);
		return;
	}
	PEER_MUST(false);
}

/* Until the end of a member shows: one by one its descriptors are closed. 0: it is none. */
static inline void await_death(struct dma_buf_pool *pool, uint32_t id)
{
	if (id)
		WAIT_UNTIL(member_check_id(pool, id) != VERDICT_ALIVE);
}

/* Whoever finds a member dead whose process is another program now goes by its channel. */
static inline void kill_survivor(struct peer *peer)
{
	ASSERT_INT(waitpid(peer->pid, NULL, WNOHANG), ==, 0);
	peer_kill(peer);
	ASSERT_INT(peer_reap(peer), ==, end_status(EXECUTED));
}

/*
 * At each point a member ends in all ways, if there is time for that; otherwise in one, each in its turn.
 */
static inline unsigned int ways_a_point(void)
{
	return getenv("DMABUF_TEST_ALL_ENDS") ? WAYS : 1;
}

static inline enum way next_way(void)
{
	static unsigned int turn;

	return (enum way)(turn++ % WAYS);
}

#endif
