/* SPDX-License-Identifier: MIT */
/* Locks, guards, counts, wait queues, completions, RCU. */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/rwsem.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(mutex);
static DECLARE_RWSEM(rwsem);
static DEFINE_RWLOCK(rwlock);
static DEFINE_SEMAPHORE(semaphore, 1);
static int plain;

enum lock_kind { SPIN, SPIN_IRQ, MUTEX, RWSEM, RWLOCK, SEMAPHORE, N_LOCKS };

/* What is not exclusive loses additions. */
static void add(void)
{
	const int seen = plain;

	if (!(seen % 32))
		cond_resched();
	plain = seen + 1;
}

static void add_one(enum lock_kind kind)
{
	unsigned long flags;

	switch (kind) {
	case SPIN:
		scoped_guard(spinlock, &spin)
			add();
		break;
	case SPIN_IRQ:
		spin_lock_irqsave(&spin, flags);
		add();
		spin_unlock_irqrestore(&spin, flags);
		break;
	case MUTEX: {
		guard(mutex)(&mutex);
		add();
		break;
	}
	case RWSEM:
		down_read(&rwsem);
		up_read(&rwsem);
		down_write(&rwsem);
		add();
		downgrade_write(&rwsem);
		up_read(&rwsem);
		break;
	case RWLOCK:
		scoped_guard(read_lock, &rwlock)
			barrier();
		write_lock(&rwlock);
		add();
		write_unlock(&rwlock);
		break;
	case SEMAPHORE:
		down(&semaphore);
		add();
		up(&semaphore);
		break;
	default:
		break;
	}
}

struct adders {
	enum lock_kind kind;
	struct completion ended;
};

static int add_many(void *data)
{
	struct adders *adders = data;

	for (int i = 0; i < 5000; i++)
		add_one(adders->kind);
	complete(&adders->ended);
	return 0;
}

/* ThreadSanitizer looks on. */
static void locks_exclude(struct kunit *test)
{
	struct adders adders;

	init_completion(&adders.ended);
	for (adders.kind = SPIN; adders.kind < N_LOCKS; adders.kind++) {
		plain = 0;
		for (int i = 0; i < 3; i++)
			kthread_run(add_many, &adders, "adder");
		add_many(&adders);
		for (int i = 0; i < 4; i++)
			wait_for_completion(&adders.ended);
		KUNIT_EXPECT_EQ_MSG(test, plain, 20000, "lock %d", adders.kind);
	}
}

static int try_all(struct kunit *test, bool free)
{
	unsigned long flags;

	KUNIT_EXPECT_EQ(test, spin_is_locked(&spin), !free);
	KUNIT_EXPECT_EQ(test, mutex_is_locked(&mutex), !free);
	KUNIT_EXPECT_EQ(test, spin_trylock_irqsave(&spin, flags), free);
	KUNIT_EXPECT_EQ(test, mutex_trylock(&mutex), free);
	KUNIT_EXPECT_EQ(test, down_write_trylock(&rwsem), free);
	KUNIT_EXPECT_EQ(test, write_trylock(&rwlock), free);
	KUNIT_EXPECT_EQ(test, down_trylock(&semaphore), !free);
	return 0;
}

static void trying_says_whether_it_is_locked(struct kunit *test)
{
	try_all(test, true);
	try_all(test, false);
	KUNIT_EXPECT_FALSE(test, read_trylock(&rwlock));
	KUNIT_EXPECT_FALSE(test, down_read_trylock(&rwsem));
	KUNIT_EXPECT_EQ(test, down_timeout(&semaphore, 1), -ETIME);
	spin_unlock(&spin);
	mutex_unlock(&mutex);
	up_write(&rwsem);
	write_unlock(&rwlock);
	up(&semaphore);
}

static int take_if_free(int *passed)
{
	scoped_cond_guard(mutex_try, return -EBUSY, &mutex)
		++*passed;
	scoped_cond_guard(spinlock_try, return -EAGAIN, &spin)
		++*passed;
	ACQUIRE(mutex_intr, guarded)(&mutex);
	return ACQUIRE_ERR(mutex_intr, &guarded);
}

