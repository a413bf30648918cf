/* SPDX-License-Identifier: MIT */
/* Other processes that do what the test says, one order after the other. */
#ifndef PUPPET_H
#define PUPPET_H

#include <dmabuf/dma-fence.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../fence/fences.h"
#include "ends.h"

enum deed {
	JOIN,	/* over the order's socket, or the test's, if that is -1 */
	SERVE,	/* over the order's socket, with the order's flags */
	INVITE,	/* somebody, who is uninvited at once */
	LEAVE,
	DESTROY, /* the pool; it is no member then */
	STATUS,
	EXPORT, /* a new fence, which becomes the puppet's */
	SIGNAL,
	FAIL_IT, /* signal it with the order's error */
	LEASE,	/* its fence, for the order's time */
	IMPORT, /* the order's value, which becomes the puppet's */
	ASK,	/* the status of its fence */
	WAIT,	/* for its fence, then as ASK */
	ALLOC,	/* a buffer, which becomes the puppet's */
	GET,	/* the order's buffer, likewise */
	HANDLE,	/* of its buffer */
	PUT,
	LOCK,
	STAGE,	/* a new fence, which becomes the puppet's */
	PUBLISH, /* the same; unlocks */
	UNLOCK,
	EVICT,	/* the order's member */
	CLOSE,	/* the order's socket */
	FORK,	/* a child that sleeps: its number; with a flag: behind the library's back */
	END,	/* in the order's way */
	MAY_WRITE, /* to its buffer: 1, by the library; 2, with its descriptor; or both */
	QUIT,
};

struct order {
	enum deed deed;
	int sock;
	unsigned int flags;
	uint32_t member;
	unsigned int points; /* race points until something happens to it; 0: nothing does */
	enum way way;	     /* that */
	int error;
	int64_t time;
	struct dma_buf_pool_fence value;
	struct dma_buf_pool_handle handle;
};

struct answer {
	int err;
	bool has_survived; /* there were not as many points */
	uint32_t self;
	struct dma_buf_pool_fence value;
	struct dma_buf_pool_handle handle;
};

/* In the puppet. */
struct puppet {
	int sock;
	struct dma_buf_pool *pool;
	struct dma_fence *fence;
	struct dma_buf *dmabuf;
	bool has_lock;
};

static inline int puppet_import(struct puppet *puppet, const struct order *order)
{
	struct dma_fence *fence = dma_buf_pool_import_fence(puppet->pool, &order->value);

	if (dmabuf_is_err(fence))
		return (int)dmabuf_ptr_err(fence);
	dma_fence_put(puppet->fence);
	puppet->fence = fence;
	return 0;
}

static inline int puppet_export(struct puppet *puppet, struct answer *answer)
{
	dma_fence_put(puppet->fence);
	puppet->fence = make_fence();
	return dma_buf_pool_export_fence(puppet->pool, puppet->fence, &answer->value);
}

static inline int puppet_alloc(struct puppet *puppet, const struct order *order,
			       struct answer *answer)
{
	const int err = dma_buf_pool_alloc(puppet->pool, "puppet", 4096, order->flags,
					   &puppet->dmabuf);

	return err ? err : dma_buf_pool_get_handle(puppet->dmabuf, &answer->handle);
}

static inline int puppet_join(struct puppet *puppet, const struct order *order)
{
	return dma_buf_pool_join(order->sock < 0 ? puppet->sock : order->sock, PEER_PATIENCE,
				 &puppet->pool);
}

static inline int puppet_invite(struct puppet *puppet)
{
	struct dma_buf_pool_message invitation;
	const int err = dma_buf_pool_invite(puppet->pool, 0, &invitation);

	if (err)
		return err;
	dma_buf_pool_uninvite(puppet->pool, &invitation);
	dma_buf_pool_message_close(&invitation);
	return 0;
}

static inline int puppet_leave(struct puppet *puppet)
{
	dma_buf_pool_leave(puppet->pool);
	puppet->pool = NULL;
	return 0;
}

static inline int puppet_destroy(struct puppet *puppet)
{
	dma_buf_pool_destroy(puppet->pool);
	puppet->pool = NULL;
	return 0;
}

static inline int puppet_put(struct puppet *puppet)
{
	dma_buf_put(puppet->dmabuf);
	puppet->dmabuf = NULL;
	return 0;
}

