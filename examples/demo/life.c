/* SPDX-License-Identifier: MIT */
#include "life.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player.h"

extern char **environ;

static const char *life_name(const struct life *life)
{
	return life->world->player->engine[life->engine]->name;
}

/* Lets it in; on a thread of its own, since it may take its time, or be stopped on the way. */
static void *usher(void *arg)
{
	struct life *life = arg;
	struct world *world = life->world;
	const uint64_t one = 1;
	int err = -EPIPE;

	if (wire_send(life->sock, &life->assignment, sizeof(life->assignment)))
		err = dma_buf_pool_serve(world->share, life->sock, 0, WIRE_PATIENCE_NS, &life->comer);
	if (err != -EPIPE) /* that one has ended, for a reason of its own */
		life->err = err;
	life->has_come =
		!err &&
		wire_send(life->sock, &life->introduction, sizeof(life->introduction)) &&
		wire_receive(life->sock, &life->hello, sizeof(life->hello)) && life->hello.is_ready;
	life->has_ended = true;
	if (write(world->arrivals, &one, sizeof(one)) != sizeof(one))
		abort(); /* an eventfd takes 2^64 of them */
	return NULL;
}

static int make_station(struct life *life)
{
	struct world *world = life->world;
	int err;

	err = dma_buf_pool_alloc(world->share, "station", sizeof(struct station), 0,
				 &life->station_buf);
	if (!err)
		err = wire_map(life->station_buf, &life->station);
	if (!err)
		err = dma_buf_pool_get_handle(life->station_buf, &life->introduction.station);
	if (err)
		return err;
	life->doorbell = dma_fence_timeline_create("orders");
	if (!life->doorbell)
		return -ENOMEM;
	return dma_buf_pool_share_timeline(world->share, life->doorbell,
					   &life->introduction.doorbell);
}

/* Without the signals that this process has blocked for itself. 0 or a negative errno. */
static int spawn(pid_t *ret_pid, const char *name, int sock)
{
	char program[] = "dmabuf-demo", option[] = LIFE_OPTION, copy[32];
	char *const args[] = { program, option, copy, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int err;

	snprintf(copy, sizeof(copy), "%s", name);
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, sock, LIFE_SOCK);
	err = posix_spawn(ret_pid, "/proc/self/exe", &actions, &attributes, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -err;
}

static int begin(struct life *life)
{
	int ends[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -errno;
	life->sock = ends[0];
	err = spawn(&life->pid, life_name(life), ends[1]);
	close(ends[1]);
	if (err)
		return err;
	err = -pthread_create(&life->usher, NULL, usher, life);
	life->is_ushered = !err;
	if (err) {
		kill(life->pid, SIGKILL);
		waitpid(life->pid, NULL, 0);
	}
	return err;
}

struct life *life_start(struct world *world, int engine, uint64_t from, int part,
			const struct chaos_plan *plan, struct problem *problem)
{
	struct life *life = calloc(1, sizeof(*life));
	int err = -ENOMEM;

	if (life) {
		life->world = world;
		life->engine = engine;
		life->sock = -1;
		life->assignment = world->assignment;
		life->assignment.engine = engine;
		life->assignment.from = from;
		life->assignment.plan = *plan;
		life->introduction = world->introduction;
		life->part = part;
		snprintf(life->assignment.part, sizeof(life->assignment.part), "/proc/%d/fd/%d",
			 getpid(), part);
		err = make_station(life);
	}
	if (!err)
		err = begin(life);
	if (!err)
		return life;
	if (!life && part >= 0)
		close(part);
	problem_set(problem, "cannot begin a process for the %s: %s",
		    world->player->engine[engine]->name, strerror(-err));
	life_free(life);
	return NULL;
}

/* Be woken for the next ones. */
static void await_news(struct life *life)
{
	struct dma_buf_pool_fence value = life->hello.doorbell;
	struct dma_fence *fence;

	value.seqno += life->heard + 1;
	fence = dma_buf_pool_import_fence(life->world->share, &value);
	wake_by(&life->news, dmabuf_is_err(fence) ? NULL : fence);
}

bool life_arrive(struct life *life)
{
	if (!life->is_ushered || !life->has_ended)
		return false;
	pthread_join(life->usher, NULL);
	life->is_ushered = false;
	close(life->sock);
	life->sock = -1;
	if (life->has_come)
		life->stage = LIFE_WORKING;
	life->member = life->comer;
	if (life->has_come)
		await_news(life);
	return true;
}

bool life_order(struct life *life, const struct order *order)
{
	struct dma_fence *fence = dma_fence_timeline_emit(life->doorbell);

	if (!fence)
		return false;
	life->station->order[life->ordered++ % WIRE_ROOM] = *order;
	dma_fence_timeline_signal(life->doorbell, fence->seqno, 0);
	dma_fence_put(fence);
	return true;
}

bool life_hear(struct life *life, struct news *ret_news, bool *ret_gone)
{
	int status;

	*ret_gone = false;
	if (life->stage == LIFE_COMING || life->stage == LIFE_OVER)
		return false; /* not yet, or no more */
	/* First this: the dead may have told more than their last point says. */
	status = life->news.fence ? dma_fence_get_status(life->news.fence) : -ENOMEM;
	if (life->station->told == life->heard) {
		*ret_gone = status < 0;
		return false;
	}
	*ret_news = life->station->news[life->heard++ % WIRE_ROOM];
	await_news(life);
	return true;
}

void life_uses(struct life *life, unsigned int buffer, struct dma_fence *work,
	       struct dma_fence *hold)
{
	struct life_use *use = &life->use[buffer];

	dma_fence_put(use->work);
	dma_fence_put(use->hold);
	use->work = dma_fence_get(work);
	use->hold = dma_fence_get(hold);
}

bool life_is_using(const struct life *life, unsigned int buffer)
{
	const struct life_use *use = &life->use[buffer];

	return (use->work && !dma_fence_is_signaled(use->work)) ||
	       (use->hold && !dma_fence_is_signaled(use->hold));
}

void life_free(struct life *life)
{
	if (!life)
		return;
	if (life->is_ushered)
		pthread_join(life->usher, NULL);
	if (life->sock >= 0)
		close(life->sock);
	if (life->part >= 0)
		close(life->part);
	wake_by(&life->news, NULL);
	for (unsigned int i = 0; i < POOL_MAX; i++) {
		dma_fence_put(life->use[i].work);
		dma_fence_put(life->use[i].hold);
	}
	dma_fence_timeline_destroy(life->doorbell);
	if (life->station)
		wire_unmap(life->station_buf);
	dma_buf_put(life->station_buf);
	free(life);
}
