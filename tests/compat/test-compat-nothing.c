/* SPDX-License-Identifier: MIT */
/* What says something to the kernel and nothing here: it compiles where kernel code has it. */
#include <kunit/test.h>
#include <linux/bottom_half.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/export.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/typecheck.h>
#include <linux/uaccess.h>
#include <trace/events/dma_fence.h>

MODULE_INFO(key, "value");
MODULE_AUTHOR("nobody");
MODULE_VERSION("1");
MODULE_ALIAS("other");
MODULE_FIRMWARE("file");
MODULE_SOFTDEP("pre: other");
MODULE_DEVICE_TABLE(of, table);
MODULE_IMPORT_NS("SPACE");

static int param = 1, params[3] = { 1, 2, 3 }, others[2];
static unsigned int n_params;
static char text[8] = "text";
module_param_unsafe(param, int, 0444);
module_param_named_unsafe(named, param, int, 0444);
module_param_string(string, text, sizeof(text), 0444);
module_param_array(params, int, &n_params, 0444);
module_param_array_named(renamed, others, int, NULL, 0444);

BUILD_BUG_ON(sizeof(int) > sizeof(long));
BUILD_BUG_ON_MSG(sizeof(int) > sizeof(long), "odd");
BUILD_BUG_ON_NOT_POWER_OF_2(64);
static_assert(sizeof(u64) == 8);
static_assert(sizeof(u64) == 8, "with a text");

static int begun; /* digits */

static int begin_core(void)
{
	begun = begun * 10 + 1;
	return 0;
}

static int begin_subsystem(void)
{
	begun = begun * 10 + 2;
	return 0;
}

static int begin_files(void)
{
	begun = begun * 10 + 3;
	return 0;
}

static int begin_device(void)
{
	begun = begun * 10 + 4;
	return 0;
}

static int begin_late(void)
{
	begun = begun * 10 + 6;
	return 0;
}

static int begin_other_device(void)
{
	begun = begun * 10 + 5;
	return 0;
}

static void end_first(void)
{
	begun = begun * 10 + 7;
}

static void end_second(void)
{
	begun = begun * 10 + 8;
}

module_exit(end_first);
module_exit(end_second);
late_initcall(begin_late);
device_initcall(begin_device);
module_init(begin_other_device);
fs_initcall(begin_files);
subsys_initcall(begin_subsystem);
core_initcall(begin_core);
EXPORT_SYMBOL_GPL(begin_core);
EXPORT_SYMBOL_NS(begin_core, "SPACE");
EXPORT_SYMBOL_NS_GPL(begin_core, "SPACE");

static void modules_begin_by_level_then_in_order(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, linux_compat_modules_init(), 0);
	KUNIT_EXPECT_EQ(test, begun, 123456);
	linux_compat_modules_exit();
	KUNIT_EXPECT_EQ(test, begun, 12345687);
	KUNIT_EXPECT_STREQ(test, module_name(THIS_MODULE), "program");
	module_put(THIS_MODULE);
	KUNIT_EXPECT_EQ(test, param + params[2] + others[1] + (int)n_params, 4);
	KUNIT_EXPECT_STREQ(test, text, "text");
}

static void code_runs_in_a_task_that_may_be_interrupted(struct kunit *test)
{
	unsigned long flags = 5;

	preempt_disable();
	KUNIT_EXPECT_EQ(test, preempt_count(), 0);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, preemptible());
	KUNIT_EXPECT_TRUE(test, in_task());
	KUNIT_EXPECT_FALSE(test, in_interrupt() || in_irq() || in_hardirq() || in_softirq());
	KUNIT_EXPECT_FALSE(test, in_serving_softirq() || in_nmi() || in_atomic());
	local_bh_disable();
	local_bh_enable();
	local_irq_disable();
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	local_irq_enable();
	local_irq_save(flags);
	KUNIT_EXPECT_EQ(test, flags, 0);
	KUNIT_EXPECT_FALSE(test, irqs_disabled_flags(flags));
	local_irq_restore(flags);
	flags = 5;
	local_save_flags(flags);
	KUNIT_EXPECT_EQ(test, flags, 0);
	might_sleep();
	might_sleep_if(true);
	might_fault();
	non_block_start();
	non_block_end();
}

static void processors_are_counted(struct kunit *test)
{
	unsigned int cpu, possible = 0, present = 0;

	cpus_read_lock();
	for_each_possible_cpu(cpu)
		possible++;
	for_each_present_cpu(cpu)
		present++;
	cpus_read_unlock();
	KUNIT_EXPECT_EQ(test, possible, num_possible_cpus());
	KUNIT_EXPECT_EQ(test, present, num_present_cpus());
	KUNIT_EXPECT_EQ(test, nr_cpu_ids, num_possible_cpus());
	KUNIT_EXPECT_TRUE(test, cpu_possible(0));
	KUNIT_EXPECT_FALSE(test, cpu_possible(nr_cpu_ids));
	KUNIT_EXPECT_TRUE(test, cpu_possible(get_cpu()));
	put_cpu();
	KUNIT_EXPECT_TRUE(test, cpu_possible(smp_processor_id()));
}

static void allocations_never_wait_for_files(struct kunit *test)
{
	const unsigned int noio = memalloc_noio_save(), nofs = memalloc_nofs_save();
	const unsigned int noreclaim = memalloc_noreclaim_save();

	might_alloc(GFP_KERNEL);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	memalloc_noreclaim_restore(noreclaim);
	memalloc_nofs_restore(nofs);
	memalloc_noio_restore(noio);
	KUNIT_EXPECT_EQ(test, noio + nofs + noreclaim, 0);
}

