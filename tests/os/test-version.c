/* SPDX-License-Identifier: MIT */
/* One version, wherever it is asked for. */
#include "harness.h"

TEST(the_library_says_the_version_that_is_installed)
{
	ASSERT_STR(dmabuf_version(), TEST_PROJECT_VERSION);
}
