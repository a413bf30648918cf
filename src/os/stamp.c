/* SPDX-License-Identifier: MIT */
/* Anchors and rates; what they are for is told in stamp.h. All of it belongs to one thread. */
#include "os/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/*
 * A rate is measured between two points that are at least so far apart, in ticks, that two
 * windows do not matter, and at most so far that it is not of another time: a second or four.
 */
#define SHORTEST ((uint64_t)1 << 20)
#define LONGEST ((uint64_t)1 << 32)

/* 1.25 ns a tick. */
#define SLOWEST ((uint64_t)5 << 30)

__thread struct os_stamps os_stamps __attribute__((tls_model("initial-exec")));

bool os_counter_named_by(const char *file)
{
#ifdef __x86_64__
	static const char name[] = "tsc\n";
	char text[sizeof(name)];
	ssize_t length;
	int fd;

	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	length = read(fd, text, sizeof(text));
	close(fd);
	return length == sizeof(name) - 1 && !memcmp(text, name, sizeof(name) - 1);
#else
	(void)file;
	return false;
#endif
}

#ifdef DMABUF_SEAMS
static bool os_counter_trusted;
#else
bool os_counter_trusted;
#endif

__attribute__((constructor)) static void find_counter(void)
{
	const int old_errno = errno;

	os_counter_trusted = os_counter_named_by(
		"/sys/devices/system/clocksource/clocksource0/current_clocksource");
	errno = old_errno;
}

#ifdef DMABUF_SEAMS

static __thread struct {
	bool on;
	uint64_t (*counter)(void);
	int64_t (*clock)(void);
} fake;

void os_stamp_fake(uint64_t (*counter)(void), int64_t (*clock)(void))
{
	os_stamp_real();
	fake.on = true;
	fake.counter = counter;
	fake.clock = clock;
}

void os_stamp_real(void)
{
	memset(&fake, 0, sizeof(fake));
	memset(&os_stamps, 0, sizeof(os_stamps));
}

uint64_t os_counter(void)
{
	if (fake.counter)
		return fake.counter();
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return (uint64_t)os_now_ns();
#endif
}

bool os_counter_is_trusted(void)
{
	return fake.on ? fake.counter != NULL : os_counter_trusted;
}

static int64_t clock_ns(void)
{
	return fake.clock ? fake.clock() : os_now_ns();
}

#else

static int64_t clock_ns(void)
{
	return os_now_ns();
}

#endif

/* Two rates that are a quarter apart are not both of the clock: it stood still, or the counter did. */
static bool is_confirmed(uint64_t rate, uint64_t before)
{
	return rate && rate <= SLOWEST && rate <= before + before / 4 && before <= rate + rate / 4;
}

/* At a point that is believed: the rate, if it is time for that. */
static void measure_rate(struct os_stamps *own, uint64_t counter, int64_t ns)
{
	const uint64_t ticks = counter - own->since, passed = (uint64_t)(ns - own->since_ns);
	uint64_t rate = 0;

	if (ticks < SHORTEST)
		return;
	if (ticks < LONGEST && passed < LONGEST)
		rate = (passed << 32) / ticks;
	own->lifetime = is_confirmed(rate, own->rate) ? ((uint64_t)OS_ANCHOR_NS << 32) / rate : 0;
	own->rate = rate;
	own->since = counter;
	own->since_ns = ns;
}

int64_t os_stamp_anew(uint64_t counter)
{
	struct os_stamps *const own = &os_stamps;
	const int64_t now = clock_ns();
	const uint64_t window = os_counter() - counter;

	own->limit = 0;
	if (window <= OS_WINDOW_TICKS) {
		counter += window / 2;
		measure_rate(own, counter, now);
		own->counter = counter;
		own->ns = now;
		own->limit = own->lifetime;
	}
	/* Further ahead than the error can be: it was of another clock. */
	if (own->last < now || own->last - now > OS_STAMP_ERROR_NS)
		own->last = now;
	return own->last;
}
