/* SPDX-License-Identifier: MIT */
/* Joining: who may become a member, by whom, and what all members know of each other then. */
#include "members.h"
#include "puppet.h"

static const struct dma_buf_pool_limits limits = {
	.members = 4, .buffers = 8, .fences = 4, .timelines = 4,
};

/*
 * Limits.
 */

static int create_failing(const struct dma_buf_pool_limits *wanted)
{
	struct dma_buf_pool *const untouched = (void *)&(char){ 0 };
	struct dma_buf_pool *pool = untouched;
	const int err = dma_buf_pool_create(wanted, &pool);

	ASSERT_PTR(pool, ==, untouched);
	return err;
}

TEST(limits_are_kept)
{
	static const struct dma_buf_pool_limits bad[] = {
		{ 0, 8, 4, 4 },	    { 4, 0, 4, 4 },	    { 4, 8, 0, 4 },    { 4, 8, 4, 0 },
		{ 65, 8, 4, 4 },    { 4, 65537, 4, 4 },	    { 4, 8, 1025, 4 }, { 4, 8, 4, 4097 },
		{ ~0u, 8, 4, 4 },   { 4, ~0u, 4, 4 },	    { 4, 8, ~0u, 4 },  { 4, 8, 4, ~0u },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ASSERT_INT(create_failing(&bad[i]), ==, -EINVAL);
	ASSERT_INT(create_failing(NULL), ==, -EINVAL);
	ASSERT_INT(dma_buf_pool_create(&limits, NULL), ==, -EINVAL);
}

TEST(the_least_pool_has_room_for_one_of_each)
{
	struct dma_buf_pool *pool = create_pool(&(struct dma_buf_pool_limits){ 1, 1, 1, 1 });
	struct dma_buf_pool_message invitation;
	struct dma_buf *dmabuf, *other = NULL;
	struct dma_buf_pool_fence value;
	struct dma_fence *fence[] = { make_fence(), make_fence() };

	ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation), ==, -EUSERS);
	ASSERT_INT(dma_buf_pool_alloc(pool, "one", 1, 0, &dmabuf), ==, 0);
	ASSERT_INT(dma_buf_pool_alloc(pool, "two", 1, 0, &other), ==, -ENOSPC);
	ASSERT_PTR(other, ==, NULL);
	ASSERT_INT(dma_buf_pool_export_fence(pool, fence[0], &value), ==, 0);
	ASSERT_INT(dma_buf_pool_export_fence(pool, fence[1], &value), ==, -ENOSPC);
	signal_and_put_all(fence, 2);
	dma_buf_put(dmabuf);
	leave(pool);
}

TEST(the_largest_pool_can_be_made)
{
	leave(create_pool(&(struct dma_buf_pool_limits){ 64, 65536, 1024, 4096 }));
}

/*
 * Members.
 */

/* A fence of @from is one in @to, and signals there. */
static void hand_over(const struct peer *from, const struct peer *to)
{
	const struct answer exported = puppet_obey(from, &(struct order){ .deed = EXPORT });

	ASSERT_INT(exported.err, ==, 0);
	ASSERT_INT(puppet_obey(to, &(struct order){ .deed = IMPORT, .value = exported.value }).err, ==,
		   0);
	ASSERT_INT(puppet_deed(to, ASK), ==, 0);
	ASSERT_INT(puppet_deed(from, SIGNAL), ==, 0);
	ASSERT_INT(puppet_deed(to, WAIT), ==, 1);
}

static void check_fence_from(const struct peer *from, struct dma_buf_pool *pool)
{
	const struct answer exported = puppet_obey(from, &(struct order){ .deed = EXPORT });
	struct dma_fence *fence = dma_buf_pool_import_fence(pool, &exported.value);

	ASSERT_FALSE(dmabuf_is_err(fence));
	ASSERT_INT(dma_fence_get_status(fence), ==, 0);
	ASSERT_INT(puppet_deed(from, SIGNAL), ==, 0);
	ASSERT_INT(dma_fence_wait(fence, false), ==, 0);
	ASSERT_INT(dma_fence_get_status(fence), ==, 1);
	dma_fence_put(fence);
}

TEST(a_member_admits_another_and_all_know_each_other)
{
	struct peer second, third;
	struct dma_buf_pool *pool;
	uint32_t ids[3];
	int link[2];

	puppet_fork_linked(&second, &third, link);
	pool = create_pool(&limits);
	ids[0] = dma_buf_pool_self(pool);
	ids[1] = puppet_admit(&second, pool, 0);
	ids[2] = puppet_admit_by(&third, &second, link, 0);
	ASSERT_INT(ids[0], !=, ids[1]);
	ASSERT_INT(ids[1], !=, ids[2]);
	ASSERT_INT(ids[0], !=, ids[2]);
	hand_over(&third, &second);
	hand_over(&second, &third);
	check_fence_from(&third, pool);
	check_fence_from(&second, pool);
	puppet_quit(&third);
	puppet_quit(&second);
	leave(pool);
}

