/* SPDX-License-Identifier: MIT */
/* Buffers of a pool: who has which, by what name, and what may be done with their memory. */
#define _GNU_SOURCE
#include "forge.h"
#include "members.h"
#include "puppet.h"

#include "os/channel.h"
#include "share/mail.h"
#include "share/member.h"
#include "share/watcher.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 4, .fences = 4, .timelines = 4,
};

#define PAGE os_page_size()

static struct dma_buf *alloc(struct dma_buf_pool *pool, unsigned int flags)
{
	struct dma_buf *dmabuf = NULL;

	ASSERT_INT(dma_buf_pool_alloc(pool, "buffer", 4096, flags, &dmabuf), ==, 0);
	return dmabuf;
}

static struct dma_buf_pool_handle handle_of(struct dma_buf *dmabuf)
{
	struct dma_buf_pool_handle handle;

	ASSERT_INT(dma_buf_pool_get_handle(dmabuf, &handle), ==, 0);
	return handle;
}

static int get(const struct peer *puppet, const struct dma_buf_pool_handle *handle)
{
	return puppet_obey(puppet, &(struct order){ .deed = GET, .handle = *handle }).err;
}

/*
 * Arguments.
 */

static int alloc_failing(struct dma_buf_pool *pool, size_t size, unsigned int flags)
{
	struct dma_buf *const untouched = (void *)&(char){ 0 };
	struct dma_buf *dmabuf = untouched;
	const int err = dma_buf_pool_alloc(pool, "no", size, flags, &dmabuf);

	ASSERT_PTR(dmabuf, ==, untouched);
	return err;
}

TEST(what_cannot_be_made_is_refused)
{
	struct dma_buf_pool *pool = create_pool(&limits);
	const struct test_resources before = test_resources();
	char name[256];

	ASSERT_INT(alloc_failing(pool, 0, 0), ==, -EINVAL);
	ASSERT_INT(alloc_failing(pool, SIZE_MAX, 0), ==, -EINVAL);
	ASSERT_INT(alloc_failing(pool, SIZE_MAX / 2 + 1, 0), ==, -EFBIG);
	ASSERT_INT(alloc_failing(pool, 4096, 2), ==, -EINVAL);
	ASSERT_INT(alloc_failing(NULL, 4096, 0), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_alloc(pool, "no", 4096, 0, NULL), ==, -EINVAL);
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ASSERT_INT(dma_buf_pool_alloc(pool, name, 4096, 0, &(struct dma_buf *){ NULL }), ==, -EINVAL);
	ASSERT_RESOURCES(before);
	leave(pool);
}

TEST(a_buffer_is_whole_pages_of_zeroes)
{
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf;
	void *address;

	ASSERT_INT(dma_buf_pool_alloc(pool, "one", 1, 0, &dmabuf), ==, 0);
	ASSERT_INT(dmabuf->size, ==, PAGE);
	ASSERT_INT(dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	ASSERT_INT(dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &address), ==, 0);
	for (size_t i = 0; i < PAGE; i++)
		ASSERT_INT(((char *)address)[i], ==, 0);
	ASSERT_INT(dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL), ==, 0);
	dma_buf_put(dmabuf);
	leave(pool);
}

TEST(what_is_no_buffer_of_a_pool_has_no_handle)
{
	struct dma_buf_pool_handle handle;
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *shared = alloc(pool, 0), *found = NULL;

	ASSERT_INT(dma_buf_pool_get_handle(NULL, &handle), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_get_handle(shared, NULL), ==, -EINVAL);
	handle = handle_of(shared);
	ASSERT_INT(dma_buf_pool_get_buf(NULL, &handle, &found), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_get_buf(pool, NULL, &found), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, NULL), ==, -EINVAL);
	handle.buffer = 1;
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, -ENOENT);
	handle.buffer = ~0u;
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, -ENOENT);
	handle = handle_of(shared);
	handle.owner++;
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, -ENOENT);
	handle = handle_of(shared);
	handle.number += 2;
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, -ENOENT);
	ASSERT_PTR(found, ==, NULL);
	dma_buf_put(shared);
	leave(pool);
}

