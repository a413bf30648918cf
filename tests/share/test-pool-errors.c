/* SPDX-License-Identifier: MIT */
/*
 * Each fallible call inside each call of a pool's fails in turn. Whichever one does: what the call says is
 * documented, nothing is kept or written, and the next try works. Each error of a list comes at least once.
 */
#include "members.h"
#include "peers.h"

#include "../fence/fences.h"

static const struct dma_buf_pool_limits limits = {
	.members = 5, .buffers = 4, .fences = 4, .timelines = 4,
};

/* A pool with two members, both of this process, and somebody who is on the way. */
static struct {
	struct dma_buf_pool *host, *member, *guest;
	struct dma_buf_pool_message invitation, answer;
} world;

static void begin(void)
{
	ASSERT_INT(dma_buf_pool_create(&limits, &world.host), ==, 0);
	world.member = add_member(world.host);
	ASSERT_INT(dma_buf_pool_invite(world.host, 0, &world.invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&world.invitation, &world.answer, &world.guest), ==, 0);
}

static void end(void)
{
	dma_buf_pool_message_close(&world.invitation);
	dma_buf_pool_message_close(&world.answer);
	leave(world.guest);
	leave(world.member);
	leave(world.host);
}

#define MOST_ERRORS 8

struct call {
	int (*func)(void);  /* which asserts that nothing is written on failure */
	void (*undo)(void); /* what it did, if it returned 0 */
	int errors[MOST_ERRORS]; /* each of them comes; then zeroes */
};

/* @come: a bit for each of its errors that has come. */
static void note_error(const struct call *call, unsigned int nth, int err, unsigned int *come)
{
	for (unsigned int i = 0; i < MOST_ERRORS && call->errors[i]; i++) {
		if (err == call->errors[i]) {
			*come |= 1u << i;
			return;
		}
	}
	FAIL("failure %u: %d", nth, err);
}

static void check_all_have_come(const struct call *call, unsigned int come)
{
	for (unsigned int i = 0; i < MOST_ERRORS && call->errors[i]; i++) {
		if (!(come >> i & 1))
			FAIL("no failure gives %d", call->errors[i]);
	}
}

/* It may go by a failure. */
static void fail_each(const struct call *call)
{
	unsigned int come = 0;

	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();
		bool has_failed;
		int err;

		os_fault_arm(nth);
		err = call->func();
		has_failed = os_fault_disarm();
		if (!err)
			call->undo();
		else if (has_failed)
			note_error(call, nth, err, &come);
		else
			FAIL("without a failure: %d", err);
		ASSERT_RESOURCES(before);
		if (!has_failed)
			break;
	}
	check_all_have_come(call, come);
}

static void do_nothing(void)
{
}

/*
 * Pools.
 */

static struct dma_buf_pool *made;

static int create(void)
{
	const int err = dma_buf_pool_create(&limits, &made);

	if (err)
		ASSERT_PTR(made, ==, NULL);
	return err;
}

static void undo_create(void)
{
	leave(made);
	made = NULL;
}

TEST(create_unwinds_from_every_failure)
{
	fail_each(&(struct call){ create, undo_create,
				  { -ENOMEM, -EMFILE, -ENOSPC, -EPERM, -ENOSYS } });
}

TEST(leave_needs_nothing)
{
	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();
		struct dma_fence *fence = make_fence();
		struct dma_buf_pool_fence value;
		bool has_failed;

		begin();
		ASSERT_INT(dma_buf_pool_export_fence(world.host, fence, &value), ==, 0);
		os_fault_arm(nth);
		dma_buf_pool_leave(world.host);
		has_failed = os_fault_disarm();
		world.host = NULL;
		ASSERT_INT(dma_buf_pool_await(world.guest, PEER_PATIENCE), ==, -EPIPE);
		ASSERT_INT(dma_buf_pool_status(world.member), ==, 0);
		dma_fence_put(fence);
		end();
		ASSERT_RESOURCES(before);
		if (!has_failed)
			break;
	}
}