/* The creator is a puppet, too: it dies. */
static void create_and_serve(int sock)
{
	struct dma_buf_pool *pool;

	PEER_MUST(!dma_buf_pool_create(&limits, &pool));
	PEER_MUST(!dma_buf_pool_serve(pool, sock, 0, PEER_PATIENCE, NULL));
	peer_await(sock);
	dma_buf_pool_leave(pool);
}

static void outlive_the_creator(bool is_killed)
{
	struct peer creator = peer_fork(create_and_serve), second = puppet_fork(), third = puppet_fork();
	struct dma_buf_pool *pool;

	ASSERT_INT(dma_buf_pool_join(creator.sock, PEER_PATIENCE, &pool), ==, 0);
	puppet_admit(&second, pool, 0);
	if (is_killed)
		peer_kill(&creator);
	else
		peer_go(creator.sock);
	ASSERT_INT(peer_reap(&creator), ==, is_killed ? -SIGKILL : 0);
	puppet_admit(&third, pool, 0);
	hand_over(&third, &second);
	hand_over(&second, &third);
	check_fence_from(&third, pool);
	puppet_quit(&second);
	puppet_quit(&third);
	leave(pool);
}

TEST(a_pool_outlives_its_creator)
{
	outlive_the_creator(true);
	outlive_the_creator(false);
}

/* How often a place can be had again. */
static void take_place_again(bool is_killed)
{
	struct dma_buf_pool *pool = create_pool(&(struct dma_buf_pool_limits){ 2, 1, 1, 1 });
	struct dma_buf_pool_message invitation;
	uint32_t last = 0;

	for (unsigned int i = 0; i < 5; i++) {
		struct peer peer = puppet_fork();
		const uint32_t id = puppet_admit(&peer, pool, 0);

		ASSERT_INT(id, >, last);
		last = id;
		ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation), ==, -EUSERS);
		check_fence_from(&peer, pool);
		if (is_killed)
			puppet_kill(&peer);
		else
			puppet_quit(&peer);
	}
	leave(pool);
}

TEST(the_place_of_the_dead_comes_back)
{
	take_place_again(true);
}

TEST(the_place_of_one_who_left_comes_back)
{
	take_place_again(false);
}

TEST(the_place_of_the_evicted_comes_back_when_it_has_ended)
{
	struct dma_buf_pool *pool = create_pool(&(struct dma_buf_pool_limits){ 2, 1, 1, 1 });
	struct dma_buf_pool_message invitation;
	struct peer peer = puppet_fork(), other;
	const uint32_t id = puppet_admit(&peer, pool, 0);

	other = puppet_fork();
	ASSERT_INT(dma_buf_pool_evict(pool, id), ==, 0);
	ASSERT_INT(dma_buf_pool_invite(pool, 0, &invitation), ==, -EUSERS);
	ASSERT_INT(puppet_deed(&peer, STATUS), ==, -ESTALE);
	puppet_kill(&peer);
	ASSERT_INT(puppet_admit(&other, pool, 0), !=, id);
	puppet_quit(&other);
	leave(pool);
}

static struct {
	struct dma_buf_pool *host;
	struct dma_buf_pool_message invitation, answer;
	bool is_done;
} admission;

static void admit(const char *label)
{
	if (strcmp(label, "pool: looked for an invited one") != 0 || admission.is_done)
		return;
	admission.is_done = true;
	ASSERT_INT(dma_buf_pool_admit(admission.host, &admission.invitation, &admission.answer, NULL), ==, 0);
}

TEST(who_is_admitted_while_it_looks_is_a_member)
{
	struct dma_buf_pool *guest;
	int err;

	admission.host = create_pool(&limits);
	ASSERT_INT(dma_buf_pool_invite(admission.host, 0, &admission.invitation), ==, 0);
	ASSERT_INT(dma_buf_pool_accept(&admission.invitation, &admission.answer, &guest), ==, 0);
	os_race_hook(admit);
	err = dma_buf_pool_status(guest);
	os_race_hook(NULL);
	ASSERT_TRUE(admission.is_done);
	ASSERT_TRUE(!err || err == -EAGAIN);
	ASSERT_INT(dma_buf_pool_status(guest), ==, 0);
	dma_buf_pool_message_close(&admission.invitation);
	dma_buf_pool_message_close(&admission.answer);
	dma_buf_pool_leave(guest);
	leave(admission.host);
}
