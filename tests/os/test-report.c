/* SPDX-License-Identifier: MIT */
#include "harness.h"

static char heard[64];

static void hear(const char *message)
{
	snprintf(heard, sizeof(heard), "%s", message);
}

TEST(a_warning_from_above_reaches_the_handler)
{
	dmabuf_warn_handler before = dmabuf_set_warn_handler(hear);

	dmabuf_send_warning("a driver's");
	dmabuf_set_warn_handler(before);
	ASSERT_STR(heard, "a driver's");
}

static void warn_without_handler(void)
{
	dmabuf_set_warn_handler(NULL);
	dmabuf_send_warning("nobody hears");
	abort();
}

TEST(without_a_handler_a_warning_is_a_line_on_stderr)
{
	ASSERT_DEATH(warn_without_handler(), "libdmabuf: nobody hears\n");
}
