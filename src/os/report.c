/* SPDX-License-Identifier: MIT */
#include "os/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_SIZE 512

static dmabuf_warn_handler warn_handler; /* atomic; NULL: the default */

static void say(const char *message)
{
	fprintf(stderr, "libdmabuf: %s\n", message);
}

dmabuf_warn_handler dmabuf_set_warn_handler(dmabuf_warn_handler handler)
{
	return __atomic_exchange_n(&warn_handler, handler, __ATOMIC_ACQ_REL);
}

void dmabuf_send_warning(const char *message)
{
	dmabuf_warn_handler handler = load_acquire(&warn_handler);

	if (handler)
		handler(message);
	else
		say(message);
}

void dmabuf_warn(const char *fmt, ...)
{
	char message[MESSAGE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	dmabuf_send_warning(message);
}

void dmabuf_die(const char *message)
{
	say(message);
	abort();
}

void dmabuf_bug(const char *fmt, ...)
{
	char message[MESSAGE_SIZE];
	va_list args;

	va_start(args, fmt);
	vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
	dmabuf_die(message);
}
