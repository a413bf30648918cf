/* SPDX-License-Identifier: MIT */
/* The switch. What each rule reports, and what it does not, is in test-rules-*.c. */
#include <unistd.h>

#include "harness.h"

/* What the environment said when this program was loaded; read the other way in a program of its own. */
TEST(rules_are_checked_if_the_environment_says_so)
{
	const char *setting = getenv("DMABUF_DEBUG");

	if (setting && *setting && strcmp(setting, "0") != 0)
		ASSERT_TRUE(dmabuf_lockdep_is_on());
	else
		ASSERT_FALSE(dmabuf_lockdep_is_on());
}

static int run_with(const char *setting)
{
	return pclose(test_popen_self(setting, "rules_are_checked >/dev/null"));
}

TEST(every_setting_is_understood)
{
	ASSERT_INT(run_with("DMABUF_DEBUG=1"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG=yes"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG=0"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG="), ==, 0);
	ASSERT_INT(run_with("env -u DMABUF_DEBUG"), ==, 0);
}
