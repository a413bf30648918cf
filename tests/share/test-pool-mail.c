/* SPDX-License-Identifier: MIT */
/* Mail: what members tell each other is known in time, whoever reads it; and what enemies write is nothing. */
#define _GNU_SOURCE
#include "forge.h"
#include "members.h"
#include "puppet.h"

#include <sys/resource.h>

#include "os/channel.h"
#include "os/process.h"
#include "share/mail.h"
#include "share/member.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 8, .fences = 4, .timelines = 4,
};

/* A fence of one member, in another. */
static int status_there(struct dma_buf_pool *from, struct dma_buf_pool *to)
{
	struct dma_fence *there = make_fence(), *here = pass_fence(from, there, to);
	const int status = dma_fence_get_status(here);

	dma_fence_signal(there);
	dma_fence_put(here);
	dma_fence_put(there);
	return status;
}

/*
 * Whoever reads it.
 */

static struct dma_buf_pool *read_at_once;

static void read_first(const char *label)
{
	if (strcmp(label, "member: unknown") && strcmp(label, "memory: unknown"))
		return;
	os_race_hook(NULL);
	mail_read(read_at_once);
}

TEST(a_member_of_whom_another_thread_has_just_read_is_known)
{
	struct dma_buf_pool *host = create_pool(&limits), *second = add_member(host), *third = add_member(second);

	read_at_once = host;
	os_race_hook(read_first);
	ASSERT_INT(status_there(third, host), ==, 0);
	os_race_hook(NULL);
	leave(third);
	leave(second);
	leave(host);
}

TEST(memory_of_which_another_thread_has_just_read_is_known)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *host = create_pool(&limits);
	struct dma_buf *dmabuf;
	struct answer answer;

	puppet_admit(&peer, host, 0);
	answer = puppet_obey(&peer, &(struct order){ .deed = ALLOC });
	ASSERT_INT(answer.err, ==, 0);
	read_at_once = host;
	os_race_hook(read_first);
	ASSERT_INT(dma_buf_pool_get_buf(host, &answer.handle, &dmabuf), ==, 0);
	os_race_hook(NULL);
	dma_buf_put(dmabuf);
	puppet_quit(&peer);
	leave(host);
}

/*
 * Whoever sent it.
 */

/* It was killed, and had not read all that it was sent. */
TEST(what_the_dead_have_said_of_the_living_counts)
{
	struct peer second, third;
	struct dma_buf_pool *host;
	struct dma_buf *dmabuf;
	struct dma_fence *fence;
	struct answer answer;
	int link[2];

	puppet_fork_linked(&second, &third, link);
	host = create_pool(&limits);
	puppet_admit(&second, host, 0);
	ASSERT_INT(dma_buf_pool_alloc(host, "unread", 4096, 0, &dmabuf), ==, 0);
	answer = puppet_obey(&second, &(struct order){ .deed = EXPORT });
	puppet_admit_by(&third, &second, link, 0);
	puppet_kill(&second);
	fence = dma_buf_pool_import_fence(host, &answer.value);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EOWNERDEAD);
	dma_fence_put(fence);
	answer = puppet_obey(&third, &(struct order){ .deed = EXPORT });
	fence = dma_buf_pool_import_fence(host, &answer.value);
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	ASSERT_INT(puppet_deed(&third, SIGNAL), ==, 0);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	dma_fence_put(fence);
	dma_buf_put(dmabuf);
	puppet_quit(&third);
	leave(host);
}

/*
 * In which order.
 */

static struct dma_buf_pool *create_large(void)
{
	static const struct dma_buf_pool_limits large = {
		.members = 8, .buffers = 8, .fences = 4, .timelines = 4,
	};

	return create_pool(&large);
}

/* The fifth is told of by the second, of whom the fourth has not heard before it hears from the third. */
TEST(who_is_told_of_by_one_of_whom_one_is_just_told_is_known)
{
	struct dma_buf_pool *host = create_large(), *second = add_member(host),
			    *third = add_member(host), *fourth = add_member(third),
			    *fifth = add_member(second);

	ASSERT_INT(status_there(fifth, fourth), ==, 0);
	leave(fifth);
	leave(fourth);
	leave(third);
	leave(second);
	leave(host);
}

/* @old leaves, and @inviter lets in who gets its place. */
static struct dma_buf_pool *replace(struct dma_buf_pool *old, struct dma_buf_pool *inviter)
{
	const unsigned int place = member_place(dma_buf_pool_self(old));
	struct dma_buf_pool *new;

