/* SPDX-License-Identifier: MIT */
/*
 * Other processes. Each is forked before there is a pool, joins one over its socket, and then does what
 * its function says; the two talk by bytes. What goes wrong there shows as the process's status.
 */
#ifndef PEERS_H
#define PEERS_H

#include <dmabuf/dma-buf-pool.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "share/watcher.h"

#define SECOND INT64_C(1000000000)
#define PEER_PATIENCE (20 * SECOND)

/* The watcher's thread and descriptor are there once and for all. */
__attribute__((constructor)) static void peers_begin_watching(void)
{
	const struct dma_buf_pool_limits limits = { 1, 1, 1, 1 };
	struct dma_buf_pool *pool;

	if (dma_buf_pool_create(&limits, &pool))
		abort();
	watcher_need(pool);
	dma_buf_pool_leave(pool);
}

struct peer {
	pid_t pid;
	int sock;
};

/* In the other process, where there is no test to fail. */
#define PEER_MUST(condition)                                                                  \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: peer: not %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                             \
		}                                                                             \
	} while (0)

static inline void peer_tell(int sock, const void *bytes, size_t size)
{
	if (send(sock, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		fprintf(stderr, "peer: the other one is gone\n");
}

/* False: the other one is gone. */
static inline bool peer_hear(int sock, void *bytes, size_t size)
{
	return recv(sock, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static inline void peer_go(int sock)
{
	peer_tell(sock, "g", 1);
}

static inline bool peer_await(int sock)
{
	char byte;

	return peer_hear(sock, &byte, 1);
}

/* @func gets the socket, in a new process, which ends when it returns. */
static inline struct peer peer_fork(void (*func)(int sock))
{
	struct peer peer;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
	fflush(NULL);
	peer.pid = fork();
	if (peer.pid < 0)
		abort();
	if (!peer.pid) {
		close(ends[0]);
		signal(SIGSEGV, SIG_DFL); /* cmocka would go on with its next test, here */
		signal(SIGBUS, SIG_DFL);
		alarm(60);
		func(ends[1]);
		_exit(0);
	}
	close(ends[1]);
	peer.sock = ends[0];
	return peer;
}

/* In the peer. */
static inline struct dma_buf_pool *peer_join(int sock)
{
	struct dma_buf_pool *pool = NULL;
	const int err = dma_buf_pool_join(sock, PEER_PATIENCE, &pool);

	if (err)
		fprintf(stderr, "peer: join: %d\n", err);
	PEER_MUST(!err);
	return pool;
}

/* A buffer that the test tells of. */
static inline struct dma_buf *peer_get_buf(int sock, struct dma_buf_pool *pool)
{
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf = NULL;
	int err;

	PEER_MUST(peer_hear(sock, &handle, sizeof(handle)));
	err = dma_buf_pool_get_buf(pool, &handle, &dmabuf);
	if (err)
		fprintf(stderr, "peer: get_buf: %d\n", err);
	PEER_MUST(!err);
	return dmabuf;
}

/* How it ended: its exit status, or minus the signal. */
static inline int peer_reap(struct peer *peer)
{
	int status;

	close(peer->sock);
	if (waitpid(peer->pid, &status, 0) != peer->pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void peer_kill(struct peer *peer)
{
	kill(peer->pid, SIGKILL);
}

#endif