TEST(who_asks_twice_gets_the_same_buffer)
{
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf = alloc(pool, 0), *found;
	const struct dma_buf_pool_handle handle = handle_of(dmabuf);

	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, 0);
	ASSERT_PTR(found, ==, dmabuf);
	dma_buf_put(found);
	dma_buf_put(dmabuf);
	leave(pool);
}

/*
 * Places.
 */

/* It is gone when the last of those that have it has put it. */
TEST(the_place_of_a_buffer_comes_back)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf[4];
	struct dma_buf_pool_handle handle;

	puppet_admit(&peer, pool, 0);
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < 4; i++)
			dmabuf[i] = alloc(pool, 0);
		ASSERT_INT(alloc_failing(pool, 4096, 0), ==, -ENOSPC);
		handle = handle_of(dmabuf[2]);
		ASSERT_INT(get(&peer, &handle), ==, 0);
		for (unsigned int i = 0; i < 4; i++)
			dma_buf_put(dmabuf[i]);
		for (unsigned int i = 0; i < 3; i++)
			dmabuf[i] = alloc(pool, 0);
		ASSERT_INT(alloc_failing(pool, 4096, 0), ==, -ENOSPC);
		ASSERT_INT(puppet_deed(&peer, PUT), ==, 0);
		dmabuf[3] = alloc(pool, 0);
		for (unsigned int i = 0; i < 4; i++)
			dma_buf_put(dmabuf[i]);
		ASSERT_INT(get(&peer, &handle), ==, -ENOENT);
	}
	puppet_quit(&peer);
	leave(pool);
}

TEST(the_buffers_of_the_dead_come_back)
{
	struct dma_buf_pool *pool = create_pool(&limits);

	for (unsigned int round = 0; round < 3; round++) {
		struct peer peer = puppet_fork();
		struct dma_buf *dmabuf[4];

		puppet_admit(&peer, pool, 0);
		for (unsigned int i = 0; i < 4; i++)
			ASSERT_INT(puppet_deed(&peer, ALLOC), ==, 0);
		ASSERT_INT(alloc_failing(pool, 4096, 0), ==, -ENOSPC);
		puppet_kill(&peer);
		for (unsigned int i = 0; i < 4; i++)
			dmabuf[i] = alloc(pool, 0);
		for (unsigned int i = 0; i < 4; i++)
			dma_buf_put(dmabuf[i]);
	}
	leave(pool);
}

TEST(a_buffer_outlives_the_one_who_made_it)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf;
	struct answer answer;

	puppet_admit(&peer, pool, 0);
	answer = puppet_obey(&peer, &(struct order){ .deed = ALLOC });
	ASSERT_INT(dma_buf_pool_get_buf(pool, &answer.handle, &dmabuf), ==, 0);
	puppet_kill(&peer);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	dma_resv_unlock(dmabuf->resv);
	ASSERT_INT(handle_of(dmabuf).number, ==, answer.handle.number);
	dma_buf_put(dmabuf);
	leave(pool);
}

/* Somebody else has its place, and the same buffer. */
TEST(who_has_left_puts_nothing_of_others)
{
	struct peer old = puppet_fork(), new = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf = alloc(pool, 0);
	const struct dma_buf_pool_handle handle = handle_of(dmabuf);
	const unsigned int place = member_place(puppet_admit(&old, pool, 0));
	const struct shm_resv *shm = shm_resv(&pool->shape, pool->base, handle.buffer);

	ASSERT_INT(get(&old, &handle), ==, 0);
	ASSERT_INT(puppet_deed(&old, LEAVE), ==, 0);
	ASSERT_INT(member_place(puppet_admit(&new, pool, 0)), ==, place);
	ASSERT_INT(load_relaxed(&shm->users), ==, 1);
	ASSERT_INT(get(&new, &handle), ==, 0);
	ASSERT_INT(puppet_deed(&old, PUT), ==, 0);
	ASSERT_INT(load_relaxed(&shm->users), ==, 1 | 1 << place);
	puppet_quit(&old);
	puppet_quit(&new);
	dma_buf_put(dmabuf);
	leave(pool);
}

