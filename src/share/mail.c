/* SPDX-License-Identifier: MIT */
#include "share/mail.h"

#include <errno.h>

#include "os/channel.h"
#include "os/fault.h"
#include "os/file.h"
#include "share/evict.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/place.h"
#include "share/watcher.h"

enum mail_kind { MAIL_RING = 1, MAIL_CARD, MAIL_MEMORY, MAIL_WANT_MEMORY, MAIL_NO_MEMORY, MAIL_EVICTED,
		 MAIL_ALL_KNOWN };

struct mail {
	uint32_t kind;
	union {
		uint32_t timeline;
		uint32_t id;
		uint32_t count;
	};
	uint32_t flags; /* of a member */
	struct mail_memory memory[OS_MOST_FDS]; /* count */
};

#define MAIL_HEAD offsetof(struct mail, memory)

/*
 * Sending.
 */

/* NOLINTNEXTLINE(readability-non-const-parameter): a message has what may be received, too */
static int send_mail(const struct member *member, struct mail *mail, size_t size, int *fds,
		     unsigned int count)
{
	const struct os_message message = { .bytes = mail, .size = size, .fds = fds, .count = count };

	return os_channel_send(member->channel, &message);
}

/*
 * To whoever has the place now: with a reference, so that the channel is not closed, and the descriptor
 * something else's. If it does not go: he has enough to read, and looks at everything when he does. False: he
 * is not known.
 */
static bool send_to_place(struct dma_buf_pool *pool, unsigned int place, struct mail *mail)
{
	const uint32_t id = place_live(pool, place);
	struct member *member;

	if (!id || id == pool->self->id)
		return true;
	member = member_find(pool, id);
	if (!member)
		return false;
	send_mail(member, mail, MAIL_HEAD, NULL, 0);
	member_put(member);
	return true;
}

int mail_send_card(const struct member *member, const struct card *card)
{
	struct mail mail = { .kind = MAIL_CARD, .id = card->id, .flags = card->flags };
	int fds[] = { card->channel, card->process, card->file };

	return send_mail(member, &mail, MAIL_HEAD, fds, 3);
}

int mail_send_all_known(const struct member *newcomer)
{
	struct mail mail = { .kind = MAIL_ALL_KNOWN };

	return send_mail(newcomer, &mail, MAIL_HEAD, NULL, 0);
}

int mail_want_memory(const struct member *member, const struct mail_memory *memory)
{
	struct mail mail = { .kind = MAIL_WANT_MEMORY, .memory[0] = *memory };

	return send_mail(member, &mail, MAIL_HEAD + sizeof(*memory), NULL, 0);
}

int mail_deny_memory(const struct member *member, const struct mail_memory *memory)
{
	struct mail mail = { .kind = MAIL_NO_MEMORY, .memory[0] = *memory };

	return send_mail(member, &mail, MAIL_HEAD + sizeof(*memory), NULL, 0);
}

int mail_send_memory(const struct member *member, const struct mail_memory *memory, const int *fds,
		     unsigned int count)
{
	struct mail mail = { .kind = MAIL_MEMORY, .count = count };
	int copy[OS_MOST_FDS];

	for (unsigned int i = 0; i < count; i++) {
		mail.memory[i] = memory[i];
		copy[i] = fds[i];
	}
	return send_mail(member, &mail, MAIL_HEAD + count * sizeof(mail.memory[0]), copy, count);
}

/*
 * Reading. Nothing is believed but what is checked where it goes to. What there is to do about it is done
 * without the lock, since it may call callbacks.
 */

struct reading {
	struct member *sender;
	struct member *former; /* of places that others have; with references */
	struct member *judged; /* found dead; likewise */
	uint64_t rung;	      /* from whom any letter came, since a ring may have found no room: a bit a place */
	bool is_somebody_new; /* whose mail may not have been read yet */
	bool has_lost_card;
	unsigned int formers; /* so far */
};

static void close_all(const struct os_message *message)
{
	for (unsigned int i = 0; i < message->count; i++)
		os_file_close(message->fds[i]);
}

/* @member is dead. Consumes a reference. */
static void note_death(struct reading *reading, struct member *member)
{
	if (!member_mark(member, VERDICT_DEAD)) {
		member_put(member);
		return;
	}
	member->next_judged = reading->judged;
	reading->judged = member;
}

enum { MOST_FORMERS = 1024 }; /* an enemy may make up any number */

/*
 * @member had a place that somebody else has now, and is gone. What it has told before is still to be read,
 * though we may hear of it only after that other one. Consumes a reference.
 */
static void note_former(struct reading *reading, struct member *member)
{
	if (reading->formers++ >= MOST_FORMERS) {
		note_death(reading, member);
		return;
	}
	member->next_former = reading->former;
	reading->former = member;
}

/*
 * There was no room for the descriptors of a letter. Memory can be asked for again. But who does not know
 * all members is none: that one has seen us hang up.
 */
static void note_loss(struct reading *reading, const struct mail *mail)
{
	reading->has_lost_card |= mail->kind == MAIL_CARD;
}