	leave(old);
	new = add_member(inviter);
	ASSERT_INT(member_place(dma_buf_pool_self(new)), ==, place);
	return new;
}

/* The third told of the fourth, and left; then the host reads first of who has the third one's place. */
TEST(what_one_has_told_whose_place_is_anothers_counts)
{
	struct dma_buf_pool *host = create_large(), *second = add_member(host),
			    *third = add_member(host), *fourth = add_member(third),
			    *new = replace(third, second);

	ASSERT_INT(status_there(fourth, host), ==, 0);
	ASSERT_INT(status_there(new, host), ==, 0);
	leave(new);
	leave(fourth);
	leave(second);
	leave(host);
}

/* The same, and of the one who left it has heard nothing before. */
TEST(what_one_has_told_of_whom_one_hears_only_after_that_counts)
{
	struct dma_buf_pool *host = create_large(), *second = add_member(host),
			    *third = add_member(host), *fourth = add_member(third),
			    *fifth = add_member(fourth), *new = replace(fourth, second);

	ASSERT_INT(status_there(fifth, host), ==, 0);
	ASSERT_INT(status_there(new, host), ==, 0);
	leave(new);
	leave(fifth);
	leave(third);
	leave(second);
	leave(host);
}

/* The one who admits had read nothing of the buffer, and the one who made it does not listen. */
TEST(a_newcomer_hears_of_all_buffers)
{
	struct peer second, third;
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool *host;
	struct dma_buf *dmabuf;
	int link[2];

	puppet_fork_linked(&second, &third, link);
	host = create_pool(&limits);
	puppet_admit(&second, host, 0);
	ASSERT_INT(dma_buf_pool_alloc(host, "before", 4096, 0, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	puppet_admit_by(&third, &second, link, 0);
	ASSERT_INT(puppet_obey(&third, &(struct order){ .deed = GET, .handle = handle }).err, ==, 0);
	dma_buf_put(dmabuf);
	puppet_quit(&third);
	puppet_quit(&second);
	leave(host);
}

/*
 * Callbacks.
 */

static struct {
	struct dma_fence_cb cb;
	struct dma_buf_pool *pool;
	bool called, was_free;
} callback;

DMABUF_UNCHECKED("it is dropped where it was taken")
static void called(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	(void)fence;
	(void)cb;
	callback.called = true;
	callback.was_free = ww_mutex_trylock(&callback.pool->mail_lock, NULL);
	if (callback.was_free)
		ww_mutex_unlock(&callback.pool->mail_lock);
}

static struct dma_buf_pool *silent; /* as it goes on */

/* Of a fence of @other's, which @end ends. */
static void check_callback(void (*end)(struct dma_buf_pool *other, struct dma_fence *fence), int status)
{
	struct dma_buf_pool *host = create_pool(&limits), *other = add_member(host);
	struct dma_fence *there = make_fence(), *here;

	ASSERT_INT(dma_buf_pool_watch_fd(host), >=, 0);
	here = pass_fence(other, there, host);
	memset(&callback, 0, sizeof(callback));
	callback.pool = host;
	ASSERT_INT(dma_fence_add_callback(here, &callback.cb, called), ==, 0);
	end(other, there);
	dma_buf_pool_watch(host);
	ASSERT_TRUE(callback.called);
	ASSERT_TRUE(callback.was_free);
	ASSERT_INT(dma_fence_get_status(here), ==, status);
	dma_fence_put(here);
	dma_fence_put(there);
	leave(host);
}

/* There is no room for the ring. */
static void signal_in_vain(struct dma_buf_pool *other, struct dma_fence *fence)
{
	const struct mail_memory nothing = { 0 };
	struct member *host = member_in_place(other, 0);

	while (!mail_deny_memory(host, &nothing))
		;
	dma_fence_signal(fence);
	member_put(host);
	silent = other;
}

TEST(who_has_not_read_its_mail_looks_at_all_when_it_does)
{
	check_callback(signal_in_vain, 1);
	leave(silent);
}

static void signal_and_leave(struct dma_buf_pool *other, struct dma_fence *fence)
{
	dma_fence_signal(fence);
	leave(other);
}

static void just_leave(struct dma_buf_pool *other, struct dma_fence *fence)
{
	(void)fence;
	leave(other);
}

TEST(a_callback_is_called_without_locks)
{
	check_callback(signal_and_leave, 1);
	check_callback(just_leave, -ECANCELED);
}

/*
 * Enemies.
 */

/* @enemy sends @host something by hand. */
static void send_raw(struct dma_buf_pool *enemy, struct dma_buf_pool *host, const void *bytes,
		     size_t size, int *fds, unsigned int count)
{
	struct member *member = member_in_place(enemy, member_place(dma_buf_pool_self(host)));
	const struct os_message message = { (void *)(uintptr_t)bytes, size, fds, count };

	ASSERT_INT(os_channel_send(member->channel, &message), ==, 0);
	member_put(member);
}

/* A card with the enemy's own things and @id, which @host reads; its file has these @seals. */
static void send_card_with(struct dma_buf_pool *enemy, struct dma_buf_pool *host, uint32_t id, int seals)
{
	struct member *member = member_in_place(enemy, member_place(dma_buf_pool_self(host)));
	struct card card = { .id = id, .process = enemy->self->process };
	int ends[2];

	ASSERT_INT(os_channel_pair(ends), ==, 0);
	card.channel = ends[0];
	card.file = forge_word(enemy->self->file, 28, id, seals);
	ASSERT_INT(mail_send_card(member, &card), ==, 0);
	close(card.file);
	close(ends[0]);
	close(ends[1]);
	member_put(member);
	mail_read(host);
}

static void send_card(struct dma_buf_pool *enemy, struct dma_buf_pool *host, uint32_t id)
{
	send_card_with(enemy, host, id, TIMELINES_SEALS);
}

static struct {
	struct dma_buf_pool *enemy, *guest;
	uint32_t victim;
	unsigned int told;
} intrusion;

/* The enemy and the guest know of each other, and the guest of nobody else. */
static void intrude(const char *label)
{
	if (strcmp(label, "door: told one of the other") || ++intrusion.told < 2)
		return;
	os_race_hook(NULL);
	mail_read(intrusion.enemy);
	send_card(intrusion.enemy, intrusion.guest, intrusion.victim);
}

/* Of the enemy's timelines, which are said to be another's, one has signalled. */
TEST(who_is_being_let_in_believes_only_its_inviter_who_is_there)
{
	struct dma_buf_pool *host = create_large(), *enemy = add_member(host), *victim = add_member(host);
	struct dma_buf_pool_message invitation, answer;

	ASSERT_INT(status_there(enemy, host), ==, 0); /* and then 1 */
	intrusion.enemy = enemy;
	intrusion.victim = dma_buf_pool_self(victim);
	intrusion.told = 0;
	ASSERT_INT(dma_buf_pool_invite(host, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &intrusion.guest), ==, 0);
	os_race_hook(intrude);
	ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer, NULL), ==, 0);
	ASSERT_INT(status_there(victim, intrusion.guest), ==, 0);
	ASSERT_INT(status_there(enemy, intrusion.guest), ==, 0);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	leave(intrusion.guest);
	leave(victim);
	leave(enemy);
	leave(host);
}

