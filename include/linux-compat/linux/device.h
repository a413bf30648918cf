/* SPDX-License-Identifier: MIT */
/*
 * linux/device.h - who imports a buffer
 *
 * struct device is the library's: a name, and limits. It is not counted: whoever owns it
 * keeps it for as long as something is attached for it.
 */
#ifndef LINUX_COMPAT_DEVICE_H
#define LINUX_COMPAT_DEVICE_H

#include <compat/tags.h>
#include <linux/printk.h>
#include <linux/types.h>

#include <dmabuf/scatterlist.h>

static inline const char *dev_name(const struct device *dev)
{
	return dev->name ? dev->name : "";
}

static inline void *dev_get_drvdata(const struct device *dev)
{
	return dev->driver_data;
}

static inline void dev_set_drvdata(struct device *dev, void *data)
{
	dev->driver_data = data;
}

#define lc_dev_printk(level, dev, fmt, ...) \
	printk(level "%s: " fmt, dev_name(dev), ##__VA_ARGS__)
#define dev_emerg(dev, fmt, ...)  lc_dev_printk(KERN_EMERG, dev, fmt, ##__VA_ARGS__)
#define dev_alert(dev, fmt, ...)  lc_dev_printk(KERN_ALERT, dev, fmt, ##__VA_ARGS__)
#define dev_crit(dev, fmt, ...)   lc_dev_printk(KERN_CRIT, dev, fmt, ##__VA_ARGS__)
#define dev_err(dev, fmt, ...)    lc_dev_printk(KERN_ERR, dev, fmt, ##__VA_ARGS__)
#define dev_warn(dev, fmt, ...)   lc_dev_printk(KERN_WARNING, dev, fmt, ##__VA_ARGS__)
#define dev_notice(dev, fmt, ...) lc_dev_printk(KERN_NOTICE, dev, fmt, ##__VA_ARGS__)
#define dev_info(dev, fmt, ...)   lc_dev_printk(KERN_INFO, dev, fmt, ##__VA_ARGS__)
#define dev_dbg(dev, fmt, ...)                                           \
	do {                                                             \
		if (0)                                                   \
			lc_dev_printk(KERN_DEBUG, dev, fmt, ##__VA_ARGS__); \
	} while (0)

#endif
