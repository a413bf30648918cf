/* SPDX-License-Identifier: MIT */
/* Buffers and sync_files, as kernel code uses them. */
#include <linux/device.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/sync_file.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

#include <dmabuf/dma-buf-memfd.h>

#include "mock-fence.h"
#include "subtests.h"

#define SIZE (2 * PAGE_SIZE)
#define ALWAYS_LOCKED (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))

struct store {
	void *memory;
	bool locked;	/* the last map had the lock held */
	unsigned int pins, mapped, vmaps, released;
};

static struct device importer = { .name = "importer" };

static int store_pin(struct dma_buf_attachment *attach)
{
	((struct store *)attach->dmabuf->priv)->pins++;
	return 0;
}

static void store_unpin(struct dma_buf_attachment *attach)
{
	((struct store *)attach->dmabuf->priv)->pins--;
}

static struct sg_table *store_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct store *store = attach->dmabuf->priv;
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);

	store->locked = dma_resv_held(attach->dmabuf->resv);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, 2, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	sg_set_page(sgt->sgl, virt_to_page(store->memory), PAGE_SIZE, 0);
	sg_set_buf(sg_next(sgt->sgl), store->memory + PAGE_SIZE, PAGE_SIZE);
	store->mapped++;
	return dma_map_sgtable(attach->dev, sgt, dir, 0) ? ERR_PTR(-EIO) : sgt;
}

static void store_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir)
{
	struct store *store = attach->dmabuf->priv;

	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
	store->mapped--;
}

static int store_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct store *store = dmabuf->priv;

	store->vmaps++;
	iosys_map_set_vaddr(map, store->memory);
	return 0;
}

static void store_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	((struct store *)dmabuf->priv)->vmaps--;
}

static int store_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, ((struct store *)dmabuf->priv)->memory, vma->vm_pgoff);
}

static void store_release(struct dma_buf *dmabuf)
{
	((struct store *)dmabuf->priv)->released++;
}

static const struct dma_buf_ops still_ops = {
	.cache_sgt_mapping = true,
	.map_dma_buf = store_map,
	.unmap_dma_buf = store_unmap,
	.vmap = store_vmap,
	.vunmap = store_vunmap,
	.mmap = store_mmap,
	.release = store_release,
};

static const struct dma_buf_ops moving_ops = {
	.pin = store_pin,
	.unpin = store_unpin,
	.map_dma_buf = store_map,
	.unmap_dma_buf = store_unmap,
	.release = store_release,
};

static struct dma_buf *store_export(struct store *store, const struct dma_buf_ops *ops)
{
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);

	*store = (struct store){ .memory = vmalloc_user(SIZE) };
	if (!store->memory)
		return NULL;
	exp_info.ops = ops;
	exp_info.size = SIZE;
	exp_info.flags = O_RDWR;
	exp_info.priv = store;
	return dma_buf_export(&exp_info);
}

static int refuses_what_is_incomplete(void)
{
	static const struct dma_buf_ops half = { .pin = store_pin };
	DEFINE_DMA_BUF_EXPORT_INFO(exp_info);

	EXPECT(!strcmp(exp_info.exp_name, KBUILD_MODNAME) && exp_info.owner == THIS_MODULE);
	exp_info.ops = &half;
	exp_info.priv = &exp_info;
	EXPECT(PTR_ERR(dma_buf_export(&exp_info)) == -EINVAL);
	return 0;
}

static int maps_still_memory_as_linux_does(void)
{
	struct dma_buf_attachment *attach;
	struct scatterlist *sg;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	struct store store;
	unsigned int i, n = 0;

	dmabuf = store_export(&store, &still_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf) && !dma_buf_is_dynamic(dmabuf));
	attach = dma_buf_attach(dmabuf, &importer);
	EXPECT(!IS_ERR(attach) && !dma_buf_attachment_is_dynamic(attach) && !store.mapped);
#if ALWAYS_LOCKED
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_TO_DEVICE);
#else
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
#endif
	EXPECT(!IS_ERR(sgt) && store.locked == ALWAYS_LOCKED);
	for_each_sgtable_dma_sg(sgt, sg, i) {
		EXPECT(sg_dma_address(sg) == (uintptr_t)store.memory + n && sg_virt(sg) == store.memory + n);
		EXPECT(page_address(sg_page(sg)) == sg_virt(sg));
		n += sg_dma_len(sg);
	}
	EXPECT(i == 2 && n == SIZE && sg_is_last(sg_next(sgt->sgl)) && !sg_next(sg_next(sgt->sgl)));