/* True: it was taken in, with its descriptors. */
static bool read_card(struct dma_buf_pool *pool, struct reading *reading, const struct mail *mail,
		      const struct os_message *message)
{
	struct card card = {
		.id = mail->id,
		/* Who may only read brings nobody in who may do more. */
		.flags = mail->flags | reading->sender->flags,
	};
	struct member *member, *old;
	int err;

	if (message->count != 3)
		return false;
	card.channel = message->fds[0];
	card.process = message->fds[1];
	card.file = message->fds[2];
	err = member_make(pool, &card, &member);
	if (err && err != -EPROTO)
		note_loss(reading, mail);
	if (err)
		return false;
	if (member_enter(member, &old))
		reading->is_somebody_new = true;
	else
		old = member;
	if (old)
		note_former(reading, old);
	return true;
}

static bool read_memory(struct dma_buf_pool *pool, const struct member *sender,
			const struct mail *mail, const struct os_message *message)
{
	const size_t size = MAIL_HEAD + mail->count * sizeof(mail->memory[0]);

	if (mail->count != message->count || mail->count > OS_MOST_FDS || size != message->size)
		return false;
	for (unsigned int i = 0; i < mail->count; i++)
		memory_table_add(pool, &mail->memory[i], sender->id, message->fds[i]);
	return true;
}

static bool read_one(struct dma_buf_pool *pool, struct reading *reading, const struct mail *mail,
		     const struct os_message *message) DMABUF_REQUIRES(pool->mail_lock)
{
	if (message->size < MAIL_HEAD)
		return false;
	switch (mail->kind) {
	case MAIL_WANT_MEMORY:
		if (message->size >= MAIL_HEAD + sizeof(mail->memory[0]))
			memory_table_answer(pool, reading->sender, &mail->memory[0]);
		return false;
	case MAIL_NO_MEMORY:
		if (message->size >= MAIL_HEAD + sizeof(mail->memory[0]))
			memory_table_deny(pool, &mail->memory[0], reading->sender->id);
		return false;
	case MAIL_RING:
	case MAIL_EVICTED:
		return false; /* attend() sees to it */
	case MAIL_ALL_KNOWN:
		reading->is_somebody_new |= !pool->knows_all;
		pool->knows_all = true;
		return false;
	case MAIL_CARD:
		return read_card(pool, reading, mail, message);
	case MAIL_MEMORY:
		return read_memory(pool, reading->sender, mail, message);
	default:
		return false;
	}
}

enum { MAIL_AT_ONCE = 1024 }; /* from one member, who may never stop */

/* Also of the dead and the evicted: they may have told of somebody who lives. */
static void read_from(struct dma_buf_pool *pool, struct reading *reading, struct member *sender)
	DMABUF_REQUIRES(pool->mail_lock)
{
	reading->sender = sender;
	for (unsigned int i = 0; i < MAIL_AT_ONCE && !sender->hung_up; i++) {
		struct mail mail = { 0 }; /* of a letter that is short, and whose descriptors got lost */
		int fds[OS_MOST_FDS];
		struct os_message message = { &mail, sizeof(mail), fds, OS_MOST_FDS };
		const int err = os_channel_receive(sender->channel, &message);

		if (err != -EAGAIN)
			reading->rung |= (uint64_t)1 << member_place(sender->id);
		if (err == -EMFILE)
			note_loss(reading, &mail);
		if (err == -EMFILE || err == -EPROTO)
			continue;
		if (err == -EPIPE && !os_channel_is_closed(sender->channel))
			continue; /* an empty letter */
		if (err == -EPIPE) {
			sender->hung_up = true;
			note_death(reading, member_ref(sender));
		}
		if (err)
			break;
		if (!read_one(pool, reading, &mail, &message))
			close_all(&message);
	}
}

/*
 * Who is being let in reads nobody's mail but its inviter's: an enemy could be quicker than that one, and tell
 * of a member, under its number, with timelines that the enemy writes. In good faith nobody else writes before.
 */
static bool may_read(const struct dma_buf_pool *pool, const struct member *sender)
	DMABUF_REQUIRES(pool->mail_lock)
{
	return pool->knows_all || !pool->inviter || sender->id == pool->inviter;
}

static void read_places(struct dma_buf_pool *pool, struct reading *reading)
	DMABUF_REQUIRES(pool->mail_lock)
{
	reading->is_somebody_new = false;
	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member = member_in_place(pool, i);

		if (!member)
			continue;
		if (member->channel >= 0 && may_read(pool, member))
			read_from(pool, reading, member);
		member_put(member);
	}
	while (reading->former) {
		struct member *member = reading->former;

		reading->former = member->next_former;
		read_from(pool, reading, member);
		note_death(reading, member);
	}
}

/* Each time round somebody may be told of who has more to tell; but enemies come without end. */
static void read_all(struct dma_buf_pool *pool, struct reading *reading)
	DMABUF_REQUIRES(pool->mail_lock)
{
	unsigned int rounds = pool->shape.members;

	do
		read_places(pool, reading);
	while (reading->is_somebody_new && rounds--);
}

