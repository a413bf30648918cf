/* SPDX-License-Identifier: MIT */
/* Invitations and answers that are refused, of which nothing is kept. */
#define _GNU_SOURCE
#include "forge.h"
#include "members.h"
#include "peers.h"
#include "os/process.h"
#include "share/layout.h"

static const struct dma_buf_pool_limits limits = {
	.members = 3, .buffers = 8, .fences = 4, .timelines = 4,
};

/*
 * Invitations.
 */

/* @invitation is refused with @error, and nothing is kept or written. */
static void refuse(const struct dma_buf_pool_message *invitation, int error)
{
	struct dma_buf_pool *const untouched = (void *)&(char){ 0 };
	struct dma_buf_pool *pool = untouched;
	struct dma_buf_pool_message answer = { .count = 77 };
	const struct test_resources before = test_resources();

	ASSERT_INT(dma_buf_pool_accept(invitation, &answer, &pool), ==, error);
	ASSERT_PTR(pool, ==, untouched);
	ASSERT_INT(answer.count, ==, 77);
	ASSERT_RESOURCES(before);
}

/* One that is good, and stays so whatever is made of its copies. */
struct good {
	struct dma_buf_pool *host;
	struct dma_buf_pool_message message;
};

static struct good invite(void)
{
	struct good good = { .host = create_pool(&limits) };

	ASSERT_INT(dma_buf_pool_invite(good.host, 0, &good.message), ==, 0);
	return good;
}

static void uninvite(struct good *good)
{
	struct dma_buf_pool_message answer;
	struct dma_buf_pool *pool;

	/* It is good. */
	ASSERT_INT(dma_buf_pool_accept(&good->message, &answer, &pool), ==, 0);
	dma_buf_pool_message_close(&answer);
	dma_buf_pool_uninvite(good->host, &good->message);
	dma_buf_pool_message_close(&good->message);
	leave(pool);
	leave(good->host);
}

/* With the word at @at changed by @flips. */
static void refuse_word(const struct good *good, size_t at, uint32_t flips)
{
	struct dma_buf_pool_message forged = good->message;
	uint32_t word;

	memcpy(&word, forged.bytes + at, sizeof(word));
	word ^= flips;
	memcpy(forged.bytes + at, &word, sizeof(word));
	refuse(&forged, -EPROTO);
}

#define WORD(member) offsetof(struct forged_invitation, member)

TEST(an_invitation_that_says_something_else_is_refused)
{
	struct good good = invite();

	refuse_word(&good, WORD(magic), 1);
	refuse_word(&good, WORD(magic) + 4, 1);
	refuse_word(&good, WORD(pool_id[0]), 1);
	refuse_word(&good, WORD(pool_id[1]), 1);
	refuse_word(&good, WORD(version), 1);
	refuse_word(&good, WORD(version), 3);
	refuse_word(&good, WORD(members), ~0u);
	refuse_word(&good, WORD(members), 1);
	refuse_word(&good, WORD(buffers), 16);
	refuse_word(&good, WORD(fences), 8);
	refuse_word(&good, WORD(timelines), 16);
	refuse_word(&good, WORD(flags), 2);
	uninvite(&good);
}

TEST(an_invitation_of_or_by_nobody_is_refused)
{
	struct good good = invite();
	struct forged_invitation read;

	memcpy(&read, good.message.bytes, sizeof(read));
	refuse_word(&good, WORD(newcomer), 1);
	refuse_word(&good, WORD(newcomer), read.newcomer & 0xff00);
	refuse_word(&good, WORD(newcomer), 2 << 1);
	refuse_word(&good, WORD(newcomer), 63 << 1);
	refuse_word(&good, WORD(inviter), 1);
	refuse_word(&good, WORD(inviter), read.inviter);
	refuse_word(&good, WORD(inviter), 0x100);
	refuse_word(&good, WORD(inviter), read.inviter ^ (read.newcomer | 0x200)); /* the newcomer's place */
	refuse_word(&good, WORD(inviter), 64 << 1);
	uninvite(&good);
}

TEST(an_invitation_with_other_descriptors_than_four_is_refused)
{
	struct good good = invite();
	struct dma_buf_pool_message forged = good.message;

	for (forged.count = 0; forged.count < 4; forged.count++)
		refuse(&forged, -EPROTO);
	forged.count = 5;
	refuse(&forged, -EPROTO);
	forged.count = ~0u;
	refuse(&forged, -EPROTO);
	uninvite(&good);
}

/* With another descriptor in place of one. Closes it. */
static void refuse_fd(const struct good *good, unsigned int which, int fd)
{
	struct dma_buf_pool_message forged = good->message;

	forged.fd[which] = fd;
	refuse(&forged, -EPROTO);
	close(fd);
}

