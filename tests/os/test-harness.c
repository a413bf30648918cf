/* SPDX-License-Identifier: MIT */
/* The harness itself: what it counts, and what it lets through. */
#include "harness.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/alloc.h"
#include "os/report.h"

TEST(allocations_and_descriptors_are_counted)
{
	const struct test_resources before = test_resources();
	void *memory = os_alloc(16);
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct test_resources now = test_resources();

	ASSERT_INT(now.allocations, ==, before.allocations + 1);
	ASSERT_INT(now.descriptors, ==, before.descriptors + 1);
	close(fd);
	os_free(memory);
	ASSERT_RESOURCES(before);
}

TEST(the_armed_call_fails_and_no_other)
{
	void *first, *third;

	os_fault_arm(2);
	first = os_alloc(16);
	ASSERT_PTR(first, !=, NULL);
	ASSERT_PTR(os_alloc(16), ==, NULL);
	third = os_alloc(16);
	ASSERT_PTR(third, !=, NULL);
	ASSERT_TRUE(os_fault_disarm());
	os_free(first);
	os_free(third);

	os_fault_arm(1);
	ASSERT_FALSE(os_fault_disarm());
}

TEST(too_many_elements_are_no_memory)
{
	ASSERT_PTR(os_alloc_array(SIZE_MAX / 2, 16), ==, NULL);
	/* The product wraps around to 16. */
	ASSERT_PTR(os_alloc_array(SIZE_MAX / 16 + 2, 16), ==, NULL);
}

TEST(a_bug_aborts_with_its_sentence)
{
	ASSERT_DEATH(dmabuf_bug_on(true, "seven is %d", 7), "libdmabuf: seven is 7");
}

TEST(a_warn_handler_replaces_the_one_before)
{
	const dmabuf_warn_handler before = dmabuf_set_warn_handler(NULL);

	ASSERT_TRUE(before);
	ASSERT_FALSE(dmabuf_set_warn_handler(before));
}

TEST(a_warning_reaches_the_handler_and_is_survived)
{
	ASSERT_WARNS(ASSERT_TRUE(dmabuf_warn_on(true, "eight is %d", 8)), "eight is 8");
	ASSERT_FALSE(dmabuf_warn_on(false, "never said"));
}

TEST(version_is_that_of_the_header)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", DMABUF_VERSION_MAJOR, DMABUF_VERSION_MINOR,
		 DMABUF_VERSION_PATCH);
	ASSERT_STR(dmabuf_version(), text);
}

TEST(error_pointers_hold_what_was_put_in)
{
	ASSERT_TRUE(dmabuf_is_err(dmabuf_err_ptr(-1)));
	ASSERT_TRUE(dmabuf_is_err(dmabuf_err_ptr(-DMABUF_MAX_ERRNO)));
	ASSERT_FALSE(dmabuf_is_err(dmabuf_err_ptr(-DMABUF_MAX_ERRNO - 1)));
	ASSERT_FALSE(dmabuf_is_err(NULL));
	ASSERT_INT(dmabuf_ptr_err(dmabuf_err_ptr(-12)), ==, -12);
}

static void note_seed(unsigned int index, void *arg)
{
	uint32_t *seeds = arg;

	seeds[index] = test_thread_seed();
}

/* Also threads of the next group: a loop that starts some does not play the same each time. */
TEST(every_thread_has_a_seed_of_its_own)
{
	uint32_t seeds[4];

	test_threads(2, note_seed, seeds);
	test_threads(2, note_seed, seeds + 2);
	for (unsigned int i = 0; i < 4; i++) {
		ASSERT_INT(seeds[i], !=, test_thread_seed());
		for (unsigned int k = 0; k < i; k++)
			ASSERT_INT(seeds[i], !=, seeds[k]);
	}
}

TEST(chance_begins_with_any_seed)
{
	uint32_t state = 0;

	ASSERT_INT(test_random(&state), !=, test_random(&state));
}
