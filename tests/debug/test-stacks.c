/* SPDX-License-Identifier: MIT */
/* The depot of call stacks. It never forgets, so what fills it runs in a child. */
#include "harness.h"

#include <errno.h>
#include <dmabuf/dmabuf-lockdep.h>
#include <sys/wait.h>
#include <unistd.h>

#include "debug/stacks.h"
#include "os/pages.h"

#define THREADS 4
#define PATH_TURNS 11
#define PATHS 177147 /* 3 ^ PATH_TURNS */
#define RACE_PATHS 4096

/* A function that keeps its frame, and that compilers do not take for its twin. */
#define STAY __attribute__((noinline))
#define APART(number) __asm__ volatile("" ::"i"(number))

static void after_call(void)
{
	__asm__ volatile("" ::: "memory");
}

static STAY uint32_t debug_layer(void)
{
	const uint32_t id = stack_save();

	after_call();
	return id;
}

static STAY uint32_t left(uint32_t path, unsigned int turns);
static STAY uint32_t ahead(uint32_t path, unsigned int turns);
static STAY uint32_t right(uint32_t path, unsigned int turns);

/* Without a frame of its own, also where nothing is optimised. */
static inline __attribute__((always_inline)) uint32_t turn(uint32_t path, unsigned int turns)
{
	const uint32_t rest = turns > PATH_TURNS ? path : path / 3;
	uint32_t id;

	if (!turns)
		id = debug_layer();
	else if (turns > PATH_TURNS || path % 3 == 0)
		id = left(rest, turns - 1);
	else if (path % 3 == 1)
		id = ahead(rest, turns - 1);
	else
		id = right(rest, turns - 1);
	after_call();
	return id;
}

static STAY uint32_t left(uint32_t path, unsigned int turns)
{
	APART(0);
	return turn(path, turns);
}

static STAY uint32_t ahead(uint32_t path, unsigned int turns)
{
	APART(1);
	return turn(path, turns);
}

static STAY uint32_t right(uint32_t path, unsigned int turns)
{
	APART(2);
	return turn(path, turns);
}

/* One stack for each @path below PATHS, deep enough that the caller is not in it. */
static uint32_t save(uint32_t path)
{
	return left(path, PATH_TURNS + STACK_DEPTH);
}

TEST(before_there_is_a_depot_no_stack_is_kept)
{
	if (dmabuf_lockdep_is_on()) /* there is one since the program began */
		test_skip();
	ASSERT_INT(debug_layer(), ==, 0);
}

TEST(without_memory_for_a_depot_nothing_is_kept_until_there_is)
{
	if (dmabuf_lockdep_is_on()) /* there is one since the program began */
		test_skip();
	os_pages_refuse(true);
	ASSERT_INT(stacks_init(), ==, -ENOMEM);
	os_pages_refuse(false);
	ASSERT_INT(debug_layer(), ==, 0);
	ASSERT_INT(stacks_init(), ==, 0);
	ASSERT_INT(stacks_init(), ==, 0);
	ASSERT_INT(debug_layer(), !=, 0);
}

TEST(the_same_stack_has_the_same_number_and_another_has_another)
{
	uint32_t ids[2][2];

	stacks_init();
	for (unsigned int i = 0; i < 2; i++)
		for (uint32_t path = 0; path < 2; path++)
			ids[i][path] = save(path);
	ASSERT_INT(ids[0][0], !=, 0);
	ASSERT_INT(ids[0][0], ==, ids[1][0]);
	ASSERT_INT(ids[0][1], ==, ids[1][1]);
	ASSERT_INT(ids[0][0], !=, ids[0][1]);
}

