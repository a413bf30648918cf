/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"

bool wire_picture_of(struct wire_picture *wire, const struct picture *pic, const uint8_t *memory,
		     size_t size)
{
	wire->shape = *pic;
	for (int plane = 0; plane < PICTURE_PLANES; plane++) {
		const uintptr_t offset = (uintptr_t)pic->plane[plane] - (uintptr_t)memory;
		const size_t bytes = picture_plane_bytes(pic, plane);

		if (offset >= size || bytes > size - offset)
			return false;
		wire->offset[plane] = offset;
		wire->shape.plane[plane] = NULL;
	}
	return true;
}

struct picture wire_picture_in(const struct wire_picture *wire, uint8_t *memory)
{
	struct picture pic = wire->shape;

	for (int plane = 0; plane < PICTURE_PLANES; plane++)
		pic.plane[plane] = (uint8_t *)((uintptr_t)memory + wire->offset[plane]);
	return pic;
}

int wire_map(struct dma_buf *dmabuf, void *ret_memory)
{
	void *memory;
	int err = dma_buf_mmap_cpu(dmabuf, PROT_READ | PROT_WRITE, &memory);

	if (!err)
		err = dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	if (!err)
		*(void **)ret_memory = memory;
	return err;
}

void wire_unmap(struct dma_buf *dmabuf)
{
	/* That it was evicted, a process learns by its next call. */
	(void)dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
}

unsigned int wire_count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	char target[256];
	unsigned int count = 0;

	while (dir && (entry = readdir(dir))) {
		const ssize_t length =
			readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[length < 0 ? 0 : length] = '\0';
		/* A sanitizer may be reading about the process. */
		count += length >= 0 && strncmp(target, "/proc/", 6) != 0;
	}
	if (dir)
		closedir(dir);
	return count;
}

bool wire_have_leaked(unsigned int most)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	const int64_t patience = now_ns() + WIRE_PATIENCE_NS;

	dmabuf_rcu_barrier();
	while (wire_count_descriptors() > most) {
		if (now_ns() >= patience)
			return true;
		nanosleep(&moment, NULL);
		dmabuf_rcu_barrier();
	}
	return false;
}

bool wire_send(int sock, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		const ssize_t sent = send(sock, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		at += sent;
		size -= (size_t)sent;
	}
	return true;
}

bool wire_receive(int sock, void *bytes, size_t size)
{
	char *at = bytes;

	while (size) {
		const ssize_t got = recv(sock, at, size, MSG_WAITALL);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t)got;
	}
	return true;
}
