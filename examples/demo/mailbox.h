/* SPDX-License-Identifier: MIT */
/*
 * What the decoder tells the client, where both are threads of one process. It is the decoder's
 * interrupt line, so to speak: it orders no work, fences do that.
 */
#ifndef DEMO_MAILBOX_H
#define DEMO_MAILBOX_H

#include <pthread.h>

#include "pool.h"

enum message_kind {
	MESSAGE_WANTS_BUFFER, /* libavcodec is in get_buffer2 and waits for a job */
	MESSAGE_SHOWN,        /* the next frame, in the order shown, is in this buffer */
	MESSAGE_END,          /* there will be no more */
};

struct message {
	enum message_kind kind;
	struct buffer *buffer;
	struct picture picture;
};

/* At most one frame a buffer, a want and an end are under way. */
#define MAILBOX_ROOM (POOL_MAX + 2)

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct message message[MAILBOX_ROOM]; /* under lock, as all that follows */
	unsigned int head, tail;              /* taken, put */
};

void mailbox_init(struct mailbox *box);
void mailbox_fini(struct mailbox *box);
void mailbox_put(struct mailbox *box, const struct message *message);
void mailbox_get(struct mailbox *box, struct message *ret_message);

#endif