static inline int puppet_lock(struct puppet *puppet)
{
	const int err = dma_resv_lock(puppet->dmabuf->resv, NULL);

	puppet->has_lock = !err;
	return err;
}

static inline int puppet_unlock(struct puppet *puppet)
{
	puppet->has_lock = false;
	dma_resv_unlock(puppet->dmabuf->resv);
	return 0;
}

static inline int puppet_stage(struct puppet *puppet)
{
	const int err = dma_resv_reserve_fences(puppet->dmabuf->resv, 1);

	dma_fence_put(puppet->fence);
	puppet->fence = make_fence();
	if (!err)
		dma_resv_add_fence(puppet->dmabuf->resv, puppet->fence, DMA_RESV_USAGE_WRITE);
	return err;
}

static inline int puppet_publish(struct puppet *puppet)
{
	const int err = puppet_stage(puppet);

	puppet_unlock(puppet);
	return err;
}

static inline int puppet_fail(struct puppet *puppet, int error)
{
	dma_fence_set_error(puppet->fence, error);
	return dma_fence_signal(puppet->fence);
}

static inline int may_write(struct dma_buf *dmabuf)
{
	const int fd = dma_buf_fd(dmabuf, O_CLOEXEC | O_RDWR);
	const int read_only = fd < 0 ? dma_buf_fd(dmabuf, O_CLOEXEC) : fd;
	void *address;
	int ways = !dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address);

	address = mmap(NULL, dmabuf->size, PROT_READ | PROT_WRITE, MAP_SHARED, read_only, 0);
	if (address != MAP_FAILED) {
		munmap(address, dmabuf->size);
		ways |= 2;
	}
	if (pwrite(read_only, "x", 1, 0) == 1)
		ways |= 2;
	close(read_only);
	return ways;
}

static inline int puppet_fork_sleeper(bool is_hidden)
{
	const pid_t pid = is_hidden ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();

	if (pid)
		return pid;
	alarm(60);
	for (;;)
		pause();
}

static inline int puppet_do(struct puppet *puppet, const struct order *order, struct answer *answer)
{
	switch (order->deed) {
	case JOIN:
		return puppet_join(puppet, order);
	case SERVE:
		return dma_buf_pool_serve(puppet->pool, order->sock, order->flags, PEER_PATIENCE, NULL);
	case INVITE:
		return puppet_invite(puppet);
	case LEAVE:
		return puppet_leave(puppet);
	case DESTROY:
		return puppet_destroy(puppet);
	case STATUS:
		return dma_buf_pool_status(puppet->pool);
	case EXPORT:
		return puppet_export(puppet, answer);
	case SIGNAL:
		return dma_fence_signal(puppet->fence);
	case FAIL_IT:
		return puppet_fail(puppet, order->error);
	case LEASE:
		return dma_buf_pool_lease_fence(puppet->pool, puppet->fence, order->time);
	case IMPORT:
		return puppet_import(puppet, order);
	case WAIT:
		PEER_MUST(!dma_fence_wait(puppet->fence, false));
		return dma_fence_get_status(puppet->fence);
	case ASK:
		return dma_fence_get_status(puppet->fence);
	case ALLOC:
		return puppet_alloc(puppet, order, answer);
	case GET:
		return dma_buf_pool_get_buf(puppet->pool, &order->handle, &puppet->dmabuf);
	case HANDLE:
		return dma_buf_pool_get_handle(puppet->dmabuf, &answer->handle);
	case PUT:
		return puppet_put(puppet);
	case LOCK:
		return puppet_lock(puppet);
	case STAGE:
		return puppet_stage(puppet);
	case PUBLISH:
		return puppet_publish(puppet);
	case UNLOCK:
		return puppet_unlock(puppet);
	case CLOSE:
		return close(order->sock);
	case FORK:
		return puppet_fork_sleeper(order->flags);
	case END:
		end_there(order->way);
		return 0;
	case MAY_WRITE:
		return may_write(puppet->dmabuf);
	case EVICT:
		return dma_buf_pool_evict(puppet->pool, order->member);
	default:
		return -ENOSYS;
	}
}

static unsigned int puppet_points;
static enum way puppet_way;

static inline void puppet_pass(const char *label)
{
	(void)label;
	if (puppet_points && !--puppet_points)
		end_there(puppet_way);
}

