/* SPDX-License-Identifier: MIT */
/* The evicted: how far they were is written down once, for all, and is nothing to who comes after them. */
#include "members.h"
#include "peers.h"

#include "../fence/fences.h"
#include "share/member.h"
#include "share/place.h"
#include "share/shared-resv.h"

static const struct dma_buf_pool_limits limits = {
	.members = 2, .buffers = 2, .fences = 2, .timelines = 2,
};

enum { POINTS = 6 };

/* A member with a context, and what its fences are to another one. */
struct owner {
	struct dma_buf_pool *pool;
	struct dma_fence *there[POINTS], *here[POINTS];
};

static struct owner begin(struct dma_buf_pool *host)
{
	const uint64_t context = dma_fence_context_alloc(1);
	struct owner owner = { .pool = add_member(host) };

	for (unsigned int i = 0; i < POINTS; i++) {
		owner.there[i] = make_fence_with(&plain_ops, NULL, context, i + 1);
		owner.here[i] = pass_fence(owner.pool, owner.there[i], host);
	}
	return owner;
}

static void signal_up_to(const struct owner *owner, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		dma_fence_signal(owner->there[i]);
}

static void evict(struct dma_buf_pool *host, const struct owner *owner)
{
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(owner->pool)), ==, 0);
}

static void end_owner(struct owner *owner)
{
	leave(owner->pool);
}

static void put(struct owner *owner)
{
	for (unsigned int i = 0; i < POINTS; i++) {
		dma_fence_put(owner->here[i]);
		dma_fence_put(owner->there[i]);
	}
}

TEST(what_the_evicted_signal_later_is_cancelled)
{
	struct dma_buf_pool *host;
	struct owner owner;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	owner = begin(host);
	signal_up_to(&owner, 2);
	evict(host, &owner);
	ASSERT_INT(dma_fence_get_status(owner.here[1]), ==, 1);
	ASSERT_INT(dma_fence_get_status(owner.here[2]), ==, -ECANCELED);
	signal_up_to(&owner, POINTS);
	ASSERT_INT(dma_fence_get_status(owner.here[0]), ==, 1);
	ASSERT_INT(dma_fence_get_status(owner.here[3]), ==, -ECANCELED);
	end_owner(&owner);
	ASSERT_INT(dma_fence_get_status(owner.here[4]), ==, -ECANCELED);
	put(&owner);
	leave(host);
}

/* What another member has seen of it counts, for one who has not heard of the eviction. */
TEST(how_far_the_evicted_were_is_the_same_for_all)
{
	static const struct dma_buf_pool_limits three = {
		.members = 3, .buffers = 2, .fences = 2, .timelines = 2,
	};
	struct dma_buf_pool *host, *third;
	struct dma_fence *fence;
	struct owner owner;

	ASSERT_INT(dma_buf_pool_create(&three, &host), ==, 0);
	owner = begin(host);
	third = add_member(host);
	signal_up_to(&owner, 2);
	fence = pass_fence(host, owner.here[2], third);
	evict(third, &owner);
	ASSERT_INT(dma_fence_get_status(fence), ==, -ECANCELED);
	signal_up_to(&owner, POINTS);
	ASSERT_INT(dma_fence_get_status(owner.here[1]), ==, 1);
	ASSERT_INT(dma_fence_get_status(owner.here[2]), ==, -ECANCELED);
	dma_fence_put(fence);
	end_owner(&owner);
	put(&owner);
	leave(third);
	leave(host);
}

/* There is not much room for errors: these are one. */
TEST(all_that_one_who_leaves_had_not_signalled_is_cancelled)
{
	struct dma_buf_pool *host;
	struct owner owner;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	owner = begin(host);
	signal_up_to(&owner, 1);
	end_owner(&owner);
	ASSERT_INT(dma_fence_get_status(owner.here[0]), ==, 1);
	for (unsigned int i = 1; i < POINTS; i++)
		ASSERT_INT(dma_fence_get_status(owner.here[i]), ==, -ECANCELED);
	put(&owner);
	leave(host);
}

/* Who has its place was never evicted, or was, much further on. */
TEST(how_far_the_evicted_were_is_nothing_to_who_comes_after_them)
{
	struct dma_buf_pool *host;
	struct owner old, new;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	old = begin(host);
	signal_up_to(&old, 2);
	evict(host, &old);
	ASSERT_INT(dma_fence_get_status(old.here[2]), ==, -ECANCELED);
	end_owner(&old);
	new = begin(host);
	ASSERT_INT(member_place(dma_buf_pool_self(new.pool)), ==, 1);
	signal_up_to(&new, 4);
	ASSERT_INT(dma_fence_get_status(new.here[3]), ==, 1);
	ASSERT_INT(dma_fence_get_status(old.here[1]), ==, 1); /* looked at only now */
	ASSERT_INT(dma_fence_get_status(old.here[5]), ==, -ECANCELED);
	evict(host, &new);
	ASSERT_INT(dma_fence_get_status(new.here[2]), ==, 1);
	ASSERT_INT(dma_fence_get_status(new.here[4]), ==, -ECANCELED);
	ASSERT_INT(dma_fence_get_status(old.here[4]), ==, -ECANCELED);
	signal_up_to(&new, POINTS); /* too late, also after a look at the old one */
	ASSERT_INT(dma_fence_get_status(new.here[5]), ==, -ECANCELED);
	end_owner(&new);
	put(&old);
	put(&new);
	leave(host);
}

