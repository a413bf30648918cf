/* SPDX-License-Identifier: MIT */
/* Registers of a device, which here are memory: volatile, and ordered as in Linux. */
#ifndef LINUX_COMPAT_IO_H
#define LINUX_COMPAT_IO_H

#include <asm/barrier.h>
#include <linux/types.h>

#include <string.h>

#define LC_READ_REGISTER(type, name) \
	static inline type name(const volatile void __iomem *address) \
	{ \
		return __atomic_load_n((const volatile type *)address, __ATOMIC_ACQUIRE); \
	}
#define LC_WRITE_REGISTER(type, name) \
	static inline void name(type value, volatile void __iomem *address) \
	{ \
		__atomic_store_n((volatile type *)address, value, __ATOMIC_RELEASE); \
	}
LC_READ_REGISTER(u8, readb)
LC_READ_REGISTER(u16, readw)
LC_READ_REGISTER(u32, readl)
LC_READ_REGISTER(u64, readq)
LC_WRITE_REGISTER(u8, writeb)
LC_WRITE_REGISTER(u16, writew)
LC_WRITE_REGISTER(u32, writel)
LC_WRITE_REGISTER(u64, writeq)

#define readl_relaxed(address) readl(address)
#define writel_relaxed(value, address) writel(value, address)
#define memcpy_toio(to, from, n) memcpy((void *)(to), from, n)
#define memcpy_fromio(to, from, n) memcpy(to, (const void *)(from), n)
#define memset_io(to, value, n) memset((void *)(to), value, n)

#endif
