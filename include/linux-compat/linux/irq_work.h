/* SPDX-License-Identifier: MIT */
/* Work for an interrupt, which here is the timers' thread (compat/timers.h). */
#ifndef LINUX_COMPAT_IRQ_WORK_H
#define LINUX_COMPAT_IRQ_WORK_H

#include <compat/timers.h>

struct irq_work {
	struct lc_timer lc_timer;
	void (*func)(struct irq_work *work);
};

static inline void lc_irq_work_fires(struct lc_timer *timer)
{
	struct irq_work *work = container_of(timer, struct irq_work, lc_timer);

	work->func(work);
}

#define IRQ_WORK_INIT(fn) { .lc_timer = { .func = lc_irq_work_fires }, .func = (fn) }
#define DEFINE_IRQ_WORK(name, fn) struct irq_work name = IRQ_WORK_INIT(fn)

static inline void init_irq_work(struct irq_work *work, void (*func)(struct irq_work *work))
{
	*work = (struct irq_work)IRQ_WORK_INIT(func);
}

/* False: it was queued already. */
static inline bool irq_work_queue(struct irq_work *work)
{
	return !lc_timer_arm(&work->lc_timer, 0);
}

static inline bool irq_work_is_pending(struct irq_work *work)
{
	return lc_timer_pending(&work->lc_timer);
}

static inline bool irq_work_is_busy(struct irq_work *work)
{
	return irq_work_is_pending(work) || lc_timer_is_running(&work->lc_timer);
}

static inline void irq_work_sync(struct irq_work *work)
{
	lc_timer_wait(&work->lc_timer);
}

#endif
