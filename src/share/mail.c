/* SPDX-License-Identifier: MIT */
#include "share/mail.h"

#include <errno.h>

#include "os/channel.h"
#include "os/fault.h"
#include "os/file.h"
#include "share/member.h"
#include "share/memory-table.h"
#include "share/place.h"
#include "share/watcher.h"

enum mail_kind { MAIL_RING = 1, MAIL_CARD, MAIL_MEMORY, MAIL_WANT_MEMORY, MAIL_EVICTED };

struct mail {
	uint32_t kind;
	union {
		uint32_t timeline;
		uint32_t id;
		uint32_t count;
	};
	struct mail_memory memory[OS_MOST_FDS]; /* count */
};

#define MAIL_HEAD offsetof(struct mail, memory)

/*
 * Sending.
 */

static int send_mail(const struct member *member, struct mail *mail, size_t size, int *fds,
		     unsigned int count)
{
	const struct os_message message = { .bytes = mail, .size = size, .fds = fds, .count = count };

	return os_channel_send(member->channel, &message);
}

/* False: whoever has the place now is not known. If it does not go: he has enough to read, and looks. */
static bool send_to_known(struct dma_buf_pool *pool, unsigned int place, struct mail *mail)
{
	const uint32_t id = place_live(pool, place);
	struct member *member;
	bool is_known;

	dmabuf_rcu_read_lock();
	member = load_acquire(&pool->members[place]);
	is_known = !id || (member && member->id == id);
	if (id && is_known && member->channel >= 0)
		send_mail(member, mail, MAIL_HEAD, NULL, 0);
	dmabuf_rcu_read_unlock();
	return is_known;
}

static void send_to_place(struct dma_buf_pool *pool, unsigned int place, struct mail *mail)
{
	if (!send_to_known(pool, place, mail) && mail_read(pool))
		send_to_known(pool, place, mail);
}

void mail_ring(struct dma_buf_pool *pool, unsigned int place, uint32_t timeline)
{
	struct mail mail = { .kind = MAIL_RING, .timeline = timeline };

	send_to_place(pool, place, &mail);
}

void mail_evicted(struct dma_buf_pool *pool, unsigned int place, uint32_t id)
{
	struct mail mail = { .kind = MAIL_EVICTED, .id = id };

	send_to_place(pool, place, &mail);
}

int mail_send_card(const struct member *member, const struct card *card)
{
	struct mail mail = { .kind = MAIL_CARD, .id = card->id };
	int fds[] = { card->channel, card->process, card->file };

	return send_mail(member, &mail, MAIL_HEAD, fds, 3);
}

int mail_want_memory(const struct member *member)
{
	struct mail mail = { .kind = MAIL_WANT_MEMORY, .id = 0 };

	return send_mail(member, &mail, MAIL_HEAD, NULL, 0);
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
 * Reading. Nothing is believed but what is checked where it goes to.
 */

static void close_all(const struct os_message *message)
{
	for (unsigned int i = 0; i < message->count; i++)
		os_file_close(message->fds[i]);
}

/* True: it was taken in, with its descriptors. */
static bool read_card(struct dma_buf_pool *pool, const struct mail *mail,
		      const struct os_message *message)
{
	struct card card = { .id = mail->id };

	if (message->count != 3)
		return false;
	card.channel = message->fds[0];
	card.process = message->fds[1];
	card.file = message->fds[2];
	return !member_add(pool, &card);
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

/* What is known of it is looked at later. */
static void note_evicted(struct dma_buf_pool *pool, uint32_t id)
{
	struct member *member = member_place(id) < pool->shape.members
					? member_in_place(pool, member_place(id)) : NULL;

	if (!member)
		return;
	member->news |= NEWS_EVICTED;
	member_put(member);
}

static bool read_one(struct dma_buf_pool *pool, struct member *sender, const struct mail *mail,
		     const struct os_message *message)
{
	bool taken = false;

	if (message->size < MAIL_HEAD)
		return false;
	if (mail->kind == MAIL_RING)
		sender->news |= NEWS_RUNG;
	else if (mail->kind == MAIL_EVICTED)
		note_evicted(pool, mail->id);
	else if (mail->kind == MAIL_WANT_MEMORY)
		(void)memory_table_send(pool, sender); /* if it does not go, he asks again */
	else if (mail->kind == MAIL_CARD)
		taken = read_card(pool, mail, message);
	else if (mail->kind == MAIL_MEMORY)
		taken = read_memory(pool, sender, mail, message);
	return taken;
}

enum { MAIL_AT_ONCE = 1024 }; /* from one member, who may never stop */

static bool read_from(struct dma_buf_pool *pool, struct member *sender)
{
	bool is_news = false;

	for (unsigned int i = 0; i < MAIL_AT_ONCE; i++) {
		struct mail mail;
		int fds[OS_MOST_FDS];
		struct os_message message = { &mail, sizeof(mail), fds, OS_MOST_FDS };
		const int err = os_channel_receive(sender->channel, &message);

		if (err == -EPROTO)
			continue;
		if (err == -EPIPE)
			sender->news |= NEWS_HUNG_UP;
		if (err)
			break;
		if (read_one(pool, sender, &mail, &message))
			is_news = true;
		else
			close_all(&message);
	}
	return is_news;
}

DMABUF_UNCHECKED("without a context the lock cannot fail")
static bool lock_mail(struct dma_buf_pool *pool)
{
	return !ww_mutex_lock(&pool->mail_lock, NULL);
}

static bool read_place(struct dma_buf_pool *pool, unsigned int place)
{
	struct member *member = member_in_place(pool, place);
	bool is_news = false;

	if (!member)
		return false;
	if (member->channel >= 0 && member_verdict(member) != VERDICT_DEAD)
		is_news = read_from(pool, member);
	member_put(member);
	return is_news;
}

/* Who has news, with a reference. */
struct news {
	struct member *member;
	uint32_t what;
};

static unsigned int gather_news(struct dma_buf_pool *pool, struct news *news)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < pool->shape.members; i++) {
		struct member *member = member_in_place(pool, i);

		if (member && member->news) {
			news[count++] = (struct news){ member, member->news };
			member->news = 0;
		} else if (member) {
			member_put(member);
		}
	}
	return count;
}

/* Callbacks run, which may read mail themselves. */
static void act_on(struct member *member, uint32_t news)
{
	if (news & NEWS_HUNG_UP)
		member_judge(member, VERDICT_DEAD);
	if (news & NEWS_EVICTED)
		member_check(member);
	if (news & NEWS_RUNG)
		watcher_rung(member);
}

DMABUF_UNCHECKED("see lock_mail()")
bool mail_read(struct dma_buf_pool *pool)
{
	struct news news[MOST_MEMBERS];
	unsigned int count;
	bool is_new = false;

	if (!lock_mail(pool))
		return false;
	for (unsigned int i = 0; i < pool->shape.members; i++)
		is_new |= read_place(pool, i);
	count = gather_news(pool, news);
	ww_mutex_unlock(&pool->mail_lock);
	while (count--) {
		act_on(news[count].member, news[count].what);
		member_put(news[count].member);
	}
	return is_new;
}
