/* SPDX-License-Identifier: MIT */
/* Files for debugging. As in a Linux without them: nothing is made, and nobody need care. */
#ifndef LINUX_COMPAT_DEBUGFS_H
#define LINUX_COMPAT_DEBUGFS_H

#include <linux/err.h>
#include <linux/fs.h>

struct dentry;

static inline struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	(void)name;
	(void)parent;
	return (struct dentry *)ERR_PTR(-ENODEV);
}

static inline struct dentry *debugfs_create_file(const char *name, umode_t mode,
						 struct dentry *parent, void *data,
						 const struct file_operations *fops)
{
	(void)mode;
	(void)data;
	(void)fops;
	return debugfs_create_dir(name, parent);
}

#define debugfs_create_file_unsafe(name, mode, parent, data, fops) \
	debugfs_create_file(name, mode, parent, data, fops)
#define LC_DEBUGFS_VALUE(name, mode, parent, value) \
	((void)(name), (void)(mode), (void)(parent), (void)(value))
#define debugfs_create_u8(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_u32(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_u64(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_x32(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_bool(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_ulong(name, mode, parent, value) LC_DEBUGFS_VALUE(name, mode, parent, value)
#define debugfs_create_atomic_t(name, mode, parent, value) \
	LC_DEBUGFS_VALUE(name, mode, parent, value)

#define debugfs_remove(dentry) ((void)(dentry))
#define debugfs_remove_recursive(dentry) ((void)(dentry))
#define debugfs_lookup_and_remove(name, parent) ((void)(name), (void)(parent))
#define debugfs_initialized() false

#define DEFINE_SHOW_ATTRIBUTE(name) \
	static int (*const lc_show_##name)(struct seq_file *m, void *data) __maybe_unused = \
		name##_show; \
	static const struct file_operations name##_fops __maybe_unused = { .owner = NULL }

#endif