/*
 * Members.
 */

static struct dma_buf_pool_message message = { .count = 77 };

static int invite(void)
{
	const int err = dma_buf_pool_invite(world.host, 0, &message);

	if (err)
		ASSERT_INT(message.count, ==, 77);
	return err;
}

static void undo_invite(void)
{
	dma_buf_pool_uninvite(world.host, &message);
	dma_buf_pool_message_close(&message);
	message.count = 77;
}

TEST(invite_unwinds_from_every_failure)
{
	begin();
	fail_each(&(struct call){ invite, undo_invite, { -EMFILE } });
	end();
}

static int accept_it(void)
{
	const int err = dma_buf_pool_accept(&world.invitation, &message, &made);

	if (err) {
		ASSERT_PTR(made, ==, NULL);
		ASSERT_INT(message.count, ==, 77);
	}
	return err;
}

static void undo_accept(void)
{
	undo_create();
	dma_buf_pool_message_close(&message);
	message.count = 77;
}

TEST(accept_unwinds_from_every_failure)
{
	begin();
	fail_each(&(struct call){ accept_it, undo_accept,
				  { -EPROTO, -ENOMEM, -EMFILE, -ENOSPC, -EPERM } });
	end();
}

static int admit(void)
{
	return dma_buf_pool_admit(world.host, &world.invitation, &world.answer, NULL);
}

static void check_fence(struct dma_buf_pool *from, struct dma_buf_pool *to)
{
	struct dma_fence *there = make_fence(), *here = pass_fence(from, there, to);

	ASSERT_INT(dma_fence_get_status(here), ==, 0);
	dma_fence_signal(there);
	ASSERT_INT(dma_fence_get_status(here), ==, 1);
	dma_fence_put(here);
	dma_fence_put(there);
}

/* It works, unless some have been told; that is no obstacle to another one. */
static void try_again(void)
{
	const int err = admit();

	if (!err)
		return;
	ASSERT_INT(err, ==, -EPROTO);
	dma_buf_pool_uninvite(world.host, &world.invitation);
	ASSERT_INT(dma_buf_pool_await(world.guest, PEER_PATIENCE), ==, -EPIPE);
	dma_buf_pool_leave(world.guest);
	world.guest = add_member(world.host);
}

TEST(admit_unwinds_from_every_failure)
{
	const struct call call = { .errors = { -EAGAIN, -ENOMEM, -EMFILE, -ENOSPC, -EPROTO } };
	unsigned int come = 0;

	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();
		bool has_failed;
		int err;

		begin();
		os_fault_arm(nth);
		err = admit();
		has_failed = os_fault_disarm();
		if (err) {
			note_error(&call, nth, err, &come);
			ASSERT_INT(dma_buf_pool_status(world.guest), ==, -EAGAIN);
			dma_buf_pool_watch(world.member);
			try_again();
		}
		check_fence(world.guest, world.member);
		check_fence(world.member, world.guest);
		check_fence(world.guest, world.host);
		end();
		ASSERT_RESOURCES(before);
		if (!has_failed)
			break;
	}
	check_all_have_come(&call, come);
}

static struct {
	int here, there;
	struct dma_buf_pool *pool;
	unsigned int nth;
	bool has_failed;
	int err;
} joining;

static void join(void *unused)
{
	(void)unused;
	os_fault_arm(joining.nth);
	joining.err = dma_buf_pool_join(joining.there, PEER_PATIENCE, &joining.pool);
	joining.has_failed = os_fault_disarm();
	if (joining.err)
		shutdown(joining.there, SHUT_RDWR);
}

static void begin_joining(unsigned int nth)
{
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	joining.here = ends[0];
	joining.there = ends[1];
	joining.nth = nth;
	joining.pool = NULL;
}

static void end_joining(void)
{
	close(joining.here);
	close(joining.there);
	if (joining.err)
		ASSERT_PTR(joining.pool, ==, NULL);
	leave(joining.pool);
}