/* Its mail box was full when it would have been told: it asks. */
TEST(who_was_not_told_of_a_buffer_asks_for_it)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf_pool_handle handle;
	struct dma_buf *dmabuf;

	puppet_admit(&peer, pool, 0);
	watcher_need(pool); /* who answers it */
	for (unsigned int i = 0; i < 400; i++) {
		dmabuf = alloc(pool, 0);
		dma_buf_put(dmabuf);
	}
	dmabuf = alloc(pool, 0);
	handle = handle_of(dmabuf);
	ASSERT_INT(get(&peer, &handle), ==, 0);
	dma_buf_put(dmabuf);
	puppet_quit(&peer);
	leave(pool);
}

/* One who reads what it asks, and writes something else. */
static struct {
	struct dma_buf_pool *pool;
	struct member *host;
	unsigned int letters;
} writer;

static void write_something_else(const char *label)
{
	char bytes[64];

	if (strcmp(label, "memory: asked for"))
		return;
	while (recv(writer.host->channel, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	mail_ring(writer.pool, 0, 0);
	writer.letters++;
}

TEST(who_asks_an_enemy_does_not_ask_for_ever)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf_pool_handle handle;
	struct dma_buf *hidden, *found = NULL;

	ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &writer.pool), ==, 0);
	ASSERT_INT(dma_buf_pool_admit(pool, &invitation, &answer, NULL), ==, 0);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	writer.host = member_in_place(writer.pool, 0);
	hidden = alloc(writer.pool, 0);
	handle = handle_of(hidden);
	mail_read(pool);
	os_file_close(pool->memory[handle.buffer].fd); /* as if it had never come */
	pool->memory[handle.buffer].fd = -1;
	writer.letters = 0;
	os_race_hook(write_something_else);
	ASSERT_INT(dma_buf_pool_get_buf(pool, &handle, &found), ==, -ENOENT);
	os_race_hook(NULL);
	ASSERT_INT(writer.letters, >, 2);
	member_put(writer.host);
	dma_buf_put(hidden);
	leave(writer.pool);
	leave(pool);
}

/* Whoever hears of an old one, when its place has another, keeps nothing of that. */
static struct dma_buf_pool *replaced;

static void replace(const char *label)
{
	if (strcmp(label, "pool: before a buffer is looked at again"))
		return;
	os_race_hook(NULL);
	store_relaxed(&shm_resv(&replaced->shape, replaced->base, 0)->number, 3);
}

TEST(a_buffer_that_is_another_one_by_then_is_not_kept)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *dmabuf = NULL;
	struct shm_resv *shm;
	struct answer answer;

	puppet_admit(&peer, pool, 0);
	answer = puppet_obey(&peer, &(struct order){ .deed = ALLOC });
	shm = shm_resv(&pool->shape, pool->base, answer.handle.buffer);
	replaced = pool;
	os_race_hook(replace);
	ASSERT_INT(dma_buf_pool_get_buf(pool, &answer.handle, &dmabuf), ==, -ENOENT);
	os_race_hook(NULL);
	ASSERT_INT(load_relaxed(&shm->users) & 1, ==, 0);
	store_relaxed(&shm->number, answer.handle.number);
	ASSERT_INT(dma_buf_pool_get_buf(pool, &answer.handle, &dmabuf), ==, 0);
	dma_buf_put(dmabuf);
	puppet_quit(&peer);
	leave(pool);
}

/*
 * Who may write.
 */

