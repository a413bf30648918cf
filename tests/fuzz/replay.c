/* SPDX-License-Identifier: MIT */
/* Runs the fuzz target's programs from files: for compilers without libFuzzer, and as a test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_SIZE 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	static uint8_t data[MAX_SIZE];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file) {
		perror(path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	/* On failure it aborts: say where. */
	printf("%s: %zu bytes\n", path, size);
	fflush(stdout);
	return LLVMFuzzerTestOneInput(data, size);
}

static int replay_all(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int failed = 0;

	if (!dir)
		return replay(path);
	while ((entry = readdir(dir))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		failed |= replay(file);
	}
	closedir(dir);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= replay_all(argv[i]);
	printf("%d passed, %d failed\n", !failed, failed);
	return failed;
}