static void conditional_guards_hold_or_leave(struct kunit *test)
{
	int passed = 0;

	KUNIT_EXPECT_EQ(test, take_if_free(&passed), 0);
	KUNIT_EXPECT_EQ(test, passed, 2);
	mutex_lock(&mutex);
	KUNIT_EXPECT_EQ(test, take_if_free(&passed), -EBUSY);
	scoped_guard(mutex_try, &mutex)
		passed++;
	mutex_unlock(&mutex);
	spin_lock(&spin);
	KUNIT_EXPECT_EQ(test, take_if_free(&passed), -EAGAIN);
	spin_unlock(&spin);
	KUNIT_EXPECT_EQ(test, passed, 3);
	KUNIT_EXPECT_FALSE(test, mutex_is_locked(&mutex));
}

struct counted {
	struct kref kref;
	bool released;
};

static void release(struct kref *kref)
{
	container_of(kref, struct counted, kref)->released = true;
}

static void the_last_reference_releases(struct kunit *test)
{
	struct counted counted = { .released = false };

	kref_init(&counted.kref);
	kref_get(&counted.kref);
	KUNIT_EXPECT_EQ(test, kref_read(&counted.kref), 2);
	KUNIT_EXPECT_EQ(test, kref_put(&counted.kref, release), 0);
	KUNIT_EXPECT_TRUE(test, kref_get_unless_zero(&counted.kref));
	KUNIT_EXPECT_EQ(test, kref_put_lock(&counted.kref, release, &spin), 0);
	KUNIT_EXPECT_FALSE(test, counted.released);
	KUNIT_EXPECT_EQ(test, kref_put_mutex(&counted.kref, release, &mutex), 1);
	KUNIT_EXPECT_TRUE(test, counted.released);
	KUNIT_EXPECT_TRUE(test, mutex_is_locked(&mutex));
	mutex_unlock(&mutex);
	KUNIT_EXPECT_FALSE(test, kref_get_unless_zero(&counted.kref));
}

static int warnings;

static void count_warning(const char *message)
{
	warnings++;
}

/* What was counted wrongly is never freed again, which is the lesser evil. */
static void a_wrong_step_saturates_a_refcount(struct kunit *test)
{
	dmabuf_warn_handler before = dmabuf_set_warn_handler(count_warning);
	refcount_t gone = REFCOUNT_INIT(0), put_twice = REFCOUNT_INIT(1);
	refcount_t full = REFCOUNT_INIT(INT_MAX);

	warnings = 0;
	refcount_inc(&gone);
	KUNIT_EXPECT_EQ(test, (int)refcount_read(&gone), REFCOUNT_SATURATED);
	KUNIT_EXPECT_FALSE(test, refcount_dec_and_test(&gone));
	KUNIT_EXPECT_TRUE(test, refcount_dec_and_test(&put_twice));
	KUNIT_EXPECT_FALSE(test, refcount_dec_and_test(&put_twice));
	KUNIT_EXPECT_EQ(test, (int)refcount_read(&put_twice), REFCOUNT_SATURATED);
	KUNIT_EXPECT_TRUE(test, refcount_inc_not_zero(&full));
	KUNIT_EXPECT_EQ(test, (int)refcount_read(&full), REFCOUNT_SATURATED);
	dmabuf_set_warn_handler(before);
	KUNIT_EXPECT_EQ(test, warnings, 4);
}

static void counts_that_go_wrong_warn(struct kunit *test)
{
	refcount_t count = REFCOUNT_INIT(1);
	dmabuf_warn_handler before = dmabuf_set_warn_handler(count_warning);

	warnings = 0;
	KUNIT_EXPECT_TRUE(test, refcount_inc_not_zero(&count));
	KUNIT_EXPECT_FALSE(test, refcount_dec_and_test(&count));
	KUNIT_EXPECT_FALSE(test, refcount_dec_not_one(&count));
	KUNIT_EXPECT_TRUE(test, refcount_dec_and_lock(&count, &spin));
	spin_unlock(&spin);
	KUNIT_EXPECT_EQ(test, warnings, 0);
	refcount_inc(&count);
	KUNIT_EXPECT_EQ(test, warnings, 1);
	for (int i = 0; i < 3; i++)
		KUNIT_EXPECT_TRUE(test, WARN_ON_ONCE(1));
	KUNIT_EXPECT_EQ(test, warnings, 2);
	KUNIT_EXPECT_FALSE(test, WARN_ON(warnings == 77));
	dmabuf_set_warn_handler(before);
}

