/* SPDX-License-Identifier: MIT */
/*
 * A member that writes nonsense to all that it can write: the pool's file, its own timelines, its leases, its
 * mail to others, and data. Much of it means something to somebody, and what it does is up to its seed.
 */
#ifndef ENEMY_H
#define ENEMY_H

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "enemy-words.h"
#include "forge.h"
#include "os/channel.h"
#include "share/mail.h"

/* As mail.c has it. */
struct forged_mail {
	uint32_t kind;
	uint32_t what;
	uint32_t flags;
	struct mail_memory memory[OS_MOST_FDS];
};

#define FORGED_HEAD offsetof(struct forged_mail, memory)
enum { FORGED_CARD = 2, FORGED_MEMORY = 3, FORGED_KINDS = 8 };
enum { FORGED_MOST_FDS = 253 }; /* the kernel's */

/*
 * Mail.
 */

static inline int some_file(struct enemy *enemy)
{
	const int files[] = { enemy->pool->file, enemy->pool->self->file };
	const int seals[] = { 0, POOL_SEALS, TIMELINES_SEALS, F_SEAL_WRITE };
	const int file = files[below(&enemy->random, 2)];

	switch (below(&enemy->random, 4)) {
	case 0:
		return dup(file);
	case 1:
		return forge_file(file, 4096 * (uint64_t)below(&enemy->random, 3), seals[below(&enemy->random, 4)]);
	case 2:
		return forge_seals(file, seals[below(&enemy->random, 4)]);
	default:
		return forge_read_only(file);
	}
}

/* A descriptor of any kind. */
static inline int some_fd(struct enemy *enemy)
{
	int ends[2];

	switch (below(&enemy->random, 8)) {
	case 0:
		return eventfd(0, EFD_CLOEXEC);
	case 1:
		return epoll_create1(EPOLL_CLOEXEC);
	case 2:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 3:
		return open("/proc/self", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
	case 4:
		return dup(enemy->pool->self->process);
	case 5:
		if (below(&enemy->random, 2) ? pipe(ends) : os_channel_pair(ends))
			return -1;
		close(ends[1]);
		return ends[0];
	default:
		return some_file(enemy);
	}
}

static inline struct mail_memory some_memory(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	const uint32_t buffer = below(&enemy->random, pool->shape.buffers + 1);
	const uint32_t number = buffer < pool->shape.buffers
					? load_relaxed(&shm_resv(&pool->shape, pool->base, buffer)->number)
					: 1;

	return (struct mail_memory){
		.owner = some_id(pool, &enemy->random),
		.buffer = below(&enemy->random, 8) ? buffer : (uint32_t)enemy_draw(&enemy->random),
		.number = below(&enemy->random, 2) ? number : some_value(&enemy->random, number) & UINT32_MAX,
	};
}

static inline void close_fds(const int *fds, unsigned int count)
{
	while (count)
		close(fds[--count]);
}

/* Nobody may take it; then nothing has happened. */
static inline void send_forged(int channel, struct forged_mail *mail, size_t size, int *fds,
			       unsigned int count)
{
	const struct os_message message = { mail, size, fds, count };

	(void)os_channel_send(channel, &message);
}

/* Of any kind and size, with any number of descriptors; mostly few, since each takes its time. */
static inline void send_nonsense(struct enemy *enemy, int channel)
{
	uint32_t *random = &enemy->random;
	struct forged_mail mail = {
		.kind = below(random, FORGED_KINDS),
		.what = below(random, 2) ? some_id(enemy->pool, random) : below(random, 9),
		.flags = below(random, 4),
	};
	const unsigned int memories = below(random, 16) ? below(random, 4) : OS_MOST_FDS;
	const size_t fits = FORGED_HEAD + memories * sizeof(mail.memory[0]);
	const size_t size = below(random, 4) ? fits : below(random, sizeof(mail) + 1);
	const unsigned int want = below(random, 32) ? below(random, 5) : below(random, FORGED_MOST_FDS + 1);
	unsigned int count = 0;
	int fds[FORGED_MOST_FDS];

	for (unsigned int i = 0; i < memories; i++)
		mail.memory[i] = some_memory(enemy);
	if (mail.kind == FORGED_MEMORY && below(random, 4))
		mail.what = memories;
	while (count < want) {
		fds[count] = count && want > 8 ? dup(fds[0]) : some_fd(enemy);
		if (fds[count] < 0)
			break;
		count++;
	}
	/* Nothing at all is a hang-up, and the end of its mail. */
	send_forged(channel, &mail, size ? size : !!below(random, 64), fds, count);
	close_fds(fds, count);
}

/* A member that there is not; or that it is itself; or in the place of somebody else. It may have said something. */
static inline void send_card(struct enemy *enemy, int channel)
{
	struct forged_mail mail = {
		.kind = FORGED_CARD,
		.what = member_id(below(&enemy->random, enemy->pool->shape.members), 1 + below(&enemy->random, 9)),
		.flags = below(&enemy->random, 4),
	};
	int *kept = &enemy->kept[below(&enemy->random, ENEMY_KEEPS)];
	int ends[2], fds[3];

	if (os_channel_pair(ends))
		return;
	fds[0] = ends[0];
	fds[1] = dup(enemy->pool->self->process);
	fds[2] = forge_word(enemy->pool->self->file, offsetof(struct shm_timelines, id), mail.what,
			    TIMELINES_SEALS);
	if (below(&enemy->random, 2))
		send_nonsense(enemy, ends[1]);
	send_forged(channel, &mail, FORGED_HEAD, fds, 3);
	close_fds(fds, 3);
	close(*kept);
	*kept = ends[1];
}

static inline void write_mail(struct enemy *enemy)
{
	const unsigned int place = below(&enemy->random, enemy->pool->shape.members);
	struct member *member = member_in_place(enemy->pool, place);

	if (!member)
		return;
	if (member->channel >= 0) {
		if (below(&enemy->random, 8))
			send_nonsense(enemy, member->channel);
		else
			send_card(enemy, member->channel);
	}
	member_put(member);
}

/*
 * Data, of any buffer of which it was told.
 */

/* It may have made up the file itself, and somebody sent it back. */
static inline bool is_whole(int file)
{
	struct os_file is;

	return file >= 0 && !os_file_inspect(file, &is) && is.size >= 4096;
}

static inline void write_data(struct enemy *enemy)
{
	struct dma_buf_pool *pool = enemy->pool;
	const uint32_t buffer = below(&enemy->random, pool->shape.buffers);
	uint64_t *data = MAP_FAILED;

	mail_read(pool);
	dmabuf_spin_lock(&pool->lock);
	if (is_whole(pool->memory[buffer].fd))
		data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pool->memory[buffer].fd, 0);
	dmabuf_spin_unlock(&pool->lock);
	if (data == MAP_FAILED)
		return;
	for (unsigned int i = 0; i < 512; i++)
		store_relaxed(&data[i], enemy_draw(&enemy->random));
	munmap(data, 4096);
}

