/* SPDX-License-Identifier: MIT */
/* Memory for devices: mappings, lists of pieces, areas of addresses, debugging files. */
#include <kunit/test.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/poll.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/string.h>

static struct device device = { .name = "card" };
static struct device narrow = { .name = "narrow", .alignment = 64 };
static char buffer[256] __aligned(64);

static void a_mask_is_accepted(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, dma_set_mask(&device, DMA_BIT_MASK(32)), 0);
	KUNIT_EXPECT_EQ(test, dma_set_coherent_mask(&device, DMA_BIT_MASK(48)), 0);
	KUNIT_EXPECT_EQ(test, dma_set_mask_and_coherent(&device, DMA_BIT_MASK(64)), 0);
	KUNIT_EXPECT_EQ(test, DMA_BIT_MASK(32), 0xffffffffull);
	KUNIT_EXPECT_EQ(test, DMA_BIT_MASK(64), U64_MAX);
}

/* Its address is the processor's, unless that is beyond the device. */
static void one_piece_is_mapped(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	dma_addr_t address = dma_map_single(&device, buffer, sizeof(buffer), DMA_TO_DEVICE);

	KUNIT_EXPECT_EQ(test, dma_mapping_error(&device, address), 0);
	KUNIT_EXPECT_EQ(test, address, (dma_addr_t)(uintptr_t)buffer);
	dma_sync_single_for_cpu(&device, address, sizeof(buffer), DMA_TO_DEVICE);
	dma_sync_single_for_device(&device, address, sizeof(buffer), DMA_TO_DEVICE);
	dma_unmap_single(&device, address, sizeof(buffer), DMA_TO_DEVICE);
	address = dma_map_single(&narrow, buffer + 1, 8, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, address, DMA_MAPPING_ERROR);
	KUNIT_EXPECT_EQ(test, dma_mapping_error(&narrow, address), -ENOMEM);
	address = dma_map_page(&device, page, 16, 32, DMA_FROM_DEVICE);
	KUNIT_EXPECT_EQ(test, address, page_to_phys(page) + 16);
	dma_unmap_page(&device, address, 32, DMA_FROM_DEVICE);
	__free_page(page);
}

static void pieces_are_mapped_together(struct kunit *test)
{
	struct scatterlist list[2];
	struct sg_table table = { .sgl = list, .orig_nents = 2 };
	char copy[12];

	sg_init_table(list, 2);
	sg_set_buf(&list[0], buffer, 8);
	sg_set_buf(&list[1], buffer + 64, 8);
	memcpy(buffer, "12345678", 8);
	memcpy(buffer + 64, "abcdefgh", 8);
	KUNIT_EXPECT_EQ(test, dma_map_sg(&device, list, 2, DMA_BIDIRECTIONAL), 2);
	dma_sync_sg_for_cpu(&device, list, 2, DMA_BIDIRECTIONAL);
	dma_sync_sg_for_device(&device, list, 2, DMA_BIDIRECTIONAL);
	dma_unmap_sg(&device, list, 2, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, dma_map_sg_attrs(&narrow, list, 2, DMA_TO_DEVICE, DMA_ATTR_NO_WARN), 2);
	dma_unmap_sg_attrs(&narrow, list, 2, DMA_TO_DEVICE, DMA_ATTR_NO_WARN);
	dma_sync_sgtable_for_cpu(&device, &table, DMA_TO_DEVICE);
	dma_sync_sgtable_for_device(&device, &table, DMA_TO_DEVICE);
	KUNIT_EXPECT_EQ(test, sg_copy_to_buffer(list, 2, copy, sizeof(copy)), sizeof(copy));
	KUNIT_EXPECT_MEMEQ(test, copy, "12345678abcd", sizeof(copy));
	sg_mark_end(&list[0]);
	KUNIT_EXPECT_EQ(test, sg_nents(list), 1);
	sg_unmark_end(&list[0]);
	KUNIT_EXPECT_EQ(test, sg_nents(list), 2);
	sg_set_buf(&list[1], buffer + 65, 8);
	KUNIT_EXPECT_EQ(test, dma_map_sg(&narrow, list, 2, DMA_TO_DEVICE), 0);
	sg_init_one(list, buffer, 5);
	KUNIT_EXPECT_TRUE(test, sg_is_last(list));
	KUNIT_EXPECT_PTR_EQ(test, sg_virt(list), &buffer[0]);
	KUNIT_EXPECT_EQ(test, sg_dma_len(list), 5);
}