static void atomics_return_what_linux_returns(struct kunit *test)
{
	atomic_t v = ATOMIC_INIT(5);
	atomic64_t w = ATOMIC64_INIT(0);
	int old = 1, swapped = 9;

	KUNIT_EXPECT_EQ(test, atomic_add_return(2, &v), 7);
	KUNIT_EXPECT_EQ(test, atomic_fetch_sub_release(3, &v), 7);
	KUNIT_EXPECT_EQ(test, atomic_inc_return_relaxed(&v), 5);
	KUNIT_EXPECT_EQ(test, atomic_cmpxchg(&v, 1, 3), 5);
	KUNIT_EXPECT_FALSE(test, atomic_try_cmpxchg(&v, &old, 3));
	KUNIT_EXPECT_EQ(test, old, 5);
	KUNIT_EXPECT_TRUE(test, atomic_try_cmpxchg(&v, &old, 1));
	KUNIT_EXPECT_FALSE(test, atomic_add_unless(&v, 1, 1));
	KUNIT_EXPECT_EQ(test, atomic_dec_if_positive(&v), 0);
	KUNIT_EXPECT_EQ(test, atomic_dec_if_positive(&v), -1);
	KUNIT_EXPECT_FALSE(test, atomic_inc_not_zero(&v));
	atomic_set(&v, 1);
	KUNIT_EXPECT_TRUE(test, atomic_dec_and_test(&v));
	atomic_or(6, &v);
	atomic_andnot(2, &v);
	KUNIT_EXPECT_EQ(test, atomic_xchg(&v, INT_MAX), 4);
	atomic_inc(&v);
	KUNIT_EXPECT_EQ(test, atomic_read(&v), INT_MIN);
	atomic64_add(1ll << 40, &w);
	KUNIT_EXPECT_EQ(test, atomic64_read(&w), 1ll << 40);
	KUNIT_EXPECT_EQ(test, xchg(&swapped, 2), 9);
	KUNIT_EXPECT_EQ(test, cmpxchg(&swapped, 2, 3), 2);
	KUNIT_EXPECT_EQ(test, READ_ONCE(swapped), 3);
	smp_store_mb(swapped, 4);
	KUNIT_EXPECT_EQ(test, smp_load_acquire(&swapped), 4);
}

static DECLARE_WAIT_QUEUE_HEAD(queue);
static int ready, passed;

static int wait_for_ready(void *data)
{
	if (data)
		wait_event_killable_exclusive(queue, READ_ONCE(ready));
	else
		wait_event(queue, READ_ONCE(ready));
	__atomic_fetch_add(&passed, 1, __ATOMIC_RELEASE);
	wake_up_all(&queue);
	return 0;
}

static unsigned int sleepers(void)
{
	unsigned int n;

	spin_lock(&queue.lock);
	n = (unsigned int)list_count_nodes(&queue.head);
	spin_unlock(&queue.lock);
	return n;
}

static void waking_wakes_all_but_of_the_exclusive_one(struct kunit *test)
{
	struct task_struct *tasks[4];

	ready = passed = 0;
	for (int i = 0; i < 4; i++)
		tasks[i] = get_task_struct(kthread_run(wait_for_ready, i < 2 ? NULL : test, "w"));
	while (sleepers() < 4)
		cond_resched();
	/* One who wakes the others only when it has passed. */
	spin_lock(&queue.lock);
	WRITE_ONCE(ready, 1);
	wake_up_locked(&queue);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&queue.head), 1);
	spin_unlock(&queue.lock);
	wait_event(queue, smp_load_acquire(&passed) == 4);
	for (int i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, kthread_stop_put(tasks[i]), 0);
}

static void waiting_for_an_event_returns_what_is_left(struct kunit *test)
{
	int calls = 0;

	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, true, 0), 1);
	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, true, 100), 100);
	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, false, 0), 0);
	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, false, HZ / 1000), 0);
	KUNIT_EXPECT_EQ(test, wait_event_timeout(queue, ++calls == 2, 1), 1);
	KUNIT_EXPECT_EQ(test, wait_event_interruptible(queue, true), 0);
	KUNIT_EXPECT_EQ(test, wait_event_interruptible_hrtimeout(queue, false, 1000), -ETIME);
	KUNIT_EXPECT_FALSE(test, waitqueue_active(&queue));
}

static int complete_three(void *data)
{
	for (int i = 0; i < 3; i++)
		complete(data);
	return 0;
}

