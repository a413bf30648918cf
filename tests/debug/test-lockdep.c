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
	char command[4096], self[2048];
	const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	ASSERT_INT(length, >, 0);
	self[length] = '\0';
	/* scripts/cross.sh names an emulator. */
	snprintf(command, sizeof(command),
		 "%s ${DMABUF_TEST_EMULATOR:+\"$DMABUF_TEST_EMULATOR\"} '%s' rules_are_checked >/dev/null",
		 setting, self);
	return system(command);
}

TEST(every_setting_is_understood)
{
	ASSERT_INT(run_with("DMABUF_DEBUG=1"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG=yes"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG=0"), ==, 0);
	ASSERT_INT(run_with("DMABUF_DEBUG="), ==, 0);
	ASSERT_INT(run_with("env -u DMABUF_DEBUG"), ==, 0);
}
