/* SPDX-License-Identifier: MIT */
/* For the test programs of the demo's parts: one line for each claim that does not hold. */
#ifndef DEMO_TEST_CHECK_H
#define DEMO_TEST_CHECK_H

#include <stdio.h>
#include <stdlib.h>

static unsigned int failures, passed, failed;

#define CHECK(holds, ...)                                                          \
	do {                                                                       \
		if (!(holds)) {                                                    \
			failures++;                                                \
			printf("%s:%d: not so: %s; ", __func__, __LINE__, #holds); \
			printf(__VA_ARGS__);                                       \
			putchar('\n');                                             \
		}                                                                  \
	} while (0)

/* Without what @holds the test cannot go on. */
#define NEED(holds)                                                                     \
	do {                                                                            \
		if (!(holds)) {                                                         \
			printf("%s:%d: cannot test: %s\n", __func__, __LINE__, #holds); \
			exit(1);                                                        \
		}                                                                       \
	} while (0)

#define RUN(test)                                                               \
	do {                                                                    \
		unsigned int before = failures;                                 \
		test();                                                         \
		*(failures == before ? &passed : &failed) += 1;                 \
		printf("%s %s\n", failures == before ? "ok" : "not ok", #test); \
	} while (0)

/* The closing line, and the exit status. */
static int sum_up(void)
{
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}

#endif