TEST(a_pool_is_in_a_file_with_all_its_seals_and_its_size)
{
	struct good good = invite();
	const int file = good.message.fd[INVITED_POOL];
	const uint64_t size = size_of_file(file);

	refuse_fd(&good, INVITED_POOL, forge_seals(file, 0));
	refuse_fd(&good, INVITED_POOL, forge_seals(file, POOL_SEALS & ~F_SEAL_SEAL));
	refuse_fd(&good, INVITED_POOL, forge_seals(file, POOL_SEALS & ~F_SEAL_SHRINK));
	refuse_fd(&good, INVITED_POOL, forge_seals(file, POOL_SEALS & ~F_SEAL_GROW));
	refuse_fd(&good, INVITED_POOL, forge_seals(file, POOL_SEALS | F_SEAL_WRITE));
	refuse_fd(&good, INVITED_POOL, forge_seals(file, POOL_SEALS | F_SEAL_FUTURE_WRITE));
	refuse_fd(&good, INVITED_POOL, forge_file(file, size - 1, POOL_SEALS));
	refuse_fd(&good, INVITED_POOL, forge_file(file, size + 1, POOL_SEALS));
	refuse_fd(&good, INVITED_POOL, forge_file(file, 0, POOL_SEALS));
	refuse_fd(&good, INVITED_POOL, forge_file(file, size << 20, POOL_SEALS));
	uninvite(&good);
}

TEST(a_pool_is_in_a_memory_file_that_can_be_read_and_written)
{
	struct good good = invite();
	int pipes[2];

	ASSERT_INT(pipe2(pipes, O_CLOEXEC), ==, 0);
	refuse_fd(&good, INVITED_POOL, forge_read_only(good.message.fd[INVITED_POOL]));
	refuse_fd(&good, INVITED_POOL, forge_write_only(good.message.fd[INVITED_POOL]));
	refuse_fd(&good, INVITED_POOL, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	refuse_fd(&good, INVITED_POOL, open("/dev/null", O_RDWR | O_CLOEXEC));
	refuse_fd(&good, INVITED_POOL, pipes[0]);
	refuse_fd(&good, INVITED_POOL, pipes[1]);
	uninvite(&good);
}

/* With limits that ask for whole large pages. */
TEST(a_pool_is_in_memory_of_ordinary_pages)
{
	const uint64_t page = 2 << 20;
	struct forged_invitation forged;
	struct dma_buf_pool_message message;
	struct good good = invite();

	message = good.message;
	memcpy(&forged, message.bytes, sizeof(forged));
	forged.buffers = 0;
	for (uint32_t buffers = 1; buffers <= 65536 && !forged.buffers; buffers++) {
		const struct pool_shape shape = { forged.members, buffers, forged.fences,
						  forged.timelines };

		if (!(pool_file_size(&shape) % page))
			forged.buffers = buffers;
	}
	ASSERT_INT(forged.buffers, >, 0);
	memcpy(message.bytes, &forged, sizeof(forged));
	message.fd[INVITED_POOL] = forge_huge(
		pool_file_size(&(struct pool_shape){ forged.members, forged.buffers, forged.fences,
						     forged.timelines }), POOL_SEALS);
	if (message.fd[INVITED_POOL] >= 0) {
		refuse(&message, -EPROTO);
		close(message.fd[INVITED_POOL]);
	}
	uninvite(&good);
}

/* Its head says something else than the invitation. */
TEST(a_torn_or_foreign_head_is_refused)
{
	struct good good = invite();
	const int file = good.message.fd[INVITED_POOL];

	for (uint64_t at = 0; at < 28; at += 4)
		refuse_fd(&good, INVITED_POOL, forge_word(file, at, 0x12345678, POOL_SEALS));
	for (uint64_t at = 32; at < 56; at += 4)
		refuse_fd(&good, INVITED_POOL, forge_word(file, at, 0x12345678, POOL_SEALS));
	uninvite(&good);
}

TEST(timelines_are_in_a_file_with_all_its_seals_and_its_size)
{
	struct good good = invite();
	const int file = good.message.fd[INVITED_FILE];
	const uint64_t size = size_of_file(file);

	refuse_fd(&good, INVITED_FILE, forge_seals(file, 0));
	refuse_fd(&good, INVITED_FILE, forge_seals(file, TIMELINES_SEALS & ~F_SEAL_SEAL));
	refuse_fd(&good, INVITED_FILE, forge_seals(file, TIMELINES_SEALS & ~F_SEAL_SHRINK));
	refuse_fd(&good, INVITED_FILE, forge_seals(file, TIMELINES_SEALS & ~F_SEAL_GROW));
	refuse_fd(&good, INVITED_FILE, forge_seals(file, TIMELINES_SEALS & ~F_SEAL_FUTURE_WRITE));
	refuse_fd(&good, INVITED_FILE, forge_file(file, size - 1, TIMELINES_SEALS));
	refuse_fd(&good, INVITED_FILE, forge_file(file, size + 1, TIMELINES_SEALS));
	refuse_fd(&good, INVITED_FILE, forge_file(file, 0, TIMELINES_SEALS));
	refuse_fd(&good, INVITED_FILE, forge_write_only(file));
	refuse_fd(&good, INVITED_FILE, open("/dev/null", O_RDWR | O_CLOEXEC));
	for (uint64_t at = 0; at < 40; at += 4)
		refuse_fd(&good, INVITED_FILE, forge_word(file, at, 0x12345678, TIMELINES_SEALS));
	uninvite(&good);
}

TEST(a_member_has_a_channel_and_a_process)
{
	struct good good = invite();
	int ends[2];

	ASSERT_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), ==, 0);
	refuse_fd(&good, INVITED_CHANNEL, ends[0]);
	refuse_fd(&good, INVITED_CHANNEL, open("/dev/null", O_RDWR | O_CLOEXEC));
	refuse_fd(&good, INVITED_CHANNEL, os_process_open_self());
	refuse_fd(&good, INVITED_PROCESS, ends[1]);
	refuse_fd(&good, INVITED_PROCESS, open("/dev/null", O_RDWR | O_CLOEXEC));
	refuse_fd(&good, INVITED_PROCESS, open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	uninvite(&good);
}