/* No assertion about a lock fails, whatever is held; nothing is wrong with what is said here. */
static void annotations_of_locks_are_statements(struct kunit *test)
{
	static struct lock_class_key key;
	static struct lockdep_map map, named = STATIC_LOCKDEP_MAP_INIT("named", &key);
	struct pin_cookie cookie;
	struct mutex mutex;
	spinlock_t lock;

	mutex_init(&mutex);
	spin_lock_init(&lock);
	lockdep_register_key(&key);
	lockdep_init_map(&map, "map", &key, 0);
	lockdep_set_class(&mutex, &key);
	lockdep_set_class_and_name(&mutex, &key, "mutex");
	lockdep_set_subclass(&mutex, SINGLE_DEPTH_NESTING);
	lockdep_set_novalidate_class(&mutex);
	lockdep_off();
	lockdep_assert(false);
	lockdep_assert_once(false);
	lockdep_assert_held(&mutex);
	lockdep_assert_held_once(&mutex);
	lockdep_assert_held_read(&mutex);
	lockdep_assert_held_write(&mutex);
	lockdep_assert_not_held(&mutex);
	lockdep_assert_none_held_once();
	lockdep_assert_in_irq();
	lockdep_assert_irqs_disabled();
	lockdep_assert_irqs_enabled();
	lockdep_assert_preemption_disabled();
	lockdep_on();
	cookie = lockdep_pin_lock(&mutex);
	lockdep_unpin_lock(&mutex, cookie);
	lock_acquire(&map, 0, 0, 0, 1, NULL, _THIS_IP_);
	lock_release(&map, _THIS_IP_);
	lock_map_acquire(&map);
	lock_map_release(&map);
	lock_map_acquire_read(&map);
	lock_map_release(&map);
	mutex_acquire(&map, 0, 0, _THIS_IP_);
	mutex_release(&map, _THIS_IP_);
	rwsem_acquire(&map, 0, 0, _THIS_IP_);
	rwsem_release(&map, _THIS_IP_);
	might_lock(&mutex);
	might_lock_read(&mutex);
	might_lock_nested(&mutex, SINGLE_DEPTH_NESTING);
	lock_map_acquire(&named);
	lock_map_release(&named);
	lockdep_unregister_key(&key);
	/* Who asks hears yes. */
	KUNIT_EXPECT_TRUE(test, lockdep_is_held(&lock));
	KUNIT_EXPECT_TRUE(test, lockdep_is_held_type(&mutex, 1));
	KUNIT_EXPECT_TRUE(test, lock_is_held(&map));
	KUNIT_EXPECT_FALSE(test, debug_locks);
	mutex_destroy(&mutex);
}

static noinline int notrace fall(int from)
{
	int sum = 0;

	switch (from) {
	case 2:
		sum += 2;
		fallthrough;
	case 1:
		sum++;
		break;
	case 0:
		break;
	default:
		unreachable();
	}
	return sum;
}

static noinline_for_stack asmlinkage int likely_one(int n)
{
	return likely(n == 1) ? 1 : 0;
}

struct secretive {
	int __private secret;
};

static void compilers_are_told(struct kunit *test)
{
	struct secretive secretive = { .secret = 7 };
	int n = 1;

	OPTIMIZER_HIDE_VAR(n);
	KUNIT_EXPECT_EQ(test, fall(2), 3);
	KUNIT_EXPECT_EQ(test, likely_one(n) + likely_one(2), 1);
	KUNIT_EXPECT_EQ(test, ACCESS_PRIVATE(&secretive, secret), 7);
	KUNIT_EXPECT_EQ(test, data_race(n), 1);
	KUNIT_EXPECT_PTR_EQ(test, RELOC_HIDE(&params[0], 2 * sizeof(int)), &params[2]);
	KUNIT_EXPECT_EQ(test, typecheck(int, n) + typecheck_pointer(&n), 2);
	KUNIT_EXPECT_EQ(test, BUILD_BUG_ON_ZERO(0), 0);
	BUILD_BUG_ON_INVALID(n++);
	BUILD_BUG_ON(sizeof(n) != sizeof(int));
	KUNIT_EXPECT_EQ(test, n, 1);
}

/* Probes of the library's own take their place. */
static void points_of_tracing_are_off(struct kunit *test)
{
	struct dma_fence *fence = dma_fence_get_stub();

#define POINT_IS_OFF(name) \
	do { \
		trace_dma_fence_##name(fence); \
		KUNIT_EXPECT_FALSE(test, trace_dma_fence_##name##_enabled()); \
	} while (0)
	POINT_IS_OFF(emit);
	POINT_IS_OFF(init);
	POINT_IS_OFF(destroy);
	POINT_IS_OFF(enable_signal);
	POINT_IS_OFF(signaled);
	POINT_IS_OFF(wait_start);
	POINT_IS_OFF(wait_end);
	dma_fence_put(fence);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(modules_begin_by_level_then_in_order),
	KUNIT_CASE(code_runs_in_a_task_that_may_be_interrupted),
	KUNIT_CASE(processors_are_counted),
	KUNIT_CASE(allocations_never_wait_for_files),
	KUNIT_CASE(annotations_of_locks_are_statements),
	KUNIT_CASE(compilers_are_told),
	KUNIT_CASE(points_of_tracing_are_off),
	{}
};

static struct kunit_suite suite = { .name = "compat-nothing", .test_cases = cases };
kunit_test_suite(suite);
