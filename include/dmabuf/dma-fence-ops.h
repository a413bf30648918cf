/* SPDX-License-Identifier: MIT */
/*
 * dma-fence-ops.h - the fence itself, and what its creator provides
 *
 * Part of dma-fence.h, which says what a fence is.
 */
#ifndef DMABUF_DMA_FENCE_OPS_H
#define DMABUF_DMA_FENCE_OPS_H

#include <dmabuf/dmabuf-types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dma_fence;
struct dma_fence_cb;

/**
 * enum dma_fence_flag_bits - bit numbers in dma_fence.flags
 *
 * Read them as you like; set only bits from DMA_FENCE_FLAG_USER_BITS to 31, and only
 * with an atomic operation.
 */
enum dma_fence_flag_bits {
	/** @DMA_FENCE_FLAG_SIGNALED_BIT: has signalled; never cleared */
	DMA_FENCE_FLAG_SIGNALED_BIT,
	/** @DMA_FENCE_FLAG_TIMESTAMP_BIT: the timestamp is valid; set a moment after */
	DMA_FENCE_FLAG_TIMESTAMP_BIT,
	/** @DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT: enable_signaling has been or is being called */
	DMA_FENCE_FLAG_ENABLE_SIGNAL_BIT,
	/** @DMA_FENCE_FLAG_INITIALIZED_BIT: dma_fence_init() has run */
	DMA_FENCE_FLAG_INITIALIZED_BIT,
	/** @DMA_FENCE_FLAG_INLINE_LOCK_BIT: the fence uses its own lock */
	DMA_FENCE_FLAG_INLINE_LOCK_BIT,
	/** @DMA_FENCE_FLAG_SEQNO64_BIT: sequence numbers do not wrap at 32 bits */
	DMA_FENCE_FLAG_SEQNO64_BIT,
	/** @DMA_FENCE_FLAG_HAS_CALLBACKS_BIT: private: somebody registered a callback once */
	DMA_FENCE_FLAG_HAS_CALLBACKS_BIT,
	/** @DMA_FENCE_FLAG_HAS_WAITERS_BIT: private: somebody may sleep on the flags */
	DMA_FENCE_FLAG_HAS_WAITERS_BIT,
	/** @DMA_FENCE_FLAG_HAS_SIGNALED_OP_BIT: private: ops->signaled is there */
	DMA_FENCE_FLAG_HAS_SIGNALED_OP_BIT,
	/** @DMA_FENCE_FLAG_ISSUED_BIT: private: only its timeline may end it */
	DMA_FENCE_FLAG_ISSUED_BIT,
	/** @DMA_FENCE_FLAG_OWN_WAIT_BIT: private: ops->wait needs nobody to signal it */
	DMA_FENCE_FLAG_OWN_WAIT_BIT,
	/** @DMA_FENCE_FLAG_USER_BITS: first bit that is yours */
	DMA_FENCE_FLAG_USER_BITS = 16,
};

/**
 * typedef dma_fence_func_t - what dma_fence_add_callback() registers
 *
 * Runs under the fence's lock: it must not sleep, wait for a fence, take a
 * reservation lock, or use a function that takes the lock of the same fence.
 */
typedef void (*dma_fence_func_t)(struct dma_fence *fence, struct dma_fence_cb *cb);

/**
 * struct dma_fence_cb - storage of one registration
 * @node: private
 * @func: private
 *
 * Embed it in a structure of your own.
 */
struct dma_fence_cb {
	struct dmabuf_list_head node; /* under the fence's lock */
	dma_fence_func_t func;	      /* constant while registered */
};

/** struct dma_fence_ops - what the creator of a fence provides; constant for its life */
struct dma_fence_ops {
	/** @use_64bit_seqno: sequence numbers do not wrap at 32 bits; dma_fence_init64() says the same */
	bool use_64bit_seqno;

	/**
	 * @get_driver_name: mandatory; who made the fence
	 *
	 * Like @get_timeline_name, called at any time after dma_fence_init() has returned,
	 * also under the fence's lock, and after it has signalled: it takes no lock.
	 */
	const char *(*get_driver_name)(struct dma_fence *fence);