/* Whoever evicted it may have found our box full, or died before he told. */
static bool is_evicted(const struct dma_buf_pool *pool, unsigned int place)
{
	if (!pool_is_here(pool))
		return false;
	return pool_is_over(pool) ||
	       place_state(load_acquire(&shm_place(pool->base, place)->word)) == PLACE_EVICTED;
}

static void attend_to(struct dma_buf_pool *pool, unsigned int place, const struct reading *reading)
{
	const bool is_gone = is_evicted(pool, place);
	const uint64_t bit = (uint64_t)1 << place;
	struct member *member;

	if (!is_gone && !(reading->rung & bit))
		return;
	member = member_in_place(pool, place);
	if (!member)
		return;
	if (is_gone)
		member_check(member);
	if (reading->rung & bit)
		watcher_rung(member);
	member_put(member);
}

static void attend(struct dma_buf_pool *pool, struct reading *reading)
{
	if (reading->has_lost_card)
		evict_self(pool);
	while (reading->judged) {
		struct member *member = reading->judged;

		reading->judged = member->next_judged;
		watcher_judged(member);
		member_put(member);
	}
	for (unsigned int i = 0; i < pool->shape.members; i++)
		attend_to(pool, i, reading);
}

/*
 * Strangers: members who are to be rung, and are not known yet. Their cards are in the mail, but whoever signals
 * may be in a signalling or an RCU section, and does not wait for another thread that reads it. So that one
 * rings, when it has read:
 *
 *   who rings                                who reads
 *   N1  strangers |= place    acq_rel        M1  mail lock
 *   N2  mail lock             is tried:      M2  takes the strangers       exchange, acq_rel
 *       M2, or it is held                    M3  mail, until there is no more
 *                                            M4  drops the lock
 *                                            M5  rings those that it took
 *                                            M6  are there strangers?      swap for the same, acq_rel
 *                                                if so, N2
 *
 *   A stranger's card came before it could do anything, and so before N1: whoever takes it in M2 knows it
 *   after M3, or nobody ever will, and rings nobody. If N2 fails, N1 was not too late for who holds the lock: if
 *   N1 came after his M6, and so saw it, N2 would see his M4. So he finds it in M6, or it was taken
 *   by somebody else, in M2. M6 writes, since a plain look would not order M4 and N2.
 */

/* M5 */
static void ring_all(struct dma_buf_pool *pool, uint64_t places)
{
	struct mail mail = { .kind = MAIL_RING };

	for (; places; places &= places - 1)
		send_to_place(pool, (unsigned int)__builtin_ctzll(places), &mail);
}

static void read_and_unlock(struct dma_buf_pool *pool) DMABUF_RELEASE(pool->mail_lock)
{
	const uint64_t strangers = exchange_acq_rel(&pool->strangers, 0); /* M2 */
	struct reading reading = { 0 };

	if (!pool->is_left)
		read_all(pool, &reading); /* M3 */
	OS_RACE_POINT("mail: read");
	ww_mutex_unlock(&pool->mail_lock); /* M4 */
	OS_RACE_POINT("mail: unlocked");
	ring_all(pool, strangers);
	attend(pool, &reading);
}

/* M6, and N2 */
static void read_for_strangers(struct dma_buf_pool *pool)
{
	while (fetch_or_acq_rel(&pool->strangers, 0) && ww_mutex_trylock(&pool->mail_lock, NULL))
		read_and_unlock(pool);
}

DMABUF_UNCHECKED("without a context the lock cannot fail")
void mail_read(struct dma_buf_pool *pool)
{
	if (ww_mutex_lock(&pool->mail_lock, NULL))
		return;
	read_and_unlock(pool);
	read_for_strangers(pool);
}

static void send_or_ring_later(struct dma_buf_pool *pool, unsigned int place, struct mail *mail)
{
	if (send_to_place(pool, place, mail))
		return;
	fetch_or_acq_rel(&pool->strangers, (uint64_t)1 << place); /* N1 */
	read_for_strangers(pool);
}

void mail_ring(struct dma_buf_pool *pool, unsigned int place, uint32_t timeline)
{
	struct mail mail = { .kind = MAIL_RING, .timeline = timeline };

	send_or_ring_later(pool, place, &mail);
}

/* A ring does as well: who is rung sees all that are evicted. */
void mail_evicted(struct dma_buf_pool *pool, unsigned int place, uint32_t id)
{
	struct mail mail = { .kind = MAIL_EVICTED, .id = id };

	send_or_ring_later(pool, place, &mail);
}

/* Strangers that are left see this process hang up. */
DMABUF_UNCHECKED("see mail_read()")
void mail_leave(struct dma_buf_pool *pool)
{
	if (ww_mutex_lock(&pool->mail_lock, NULL))
		return;
	pool->is_left = true;
	ww_mutex_unlock(&pool->mail_lock);
}
