/* SPDX-License-Identifier: MIT */
/*
 * What the rules say of works, timers and classes of locks: that which Linux allows in any
 * context is not reported, and that which sleeps is.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/dma-fence.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

static char reported[8]; /* the number of the last rule that was broken */
static dmabuf_warn_handler handler_before;

static void note_report(const char *message)
{
	snprintf(reported, sizeof(reported), "%.4s", message);
}

static int begin(struct kunit *test)
{
	if (!dmabuf_lockdep_is_on())
		kunit_skip(test, "DMABUF_DEBUG is not set");
	reported[0] = '\0';
	handler_before = dmabuf_set_warn_handler(note_report);
	return 0;
}

static void end(struct kunit *test)
{
	if (dmabuf_lockdep_is_on())
		dmabuf_set_warn_handler(handler_before);
}

static void work_func(struct work_struct *unused)
{
}

static void timer_func(struct timer_list *unused)
{
}

static enum hrtimer_restart hrtimer_func(struct hrtimer *unused)
{
	return HRTIMER_NORESTART;
}

static void irq_work_func(struct irq_work *unused)
{
}

static void kthread_work_func(struct kthread_work *unused)
{
}

static struct workqueue_struct *queue;
static struct kthread_worker *worker;
static DECLARE_WORK(work, work_func);
static DECLARE_DELAYED_WORK(delayed, work_func);
static DEFINE_TIMER(timer, timer_func);
static struct hrtimer hrtimer;
static DEFINE_IRQ_WORK(irq_work, irq_work_func);
static DEFINE_KTHREAD_WORK(kthread_work, kthread_work_func);
static struct kthread_delayed_work kthread_delayed;

/* With the name of what was reported first, if anything was. */
#define TRY(call) \
	do { \
		(void)(call); \
		if (reported[0] && !guilty) \
			guilty = #call; \
	} while (0)

static const char *queue_and_cancel_works(void)
{
	const char *guilty = NULL;

	TRY(schedule_work(&work));
	TRY(queue_work(queue, &work));
	TRY(work_busy(&work));
	TRY(cancel_work(&work));
	TRY(disable_work(&work));
	TRY(enable_work(&work));
	TRY(queue_delayed_work(queue, &delayed, 0));
	TRY(mod_delayed_work(queue, &delayed, 1));
	TRY(cancel_delayed_work(&delayed));
	TRY(schedule_delayed_work(&delayed, 1000 * HZ));
	TRY(cancel_delayed_work(&delayed));
	TRY(kthread_queue_work(worker, &kthread_work));
	TRY(kthread_queue_delayed_work(worker, &kthread_delayed, 1));
	TRY(kthread_mod_delayed_work(worker, &kthread_delayed, 1000 * HZ));
	return guilty;
}

static const char *arm_and_disarm_timers(void)
{
	const char *guilty = NULL;

	TRY(mod_timer(&timer, jiffies + 1000 * HZ));
	TRY(mod_timer_pending(&timer, jiffies + 2000 * HZ));
	TRY(timer_reduce(&timer, jiffies + 1));
	TRY(try_to_del_timer_sync(&timer));
	TRY(del_timer(&timer));
	TRY(del_timer_sync(&timer));
	TRY(hrtimer_start(&hrtimer, 1, HRTIMER_MODE_REL));
	TRY(hrtimer_active(&hrtimer));
	TRY(hrtimer_try_to_cancel(&hrtimer));
	TRY(hrtimer_cancel(&hrtimer));
	TRY(irq_work_queue(&irq_work));
	TRY(irq_work_is_busy(&irq_work));
	return guilty;
}

static DEFINE_SPINLOCK(lock);
static const char *guilty_works, *guilty_timers;

static void try_all(void)
{
	guilty_works = queue_and_cancel_works();
	reported[0] = '\0';
	guilty_timers = arm_and_disarm_timers();
}

static void fence_func(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	try_all();
}

static const char *get_name(struct dma_fence *fence)
{
	return "rules";
}

static const struct dma_fence_ops fence_ops = {
	.get_driver_name = get_name,
	.get_timeline_name = get_name,
};

static void begin_deferred(struct kunit *test)
{
	queue = alloc_workqueue("rules", 0, 0);
	worker = kthread_create_worker(0, "rules");
	KUNIT_ASSERT_NOT_NULL(test, queue);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, worker);
	hrtimer_setup(&hrtimer, hrtimer_func, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	kthread_init_delayed_work(&kthread_delayed, kthread_work_func);
	reported[0] = '\0';
}

static void end_deferred(void)
{
	cancel_work_sync(&work);
	cancel_delayed_work_sync(&delayed);
	irq_work_sync(&irq_work);
	kthread_cancel_delayed_work_sync(&kthread_delayed);
	kthread_destroy_worker(worker);
	destroy_workqueue(queue);
}

