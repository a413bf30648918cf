/* SPDX-License-Identifier: MIT */
#include "mailbox.h"

#include <string.h>

void mailbox_init(struct mailbox *box)
{
	memset(box, 0, sizeof(*box));
	pthread_mutex_init(&box->lock, NULL);
	pthread_cond_init(&box->changed, NULL);
}

void mailbox_fini(struct mailbox *box)
{
	pthread_cond_destroy(&box->changed);
	pthread_mutex_destroy(&box->lock);
}

void mailbox_put(struct mailbox *box, const struct message *message)
{
	pthread_mutex_lock(&box->lock);
	while (box->tail - box->head == MAILBOX_ROOM)
		pthread_cond_wait(&box->changed, &box->lock);
	box->message[box->tail++ % MAILBOX_ROOM] = *message;
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
}

void mailbox_get(struct mailbox *box, struct message *ret_message)
{
	pthread_mutex_lock(&box->lock);
	while (box->tail == box->head)
		pthread_cond_wait(&box->changed, &box->lock);
	*ret_message = box->message[box->head++ % MAILBOX_ROOM];
	pthread_cond_broadcast(&box->changed);
	pthread_mutex_unlock(&box->lock);
}
