/* SPDX-License-Identifier: MIT */
/*
 * A static exporter of memory in one piece: the ops behind the memfd and the malloc
 * exporter.
 *
 * In debug builds (DMABUF_CHECKS) a file has a second mapping, for the CPU, which can be
 * touched only between begin_cpu_access and end_cpu_access: reading while anybody reads
 * or writes, writing while anybody writes. Importers have the first one, which is always
 * open: what they do is ordered by fences.
 *
 * Locking: memory.lock guards the counts and the protection that follows from them.
 */
#include "buf/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "buf/buffer.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/file.h"

static struct scatterlist whole(const struct memory *memory)
{
	return (struct scatterlist){
		.address = memory->address,
		.length = memory->size,
		.fd = memory->fd,
	};
}

static int attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	const struct scatterlist piece = whole(dmabuf->priv);

	return sg_check_pieces(&piece, 1, attachment->dev);
}

static struct sg_table *map(struct dma_buf_attachment *attachment,
			    enum dma_data_direction direction)
{
	const struct memory *memory = attachment->dmabuf->priv;
	const struct scatterlist piece = whole(memory);
	struct sg_table *table;
	int err;

	/* Bidirectional is what the library maps on behalf of importers that may only read. */
	if (direction == DMA_FROM_DEVICE && !memory->writable)
		return dmabuf_err_ptr(-EACCES);
	table = os_alloc(sizeof(*table));
	if (!table)
		return dmabuf_err_ptr(-ENOMEM);
	err = sg_alloc_table_from_pieces(table, &piece, 1, attachment->dev);
	if (err) {
		os_free(table);
		return dmabuf_err_ptr(err);
	}
	return table;
}

static void unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
		  enum dma_data_direction direction)
{
	(void)attachment;
	(void)direction;
	sg_free_table(table);
	os_free(table);
}

static int check_owner(const struct memory *memory)
{
	return memory->owner ? memory->owner->check(memory->owner) : 0;
}

#ifdef DMABUF_CHECKS

static void *cpu_address(const struct memory *memory)
{
	return memory->cpu ? memory->cpu : memory->address;
}

static int open_cpu_mapping(struct memory *memory)
{
	return os_map(memory->fd, memory->size, PROT_NONE, &memory->cpu);
}

static void close_cpu_mapping(struct memory *memory)
{
	if (memory->cpu)
		os_unmap(memory->cpu, memory->size);
}

static int protect(const struct memory *memory) DMABUF_REQUIRES(memory->lock)
{
	int prot = PROT_NONE;

	if (!memory->cpu)
		return 0;
	if (memory->readers || memory->writers)
		prot |= PROT_READ;
	if (memory->writers && memory->writable)
		prot |= PROT_WRITE;
	OS_RACE_POINT("cpu access: counted, not protected");
	return os_map_protect(memory->cpu, memory->size, prot);
}

static int begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct memory *memory = dmabuf->priv;
	unsigned int *count = direction == DMA_FROM_DEVICE ? &memory->readers : &memory->writers;
	int err;

	err = check_owner(memory);
	if (err)
		return err;
	dmabuf_spin_lock(&memory->lock);
	++*count;
	err = protect(memory);
	if (err)
		--*count;
	dmabuf_spin_unlock(&memory->lock);
	return err;
}

static int end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct memory *memory = dmabuf->priv;
	unsigned int *count = direction == DMA_FROM_DEVICE ? &memory->readers : &memory->writers;
	int err;

	dmabuf_spin_lock(&memory->lock);
	dmabuf_bug_on(!*count,
		      "dma_buf_end_cpu_access(): buffer %p: nothing was begun in direction %d",
		      (void *)dmabuf, (int)direction);
	--*count;
	err = protect(memory);
	dmabuf_spin_unlock(&memory->lock);
	return err ? err : check_owner(memory);
}

#else

static int begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	(void)direction;
	return check_owner(dmabuf->priv);
}

static int end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	(void)direction;
	return check_owner(dmabuf->priv);
}

static void *cpu_address(const struct memory *memory)
{
	return memory->address;
}

static int open_cpu_mapping(struct memory *memory)
{
	(void)memory;
	return 0;
}

static void close_cpu_mapping(struct memory *memory)
{
	(void)memory;
}

#endif

static int mmap_cpu(struct dma_buf *dmabuf, int prot, void **ret_addr)
{
	(void)prot;
	*ret_addr = cpu_address(dmabuf->priv);
	return 0;
}

static int vmap(struct dma_buf *dmabuf, struct iosys_map *ret_map)
{
	ret_map->vaddr = cpu_address(dmabuf->priv);
	return 0;
}

static void release(struct dma_buf *dmabuf)
{
	struct memory *memory = dmabuf->priv;
	struct memory_owner *owner = memory->owner;

	close_cpu_mapping(memory);
	if (memory->block)
		os_free(memory->block);
	else
		os_unmap(memory->address, memory->size);
	os_free(memory);
	if (owner)
		owner->released(owner);
}

static const struct dma_buf_ops memory_ops = {
	.attach = attach,
	.map_dma_buf = map,
	.unmap_dma_buf = unmap,
	.release = release,
	.begin_cpu_access = begin_cpu_access,
	.end_cpu_access = end_cpu_access,
	.mmap_cpu = mmap_cpu,
	.vmap = vmap,
};

/* Make the buffer of @memory, which is set up. */
static int export_memory(const char *exp_name, const char *name, struct memory *memory,
			 struct dma_buf **ret_buf)
{
	const struct dma_buf_export_info info = {
		.exp_name = exp_name,
		.ops = &memory_ops,
		.size = memory->size,
		.flags = memory->writable ? O_RDWR : O_RDONLY,
		.priv = memory,
		.resv = memory->owner ? memory->owner->resv : NULL,
	};
	struct dma_buf *dmabuf;

	dmabuf = buffer_export(&info, name, memory->fd);
	if (dmabuf_is_err(dmabuf))
		return (int)dmabuf_ptr_err(dmabuf);
	*ret_buf = dmabuf;
	return 0;
}

int memory_export_file(const char *name, int fd, size_t size, bool writable,
		       struct memory_owner *owner, struct dma_buf **ret_buf)
{
	const int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	struct memory *memory;
	int err;

	memory = os_alloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	memory->fd = fd;
	memory->size = size;
	memory->writable = writable;
	memory->owner = owner;
	err = os_map(fd, size, prot, &memory->address);
	if (err)
		goto free_memory;
	err = open_cpu_mapping(memory);
	if (err)
		goto unmap;
	err = export_memory(owner ? owner->exp_name : "memfd", name, memory, ret_buf);
	if (err)
		goto close_cpu_mapping;
	return 0;

close_cpu_mapping:
	close_cpu_mapping(memory);
unmap:
	os_unmap(memory->address, size);
free_memory:
	os_free(memory);
	return err;
}

int memory_export_block(const char *name, size_t size, struct dma_buf **ret_buf)
{
	const size_t page = os_page_size();
	struct memory *memory;
	size_t with_room;
	int err;

	if (__builtin_add_overflow(size, page - 1, &with_room))
		return -ENOMEM;
	memory = os_alloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	memory->block = os_alloc(with_room);
	if (!memory->block) {
		err = -ENOMEM;
		goto free_memory;
	}
	memory->address = (char *)memory->block + (-(uintptr_t)memory->block & (page - 1));
	memory->fd = -1;
	memory->size = size;
	memory->writable = true;
	err = export_memory("malloc", name, memory, ret_buf);
	if (err)
		goto free_block;
	return 0;

free_block:
	os_free(memory->block);
free_memory:
	os_free(memory);
	return err;
}