TEST(all_may_write_unless_the_owner_alone_does)
{
	struct peer peer = puppet_fork();
	struct dma_buf_pool *pool = create_pool(&limits);
	struct dma_buf *all = alloc(pool, 0), *one = alloc(pool, DMA_BUF_POOL_OWNER_WRITES);
	struct dma_buf_pool_handle handle;

	puppet_admit(&peer, pool, 0);
	handle = handle_of(all);
	ASSERT_INT(get(&peer, &handle), ==, 0);
	ASSERT_INT(puppet_deed(&peer, MAY_WRITE), ==, 3);
	ASSERT_INT(puppet_deed(&peer, PUT), ==, 0);
	handle = handle_of(one);
	ASSERT_INT(get(&peer, &handle), ==, 0);
	ASSERT_INT(puppet_deed(&peer, MAY_WRITE), ==, 0);
	ASSERT_INT(may_write(all), ==, 3);
	ASSERT_INT(may_write(one) & 1, ==, 1); /* by the mapping that it has */
	dma_buf_put(all);
	dma_buf_put(one);
	puppet_quit(&peer);
	leave(pool);
}

/* Neither those that were there, nor later ones, nor those that it asks for. */
static void check_reader(const struct peer *reader, struct dma_buf *secret[2], struct dma_buf *open[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		struct dma_buf_pool_handle handle = handle_of(secret[i]);

		ASSERT_INT(get(reader, &handle), ==, -ENOENT);
		handle = handle_of(open[i]);
		ASSERT_INT(get(reader, &handle), ==, 0);
		ASSERT_INT(puppet_deed(reader, MAY_WRITE), ==, 0);
		ASSERT_INT(puppet_deed(reader, PUT), ==, 0);
	}
	ASSERT_INT(puppet_deed(reader, ALLOC), ==, -EACCES);
}

TEST(who_may_only_read_gets_nothing_to_write)
{
	struct dma_buf *secret[2], *open[2];
	struct peer reader, another;
	struct dma_buf_pool *pool;
	int link[2];

	puppet_fork_linked(&reader, &another, link);
	pool = create_pool(&limits);
	watcher_need(pool); /* who answers those who ask */
	secret[0] = alloc(pool, 0);
	open[0] = alloc(pool, DMA_BUF_POOL_OWNER_WRITES);
	puppet_admit(&reader, pool, DMA_BUF_POOL_READ_ONLY);
	puppet_admit_by(&another, &reader, link, 0); /* who has no more than who admits it */
	secret[1] = alloc(pool, 0);
	open[1] = alloc(pool, DMA_BUF_POOL_OWNER_WRITES);
	check_reader(&reader, secret, open);
	check_reader(&another, secret, open);
	for (unsigned int i = 0; i < 2; i++) {
		dma_buf_put(secret[i]);
		dma_buf_put(open[i]);
	}
	puppet_quit(&another);
	puppet_quit(&reader);
	leave(pool);
}

TEST(who_may_only_read_makes_no_buffers)
{
	struct dma_buf_pool *host = create_pool(&limits), *reader;

	reader = add_member_with(host, DMA_BUF_POOL_READ_ONLY);
	ASSERT_INT(alloc_failing(reader, 4096, 0), ==, -EACCES);
	ASSERT_INT(alloc_failing(reader, 4096, DMA_BUF_POOL_OWNER_WRITES), ==, -EACCES);
	leave(reader);
	leave(host);
}