#if ALWAYS_LOCKED
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
	dma_resv_unlock(dmabuf->resv);
#else
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
#endif
	dma_buf_detach(dmabuf, attach);
	EXPECT(!store.mapped);
	dma_buf_put(dmabuf);
	EXPECT(store.released == 1);
	vfree(store.memory);
	return 0;
}

static unsigned int notified;

static void note_move(struct dma_buf_attachment *attach)
{
	notified++;
}

static const struct dma_buf_attach_ops attach_ops = {
	.allow_peer2peer = true,
	.move_notify = note_move,
};

static int maps_moving_memory_as_linux_does(void)
{
	struct dma_buf_attachment *told, *untold;
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	struct store store;

	dmabuf = store_export(&store, &moving_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf) && dma_buf_is_dynamic(dmabuf));
	told = dma_buf_dynamic_attach(dmabuf, &importer, &attach_ops, &store);
	untold = dma_buf_attach(dmabuf, &importer);
	EXPECT(!IS_ERR(told) && told->importer_priv == &store && told->peer2peer);
	EXPECT(dma_buf_attachment_is_dynamic(told) && !dma_buf_attachment_is_dynamic(untold));

	notified = 0;
	dma_resv_lock(dmabuf->resv, NULL);
	sgt = dma_buf_map_attachment(told, DMA_BIDIRECTIONAL);
	EXPECT(!IS_ERR(sgt) && store.locked);
	dma_buf_move_notify(dmabuf);
	EXPECT(notified == 1);
	EXPECT(!dma_buf_pin(told));
	dma_buf_unpin(told);
	dma_buf_unmap_attachment(told, sgt, DMA_BIDIRECTIONAL);
	dma_resv_unlock(dmabuf->resv);

#if ALWAYS_LOCKED
	sgt = dma_buf_map_attachment_unlocked(untold, DMA_FROM_DEVICE);
	EXPECT(!IS_ERR(sgt) && store.pins == 1 && store.locked);
	dma_buf_unmap_attachment_unlocked(untold, sgt, DMA_FROM_DEVICE);
	EXPECT(!store.pins);
#else
	sgt = dma_buf_map_attachment(untold, DMA_FROM_DEVICE);
	EXPECT(!IS_ERR(sgt) && store.pins == 1);
	dma_buf_unmap_attachment(untold, sgt, DMA_FROM_DEVICE);
#endif
	dma_buf_detach(dmabuf, told);
	dma_buf_detach(dmabuf, untold);
	EXPECT(!store.pins && !store.mapped);
	dma_buf_put(dmabuf);
	vfree(store.memory);
	return 0;
}

static int asks_importers_for_move_notify(void)
{
	static const struct dma_buf_attach_ops deaf = { .allow_peer2peer = true };
	struct dma_buf_attachment *attach;
	struct dma_buf *dmabuf;
	struct store store;

	dmabuf = store_export(&store, &still_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf));
	attach = dma_buf_dynamic_attach(dmabuf, &importer, &deaf, NULL);
#if LINUX_VERSION_CODE < KERNEL_VERSION(7, 1, 0)
	EXPECT(PTR_ERR(attach) == -EINVAL);
#else
	EXPECT(!IS_ERR(attach) && dma_buf_attachment_is_dynamic(attach));
	EXPECT(!dma_buf_attach_revocable(attach));
	dma_buf_detach(dmabuf, attach);
#endif
	dma_buf_put(dmabuf);
	vfree(store.memory);
	return 0;
}

static bool maps_again(void)
{
	if (linux_compat_maps_again())
		return true;
	printf("not tested: second mappings of memory, which this emulator does not make\n");
	return false;
}

