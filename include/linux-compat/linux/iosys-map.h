/* SPDX-License-Identifier: MIT */
/*
 * linux/iosys-map.h - an address to read and write at
 *
 * There is no I/O memory here. A map that says it is some is used as any other.
 */
#ifndef LINUX_COMPAT_IOSYS_MAP_H
#define LINUX_COMPAT_IOSYS_MAP_H

#include <compat/tags.h>
#include <linux/io.h>
#include <linux/string.h>
#include <linux/types.h>

#include <dmabuf/dma-buf-ops.h>

#define IOSYS_MAP_INIT_VADDR(vaddr_)       { .vaddr = (vaddr_), .is_iomem = false }
#define IOSYS_MAP_INIT_VADDR_IOMEM(vaddr_) { .vaddr_iomem = (vaddr_), .is_iomem = true }

#define IOSYS_MAP_INIT_OFFSET(map_, offset_)             \
	({                                               \
		struct iosys_map lc_copy_ = *(map_); \
		iosys_map_incr(&lc_copy_, offset_);  \
		lc_copy_;                            \
	})

static inline void iosys_map_set_vaddr(struct iosys_map *map, void *vaddr)
{
	map->vaddr = vaddr;
	map->is_iomem = false;
}

static inline void iosys_map_set_vaddr_iomem(struct iosys_map *map, void __iomem *vaddr_iomem)
{
	map->vaddr_iomem = vaddr_iomem;
	map->is_iomem = true;
}

static inline bool iosys_map_is_equal(const struct iosys_map *lhs, const struct iosys_map *rhs)
{
	return lhs->is_iomem == rhs->is_iomem && lhs->vaddr == rhs->vaddr;
}

static inline bool iosys_map_is_null(const struct iosys_map *map)
{
	return !map->vaddr;
}

static inline bool iosys_map_is_set(const struct iosys_map *map)
{
	return map->vaddr;
}

static inline void iosys_map_clear(struct iosys_map *map)
{
	iosys_map_set_vaddr(map, NULL);
}

static inline void iosys_map_incr(struct iosys_map *map, size_t incr)
{
	map->vaddr = (char *)map->vaddr + incr;
}

static inline void iosys_map_memcpy_to(struct iosys_map *dst, size_t dst_offset, const void *src,
				       size_t len)
{
	memcpy((char *)dst->vaddr + dst_offset, src, len);
}

static inline void iosys_map_memcpy_from(void *dst, const struct iosys_map *src,
					 size_t src_offset, size_t len)
{
	memcpy(dst, (const char *)src->vaddr + src_offset, len);
}

static inline void iosys_map_memset(struct iosys_map *dst, size_t offset, int value, size_t len)
{
	memset((char *)dst->vaddr + offset, value, len);
}

#define iosys_map_rd(map, offset, type)                                        \
	({                                                                     \
		type lc_value_;                                            \
		iosys_map_memcpy_from(&lc_value_, map, offset, sizeof(type)); \
		lc_value_;                                                 \
	})

#define iosys_map_wr(map, offset, type, value)                                 \
	({                                                                     \
		type lc_value_ = (value);                                  \
		iosys_map_memcpy_to(map, offset, &lc_value_, sizeof(type)); \
	})

#define iosys_map_rd_field(map, struct_offset, struct_type, field)           \
	iosys_map_rd(map, (struct_offset) + offsetof(struct_type, field),    \
		     typeof(((struct_type *)0)->field))

#define iosys_map_wr_field(map, struct_offset, struct_type, field, value)    \
	iosys_map_wr(map, (struct_offset) + offsetof(struct_type, field),    \
		     typeof(((struct_type *)0)->field), value)

#endif