/* It writes that into everything that it can write. */
TEST(nobody_makes_a_writer_of_himself)
{
	struct dma_buf_pool_message invitation, answer;
	struct dma_buf_pool *host = create_pool(&limits), *reader;
	struct dma_buf_pool_handle handle;
	struct dma_buf *secret;
	struct member *member;
	struct shm_place *place;

	ASSERT_INT(dma_buf_pool_invite(host, DMA_BUF_POOL_READ_ONLY, &invitation), ==, 0);
	invitation.bytes[offsetof(struct forged_invitation, flags)] = 0;
	ASSERT_INT(dma_buf_pool_accept(&invitation, &answer, &reader), ==, 0);
	invitation.bytes[offsetof(struct forged_invitation, flags)] = DMA_BUF_POOL_READ_ONLY;
	ASSERT_INT(dma_buf_pool_admit(host, &invitation, &answer, NULL), ==, 0);
	place = shm_place(reader->base, member_place(dma_buf_pool_self(reader)));
	place->process = place->unused = 0;
	secret = alloc(host, 0);
	handle = handle_of(secret);
	member = member_in_place(reader, 0);
	ASSERT_INT(mail_want_memory(member, &(struct mail_memory){ handle.owner, handle.buffer,
								   handle.number }), ==, 0);
	mail_read(host);
	mail_read(reader);
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_INT(reader->memory[i].fd, ==, -1);
	member_put(member);
	dma_buf_put(secret);
	dma_buf_pool_message_close(&invitation);
	dma_buf_pool_message_close(&answer);
	leave(reader);
	leave(host);
}

/*
 * Memory that an enemy sends.
 */

/*
 * It says that there is another buffer now where it has one, and what its memory is. What it is to who gets
 * it, or an errno.
 */
static int get_forged(int (*forge)(int file))
{
	struct dma_buf_pool *host = create_pool(&limits), *enemy = add_member(host);
	struct dma_buf *dmabuf = alloc(enemy, 0), *found = NULL;
	const struct dma_buf_pool_handle honest = handle_of(dmabuf);
	const struct dma_buf_pool_handle handle = { honest.owner, honest.buffer, honest.number + 2 };
	struct shm_resv *shm = shm_resv(&enemy->shape, enemy->base, handle.buffer);
	struct member *member = member_in_place(enemy, 0);
	const int file = dma_buf_fd(dmabuf, O_CLOEXEC | O_RDWR), forged = forge(file);
	struct test_resources before;
	int err;

	shm->number = handle.number;
	ASSERT_INT(mail_send_memory(member, &(struct mail_memory){ handle.owner, handle.buffer, handle.number },
				    &forged, 1), ==, 0);
	close(forged);
	close(file);
	mail_read(host);
	before = test_resources();
	err = dma_buf_pool_get_buf(host, &handle, &found);
	ASSERT_INT(!err, ==, !!found);
	if (found)
		dma_buf_put(found);
	ASSERT_RESOURCES(before);
	shm->number = honest.number;
	member_put(member);
	dma_buf_put(dmabuf);
	leave(enemy);
	leave(host);
	return err;
}

static int sealed(int file)
{
	return forge_seals(file, POOL_SEALS);
}

static int unsealed(int file)
{
	return forge_seals(file, 0);
}

static int half_sealed(int file)
{
	return forge_seals(file, F_SEAL_SHRINK | F_SEAL_SEAL);
}

static int can_be_sealed(int file)
{
	return forge_seals(file, F_SEAL_SHRINK | F_SEAL_GROW);
}

static int empty(int file)
{
	return forge_file(file, 0, POOL_SEALS);
}

static int torn(int file)
{
	return forge_file(file, 4095, POOL_SEALS);
}

static int huge(int file)
{
	const int forged = forge_huge(2 << 20, POOL_SEALS);

	return forged < 0 ? forge_seals(file, 0) : forged; /* there is no such memory here */
}

static int no_file(int file)
{
	(void)file;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

TEST(memory_that_is_not_sealed_is_refused)
{
	ASSERT_INT(get_forged(sealed), ==, 0);
	ASSERT_INT(get_forged(unsealed), ==, -EPROTO);
	ASSERT_INT(get_forged(half_sealed), ==, -EPROTO);
	ASSERT_INT(get_forged(can_be_sealed), ==, -EPROTO);
	ASSERT_INT(get_forged(empty), ==, -EPROTO);
	ASSERT_INT(get_forged(torn), ==, -EPROTO);
	ASSERT_INT(get_forged(huge), ==, -EPROTO);
	ASSERT_INT(get_forged(no_file), ==, -EPROTO);
}