/* Somebody is about to write down how far the evicted one was, and then its place is another's. */
static struct {
	struct dma_buf_pool *host;
	struct owner *old, *new;
} late;

static void replace(const char *label)
{
	if (strcmp(label, "member: before it is frozen"))
		return;
	os_race_hook(NULL);
	end_owner(late.old);
	*late.new = begin(late.host);
	signal_up_to(late.new, 4);
}

TEST(who_writes_that_down_late_spoils_nothing)
{
	struct dma_buf_pool *host;
	struct owner old, new;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	old = begin(host);
	evict(host, &old);
	late.host = host;
	late.old = &old;
	late.new = &new;
	os_race_hook(replace);
	ASSERT_INT(dma_fence_get_status(old.here[2]), ==, -ECANCELED);
	os_race_hook(NULL);
	evict(host, &new);
	ASSERT_INT(dma_fence_get_status(new.here[3]), ==, 1);
	ASSERT_INT(dma_fence_get_status(new.here[4]), ==, -ECANCELED);
	end_owner(&new);
	put(&old);
	put(&new);
	leave(host);
}

/* Who was about to evict it is dead; nobody takes its locks over before somebody else does that. */
TEST(who_is_half_evicted_drops_its_locks)
{
	struct dma_buf_pool *host = create_pool(&limits), *member = add_member(host);
	const uint32_t id = dma_buf_pool_self(member);
	struct dma_buf *dmabuf;

	ASSERT_INT(dma_buf_pool_alloc(member, NULL, 4096, 0, &dmabuf), ==, 0);
	ASSERT_INT(dma_resv_lock(dmabuf->resv, NULL), ==, 0);
	ASSERT_TRUE(place_change(host, id, PLACE_LIVE, PLACE_EVICTING));
	ASSERT_INT(dma_buf_pool_status(member), ==, -ESTALE);
	ASSERT_INT(shared_resv_of(dmabuf->resv)->shm->lock, ==, id);
	dma_resv_unlock(dmabuf->resv);
	ASSERT_INT(shared_resv_of(dmabuf->resv)->shm->lock, ==, 0);
	ASSERT_INT(dma_buf_pool_evict(host, id), ==, 0);
	dma_buf_put(dmabuf);
	leave(member);
	leave(host);
}

/*
 * How often.
 */

TEST(there_is_an_end_to_evictions)
{
	struct dma_buf_pool *host, *other;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	other = add_member(host);
	store_relaxed(&pool_head(host)->evictions, ENTRY_MOST_EVICTIONS - 1);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(other)), ==, 0);
	leave(other);
	other = add_member(host);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(other)), ==, -EOVERFLOW);
	ASSERT_INT(dma_buf_pool_status(other), ==, 0);
	leave(other);
	leave(host);
}

/* An enemy counts up and down. */
static struct dma_buf_pool *evictor;
static unsigned int changes;

static void change_count(const char *label)
{
	if (!strcmp(label, "evict: before the count") && changes++ < 1000000)
		store_relaxed(&pool_head(evictor)->evictions, changes % 2);
}

TEST(who_evicts_does_not_count_for_ever)
{
	struct dma_buf_pool *host = create_pool(&limits), *other = add_member(host);

	evictor = host;
	changes = 0;
	os_race_hook(change_count);
	ASSERT_INT(dma_buf_pool_evict(host, dma_buf_pool_self(other)), ==, -EPROTO);
	os_race_hook(NULL);
	ASSERT_INT(changes, <, 1000000);
	ASSERT_INT(dma_buf_pool_status(host), ==, -EPROTO);
	leave(other);
	leave(host);
}

TEST(there_is_an_end_to_members_of_a_place)
{
	struct dma_buf_pool *host, *other;
	struct dma_buf_pool_message message;
	struct shm_place *place;

	ASSERT_INT(dma_buf_pool_create(&limits, &host), ==, 0);
	place = shm_place(host->base, 1);
	store_relaxed(&place->word, place_word(PLACE_FREE, member_id(1, MEMBER_MOST_GENERATIONS - 1)));
	other = add_member(host);
	ASSERT_INT(dma_buf_pool_status(other), ==, 0);
	leave(other);
	ASSERT_INT(dma_buf_pool_invite(host, 0, &message), ==, -EUSERS);
	leave(host);
}
