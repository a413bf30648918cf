/* SPDX-License-Identifier: MIT */
#include "share/message.h"

#include <string.h>

#include "os/file.h"

void dma_buf_pool_message_close(struct dma_buf_pool_message *message)
{
	while (message->count)
		os_file_close(message->fd[--message->count]);
}

struct invitation invitation_read(const struct dma_buf_pool_message *message)
{
	struct invitation invitation;

	memcpy(&invitation, message->bytes, sizeof(invitation));
	return invitation;
}

struct answer answer_read(const struct dma_buf_pool_message *message)
{
	struct answer answer;

	memcpy(&answer, message->bytes, sizeof(answer));
	return answer;
}

int message_make(const void *bytes, size_t size, const int *fds, unsigned int count,
		 struct dma_buf_pool_message *ret_message)
{
	struct dma_buf_pool_message message = { .count = 0 };

	memcpy(message.bytes, bytes, size);
	while (message.count < count) {
		const int copy = os_file_dup(fds[message.count], true);

		if (copy < 0) {
			dma_buf_pool_message_close(&message);
			return copy;
		}
		message.fd[message.count++] = copy;
	}
	*ret_message = message;
	return 0;
}
