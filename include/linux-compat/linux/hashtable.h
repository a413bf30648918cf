/* SPDX-License-Identifier: MIT */
/* Hash tables of fixed size: arrays of lists, whose length is a power of two. As in Linux. */
#ifndef LINUX_COMPAT_HASHTABLE_H
#define LINUX_COMPAT_HASHTABLE_H

#include <linux/array_size.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/rculist.h>

#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
#define DEFINE_HASHTABLE(name, bits) DECLARE_HASHTABLE(name, bits) = { { NULL } }
#define HASH_SIZE(table) ARRAY_SIZE(table)
#define HASH_BITS(table) ((unsigned int)ilog2(HASH_SIZE(table)))

#define hash_min(value, bits) hash_64(value, bits)
#define hash_init(table) \
	do { \
		for (size_t lc_i = 0; lc_i < HASH_SIZE(table); lc_i++) \
			INIT_HLIST_HEAD(&(table)[lc_i]); \
	} while (0)
#define LC_BUCKET(table, key) (&(table)[hash_min(key, HASH_BITS(table))])

#define hash_add(table, node, key) hlist_add_head(node, LC_BUCKET(table, key))
#define hash_add_rcu(table, node, key) hlist_add_head_rcu(node, LC_BUCKET(table, key))
#define hash_hashed(node) (!hlist_unhashed(node))
#define hash_del(node) hlist_del_init(node)
#define hash_del_rcu(node) hlist_del_init_rcu(node)
#define hash_empty(table) \
	({ \
		bool lc_empty = true; \
		for (size_t lc_i = 0; lc_i < HASH_SIZE(table); lc_i++) \
			lc_empty = lc_empty && hlist_empty(&(table)[lc_i]); \
		lc_empty; \
	})

#define hash_for_each(table, bkt, obj, member) \
	for ((bkt) = 0, (obj) = NULL; !(obj) && (size_t)(bkt) < HASH_SIZE(table); (bkt)++) \
		hlist_for_each_entry(obj, &(table)[bkt], member)
#define hash_for_each_rcu(table, bkt, obj, member) \
	for ((bkt) = 0, (obj) = NULL; !(obj) && (size_t)(bkt) < HASH_SIZE(table); (bkt)++) \
		hlist_for_each_entry_rcu(obj, &(table)[bkt], member)
#define hash_for_each_safe(table, bkt, tmp, obj, member) \
	for ((bkt) = 0, (obj) = NULL; !(obj) && (size_t)(bkt) < HASH_SIZE(table); (bkt)++) \
		hlist_for_each_entry_safe(obj, tmp, &(table)[bkt], member)
#define hash_for_each_possible(table, obj, member, key) \
	hlist_for_each_entry(obj, LC_BUCKET(table, key), member)
#define hash_for_each_possible_rcu(table, obj, member, key, cond...) \
	hlist_for_each_entry_rcu(obj, LC_BUCKET(table, key), member)
#define hash_for_each_possible_safe(table, obj, tmp, member, key) \
	hlist_for_each_entry_safe(obj, tmp, LC_BUCKET(table, key), member)

#endif