static void memory_of_a_device_is_mapped_once_more(struct kunit *test)
{
	struct vm_area_struct vma;
	struct sg_table table;
	dma_addr_t handle;
	char *memory;

	if (!linux_compat_maps_again())
		kunit_skip(test, "not tested: second mappings of memory, which this emulator does not make");
	memory = dma_alloc_wc(&device, PAGE_SIZE, &handle, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, memory);
	KUNIT_EXPECT_NULL(test, memchr_inv(memory, 0, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, handle, (dma_addr_t)(uintptr_t)memory);
	KUNIT_ASSERT_EQ(test, dma_get_sgtable(&device, &table, memory, handle, PAGE_SIZE), 0);
	KUNIT_EXPECT_PTR_EQ(test, sg_virt(table.sgl), memory);
	sg_free_table(&table);
	KUNIT_ASSERT_EQ(test, linux_compat_vma_open(&vma, PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	vma.vm_page_prot = pgprot_noncached(pgprot_writecombine(vma.vm_page_prot));
	KUNIT_EXPECT_EQ(test, dma_mmap_wc(&device, &vma, memory, handle, PAGE_SIZE), 0);
	*(char *)vma.vm_start = 7;
	KUNIT_EXPECT_EQ(test, memory[0], 7);
	KUNIT_EXPECT_EQ(test, vma.vm_flags, VM_READ | VM_WRITE | VM_SHARED);
	vm_flags_set(&vma, VM_PFNMAP | VM_IO);
	vm_flags_clear(&vma, VM_WRITE);
	KUNIT_EXPECT_EQ(test, vma.vm_flags, VM_READ | VM_SHARED | VM_PFNMAP | VM_IO);
	vm_flags_mod(&vma, VM_DONTCOPY, VM_IO | VM_PFNMAP);
	KUNIT_EXPECT_EQ(test, vma.vm_flags, VM_READ | VM_SHARED | VM_DONTCOPY);
	linux_compat_vma_close(&vma);
	dma_free_wc(&device, PAGE_SIZE, memory, handle);
}

/* Each is a bit, or bits, of its own. */
static void expect_disjoint(struct kunit *test, const unsigned long *flags, size_t n)
{
	unsigned long all = 0;

	for (size_t i = 0; i < n; i++) {
		KUNIT_EXPECT_NE_MSG(test, flags[i], 0, "flag %zu", i);
		KUNIT_EXPECT_EQ_MSG(test, all & flags[i], 0, "flag %zu", i);
		all |= flags[i];
	}
}

static void flags_do_not_overlap(struct kunit *test)
{
	static const unsigned long areas[] = {
		VM_READ, VM_WRITE, VM_EXEC, VM_SHARED, VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC,
		VM_MAYSHARE, VM_PFNMAP, VM_IO, VM_DONTCOPY, VM_DONTEXPAND, VM_DONTDUMP, VM_MIXEDMAP,
	};
	static const unsigned long faults[] = {
		VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_NOPAGE,
	};
	static const unsigned long attributes[] = {
		DMA_ATTR_WEAK_ORDERING, DMA_ATTR_WRITE_COMBINE, DMA_ATTR_NO_KERNEL_MAPPING,
		DMA_ATTR_SKIP_CPU_SYNC, DMA_ATTR_FORCE_CONTIGUOUS, DMA_ATTR_NO_WARN,
	};

	expect_disjoint(test, areas, ARRAY_SIZE(areas));
	expect_disjoint(test, faults, ARRAY_SIZE(faults));
	expect_disjoint(test, attributes, ARRAY_SIZE(attributes));
}

static int state_show(struct seq_file *m, void *data)
{
	seq_puts(m, "state");
	return 0;
}

DEFINE_SHOW_ATTRIBUTE(state);

/* Nothing is made, so that drivers go on as in a kernel without debugging files. */
static void debugging_files_are_not_made(struct kunit *test)
{
	struct dentry *dir = debugfs_create_dir("dir", NULL), *file;
	unsigned long word = 1;
	bool flag = true;
	atomic_t count;
	u64 wide = 1;
	u32 value = 1;
	u8 byte = 1;

	KUNIT_EXPECT_EQ(test, PTR_ERR(dir), -ENODEV);
	file = debugfs_create_file("state", 0444, dir, &value, &state_fops);
	KUNIT_EXPECT_EQ(test, PTR_ERR(file), -ENODEV);
	file = debugfs_create_file_unsafe("state", 0444, dir, &value, &state_fops);
	KUNIT_EXPECT_EQ(test, PTR_ERR(file), -ENODEV);
	debugfs_create_u8("u8", 0644, dir, &byte);
	debugfs_create_u32("u32", 0644, dir, &value);
	debugfs_create_u64("u64", 0644, dir, &wide);
	debugfs_create_x32("x32", 0644, dir, &value);
	debugfs_create_bool("bool", 0644, dir, &flag);
	debugfs_create_ulong("ulong", 0644, dir, &word);
	debugfs_create_atomic_t("atomic", 0644, dir, &count);
	debugfs_remove(file);
	debugfs_lookup_and_remove("u8", dir);
	debugfs_remove_recursive(dir);
	KUNIT_EXPECT_FALSE(test, debugfs_initialized());
}

static __poll_t poll_state(struct file *file, poll_table *table)
{
	static DECLARE_WAIT_QUEUE_HEAD(queue);

	poll_wait(file, &queue, table);
	return EPOLLIN;
}

static void a_device_keeps_its_data(struct kunit *test)
{
	static const struct file_operations fops = { .poll = poll_state };
	struct device nameless = { .name = NULL };

	dev_set_drvdata(&device, buffer);
	KUNIT_EXPECT_PTR_EQ(test, dev_get_drvdata(&device), &buffer[0]);
	KUNIT_EXPECT_STREQ(test, dev_name(&device), "card");
	KUNIT_EXPECT_STREQ(test, dev_name(&nameless), "");
	KUNIT_EXPECT_EQ(test, fops.poll(NULL, NULL), EPOLLIN);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_mask_is_accepted),
	KUNIT_CASE(one_piece_is_mapped),
	KUNIT_CASE(pieces_are_mapped_together),
	KUNIT_CASE(memory_of_a_device_is_mapped_once_more),
	KUNIT_CASE(flags_do_not_overlap),
	KUNIT_CASE(debugging_files_are_not_made),
	KUNIT_CASE(a_device_keeps_its_data),
	{}
};

static struct kunit_suite suite = { .name = "compat-dma", .test_cases = cases };
kunit_test_suite(suite);
