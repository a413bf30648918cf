/* SPDX-License-Identifier: MIT */
/*
 * dma-buf-pool.h - buffers and fences that several processes share (Extension)
 *
 * A pool is a set of places: for members, which are processes, and for buffers. Each member calls
 * the same functions on a shared buffer as on one of its own: dma_resv_lock() decides between
 * processes as well as between threads, fences that are added show to all, and waiting for them is
 * waiting for the process that will signal them. There is no daemon, and no descriptor for a fence.
 *
 * Any member may be killed at any time. Who needs a lock that it held gets it; what it had not
 * committed is gone; its fences that had not signalled are -EOWNERDEAD.
 *
 * A process becomes a member by creating the pool, or by being admitted by a member: two messages
 * over a Unix socket. docs/sharing.md has the model and the promises.
 */
#ifndef DMABUF_DMA_BUF_POOL_H
#define DMABUF_DMA_BUF_POOL_H

#include <dmabuf/dma-buf.h>
#include <dmabuf/dma-fence-timeline.h>

#ifdef __cplusplus
extern "C" {
#endif

/** struct dma_buf_pool - a process's membership of a pool */
struct dma_buf_pool;

/*
 * The life of a pool.
 */

/** struct dma_buf_pool_limits - what a pool has room for; fixed when it is created */
struct dma_buf_pool_limits {
	/** @members: processes at the same time; 1 to 64 */
	unsigned int members;
	/** @buffers: buffers at the same time; 1 to 65,536 */
	unsigned int buffers;
	/** @fences: fences that have not signalled, in one buffer; 1 to 1,024 */
	unsigned int fences;
	/** @timelines: contexts whose fences one member shares at the same time; 1 to 4,096 */
	unsigned int timelines;
};

/**
 * dma_buf_pool_create() - make a pool, and be its first member
 * @limits:   what it has room for
 * @ret_pool: the membership, for dma_buf_pool_leave()
 *
 * The pool exists as long as it has a member; the creator is one like all others.
 *
 * Context: sleeps. Costs four descriptors, and as many bytes of shared memory as the limits ask
 * for, about: 128 a buffer, 64 a fence of each buffer, 88 a timeline of each member, 8 a buffer
 * for each.
 *
 * Return: 0; -EINVAL: a limit is out of its range, or @ret_pool is NULL; -ENOMEM; -EMFILE,
 * -ENFILE: no descriptor; -ENOSPC; -ENOSYS: the kernel is older than Linux 5.4; -EPERM: memory
 * files cannot be sealed here. On failure @ret_pool is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_create(const struct dma_buf_pool_limits *limits, struct dma_buf_pool **ret_pool)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_leave() - be a member no longer
 * @pool: membership; no other call uses it any more; NULL is fine
 *
 * Fences of this process that others still wait for signal there with -ECANCELED; fences of others
 * that have not signalled are -EOWNERDEAD here, since it does not hear of them any more. Buffers
 * of the pool that this process still has stay mapped until their last reference is put, but they
 * are private from now on: their locks give -ENOTCONN. Descriptors are closed when nothing of the pool
 * is left here: if the library's watcher looks at it at the time, a moment after this has returned.
 *
 * Context: sleeps. The caller holds no lock of a shared buffer. It waits for no other member.
 *
 * Since: 0.1. Extension.
 */
void dma_buf_pool_leave(struct dma_buf_pool *pool);

/**
 * dma_buf_pool_destroy() - end a pool for all, and leave it
 * @pool: membership; no other call uses it any more; NULL is fine
 *
 * Every member is evicted, at once: fences of those who live that have not signalled are
 * -ECANCELED in all other processes, whoever waits for one wakes, and each call of the others
 * gives -ESTALE, though they leave as ever. Nobody is invited or admitted any more: who is about
 * to join gets -ESTALE, or -EPIPE if the one who lets it in hangs up first. Buffers that a process
 * has stay mapped until it puts them, with their data. Then this process leaves, as by
 * dma_buf_pool_leave(), but others' fences are -ECANCELED here, too.
 *
 * Any member may do that, and several at once. It is one step: one that is killed in this call has
 * ended the pool, or has died as a member of one that goes on. Who was evicted, or is not admitted
 * yet, or is a forked child, only leaves.
 *
 * Context: sleeps, while another thread reads what members sent. The caller holds no lock of a
 * shared buffer. It waits for no other member.
 *
 * Since: 0.1. Extension.
 */
void dma_buf_pool_destroy(struct dma_buf_pool *pool);

/**
 * dma_buf_pool_status() - may this process go on?
 * @pool: membership
 *
 * Return: 0: it is a member; -EAGAIN: it was invited, and is not admitted yet; -ESTALE: it was
 * evicted, or had no descriptor or memory left to get to know a new member, or the pool was
 * destroyed; -ECHILD: this process is a forked child of the member, and none itself; -EPROTO: a
 * member writes nonsense, and this process takes no part in it any more.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_status(struct dma_buf_pool *pool);

/*
 * Membership.
 */

/** DMA_BUF_POOL_READ_ONLY - the new member may not write data */
#define DMA_BUF_POOL_READ_ONLY 1u
/** DMA_BUF_POOL_ANY_USER - it may belong to another user */
#define DMA_BUF_POOL_ANY_USER 2u

/**
 * dma_buf_pool_serve() - admit the process at the other end of a socket
 * @pool:    membership
 * @sock:    connected Unix socket, of any type; borrowed
 * @flags:   DMA_BUF_POOL_READ_ONLY and DMA_BUF_POOL_ANY_USER, or 0
 * @timeout: nanoseconds for all of it
 * @ret_member: who has come, as its dma_buf_pool_self() says; NULL is fine
 *
 * The other end calls dma_buf_pool_join(). Two messages go over @sock, and nothing else.
 *
 * Context: sleeps.
 *
 * Return: 0: there is a new member; -EINVAL: unknown flags, or a negative timeout; -EBADF,
 * -ENOTSOCK; -EPERM: another user, or nobody; -EPROTO: it sent something else, or half of it;
 * -EPIPE: it hung up; -ETIMEDOUT; -EUSERS: all places are taken; -EAGAIN, -ENOSPC: as
 * dma_buf_pool_admit(); -ENOMEM; -EMFILE; what dma_buf_pool_status() returns. Nothing is kept
 * then, and @ret_member is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_serve(struct dma_buf_pool *pool, int sock, unsigned int flags, int64_t timeout,
		       uint32_t *ret_member) DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_join() - become a member
 * @sock:     connected Unix socket, at whose other end a member calls dma_buf_pool_serve(); borrowed
 * @timeout:  nanoseconds for all of it
 * @ret_pool: the membership, for dma_buf_pool_leave()
 *
 * Whose process the other end is, is not checked: who connects trusts who serves, whose socket it chose.
 *
 * Context: sleeps. Costs four descriptors, three for each other member, and one for each buffer of
 * the pool that it may have.
 *
 * Return: 0; -EINVAL: a negative timeout, or @ret_pool is NULL; -EBADF, -ENOTSOCK; -EPROTO: the
 * other end sent something else, half of it, or what does not keep its promises: a file without
 * all its seals, or of another size, or of another version of this library; -EPIPE: it hung up;
 * -ETIMEDOUT; what dma_buf_pool_accept() returns. On failure @ret_pool is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_join(int sock, int64_t timeout, struct dma_buf_pool **ret_pool) DMABUF_MUST_CHECK;

/** DMA_BUF_POOL_MESSAGE_BYTES - how long a message is */
#define DMA_BUF_POOL_MESSAGE_BYTES 64
/** DMA_BUF_POOL_MESSAGE_FDS - how many descriptors it has at most */
#define DMA_BUF_POOL_MESSAGE_FDS 4

/**
 * struct dma_buf_pool_message - what goes over a socket, for those who have one of their own
 *
 * All bytes and @count descriptors (SCM_RIGHTS), in one piece. Who sends it closes the descriptors
 * after that, by dma_buf_pool_message_close().
 */
struct dma_buf_pool_message {
	/** @bytes: as they are sent */
	unsigned char bytes[DMA_BUF_POOL_MESSAGE_BYTES];
	/** @fd: @count descriptors */
	int fd[DMA_BUF_POOL_MESSAGE_FDS];
	/** @count: how many */
	unsigned int count;
};

/**
 * dma_buf_pool_invite() - ask somebody to become a member
 * @pool:           membership
 * @flags:          DMA_BUF_POOL_READ_ONLY, or 0
 * @ret_invitation: message for the newcomer
 *
 * Takes a place, until it is admitted, or dma_buf_pool_uninvite() gives the place back. Who may be
 * admitted is for the caller to know: it has the socket.
 *
 * Context: sleeps; has no time-out. One at a time invites, admits, or makes a buffer: it waits for a
 * member that does, and for 10 seconds at most for one that is stopped there, or pretends to be.
 *
 * Return: 0; -EINVAL; -EUSERS: all places are taken; -EAGAIN: a member keeps others from inviting
 * anybody, see dma_buf_pool_evict(); -EMFILE; what dma_buf_pool_status() returns. On failure
 * @ret_invitation is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_invite(struct dma_buf_pool *pool, unsigned int flags,
			struct dma_buf_pool_message *ret_invitation) DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_accept() - answer an invitation
 * @invitation: message; its descriptors are borrowed
 * @ret_answer: message for the one who invited
 * @ret_pool:   the membership, for dma_buf_pool_leave(); -EAGAIN until it is admitted
 *
 * Return: 0; -EINVAL; -EPROTO: that is no invitation, or it does not keep its promises; -EBADF: a
 * descriptor is not open; -ESTALE: the pool was destroyed; -ENOMEM; -EMFILE; -ENOSPC: as
 * dma_buf_pool_admit(), or no memory for a file; -ENOSYS, -EPERM: as dma_buf_pool_create(). On
 * failure nothing is written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_accept(const struct dma_buf_pool_message *invitation,
			struct dma_buf_pool_message *ret_answer, struct dma_buf_pool **ret_pool)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_admit() - make a member of who has answered
 * @pool:       membership that invited
 * @invitation: the message that was sent; as long as it was not admitted or uninvited
 * @answer:     the message that came; its descriptors are borrowed
 * @ret_member: who has come, as for dma_buf_pool_serve(); NULL is fine
 *
 * Context: sleeps, as dma_buf_pool_invite().
 *
 * Return: 0; -EINVAL; -EPROTO: that is no answer to this invitation, or it does not keep its
 * promises: the invitation stands, for another answer; -EAGAIN: a member does not take in that
 * somebody is new, or keeps others from admitting anybody, see dma_buf_pool_evict(); -ENOMEM;
 * -EMFILE; -ENOSPC: there is more to watch than the user may (fs.epoll.max_user_watches); what
 * dma_buf_pool_status() returns. After those it may stand or not: give it back.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_admit(struct dma_buf_pool *pool, const struct dma_buf_pool_message *invitation,
		       const struct dma_buf_pool_message *answer, uint32_t *ret_member)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_uninvite() - give back the place of somebody who did not come
 * @pool:       membership that invited
 * @invitation: the message that was sent
 *
 * Since: 0.1. Extension.
 */
void dma_buf_pool_uninvite(struct dma_buf_pool *pool,
			   const struct dma_buf_pool_message *invitation);

/**
 * dma_buf_pool_message_close() - close the descriptors of a message
 * @message: message that was sent, or that is not needed any more
 *
 * Since: 0.1. Extension.
 */
void dma_buf_pool_message_close(struct dma_buf_pool_message *message);

/**
 * dma_buf_pool_await() - sleep until one is admitted
 * @pool:    membership from dma_buf_pool_accept()
 * @timeout: nanoseconds
 *
 * Context: sleeps.
 *
 * Return: 0; -ETIMEDOUT; -EPIPE: who invited is gone, or does not want it any more; -EINVAL; once
 * it is no guest any more, what dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_await(struct dma_buf_pool *pool, int64_t timeout) DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_self() - which member is this process?
 * @pool: membership
 *
 * Return: a number that no other member ever has: not before, nor after it.
 *
 * Since: 0.1. Extension.
 */
uint32_t dma_buf_pool_self(const struct dma_buf_pool *pool);

/**
 * dma_buf_pool_evict() - make a member none
 * @pool:   membership
 * @member: which, by its dma_buf_pool_self()
 *
 * For one that is stopped, or holds what others need and does not come back: its locks are free
 * from now on, what it had not committed is gone, and its fences that have not signalled are
 * -ECANCELED. If it goes on, all its calls give -ESTALE, and nothing that it does shows to others.
 * So does dma_buf_end_cpu_access(): what it read meanwhile may be another's.
 *
 * What it does with the data is another matter: it has that mapped.
 *
 * Context: sleeps, while another thread reads what members sent. It waits for no member.
 *
 * Return: 0; -ENOENT: there is no such member, or not any more, or its process has ended; -EINVAL: the caller;
 * -EOVERFLOW: there were 65,535 evictions; what dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_evict(struct dma_buf_pool *pool, uint32_t member);

/**
 * dma_buf_pool_lock_holder() - who keeps others waiting?
 * @dmabuf:     buffer of a pool
 * @ret_member: the member that holds its lock, for dma_buf_pool_evict(); 0: nobody does
 *
 * After dma_resv_lock_timeout() gave -ETIME. It may have changed when this returns.
 *
 * Return: 0; -EINVAL: it is none of a pool.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_lock_holder(struct dma_buf *dmabuf, uint32_t *ret_member);

/*
 * Buffers.
 */

/** DMA_BUF_POOL_OWNER_WRITES - the memory can be written by who made the buffer, and nobody else */
#define DMA_BUF_POOL_OWNER_WRITES 1u

/**
 * dma_buf_pool_alloc() - make a shared buffer
 * @pool:    membership
 * @name:    as for dma_buf_memfd_create(); for this process
 * @size:    bytes, rounded up to whole pages
 * @flags:   DMA_BUF_POOL_OWNER_WRITES, or 0
 * @ret_buf: a new reference
 *
 * A memory file as dma_buf_memfd_create() makes it, whose reservation is the pool's. The buffer
 * exists until no member has it any more, its memory until its place is used again, or those who
 * were told of it have left. Members that may only read get those with DMA_BUF_POOL_OWNER_WRITES.
 *
 * Context: sleeps, for 10 seconds at most, as dma_buf_pool_invite(). Costs two descriptors here, and one in
 * each member: two where it is got.
 *
 * Return: 0; -EINVAL: as dma_buf_memfd_create(), or unknown flags; -EFBIG: @size is more than a
 * file can have; -ENOSPC: the pool has no room for another buffer, or the machine for its memory;
 * -EACCES: this member may only read; -EAGAIN: a member keeps others from making any, see
 * dma_buf_pool_evict(); -EPERM: as dma_buf_pool_create(); -ENOMEM; -EMFILE; what
 * dma_buf_pool_status() returns. On failure @ret_buf is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_alloc(struct dma_buf_pool *pool, const char *name, size_t size, unsigned int flags,
		       struct dma_buf **ret_buf) DMABUF_MUST_CHECK;

/** struct dma_buf_pool_handle - what a buffer of a pool is called, in every member */
struct dma_buf_pool_handle {
	/** @owner: the member that made it */
	uint32_t owner;
	/** @buffer: its place in the pool, from 0 */
	uint32_t buffer;
	/** @number: of those that had that place */
	uint32_t number;
};

/**
 * dma_buf_pool_get_handle() - what is a buffer called?
 * @dmabuf:     buffer
 * @ret_handle: its name, to send to other members
 *
 * Return: 0; -EINVAL: it is none of a pool.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_get_handle(struct dma_buf *dmabuf, struct dma_buf_pool_handle *ret_handle);

/**
 * dma_buf_pool_get_buf() - get a buffer that another member made
 * @pool:    membership
 * @handle:  what it is called
 * @ret_buf: a new reference: to a new struct dma_buf, or to the one that this process has of it
 *
 * Who sent the handle keeps the buffer until this has returned.
 *
 * Context: sleeps; has no time-out. Where what its maker told of it did not come, it asks that one, and
 * waits a second at most.
 *
 * Return: 0; -ENOENT: there is no such buffer, or not any more, or none for this member; -EINVAL;
 * -EPROTO: its memory is not sealed as it must be, or is in use here as a buffer of something
 * else, as when this process has left, kept the buffer, and joined again; -ENOMEM; -EMFILE; what
 * dma_buf_pool_status() returns. On failure @ret_buf is not written.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_get_buf(struct dma_buf_pool *pool, const struct dma_buf_pool_handle *handle,
			 struct dma_buf **ret_buf) DMABUF_MUST_CHECK;

/*
 * Fences as values.
 */

/** struct dma_buf_pool_fence - a point of a member's timeline: the same in every process */
struct dma_buf_pool_fence {
	/** @member: whose */
	uint32_t member;
	/** @timeline: which of its timelines */
	uint32_t timeline;
	/** @seqno: the point */
	uint64_t seqno;
};

/**
 * dma_buf_pool_export_fence() - make a value of a fence
 * @pool:      membership
 * @fence:     fence of this process, or one that stands for a value already; borrowed
 * @ret_value: the value, to send to other members
 *
 * A fence of this process gets a point, which signals when it does, with the same error.
 *
 * Return: 0; -ENOSPC: as many contexts as there are timelines are under way; -ENOMEM; what
 * dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_export_fence(struct dma_buf_pool *pool, struct dma_fence *fence,
			      struct dma_buf_pool_fence *ret_value) DMABUF_MUST_CHECK;

/** DMA_BUF_POOL_LEASES - how many leases a member may have under way */
#define DMA_BUF_POOL_LEASES 32

/**
 * dma_buf_pool_lease_fence() - promise that a fence signals in time
 * @pool:    membership
 * @fence:   fence of this process; borrowed
 * @timeout: nanoseconds from now, above 0
 *
 * For who shares a fence, and may be stopped, or get stuck, before it signals: by that time the
 * fence has signalled, or the process is evicted as by dma_buf_pool_evict(). Any member does that
 * which waits for a point of this process or for a lock that it holds, asks about one, or has
 * callbacks of the leased fence: within 10 ms after that time. If none does, nothing happens. So
 * those that wait get -ECANCELED, and this process finds -ESTALE if it goes on.
 *
 * @fence gets a value, as by dma_buf_pool_export_fence(), if it has none. Its lease is over when the value has
 * signalled. Another lease of the same fence takes the place of the first: so it may be prolonged, if that
 * is in time, and MAX_SCHEDULE_TIMEOUT ends the promise. A fence that has signalled needs none.
 *
 * The time is CLOCK_MONOTONIC of the machine: it also passes while all members are stopped.
 *
 * Context: does not sleep. A member that has callbacks of leased fences needs a descriptor, a
 * timer, for that.
 *
 * Return: 0; -ENOSPC: DMA_BUF_POOL_LEASES of this process's leased fences have not signalled, or
 * as dma_buf_pool_export_fence(); -EINVAL: another member's fence, or @timeout is not above 0;
 * -ENOMEM; what dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_lease_fence(struct dma_buf_pool *pool, struct dma_fence *fence, int64_t timeout)
	DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_import_fence() - make a fence of a value
 * @pool:  membership
 * @value: value from dma_buf_pool_export_fence()
 *
 * A point of a member that is gone is -EOWNERDEAD if it had not signalled, or if this process
 * never knew that member.
 *
 * Context: sleeps, as dma_buf_pool_evict().
 *
 * Return: a new reference; an error pointer: -EINVAL: there is no such timeline; -ENOMEM; what
 * dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
struct dma_fence *dma_buf_pool_import_fence(struct dma_buf_pool *pool,
					    const struct dma_buf_pool_fence *value) DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_share_timeline() - let other members wait for all points of a timeline
 * @pool:       membership
 * @tl:         timeline of this process
 * @ret_origin: value of its point 0: that of point n has @seqno + n
 *
 * Takes one of the member's timelines, until @tl is destroyed. From now on its points need nothing
 * set aside when they are added to reservations, and others can wait for them before they are
 * emitted: so a job can be described to another process as values, before anything of it has
 * begun. Points that nobody ever signals are -ECANCELED once this member leaves, -EOWNERDEAD once
 * it is dead.
 *
 * Return: 0; -EBUSY: it is shared already, in this or another pool; -ENOSPC: all timelines of this
 * member are in use; -EINVAL; what dma_buf_pool_status() returns.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_share_timeline(struct dma_buf_pool *pool, struct dma_fence_timeline *tl,
				struct dma_buf_pool_fence *ret_origin) DMABUF_MUST_CHECK;

/*
 * Event loops.
 */

/**
 * dma_buf_pool_watch_fd() - one descriptor for all fences of a pool
 * @pool: membership
 *
 * Readable when a point has signalled that somebody in this process has a callback for, when its
 * lease has ended, when a member is gone, or when there is mail: then call dma_buf_pool_watch().
 * For poll(), epoll and their like; owned by the pool. Without this call, a thread of the
 * library's does that, from the first callback on.
 *
 * After it nobody else does: what has callbacks of other members' fences, as a dma_fence_array or
 * a dma_fence_chain of them, signals in dma_buf_pool_watch(), and does not while the thread that
 * calls that waits for it. Waits for those fences themselves need no watcher.
 *
 * Return: the descriptor; -EBUSY: the library's thread does it already.
 *
 * Since: 0.1. Extension.
 */
int dma_buf_pool_watch_fd(struct dma_buf_pool *pool) DMABUF_MUST_CHECK;

/**
 * dma_buf_pool_watch() - look at what there is, and call the callbacks
 * @pool: membership
 *
 * Does not wait. Callbacks run in the calling thread.
 *
 * Since: 0.1. Extension.
 */
void dma_buf_pool_watch(struct dma_buf_pool *pool);

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_BUF_POOL_H */
