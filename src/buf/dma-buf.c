/* SPDX-License-Identifier: MIT */
/*
 * The life of a buffer: export, references, descriptors, name.
 *
 * Locking: a buffer is in the registry for as long as it has references. Its last
 * reference is dropped under the registry's lock, so that whoever finds a buffer there
 * may take one. name_lock guards the name, alone, because names are read where no lock
 * may be waited for.
 */
#include <dmabuf/dma-buf-info.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "buf/buffer.h"
#include "buf/trace.h"
#include "resv/backing.h"
#include "resv/ww-rules.h"
#include "os/alloc.h"
#include "os/fault.h"
#include "os/file.h"
#include "os/list.h"

/* A buffer of a pool goes on after this process has left that: it can be unmapped, and put. */
void buffer_lock(struct dma_buf *dmabuf)
{
	resv_lock_surely(dmabuf->resv);
}

void buffer_unlock(struct dma_buf *dmabuf)
{
	dma_resv_unlock(dmabuf->resv);
}

void buffer_assert_not_held(struct dma_buf *dmabuf, const char *function)
{
	buffer_check_alive(dmabuf, function);
	rule_bug_on(dma_resv_held(dmabuf->resv), DMABUF_RULE_MAPPING, dmabuf->resv,
		    "%s(): the caller holds the reservation lock of buffer %p; unlock it first",
		    function, (void *)dmabuf);
}

void buffer_might_lock(struct dma_buf *dmabuf)
{
	ww_might_lock(&dmabuf->resv->lock, NULL);
}

int buffer_wait(struct dma_buf *dmabuf, enum dma_resv_usage usage)
{
	const int64_t left =
		dma_resv_wait_timeout(dmabuf->resv, usage, true, MAX_SCHEDULE_TIMEOUT);

	if (left == -ERESTARTSYS)
		return -EINTR;
	return left < 0 ? (int)left : 0;
}

static int check_info(const struct dma_buf_export_info *info)
{
	const struct dma_buf_ops *ops;

	if (dmabuf_warn_on(!info || !info->priv || !info->ops,
			   "dma_buf_export() needs info, priv and ops"))
		return -EINVAL;
	ops = info->ops;
	if (dmabuf_warn_on(!ops->map_dma_buf || !ops->unmap_dma_buf || !ops->release,
			   "dma_buf_export(): %s has no map_dma_buf, unmap_dma_buf or release",
			   info->exp_name))
		return -EINVAL;
	if (dmabuf_warn_on(!ops->pin != !ops->unpin,
			   "dma_buf_export(): %s has one of pin and unpin without the other",
			   info->exp_name))
		return -EINVAL;
	if (dmabuf_warn_on(ops->cache_sgt_mapping && (ops->pin || ops->dynamic_mapping),
			   "dma_buf_export(): %s has cache_sgt_mapping, which excludes pin and dynamic_mapping",
			   info->exp_name))
		return -EINVAL;
	return 0;
}

/* Is the file good for the buffer, and for what? */
static int take_file(struct buffer *buffer, struct os_file *ret_file)
{
	struct os_file file;
	int err;

	err = os_file_inspect(buffer->fd, &file);
	if (err)
		return err;
	if (!file.readable)
		return -EACCES;
	if (file.regular && file.size < buffer->base.size)
		return -EINVAL;
	buffer->fd_writable = file.writable;
	buffer->writable = buffer->writable && file.writable;
	*ret_file = file;
	return 0;
}

/* One buffer for each file; NULL: it has none. From here on others find it. */
static int enter(struct buffer *buffer, const struct os_file *file)
{
	bool is_first;

	registry_lock();
	is_first = !file || registry_add_memory(&buffer->registered, file->key);
	if (is_first) {
		registry_add(&buffer->registered);
		buffer_trace(DMABUF_TRACE_BUF_EXPORT, &buffer->base);
	}
	registry_unlock();
	return is_first ? 0 : -EEXIST;
}

static void set_name(struct buffer *buffer, const char *name)
{
	if (name)
		snprintf(buffer->name, sizeof(buffer->name), "%s", name);
	buffer->base.name = name ? buffer->name : NULL;
}