TEST(a_descriptor_that_is_not_open_is_the_callers_mistake)
{
	struct good good = invite();

	for (unsigned int i = 0; i < 4; i++) {
		struct dma_buf_pool_message forged = good.message;

		forged.fd[i] = 1000000;
		refuse(&forged, -EBADF);
	}
	uninvite(&good);
}

/*
 * Answers.
 */

struct guest {
	struct dma_buf_pool *host, *pool;
	struct dma_buf_pool_message invitation, answer;
};

static struct guest come(void)
{
	struct guest guest = { .host = create_pool(&limits) };

	ASSERT_INT(dma_buf_pool_invite(guest.host, 0, &guest.invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&guest.invitation, &guest.answer, &guest.pool), ==, 0);
	return guest;
}

/* It is admitted all the same: the invitation stands. */
static void go(struct guest *guest)
{
	ASSERT_INT(dma_buf_pool_admit(guest->host, &guest->invitation, &guest->answer, NULL), ==, 0);
	ASSERT_INT(dma_buf_pool_await(guest->pool, PEER_PATIENCE), ==, 0);
	dma_buf_pool_message_close(&guest->invitation);
	dma_buf_pool_message_close(&guest->answer);
	leave(guest->pool);
	leave(guest->host);
}

static void refuse_answer(const struct guest *guest, const struct dma_buf_pool_message *answer, int error)
{
	const struct test_resources before = test_resources();

	ASSERT_INT(dma_buf_pool_admit(guest->host, &guest->invitation, answer, NULL), ==, error);
	ASSERT_INT(dma_buf_pool_status(guest->pool), ==, -EAGAIN);
	ASSERT_RESOURCES(before);
}

static void refuse_answer_fd(const struct guest *guest, unsigned int which, int fd)
{
	struct dma_buf_pool_message forged = guest->answer;

	forged.fd[which] = fd;
	refuse_answer(guest, &forged, -EPROTO);
	close(fd);
}

TEST(an_answer_that_says_something_else_is_refused)
{
	struct guest guest = come();

	for (size_t at = 0; at < offsetof(struct forged_answer, process); at += 4) {
		struct dma_buf_pool_message forged = guest.answer;

		forged.bytes[at] ^= 2;
		refuse_answer(&guest, &forged, -EPROTO);
	}
	go(&guest);
}

TEST(an_answer_with_other_descriptors_than_two_is_refused)
{
	struct guest guest = come();
	struct dma_buf_pool_message forged = guest.answer;

	for (forged.count = 0; forged.count < 5; forged.count++) {
		if (forged.count != 2)
			refuse_answer(&guest, &forged, -EPROTO);
	}
	go(&guest);
}

TEST(the_newcomers_timelines_are_what_they_must_be)
{
	struct guest guest = come();
	const int file = guest.answer.fd[ANSWERED_FILE];
	const uint64_t size = size_of_file(file);

	refuse_answer_fd(&guest, ANSWERED_FILE, forge_seals(file, 0));
	refuse_answer_fd(&guest, ANSWERED_FILE, forge_seals(file, POOL_SEALS));
	refuse_answer_fd(&guest, ANSWERED_FILE, forge_file(file, 2 * size, TIMELINES_SEALS));
	refuse_answer_fd(&guest, ANSWERED_FILE, forge_word(file, 28, 0x12345678, TIMELINES_SEALS));
	refuse_answer_fd(&guest, ANSWERED_FILE, forge_read_only(guest.invitation.fd[INVITED_FILE]));
	refuse_answer_fd(&guest, ANSWERED_PROCESS, open("/dev/null", O_RDWR | O_CLOEXEC));
	go(&guest);
}