static void works_and_timers_are_for_any_context(struct kunit *test)
{
	struct dma_fence fence;
	struct dma_fence_cb cb;
	unsigned long flags;

	begin_deferred(test);
	spin_lock_irqsave(&lock, flags);
	try_all();
	spin_unlock_irqrestore(&lock, flags);
	KUNIT_EXPECT_STREQ(test, guilty_works ?: "", "");
	KUNIT_EXPECT_STREQ(test, guilty_timers ?: "", "");

	reported[0] = '\0';
	dma_fence_init(&fence, &fence_ops, &lock, dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, dma_fence_add_callback(&fence, &cb, fence_func), 0);
	dma_fence_signal(&fence);
	KUNIT_EXPECT_STREQ(test, guilty_works ?: "", "");
	KUNIT_EXPECT_STREQ(test, guilty_timers ?: "", "");
	end_deferred();
}

/* Also where there is nothing to wait for. */
static void waits_for_works_are_for_those_that_may_sleep(struct kunit *test)
{
	const char *silent = "";
	unsigned long flags;

#define SLEEPS(call) \
	do { \
		spin_lock_irqsave(&lock, flags); \
		reported[0] = '\0'; \
		(void)(call); \
		if (strcmp(reported, "D012")) \
			silent = #call; \
		spin_unlock_irqrestore(&lock, flags); \
		KUNIT_EXPECT_STREQ(test, silent, ""); \
		silent = ""; \
	} while (0)
	begin_deferred(test);
	SLEEPS(flush_work(&work));
	SLEEPS(flush_delayed_work(&delayed));
	SLEEPS(cancel_work_sync(&work));
	SLEEPS(cancel_delayed_work_sync(&delayed));
	SLEEPS(disable_work_sync(&work));
	enable_work(&work);
	SLEEPS(disable_delayed_work_sync(&delayed));
	enable_delayed_work(&delayed);
	SLEEPS(flush_workqueue(queue));
	SLEEPS(drain_workqueue(queue));
	SLEEPS(irq_work_sync(&irq_work));
	SLEEPS(msleep(0));
	SLEEPS(destroy_workqueue(queue));
	SLEEPS(queue = alloc_workqueue("rules", 0, 0));
	end_deferred();
}

struct object {
	struct lock_class_key keys[2];
	struct mutex mutexes[2];
};

/* Each object has classes of its own, which end with it. */
static void use_object(struct object *object, int first)
{
	for (int i = 0; i < 2; i++) {
		lockdep_register_key(&object->keys[i]);
		__mutex_init(&object->mutexes[i], i == first ? "outer" : "inner", &object->keys[i]);
	}
	mutex_lock(&object->mutexes[first]);
	mutex_lock(&object->mutexes[!first]);
	mutex_unlock(&object->mutexes[!first]);
	mutex_unlock(&object->mutexes[first]);
	for (int i = 0; i < 2; i++) {
		mutex_destroy(&object->mutexes[i]);
		lockdep_unregister_key(&object->keys[i]);
	}
}

static void a_key_ends_when_it_is_unregistered(struct kunit *test)
{
	static struct object object;

	use_object(&object, 0);
	use_object(&object, 1);
	KUNIT_EXPECT_STREQ(test, reported, "");
}

static void lock_in_turn(struct lockdep_map *first, struct lockdep_map *second)
{
	lock_map_acquire(first);
	lock_map_acquire(second);
	lock_map_release(second);
	lock_map_release(first);
}

/* The maps of another class at the same place may be taken the other way round. */
static void a_key_of_maps_ends_when_it_is_unregistered(struct kunit *test)
{
	static struct lock_class_key keys[2];
	struct lockdep_map outer, inner;

	for (int first = 0; first < 2; first++) {
		lockdep_register_key(&keys[0]);
		lockdep_register_key(&keys[1]);
		lockdep_init_map(&outer, "outer", &keys[first], 0);
		lockdep_init_map(&inner, "inner", &keys[!first], 0);
		lock_in_turn(&outer, &inner);
		KUNIT_EXPECT_STREQ(test, reported, "");
		lockdep_unregister_key(&keys[0]);
		lockdep_unregister_key(&keys[1]);
	}
}

/* While a key is registered, what is known of it stays. */
static void a_key_stays_until_then(struct kunit *test)
{
	static struct lock_class_key keys[2];
	struct lockdep_map a, b;

	lockdep_register_key(&keys[0]);
	lockdep_register_key(&keys[1]);
	lockdep_init_map(&a, "a", &keys[0], 0);
	lockdep_init_map(&b, "b", &keys[1], 0);
	lock_in_turn(&a, &b);
	KUNIT_EXPECT_STREQ(test, reported, "");
	lock_in_turn(&b, &a);
	KUNIT_EXPECT_STREQ(test, reported, "D001");
	lockdep_unregister_key(&keys[0]);
	lockdep_unregister_key(&keys[1]);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(works_and_timers_are_for_any_context),
	KUNIT_CASE(waits_for_works_are_for_those_that_may_sleep),
	KUNIT_CASE(a_key_ends_when_it_is_unregistered),
	KUNIT_CASE(a_key_of_maps_ends_when_it_is_unregistered),
	KUNIT_CASE(a_key_stays_until_then),
	{}
};

static struct kunit_suite suite = {
	.name = "compat-rules",
	.init = begin,
	.exit = end,
	.test_cases = cases,
};
kunit_test_suite(suite);