static int gives_the_cpu_addresses(void)
{
	struct vm_area_struct vma;
	struct dma_buf *dmabuf;
	struct iosys_map map;
	struct store store;

	dmabuf = store_export(&store, &still_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf));
	EXPECT(!dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
#if ALWAYS_LOCKED
	EXPECT(!dma_buf_vmap_unlocked(dmabuf, &map));
#else
	EXPECT(!dma_buf_vmap(dmabuf, &map));
#endif
	EXPECT(store.vmaps == 1 && iosys_map_is_set(&map) && !map.is_iomem);
	iosys_map_wr(&map, PAGE_SIZE, u32, 0x01020304);
	EXPECT(iosys_map_rd(&map, PAGE_SIZE, u32) == 0x01020304);
#if ALWAYS_LOCKED
	dma_buf_vunmap_unlocked(dmabuf, &map);
#else
	dma_buf_vunmap(dmabuf, &map);
#endif
	EXPECT(!store.vmaps);

	EXPECT(!linux_compat_vma_open(&vma, PAGE_SIZE, PROT_READ | PROT_WRITE));
	EXPECT(dma_buf_mmap(dmabuf, &vma, 2) == -EINVAL);
	EXPECT(dma_buf_mmap(dmabuf, &vma, ULONG_MAX) == -EOVERFLOW);
	if (maps_again()) {
		EXPECT(!dma_buf_mmap(dmabuf, &vma, 1));
		EXPECT(*(u32 *)vma.vm_start == 0x01020304);
		*(u32 *)vma.vm_start = 5;
		EXPECT(*(u32 *)(store.memory + PAGE_SIZE) == 5);
	}
	linux_compat_vma_close(&vma);
	EXPECT(!dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL));
	dma_buf_put(dmabuf);
	vfree(store.memory);
	return 0;
}

/* The descriptor takes over the reference of whoever made it. */
static int a_descriptor_is_a_reference(void)
{
	struct dma_buf *dmabuf, *again;
	struct store store;
	int fd, copy;

	dmabuf = store_export(&store, &still_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf));
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	EXPECT(fd >= 0);
	again = dma_buf_get(fd);
	EXPECT(again == dmabuf);
	dma_buf_put(again);
	copy = dup(fd);
	EXPECT(!close_fd(fd) && !store.released);
	EXPECT(close_fd(fd) == -EBADF);
	again = dma_buf_get(copy);
	EXPECT(again == dmabuf);
	dma_buf_put(again);
	EXPECT(!close_fd(copy) && store.released == 1);
	vfree(store.memory);
	EXPECT(PTR_ERR(dma_buf_get(-1)) == -EBADF && PTR_ERR(dma_buf_get(0)) == -EINVAL);
	EXPECT(dma_buf_fd(NULL, 0) == -EINVAL);
	return 0;
}

/* Nobody hears of a close(), but it shows when the number comes again. */
static int a_closed_number_gives_its_reference_back(void)
{
	struct dma_buf *first, *second;
	int fd, copy;

	EXPECT(!dma_buf_memfd_create("first", SIZE, &first));
	EXPECT(!dma_buf_memfd_create("second", SIZE, &second));
	fd = dma_buf_fd(first, O_CLOEXEC);
	copy = dup(fd);
	EXPECT(fd >= 0 && copy >= 0);
	close(fd);
	EXPECT(dma_buf_get(copy) == first);
	dma_buf_put(first);
	EXPECT(dma_buf_fd(second, O_CLOEXEC) == fd);
	EXPECT(PTR_ERR(dma_buf_get(copy)) == -EINVAL);
	close(copy);
	EXPECT(!close_fd(fd));
	return 0;
}

static vm_fault_t never_called(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct lazy_vm_ops = { .fault = never_called };

static int lazy_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	vma->vm_ops = &lazy_vm_ops;
	return 0;
}

static const struct dma_buf_ops lazy_ops = {
	.map_dma_buf = store_map,
	.unmap_dma_buf = store_unmap,
	.mmap = lazy_mmap,
	.release = store_release,
};

static int does_not_promise_faults(void)
{
	struct vm_area_struct vma;
	struct dma_buf *dmabuf;
	struct store store;

	dmabuf = store_export(&store, &lazy_ops);
	EXPECT(!IS_ERR_OR_NULL(dmabuf) && !linux_compat_vma_open(&vma, SIZE, PROT_READ));
	EXPECT(dma_buf_mmap(dmabuf, &vma, 0) == -EOPNOTSUPP);
	linux_compat_vma_close(&vma);
	dma_buf_put(dmabuf);
	vfree(store.memory);
	return 0;
}