static void init(struct buffer *buffer, const struct dma_buf_export_info *info, const char *name,
		 int fd)
{
	buffer->base = (struct dma_buf){
		.size = info->size,
		.ops = info->ops,
		.exp_name = info->exp_name,
		.dynamic = info->dynamic_mapping || info->ops->dynamic_mapping || info->ops->pin,
		.priv = info->priv,
		.resv = info->resv ? info->resv : &buffer->own_resv,
		.name_lock = DMABUF_SPINLOCK_INIT,
	};
	list_init(&buffer->base.attachments);
	buffer->refs = 1;
	buffer->fd = fd;
	buffer->writable = (info->flags & O_ACCMODE) == O_RDWR;
	dma_resv_init(&buffer->own_resv);
	set_name(buffer, name);
}

struct dma_buf *buffer_export(const struct dma_buf_export_info *info, const char *name, int fd)
{
	struct buffer *buffer;
	struct os_file file;
	int err;

	lockdep_might_alloc();
	err = check_info(info);
	if (err)
		return dmabuf_err_ptr(err);
	buffer = os_alloc(sizeof(*buffer));
	if (!buffer)
		return dmabuf_err_ptr(-ENOMEM);
	if (lockdep_is_on())
		lockdep_born(buffer);
	init(buffer, info, name, fd);
	if (fd >= 0)
		err = take_file(buffer, &file);
	if (err)
		goto free_buffer;
	err = enter(buffer, fd >= 0 ? &file : NULL);
	if (err)
		goto free_buffer;
	return &buffer->base;

free_buffer:
	dma_resv_fini(&buffer->own_resv);
	os_free(buffer);
	return dmabuf_err_ptr(err);
}

struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info)
{
	return buffer_export(exp_info, NULL, -1);
}

struct dma_buf *dma_buf_export_memory(const struct dma_buf_export_info *exp_info, int fd)
{
	struct dma_buf *dmabuf;
	int own;

	lockdep_might_alloc();
	own = os_file_dup(fd, true);
	if (own < 0)
		return dmabuf_err_ptr(own);
	dmabuf = buffer_export(exp_info, NULL, own);
	if (dmabuf_is_err(dmabuf))
		os_file_close(own);
	return dmabuf;
}

int dma_buf_fd(struct dma_buf *dmabuf, int flags)
{
	const int access = flags & O_ACCMODE;
	const bool cloexec = flags & O_CLOEXEC;
	struct buffer *buffer;

	lockdep_might_alloc();
	if (!dmabuf || flags & ~(O_ACCMODE | O_CLOEXEC) || (access != O_RDONLY && access != O_RDWR))
		return -EINVAL;
	buffer_check_alive(dmabuf, __func__);
	buffer = to_buffer(dmabuf);
	if (buffer->fd < 0)
		return -EOPNOTSUPP;
	if (access == O_RDWR && !buffer->writable)
		return -EACCES;
	if (access == O_RDONLY && buffer->fd_writable)
		return os_file_reopen_readonly(buffer->fd, cloexec);
	return os_file_dup(buffer->fd, cloexec);
}

struct dma_buf *dma_buf_get(int fd)
{
	struct buffer *buffer = NULL;
	struct registry_node *node;
	struct os_file file;
	int err;

	err = os_file_inspect(fd, &file);
	if (err)
		return dmabuf_err_ptr(err);
	if (!file.readable && !file.writable) /* O_PATH: a name, and no right to anything */
		return dmabuf_err_ptr(-EBADF);
	registry_lock();
	node = registry_find(file.key);
	if (node) {
		buffer = container_of(node, struct buffer, registered);
		get_dma_buf(&buffer->base);
	}
	registry_unlock();
	return node ? &buffer->base : dmabuf_err_ptr(-EINVAL);
}

void get_dma_buf(struct dma_buf *dmabuf)
{
	buffer_check_alive(dmabuf, __func__);

	/* Who gets a reference was shown the buffer, and that orders all else. */
	const uint32_t refs = fetch_add_relaxed(&to_buffer(dmabuf)->refs, 1);

	dmabuf_bug_on(!refs, "get_dma_buf(): buffer %p has no references any more", (void *)dmabuf);
}