static int serve(void)
{
	struct test_thread *thread;
	int err;

	begin_joining(0);
	thread = test_thread_start(join, NULL);
	err = dma_buf_pool_serve(world.host, joining.here, 0, PEER_PATIENCE, NULL);
	if (err)
		shutdown(joining.here, SHUT_RDWR);
	test_thread_join(thread);
	end_joining();
	ASSERT_INT(!err, ==, !joining.err);
	return err;
}

TEST(serve_unwinds_from_every_failure)
{
	begin();
	ASSERT_INT(serve(), ==, 0); /* the last one that was in a place stays known */
	fail_each(&(struct call){ serve, do_nothing,
				  { -EPERM, -EMFILE, -ENOMEM, -EAGAIN, -ENOSPC, -EPROTO } });
	end();
}

TEST(join_unwinds_from_every_failure)
{
	const struct call call = { .errors = { -ENOMEM, -EMFILE, -EPROTO, -ENOSPC, -EPERM } };
	unsigned int come = 0;

	begin();
	ASSERT_INT(serve(), ==, 0);
	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();
		struct test_thread *thread;
		int err;

		begin_joining(nth);
		thread = test_thread_start(join, NULL);
		err = dma_buf_pool_serve(world.host, joining.here, 0, PEER_PATIENCE, NULL);
		test_thread_join(thread);
		end_joining();
		if (joining.err) {
			ASSERT_TRUE(joining.has_failed);
			ASSERT_INT(err, ==, -EPIPE);
			note_error(&call, nth, joining.err, &come);
		}
		ASSERT_RESOURCES(before);
		if (!joining.has_failed)
			break;
	}
	check_all_have_come(&call, come);
	end();
}

static int evict(void)
{
	return dma_buf_pool_evict(world.host, dma_buf_pool_self(made));
}

TEST(evict_needs_nothing)
{
	for (unsigned int nth = 1;; nth++) {
		const struct test_resources before = test_resources();
		bool has_failed;

		begin();
		made = add_member(world.member); /* of whom the host has read nothing */
		os_fault_arm(nth);
		ASSERT_INT(evict(), ==, 0);
		has_failed = os_fault_disarm();
		ASSERT_INT(dma_buf_pool_status(made), ==, -ESTALE);
		undo_create();
		end();
		ASSERT_RESOURCES(before);
		if (!has_failed)
			break;
	}
}

/*
 * Buffers.
 */

static struct dma_buf *dmabuf;
static struct dma_buf_pool_handle handle;

static int alloc(void)
{
	const int err = dma_buf_pool_alloc(world.member, "buffer", 4096, 0, &dmabuf);

	if (err)
		ASSERT_PTR(dmabuf, ==, NULL);
	return err;
}

static void undo_alloc(void)
{
	dma_buf_put(dmabuf);
	dmabuf = NULL;
}

/* The others keep one descriptor of the last one that had that place. */
static void warm_up(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_INT(alloc(), ==, 0);
		undo_alloc();
		dma_buf_pool_watch(world.host);
	}
}

/* -EOVERFLOW is nothing that the kernel says of such files. */
TEST(alloc_unwinds_from_every_failure)
{
	begin();
	warm_up();
	fail_each(&(struct call){ alloc, undo_alloc,
				  { -ENOMEM, -EMFILE, -ENOSPC, -EPERM, -EOVERFLOW } });
	end();
}

static int get_buf(void)
{
	const int err = dma_buf_pool_get_buf(world.host, &handle, &dmabuf);

	if (err)
		ASSERT_PTR(dmabuf, ==, NULL);
	return err;
}

/* One of another process: in this one it would be found at once. */
static void make_buffer(int sock)
{
	struct dma_buf_pool *pool = peer_join(sock);
	struct dma_buf *made_there;

	PEER_MUST(!dma_buf_pool_alloc(pool, "buffer", 4096, 0, &made_there));
	PEER_MUST(!dma_buf_pool_get_handle(made_there, &handle));
	peer_tell(sock, &handle, sizeof(handle));
	PEER_MUST(peer_await(sock));
	dma_buf_put(made_there);
	dma_buf_pool_leave(pool);
}