static void completions_count(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(done);

	KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&done, 1000), 0);
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&done));
	kthread_run(complete_three, &done, "completer");
	wait_for_completion(&done);
	KUNIT_EXPECT_GT(test, wait_for_completion_interruptible_timeout(&done, HZ * 1000), 0);
	KUNIT_EXPECT_EQ(test, wait_for_completion_killable(&done), 0);
	KUNIT_EXPECT_FALSE(test, completion_done(&done));
	complete_all(&done);
	for (int i = 0; i < 10; i++)
		wait_for_completion(&done);
	reinit_completion(&done);
	KUNIT_EXPECT_FALSE(test, completion_done(&done));
}

struct element {
	struct list_head node;
	struct rcu_head rcu;
	int value;
};

static LIST_HEAD(elements);

static int read_elements(void *data)
{
	int *wrong = data;

	while (!kthread_should_stop()) {
		struct element *element;

		guard(rcu)();
		list_for_each_entry_rcu(element, &elements, node)
			if (element->value != 42)
				WRITE_ONCE(*wrong, 1);
	}
	return 0;
}

/* AddressSanitizer and ThreadSanitizer look on. */
static void readers_see_whole_elements_only(struct kunit *test)
{
	int wrong = 0;
	struct task_struct *task = kthread_run(read_elements, &wrong, "reader");

	for (int i = 0; i < 2000; i++) {
		struct element *element = kmalloc(sizeof(*element), GFP_KERNEL);

		element->value = 42;
		list_add_tail_rcu(&element->node, &elements);
		if (i < 3)
			continue;
		element = list_first_entry(&elements, struct element, node);
		list_del_rcu(&element->node);
		if (i % 500)
			kfree_rcu(element, rcu);
		else
			kfree_rcu_mightsleep(element);
	}
	kthread_stop(task);
	KUNIT_EXPECT_FALSE(test, wrong);
	while (!list_empty(&elements)) {
		struct element *element = list_first_entry(&elements, struct element, node);

		list_del(&element->node);
		kfree(element);
	}
	rcu_barrier();
}

struct shared {
	atomic_t left;
	unsigned long bits;
	int passed;
};

static int end_one(void *data)
{
	struct shared *shared = data;

	wait_on_bit_lock(&shared->bits, 1, TASK_UNINTERRUPTIBLE);
	WRITE_ONCE(shared->passed, shared->passed + 1); /* under the bit */
	clear_and_wake_up_bit(1, &shared->bits);
	if (atomic_dec_and_test(&shared->left))
		wake_up_var(&shared->left);
	return 0;
}

static void variables_and_bits_can_be_waited_for(struct kunit *test)
{
	struct shared shared = { .left = ATOMIC_INIT(3), .bits = BIT(1) };

	KUNIT_EXPECT_EQ(test, wait_on_bit_timeout(&shared.bits, 1, TASK_INTERRUPTIBLE, 2), -EAGAIN);
	KUNIT_EXPECT_EQ(test, wait_var_event_timeout(&shared.left, !atomic_read(&shared.left), 2), 0);
	for (int i = 0; i < 3; i++)
		kthread_run(end_one, &shared, "one:%d", i);
	KUNIT_EXPECT_EQ(test, READ_ONCE(shared.passed), 0);
	clear_and_wake_up_bit(1, &shared.bits);
	wait_var_event(&shared.left, !atomic_read_acquire(&shared.left));
	KUNIT_EXPECT_EQ(test, shared.passed, 3);
	KUNIT_EXPECT_EQ(test, wait_on_bit(&shared.bits, 1, TASK_UNINTERRUPTIBLE), 0);
	KUNIT_EXPECT_FALSE(test, test_and_clear_wake_up_bit(1, &shared.bits));
	atomic_set(&shared.left, 1);
	KUNIT_EXPECT_TRUE(test, atomic_dec_and_wake_up(&shared.left));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(locks_exclude),
	KUNIT_CASE(trying_says_whether_it_is_locked),
	KUNIT_CASE(conditional_guards_hold_or_leave),
	KUNIT_CASE(the_last_reference_releases),
	KUNIT_CASE(counts_that_go_wrong_warn),
	KUNIT_CASE(a_wrong_step_saturates_a_refcount),
	KUNIT_CASE(atomics_return_what_linux_returns),
	KUNIT_CASE(waking_wakes_all_but_of_the_exclusive_one),
	KUNIT_CASE(waiting_for_an_event_returns_what_is_left),
	KUNIT_CASE(completions_count),
	KUNIT_CASE(variables_and_bits_can_be_waited_for),
	KUNIT_CASE(readers_see_whole_elements_only),
	{}
};

static struct kunit_suite suite = { .name = "compat-sync", .test_cases = cases };
kunit_test_suite(suite);