/* Drop a reference, and say whether it was the last. */
static bool put_last(struct buffer *buffer)
{
	uint32_t refs = load_relaxed(&buffer->refs); /* checked by the swap */
	bool last;

	while (refs > 1) {
		OS_RACE_POINT("dma-buf: before a put");
		if (cas_release(&buffer->refs, &refs, refs - 1))
			return false;
	}
	dmabuf_bug_on(!refs, "dma_buf_put(): buffer %p has no references any more",
		      (void *)&buffer->base);
	OS_RACE_POINT("dma-buf: maybe the last put");
	registry_lock();
	last = fetch_sub_acq_rel(&buffer->refs, 1) == 1;
	if (last)
		registry_remove(&buffer->registered);
	registry_unlock();
	return last;
}

void dma_buf_put(struct dma_buf *dmabuf)
{
	struct buffer *buffer;

	if (!dmabuf)
		return;
	buffer_check_alive(dmabuf, __func__);
	lockdep_might_sleep();
	buffer = to_buffer(dmabuf);
	if (!put_last(buffer))
		return;
	buffer_assert_not_held(dmabuf, __func__);
	dmabuf_bug_on(dmabuf->vmapping_counter,
		      "dma_buf_put(): buffer %p is mapped by %u dma_buf_vmap(); undo them first",
		      (void *)dmabuf, dmabuf->vmapping_counter);
	/* Somebody will still detach: leave him what he needs for that. */
	if (dmabuf_warn_on(!list_is_empty(&dmabuf->attachments),
			   "dma_buf_put(): buffer %p has attachments, and is never freed; detach first",
			   (void *)dmabuf))
		return;
	buffer_trace(DMABUF_TRACE_BUF_RELEASE, dmabuf);
	if (lockdep_is_on())
		lockdep_begin_release(dmabuf);
	dmabuf->ops->release(dmabuf);
	dma_resv_fini(&buffer->own_resv);
	if (buffer->fd >= 0)
		os_file_close(buffer->fd);
	if (lockdep_is_on())
		lockdep_end_release();
	os_free(buffer);
}

/* The live buffer after @buffer, or the first: what is in the registry has references. */
static struct dma_buf *get_next(const struct buffer *buffer)
{
	struct dma_buf *next = NULL;
	struct registry_node *node;

	registry_lock();
	node = registry_next(buffer ? &buffer->registered : NULL);
	if (node) {
		next = &container_of(node, struct buffer, registered)->base;
		get_dma_buf(next);
	}
	registry_unlock();
	return next;
}

struct dma_buf *dma_buf_iter_begin(void)
{
	return get_next(NULL);
}

struct dma_buf *dma_buf_iter_next(struct dma_buf *dmabuf)
{
	struct dma_buf *next = get_next(to_buffer(dmabuf));

	dma_buf_put(dmabuf);
	return next;
}

bool buffer_name_fits(const char *name)
{
	return !name || strnlen(name, DMA_BUF_NAME_LEN) < DMA_BUF_NAME_LEN;
}

int dma_buf_set_name(struct dma_buf *dmabuf, const char *name)
{
	if (!dmabuf || !buffer_name_fits(name))
		return -EINVAL;
	buffer_check_alive(dmabuf, __func__);
	dmabuf_spin_lock(&dmabuf->name_lock);
	set_name(to_buffer(dmabuf), name);
	dmabuf_spin_unlock(&dmabuf->name_lock);
	return 0;
}

void dma_buf_get_name(struct dma_buf *dmabuf, char ret_name[DMA_BUF_NAME_LEN])
{
	buffer_check_alive(dmabuf, __func__);
	dmabuf_spin_lock(&dmabuf->name_lock);
	snprintf(ret_name, DMA_BUF_NAME_LEN, "%s", dmabuf->name ? dmabuf->name : "");
	dmabuf_spin_unlock(&dmabuf->name_lock);
}