TEST(nobody_else_comes_into_the_place_of_this_process)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	const uint32_t self = dma_buf_pool_self(host);
	const struct test_resources before = test_resources();

	send_card(enemy, host, self + 0x100);
	send_card(enemy, host, self + 0x100 * 77);
	ASSERT_RESOURCES(before);
	ASSERT_INT(dma_buf_pool_status(host), ==, 0);
	ASSERT_INT(dma_buf_pool_self(host), ==, self);
	ASSERT_INT(status_there(host, enemy), ==, 0);
	ASSERT_INT(status_there(enemy, host), ==, 0);
	leave(enemy);
	leave(host);
}

TEST(a_card_for_no_place_or_for_one_that_was_there_before_is_refused)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host), *third = add_member(host);
	struct test_resources before;

	mail_read(enemy);
	mail_read(third);
	before = test_resources();
	send_card(enemy, host, dma_buf_pool_self(third));
	send_card(enemy, host, member_id(2, 0));
	send_card(enemy, host, member_id(4, 1));
	send_card(enemy, host, member_id(63, 1));
	send_card(enemy, host, member_id(3, 1) | 1);
	ASSERT_RESOURCES(before);
	ASSERT_INT(status_there(third, host), ==, 0);
	leave(third);
	leave(enemy);
	leave(host);
}

/* All that is wrong with them is their files; with the right one somebody is there. */
TEST(a_card_with_a_file_that_is_not_sealed_is_refused)
{
	static const int seal[] = { F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_SEAL, F_SEAL_FUTURE_WRITE };
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	const uint32_t id = member_id(2, 1);
	struct test_resources before;
	struct member *newcomer;

	mail_read(enemy);
	before = test_resources();
	send_card_with(enemy, host, id, 0);
	for (unsigned int i = 0; i < sizeof(seal) / sizeof(seal[0]); i++)
		send_card_with(enemy, host, id, TIMELINES_SEALS & ~seal[i]);
	ASSERT_RESOURCES(before);
	ASSERT_PTR(member_find(host, id), ==, NULL);
	send_card(enemy, host, id);
	newcomer = member_find(host, id);
	ASSERT_TRUE(newcomer);
	member_put(newcomer);
	leave(enemy);
	leave(host);
}