static inline void puppet_arm(const struct order *order)
{
	puppet_points = order->points;
	puppet_way = order->way;
	os_race_hook(order->points ? puppet_pass : NULL);
}

static inline void puppet_dance(int sock)
{
	struct puppet puppet = { .sock = sock };
	struct order order;

	while (peer_hear(sock, &order, sizeof(order)) && order.deed != QUIT) {
		struct answer answer = { 0 };

		puppet_arm(&order);
		answer.err = puppet_do(&puppet, &order, &answer);
		answer.has_survived = puppet_points;
		puppet_points = 0;
		answer.self = puppet.pool ? dma_buf_pool_self(puppet.pool) : 0;
		peer_tell(sock, &answer, sizeof(answer));
	}
	if (puppet.has_lock)
		puppet_unlock(&puppet);
	if (puppet.dmabuf)
		dma_buf_put(puppet.dmabuf);
	dma_fence_put(puppet.fence);
	dma_buf_pool_leave(puppet.pool);
}

/*
 * In the test.
 */

static inline struct peer puppet_fork(void)
{
	return peer_fork(puppet_dance);
}

static inline void puppet_tell(const struct peer *puppet, const struct order *order)
{
	peer_tell(puppet->sock, order, sizeof(*order));
}

static inline struct answer puppet_hear(const struct peer *puppet)
{
	struct answer answer = { 0 };

	ASSERT_TRUE(peer_hear(puppet->sock, &answer, sizeof(answer)));
	return answer;
}

/* Sleeps until it has, or is gone: false. */
static inline bool puppet_has_answered(const struct peer *puppet)
{
	char byte;

	return recv(puppet->sock, &byte, 1, MSG_PEEK) == 1;
}

/* Until it stops, or has done all. True: it has stopped. */
static inline bool puppet_await_stop(const struct peer *puppet)
{
	for (;;) {
		siginfo_t info = { 0 };
		char byte;

		if (!waitid(P_PID, (id_t)puppet->pid, &info, WSTOPPED | WNOHANG) && info.si_pid)
			return true;
		if (recv(puppet->sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1)
			return false;
		usleep(100);
	}
}

static inline struct answer puppet_obey(const struct peer *puppet, const struct order *order)
{
	puppet_tell(puppet, order);
	return puppet_hear(puppet);
}

static inline int puppet_deed(const struct peer *puppet, enum deed deed)
{
	return puppet_obey(puppet, &(struct order){ .deed = deed }).err;
}

/* It joins over the test's socket; which member it is. */
static inline uint32_t puppet_admit(const struct peer *puppet, struct dma_buf_pool *pool,
				    unsigned int flags)
{
	struct answer answer;

	puppet_tell(puppet, &(struct order){ .deed = JOIN, .sock = -1 });
	ASSERT_INT(dma_buf_pool_serve(pool, puppet->sock, flags, PEER_PATIENCE, NULL), ==, 0);
	answer = puppet_hear(puppet);
	ASSERT_INT(answer.err, ==, 0);
	return answer.self;
}

static inline void puppet_quit(struct peer *puppet)
{
	puppet_tell(puppet, &(struct order){ .deed = QUIT });
	ASSERT_INT(peer_reap(puppet), ==, 0);
}

static inline void puppet_kill(struct peer *puppet)
{
	peer_kill(puppet);
	ASSERT_INT(peer_reap(puppet), ==, -SIGKILL);
}

/* A socket between two puppets, to be made before they are forked. */
static inline void make_link(int ends[2])
{
	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
}

static inline void close_link(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* Two puppets, with a link over which one can admit the other; it is closed in this process. */
static inline void puppet_fork_linked(struct peer *one, struct peer *other, int link[2])
{
	make_link(link);
	*one = puppet_fork();
	*other = puppet_fork();
	close_link(link);
}

/* @by, a member, admits @newcomer over a link. Which member that is. */
static inline uint32_t puppet_admit_by(const struct peer *newcomer, const struct peer *by,
				       const int link[2], unsigned int flags)
{
	struct answer answer;

	puppet_tell(newcomer, &(struct order){ .deed = JOIN, .sock = link[1] });
	puppet_tell(by, &(struct order){ .deed = SERVE, .sock = link[0], .flags = flags });
	ASSERT_INT(puppet_hear(by).err, ==, 0);
	answer = puppet_hear(newcomer);
	ASSERT_INT(answer.err, ==, 0);
	return answer.self;
}

#endif