TEST(get_buf_unwinds_from_every_failure)
{
	struct peer peer = peer_fork(make_buffer);

	begin();
	ASSERT_INT(dma_buf_pool_serve(world.host, peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_TRUE(peer_hear(peer.sock, &handle, sizeof(handle)));
	dma_buf_pool_watch(world.host); /* the mail: what it brings is kept */
	fail_each(&(struct call){ get_buf, undo_alloc, { -ENOMEM, -EMFILE, -EPROTO, -EOVERFLOW } });
	peer_go(peer.sock);
	ASSERT_INT(peer_reap(&peer), ==, 0);
	end();
}

TEST(mail_that_cannot_be_taken_in_is_not_kept)
{
	struct peer peer = peer_fork(make_buffer);
	struct test_resources before;

	begin();
	ASSERT_INT(dma_buf_pool_serve(world.host, peer.sock, 0, PEER_PATIENCE, NULL), ==, 0);
	ASSERT_TRUE(peer_hear(peer.sock, &handle, sizeof(handle)));
	before = test_resources();
	for (unsigned int nth = 1; nth < 20; nth++) {
		os_fault_arm(nth);
		dma_buf_pool_watch(world.member);
		os_fault_disarm();
	}
	ASSERT_INT(test_resources().descriptors, <=, before.descriptors + 4);
	peer_go(peer.sock);
	ASSERT_INT(peer_reap(&peer), ==, 0);
	end();
}

/*
 * Fences.
 */

static struct dma_fence *fence;
static struct dma_buf_pool_fence value;

static int export_fence(void)
{
	const int err = dma_buf_pool_export_fence(world.host, fence, &value);

	if (err)
		ASSERT_INT(value.member, ==, 0);
	return err;
}

static void undo_export(void)
{
	signal_and_put(fence);
	dmabuf_rcu_barrier();
	fence = make_fence();
	value.member = 0;
}

TEST(export_fence_unwinds_from_every_failure)
{
	begin();
	fence = make_fence();
	fail_each(&(struct call){ export_fence, undo_export, { -ENOMEM } });
	dma_fence_put(fence);
	end();
}

static int lease_fence(void)
{
	return dma_buf_pool_lease_fence(world.host, fence, SECOND);
}

TEST(lease_fence_unwinds_from_every_failure)
{
	begin();
	fence = make_fence();
	fail_each(&(struct call){ lease_fence, undo_export, { -ENOMEM } });
	dma_fence_put(fence);
	end();
}

static struct dma_fence *over;

static int export_over(void)
{
	return dma_buf_pool_export_fence(world.host, over, &value);
}

TEST(exporting_what_has_signalled_unwinds_from_every_failure)
{
	begin();
	over = make_fence();
	dma_fence_set_error(over, -EIO);
	dma_fence_signal(over);
	fail_each(&(struct call){ export_over, do_nothing, { -ENOMEM } });
	dma_fence_put(over);
	value.member = 0;
	end();
}

static struct dma_fence *imported;

static int import_fence(void)
{
	imported = dma_buf_pool_import_fence(world.member, &value);
	return dmabuf_is_err(imported) ? (int)dmabuf_ptr_err(imported) : 0;
}

static void undo_import(void)
{
	dma_fence_put(imported);
}

TEST(import_fence_unwinds_from_every_failure)
{
	begin();
	fence = make_fence();
	ASSERT_INT(export_fence(), ==, 0);
	fail_each(&(struct call){ import_fence, undo_import, { -ENOMEM } });
	signal_and_put(fence);
	value.member += 0x100; /* of whom nobody knows */
	fail_each(&(struct call){ import_fence, undo_import, { -ENOMEM } });
	value.member = 0;
	end();
}