	/** @get_timeline_name: mandatory; which of its timelines the fence is on */
	const char *(*get_timeline_name)(struct dma_fence *fence);

	/**
	 * @enable_signaling: optional; somebody wants to know
	 *
	 * Called at most once, under the fence's lock, before the first callback is
	 * registered or the first wait through dma_fence_wait_timeout(). It makes
	 * sure that the fence will signal, and returns true. It returns false if the
	 * work is done already; then the library signals the fence, and only then
	 * may it have called dma_fence_set_error() here.
	 */
	bool (*enable_signaling)(struct dma_fence *fence);

	/**
	 * @signaled: optional; is the work done?
	 *
	 * Called at any time before the fence has signalled, from several threads,
	 * also while one asks under the fence's lock (dma_fence_is_signaled_locked())
	 * or under a reservation lock: it takes neither, and does not sleep. Once true
	 * it must stay true; the library then signals the fence. It may call
	 * dma_fence_set_error() when it returns true.
	 */
	bool (*signaled)(struct dma_fence *fence);

	/**
	 * @wait: optional; how to wait, instead of dma_fence_default_wait()
	 *
	 * Same arguments and values as dma_fence_wait_timeout(). Another negative errno
	 * is passed on to whoever waits.
	 */
	int64_t (*wait)(struct dma_fence *fence, bool intr, int64_t timeout);

	/**
	 * @release: optional; the last reference is gone
	 *
	 * It must keep the memory for a grace period (dma_fence_free() and
	 * dmabuf_call_rcu() do), and must not sleep. Without it: dma_fence_free().
	 */
	void (*release)(struct dma_fence *fence);

	/**
	 * @set_deadline: optional; somebody would like the fence to have signalled by then
	 *
	 * Nanoseconds, CLOCK_MONOTONIC; in the past: now. A hint, for instance to run an
	 * engine faster. Called from any thread, several times, without the fence's lock,
	 * possibly while the fence signals; the earliest counts. It does not sleep.
	 */
	void (*set_deadline)(struct dma_fence *fence, int64_t deadline);

	/** @fence_value_str: optional; for dma_fence_describe(): what this fence waits for */
	void (*fence_value_str)(struct dma_fence *fence, char *str, int size);

	/** @timeline_value_str: optional; for dma_fence_describe(): how far its timeline is */
	void (*timeline_value_str)(struct dma_fence *fence, char *str, int size);
};

/**
 * struct dma_fence - the fence
 *
 * Embed it in a structure of your own, as the first member if dma_fence_free()
 * shall free that. 64 bytes where pointers have 64 bits.
 */
struct dma_fence {
	union {
		/** @lock: the creator's lock; without DMA_FENCE_FLAG_INLINE_LOCK_BIT. Constant. */
		struct dmabuf_spinlock *lock;
		/** @extern_lock: the same, under the name that later Linux gives it */
		struct dmabuf_spinlock *extern_lock;
		/** @inline_lock: the fence's own lock; with that bit */
		struct dmabuf_spinlock inline_lock;
	};
	/** @ops: constant after init */
	const struct dma_fence_ops *ops;
	/*
	 * In this order of life. Whoever sets SIGNALED while HAS_CALLBACKS is clear
	 * owns the room; otherwise the fence's lock does.
	 */
	union {
		/** @cb_list: callbacks, until signalled; under the fence's lock */
		struct dmabuf_list_head cb_list;
		/** @timestamp: nanoseconds, CLOCK_MONOTONIC; once TIMESTAMP is set */
		int64_t timestamp;
		/** @rcu: after the last reference is gone */
		struct dmabuf_rcu_head rcu;
	};
	/** @context: the timeline, from dma_fence_context_alloc(); constant after init */
	uint64_t context;
	/** @seqno: the point on that timeline; constant after init */
	uint64_t seqno;
	/** @flags: see enum dma_fence_flag_bits; atomic; its low 32 bits are the futex */
	unsigned long flags;
	/** @refcount: atomic */
	struct dmabuf_kref refcount;
	/** @error: 0 or a negative errno; written before the fence signals, constant then */
	int error;
} __attribute__((__aligned__(8)));

#ifdef __cplusplus
}
#endif

#endif /* DMABUF_DMA_FENCE_OPS_H */