/* Shared memory has a second mapping, other memory has none. */
static int maps_shared_memory_again(void)
{
	struct vm_area_struct vma;
	dma_addr_t handle;
	char *memory;
	void *page;

	if (!maps_again())
		return 0;
	memory = dma_alloc_coherent(&importer, SIZE, &handle, GFP_KERNEL);
	EXPECT(memory && handle == (uintptr_t)memory);
	memory[PAGE_SIZE] = 7;
	EXPECT(!linux_compat_vma_open(&vma, SIZE, PROT_READ));
	EXPECT(!dma_mmap_coherent(&importer, &vma, memory, handle, SIZE));
	EXPECT(((char *)vma.vm_start)[PAGE_SIZE] == 7);
	EXPECT(!remap_pfn_range(&vma, vma.vm_start, page_to_pfn(virt_to_page(memory + PAGE_SIZE)),
				PAGE_SIZE, vma.vm_page_prot));
	EXPECT(!vm_insert_page(&vma, vma.vm_start + PAGE_SIZE, virt_to_page(memory)));
	memory[0] = 9;
	EXPECT(((char *)vma.vm_start)[0] == 7 && ((char *)vma.vm_start)[PAGE_SIZE] == 9);
	vma.vm_pgoff = 1;
	EXPECT(dma_mmap_coherent(&importer, &vma, memory, handle, SIZE) == -ENXIO);
	page = (void *)get_zeroed_page(GFP_KERNEL);
	EXPECT(page && vm_insert_page(&vma, vma.vm_start, virt_to_page(page)) == -EINVAL);
	EXPECT(vm_insert_page(&vma, vma.vm_end, virt_to_page(memory)) == -EINVAL);
	free_page((unsigned long)page);
	linux_compat_vma_close(&vma);
	dma_free_coherent(&importer, SIZE, memory, handle);
	return 0;
}

static int copies_across_segments(void)
{
	char first[4] = "abcd", second[4] = "efgh", out[4];
	struct scatterlist sgl[2];

	sg_init_table(sgl, 2);
	EXPECT(!sg_is_last(&sgl[0]) && sg_is_last(&sgl[1]) && sg_last(sgl, 2) == &sgl[1]);
	sg_set_buf(&sgl[0], first, 4);
	sg_set_buf(&sgl[1], second, 4);
	EXPECT(sg_pcopy_to_buffer(sgl, 2, out, 4, 2) == 4 && !memcmp(out, "cdef", 4));
	EXPECT(sg_pcopy_to_buffer(sgl, 2, out, 4, 6) == 2 && !memcmp(out, "gh", 2));
	EXPECT(sg_copy_from_buffer(sgl, 2, "12345", 5) == 5);
	EXPECT(!memcmp(first, "1234", 4) && !memcmp(second, "5fgh", 4));
	return 0;
}

static int makes_tables(void)
{
	struct device narrow = { .name = "narrow" };
	struct sg_table sgt;
	struct page *pages;
	struct page *list[2];
	char text[32] = "";

	pages = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);
	EXPECT(pages);
	list[0] = pages;
	list[1] = nth_page(pages, 1);
	EXPECT(!sg_alloc_table_from_pages(&sgt, list, 2, 16, PAGE_SIZE, GFP_KERNEL));
	EXPECT(sg_nents(sgt.sgl) == 1 && sg_dma_len(sgt.sgl) == PAGE_SIZE);
	EXPECT(sg_virt(sgt.sgl) == (char *)page_address(pages) + 16 && sgt.sgl->offset == 16);
	EXPECT(sg_pcopy_from_buffer(sgt.sgl, 1, "over the edge", 13, PAGE_SIZE - 20) == 13);
	EXPECT(sg_pcopy_to_buffer(sgt.sgl, 1, text, 8, PAGE_SIZE - 20) == 8);
	EXPECT(!strcmp(text, "over the"));
	EXPECT(sg_pcopy_to_buffer(sgt.sgl, 1, text, 8, PAGE_SIZE - 3) == 3);
	dma_set_max_seg_size(&narrow, 1024);
	EXPECT(dma_get_max_seg_size(&narrow) == 1024);
	EXPECT(dma_map_sgtable(&narrow, &sgt, DMA_TO_DEVICE, 0) == -EBUSY);
	EXPECT(dma_map_sgtable(&importer, &sgt, DMA_NONE, 0) == -EINVAL);
	sg_dma_address(sgt.sgl) += 16;
	EXPECT(sg_virt(sgt.sgl) == (char *)page_address(pages) + 32);
	sg_free_table(&sgt);
	__free_pages(pages, 1);
	return 0;
}

#if ALWAYS_LOCKED
struct mover {
	struct timer_list timer;
	struct dma_fence *fence;
};

