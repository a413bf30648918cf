/* SPDX-License-Identifier: MIT */
/* What a test is given, and what is released when it ends, the last one first. As in Linux. */
#ifndef LINUX_COMPAT_KUNIT_RESOURCE_H
#define LINUX_COMPAT_KUNIT_RESOURCE_H

#include <compat/kunit.h>

/* 0, or -ENOMEM: then nothing will be called. */
static inline int __must_check kunit_add_action(struct kunit *test, kunit_action_t *func,
						void *context)
{
	struct lc_kunit_action *action =
		(struct lc_kunit_action *)kmalloc(sizeof(*action), GFP_KERNEL);

	if (!action)
		return -ENOMEM;
	action->func = func;
	action->context = context;
	spin_lock(&test->lock);
	list_add(&action->entry, &test->resources);
	spin_unlock(&test->lock);
	return 0;
}

/* Or -ENOMEM, and it has been called. */
static inline int __must_check kunit_add_action_or_reset(struct kunit *test, kunit_action_t *func,
							 void *context)
{
	const int err = kunit_add_action(test, func, context);

	if (err)
		func(context);
	return err;
}

/* Forget the newest such action. True: there was one. */
static inline bool lc_kunit_forget(struct kunit *test, kunit_action_t *func, void *context)
{
	struct lc_kunit_action *action, *found = NULL;

	spin_lock(&test->lock);
	list_for_each_entry(action, &test->resources, entry)
		if (action->func == func && action->context == context) {
			found = action;
			list_del(&found->entry);
			break;
		}
	spin_unlock(&test->lock);
	kfree(found);
	return found;
}

static inline void kunit_remove_action(struct kunit *test, kunit_action_t *func, void *context)
{
	lc_kunit_forget(test, func, context);
}

static inline void kunit_release_action(struct kunit *test, kunit_action_t *func, void *context)
{
	if (lc_kunit_forget(test, func, context))
		func(context);
}

#define KUNIT_DEFINE_ACTION_WRAPPER(wrapper, orig, arg_type) \
	static void wrapper(void *in) \
	{ \
		arg_type arg = (arg_type)in; \
		orig(arg); \
	}

/*
 * Memory that goes with the test.
 */

void lc_kunit_kfree(void *memory);

LC_SHARED void lc_kunit_kfree(void *memory)
{
	kfree(memory);
}

static inline void *lc_kunit_keep(struct kunit *test, void *memory)
{
	if (memory && kunit_add_action_or_reset(test, lc_kunit_kfree, memory))
		return NULL;
	return memory;
}

static inline void *kunit_kmalloc_array(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	return lc_kunit_keep(test, kmalloc_array(n, size, gfp));
}

static inline void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return lc_kunit_keep(test, kmalloc(size, gfp));
}

static inline void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	return kunit_kmalloc(test, size, gfp | __GFP_ZERO);
}

static inline void *kunit_kcalloc(struct kunit *test, size_t n, size_t size, gfp_t gfp)
{
	return kunit_kmalloc_array(test, n, size, gfp | __GFP_ZERO);
}

static inline char *kunit_kstrdup(struct kunit *test, const char *text, gfp_t gfp)
{
	char *copy = text ? (char *)kunit_kmalloc(test, strlen(text) + 1, gfp) : NULL;

	return copy ? strcpy(copy, text) : NULL;
}

static inline void kunit_kfree(struct kunit *test, const void *memory)
{
	if (memory)
		kunit_release_action(test, lc_kunit_kfree, (void *)(uintptr_t)memory);
}

#endif
