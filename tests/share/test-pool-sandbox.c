/* SPDX-License-Identifier: MIT */
/* Kernels without what a pool needs, or processes that may not use it. */
#define _GNU_SOURCE
#include "members.h"
#include "peers.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NOTHING_CAN_BE_FORBIDDEN 77

static const struct dma_buf_pool_limits limits = {
	.members = 2, .buffers = 2, .fences = 4, .timelines = 2,
};

static struct dma_buf_pool_message invitation;

/* The call numbered @call gives @error, as long as this process lives. */
static bool forbid(unsigned int call, unsigned int error)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, call },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | error },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	const struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void have_no_pidfd(int sock)
{
	struct dma_buf_pool_message answer;
	struct dma_buf_pool *pool = NULL;

	(void)sock;
	if (!forbid(SYS_pidfd_open, ENOSYS))
		_exit(NOTHING_CAN_BE_FORBIDDEN);
	PEER_MUST(dma_buf_pool_create(&limits, &pool) == -ENOSYS);
	PEER_MUST(dma_buf_pool_accept(&invitation, &answer, &pool) == -ENOSYS);
	PEER_MUST(!pool);
}

TEST(without_pidfd_open_there_is_no_pool)
{
	struct dma_buf_pool *host;
	struct peer peer;
	int ended;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	peer = peer_fork(have_no_pidfd);
	ended = peer_reap(&peer);
	dma_buf_pool_uninvite(host, &invitation);
	dma_buf_pool_message_close(&invitation);
	leave(host);
	if (ended == NOTHING_CAN_BE_FORBIDDEN) {
		puts("not tested: nothing can be forbidden here");
		test_skip();
	}
	ASSERT_INT(ended, ==, 0);
}