TEST(a_stack_is_printed_without_its_saver)
{
	char text[4096], *second, *third;
	uint32_t id;

	stacks_init();
	id = left(1 + 2 * 3, 2);
	ASSERT_INT(stack_print(id, "  ", text, sizeof(text)), ==, strlen(text));
	ASSERT_INT(strncmp(text, "  right+0x", 10), ==, 0);
	second = strchr(text, '\n') + 1;
	ASSERT_INT(strncmp(second, "  ahead+0x", 10), ==, 0);
	third = strchr(second, '\n') + 1;
	ASSERT_INT(strncmp(third, "  left+0x", 9), ==, 0);
	ASSERT_TRUE(strstr(third, "\n  a_stack_is_printed_without_its_saver+0x"));
	ASSERT_INT(text[strlen(text) - 1], ==, '\n');
}

TEST(a_stack_that_is_too_deep_ends_early)
{
	char text[8192];
	unsigned int lines = 0;

	stacks_init();
	stack_print(save(0), "", text, sizeof(text));
	for (const char *end = text; (end = strchr(end, '\n')); end++)
		lines++;
	ASSERT_INT(lines, ==, STACK_DEPTH);
}

TEST(no_stack_is_a_line_too)
{
	char text[64];

	ASSERT_INT(stack_print(0, "\t", text, sizeof(text)), ==, strlen(text));
	ASSERT_STR(text, "\t(this call stack was not kept)\n");
}

TEST(lines_that_have_no_room_are_left_out)
{
	char all[4096], text[4096];
	size_t first, length;
	uint32_t id;

	stacks_init();
	id = save(0);
	length = stack_print(id, "", all, sizeof(all));
	first = (size_t)(strchr(all, '\n') - all) + 1;
	ASSERT_INT(stack_print(id, "", text, first + 1), ==, first);
	ASSERT_INT(strlen(text), ==, first);
	ASSERT_INT(stack_print(id, "", text, first), ==, 0);
	ASSERT_STR(text, "");
	ASSERT_INT(stack_print(id, "", text, 0), ==, 0);
	ASSERT_INT(stack_print(id, "", text, length + 1), ==, length);
	ASSERT_STR(text, all);
}

struct race {
	uint32_t ids[THREADS][RACE_PATHS];
	unsigned int paths;
};

static void save_all(unsigned int index, void *arg)
{
	struct race *race = arg;

	/* Half of them from the other end, so that they meet. */
	for (uint32_t i = 0; i < race->paths; i++) {
		const uint32_t path = index % 2 ? race->paths - 1 - i : i;

		test_operation();
		race->ids[index][path] = save(path);
	}
}

TORTURE(threads_that_save_the_same_stacks_get_the_same_numbers)
{
	static struct race race;
	char text[4096];

	stacks_init();
	race.paths = test_rounds(RACE_PATHS);
	if (race.paths > RACE_PATHS)
		race.paths = RACE_PATHS;
	test_race_begin();
	test_threads(THREADS, save_all, &race);
	test_race_end();
	for (uint32_t path = 0; path < race.paths; path++) {
		ASSERT_INT(race.ids[0][path], !=, 0);
		for (unsigned int i = 1; i < THREADS; i++)
			ASSERT_INT(race.ids[i][path], ==, race.ids[0][path]);
		if (path)
			ASSERT_INT(race.ids[0][path], !=, race.ids[0][path - 1]);
	}
	ASSERT_INT(stack_print(race.ids[0][0], "", text, sizeof(text)), >, 0);
}

/* In a child, whose exit status says which claim was wrong. */
static int fill(uint32_t known)
{
	uint32_t path = 2;

	while (path < PATHS && save(path))
		path++;
	if (path < STACKS_MAX / 2 || path == PATHS)
		return 1;
	if (save(1) != known || save(2) == 0)
		return 2;
	if (save(path) || save(PATHS - 1))
		return 3;
	return 0;
}

TEST(a_full_depot_keeps_what_it_has_and_takes_no_more)
{
	uint32_t known;
	int status;
	pid_t child;

	stacks_init();
	known = save(1);
	fflush(NULL);
	child = fork();
	if (!child)
		_exit(fill(known));
	ASSERT_INT(waitpid(child, &status, 0), ==, child);
	ASSERT_INT(status, ==, 0);
}