/* As mail.c has it. */
struct letter {
	uint32_t kind;
	uint32_t count;
	uint32_t flags;
	struct mail_memory memory[4];
};

enum { RING = 1, CARD, MEMORY, WANT_MEMORY, NO_MEMORY, EVICTED, NOTHING };

TEST(letters_that_are_no_letters_are_not_kept)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	const size_t head = offsetof(struct letter, memory);
	const struct test_resources before = test_resources();
	const int file = os_memfd_create("sent");
	int fds[OS_MOST_FDS];

	for (unsigned int i = 0; i < OS_MOST_FDS; i++)
		fds[i] = file;
	for (uint32_t kind = 0; kind <= NOTHING; kind++) {
		struct letter letter = { .kind = kind, .count = 2, .memory = { { 1, 9, 1 }, { 1, ~0u, 1 } } };

		for (size_t size = 1; size <= sizeof(letter); size++)
			send_raw(enemy, host, &letter, size, fds, (unsigned int)size % 5);
		mail_read(host);
		for (unsigned int count = 0; count <= 5; count++)
			send_raw(enemy, host, &letter, head + 24, fds, count);
		letter.count = ~0u;
		for (unsigned int count = 0; count <= 5; count++)
			send_raw(enemy, host, &letter, head + 24, fds, count);
		letter.count = 0x15555557; /* times 12, with the head, it is 32 bits more */
		send_raw(enemy, host, &letter, head + 24, fds, 5);
		send_raw(enemy, host, &letter, head, fds, OS_MOST_FDS);
		mail_read(host);
	}
	close(file);
	ASSERT_RESOURCES(before);
	ASSERT_INT(status_there(enemy, host), ==, 0);
	leave(enemy);
	leave(host);
}

TEST(memory_is_kept_once_a_place)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	struct letter letter = { .kind = MEMORY, .count = 4 };
	const size_t size = sizeof(letter);
	const struct test_resources before = test_resources();
	const int file = os_memfd_create("sent");
	int fds[4] = { file, file, file, file };

	for (unsigned int i = 0; i < 100; i++) {
		for (unsigned int j = 0; j < 4; j++)
			letter.memory[j] = (struct mail_memory){
				.owner = i * 0x100, .buffer = (i + j) % 8, .number = i * 12345,
			};
		send_raw(enemy, host, &letter, size, fds, 4);
		mail_read(host);
	}
	close(file);
	ASSERT_INT(test_resources().descriptors, ==, before.descriptors + 8);
	leave(enemy);
	leave(host);
}

/* There is no end to what it writes; somebody who is not to be found is looked for all the same. */
TEST(who_writes_without_end_keeps_nobody_for_ever)
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	const struct dma_buf_pool_fence value = { .member = member_id(3, 9) };
	struct letter letter = { .kind = RING };
	struct dma_fence *fence;
	struct member *member = member_in_place(enemy, 0);
	const struct os_message message = { &letter, 12, NULL, 0 };

	while (!os_channel_send(member->channel, &message))
		;
	fence = dma_buf_pool_import_fence(host, &value);
	ASSERT_INT(dma_fence_get_status(fence), ==, -EOWNERDEAD);
	dma_fence_put(fence);
	member_put(member);
	leave(enemy);
	leave(host);
}

/*
 * No room.
 */

/* Two know each other, or neither goes on as if the other one was dead. */
TEST(who_has_no_descriptor_for_a_newcomer_is_no_member_any_more)
{
	struct dma_buf_pool *host = create_pool(&limits), *second = add_member(host), *third = add_member(second);
	struct rlimit old, few;
	int lowest;

	lowest = dup(0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ .rlim_cur = (rlim_t)lowest + 2, .rlim_max = old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	mail_read(host);
	setrlimit(RLIMIT_NOFILE, &old);
	ASSERT_INT(dma_buf_pool_status(host), ==, -ESTALE);
	ASSERT_INT(status_there(third, second), ==, 0);
	ASSERT_INT(dma_buf_pool_evict(second, dma_buf_pool_self(host)), ==, -ENOENT);
	leave(third);
	leave(second);
	leave(host);
}