/*
 * All of it.
 */

static inline struct enemy make_enemy(struct dma_buf_pool *pool, uint32_t seed)
{
	struct enemy enemy = { .pool = pool, .random = seed };

	enemy.ways = below(&enemy.random, 128) | ENEMY_LOGS;
	if (!below(&enemy.random, 4))
		enemy.ways |= ENEMY_COUNTS;
	if (below(&enemy.random, 2))
		enemy.ways &= (uint32_t)~(ENEMY_PLACES | ENEMY_HEAD);
	for (unsigned int i = 0; i < ENEMY_KEEPS; i++)
		enemy.kept[i] = -1;
	return enemy;
}

/* How often it does each: what is quick, often; and where everybody is soon evicted, seldom. */
static const struct {
	enum enemy_way way;
	uint32_t one_in;
	void (*func)(struct enemy *enemy);
} enemy_deeds[] = {
	{ ENEMY_LOGS, 1, write_logs },	   { ENEMY_OWN, 1, write_own },
	{ ENEMY_PLACES, 256, write_places }, { ENEMY_HEAD, 64, write_head },
	{ ENEMY_MAIL, 64, write_mail },	   { ENEMY_DATA, 256, write_data },
	{ ENEMY_FLAPS, 256, flap },
};

static inline void enemy_once(struct enemy *enemy)
{
	for (unsigned int i = 0; i < sizeof(enemy_deeds) / sizeof(enemy_deeds[0]); i++) {
		if (enemy->ways & enemy_deeds[i].way && !below(&enemy->random, enemy_deeds[i].one_in))
			enemy_deeds[i].func(enemy);
	}
}

#endif