static void end_move(struct timer_list *timer)
{
	dma_fence_signal(container_of(timer, struct mover, timer)->fence);
}

/* Who attached without ops need not look at the fences of moves. */
static int tables_come_after_the_move(void)
{
	struct dma_buf_attachment *attach;
	struct dma_fence *move = mock_fence();
	struct mover mover = { .fence = move };
	struct dma_buf *dmabuf;
	struct sg_table *sgt;
	struct store store;

	dmabuf = store_export(&store, &still_ops);
	EXPECT(move && !IS_ERR_OR_NULL(dmabuf));
	attach = dma_buf_attach(dmabuf, &importer);
	EXPECT(!IS_ERR(attach));
	dma_resv_lock(dmabuf->resv, NULL);
	EXPECT(!dma_resv_reserve_fences(dmabuf->resv, 1));
	dma_resv_add_fence(dmabuf->resv, move, DMA_RESV_USAGE_KERNEL);
	timer_setup_on_stack(&mover.timer, end_move, 0);
	mod_timer(&mover.timer, jiffies + msecs_to_jiffies(5));
	sgt = dma_buf_map_attachment(attach, DMA_TO_DEVICE);
	EXPECT(!IS_ERR(sgt) && dma_fence_is_signaled(move));
	del_timer_sync(&mover.timer);
	destroy_timer_on_stack(&mover.timer);
	dma_buf_unmap_attachment(attach, sgt, DMA_TO_DEVICE);
	dma_resv_unlock(dmabuf->resv);
	dma_buf_detach(dmabuf, attach);
	dma_buf_put(dmabuf);
	dma_fence_put(move);
	vfree(store.memory);
	return 0;
}
#endif

static int sync_files_go_out_and_come_in(void)
{
	struct dma_fence *f = mock_fence(), *in;
	struct sync_file *sync_file;
	char name[32];
	int fd;

	EXPECT(f);
	fd = get_unused_fd_flags(O_CLOEXEC);
	EXPECT(fd >= 0);
	put_unused_fd(fd);
	sync_file = sync_file_create(f);
	EXPECT(sync_file);
	fput(sync_file->file);

	fd = get_unused_fd_flags(O_CLOEXEC);
	sync_file = sync_file_create(f);
	EXPECT(fd >= 0 && sync_file);
	EXPECT(!strncmp(sync_file_get_name(sync_file, name, sizeof(name)), "mock-mock", 9));
	fd_install(fd, sync_file->file);
	in = sync_file_get_fence(fd);
	EXPECT(in == f);
	dma_fence_put(in);
	EXPECT(!close_fd(fd));
	EXPECT(kref_read(&f->refcount) == 1);
	dma_fence_put(f);
	return 0;
}

/* A module's exit counts on it: rcu_barrier(), then kmem_cache_destroy(). */
static int a_closed_sync_file_is_gone_at_the_barrier(void)
{
	struct dma_fence *f = mock_fence();
	struct sync_file *sync_file = f ? sync_file_create(f) : NULL;
	int fd = get_unused_fd_flags(O_CLOEXEC);

	EXPECT(sync_file && fd >= 0);
	fd_install(fd, sync_file->file);
	EXPECT(!close(fd));
	rcu_barrier();
	EXPECT(kref_read(&f->refcount) == 1);
	dma_fence_put(f);
	return 0;
}

int main(void)
{
	static const struct subtest tests[] = {
		SUBTEST(refuses_what_is_incomplete),
		SUBTEST(maps_still_memory_as_linux_does),
		SUBTEST(maps_moving_memory_as_linux_does),
		SUBTEST(asks_importers_for_move_notify),
		SUBTEST(gives_the_cpu_addresses),
		SUBTEST(a_descriptor_is_a_reference),
		SUBTEST(a_closed_number_gives_its_reference_back),
		SUBTEST(does_not_promise_faults),
		SUBTEST(maps_shared_memory_again),
		SUBTEST(copies_across_segments),
		SUBTEST(makes_tables),
#if ALWAYS_LOCKED
		SUBTEST(tables_come_after_the_move),
#endif
		SUBTEST(sync_files_go_out_and_come_in),
		SUBTEST(a_closed_sync_file_is_gone_at_the_barrier),
	};
	int err = mock_cache_create();

	if (!err)
		err = run_subtests(tests, ARRAY_SIZE(tests));
	mock_cache_destroy();
	return err ? 1 : 0;
}
