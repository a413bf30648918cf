/* SPDX-License-Identifier: MIT */
/*
 * The library's tests of reservations are compiled once a design, too, and those of ww_mutex for
 * Linux's. Here is which of them are left out there, and why; all others must pass. Linked with
 * --wrap=test_register.
 *
 * Whole files are left out (meson.build does not name them): -walk, -torture and -property are
 * about what is staged until a commit; -fences* and -trace look into the log; -deadline, -guard
 * and drm_exec are functions that no design has. test-designs.c has instead, for the designs
 * alone, what of this can be asked in another way.
 */
#include "harness.h"

#include "name.h"

void __real_test_register(struct test_case *test);
void __wrap_test_register(struct test_case *test);

enum { ALL = 1, CLASSIC = 2 };

static const struct {
	const char *name;
	unsigned int designs;
} left_out[] = {
	/* No checks of arguments. */
	{ "reserve_for_no_fence_warns", ALL },
	{ "add_of_a_container_warns", ALL },
	{ "add_of_a_link_warns", ALL },
	{ "an_array_that_signals_on_any_is_never_flattened", ALL },
	{ "wait_with_a_negative_timeout_warns", ALL },
	{ "functions_that_need_the_lock_abort_without_it", ALL },
	/* No counting of what is reserved. */
	{ "reserve_is_void_after_unlock_and_after_reset", ALL },
	{ "reserve_unwinds_from_every_failure", ALL },
	{ "reserve_from_the_cache_can_fail", ALL },
	{ "R3_reservations_survive_edits_or_fail_loudly", ALL },
	/* Nothing is staged. */
	{ "replace_puts_one_fence_in_the_place_of_a_context", ALL },
	{ "R1_one_commit_publishes_and_one_reference_holds_the_set", ALL },
	{ "R2_the_holder_sees_what_it_staged_and_nobody_else", ALL },
	/* How often ours asks for memory. */
	{ "copy_unwinds_from_every_failure", ALL },
	{ "get_singleton_unwinds_from_every_failure", ALL },
	/* The newest first. */
	{ "iterator_with_the_lock_visits_all_and_takes_no_reference", ALL },
	{ "iterator_without_the_lock_leaves_signalled_fences_out", ALL },
	{ "iterator_without_the_lock_keeps_its_fence_alive", ALL },
	/* No snapshots. */
	{ "snapshot_of_nothing_is_empty_and_can_be_put", ALL },
	{ "snapshot_is_walked_newest_first_up_to_a_category", ALL },
	{ "snapshot_may_be_put_by_another_thread_after_the_object", ALL },
	{ "snapshots_that_are_taken_at_once_are_counted_each", ALL },
	{ "copies_of_a_snapshot_are_not_put_each", ALL },
	{ "snapshot_takes_its_reference_in_a_read_section", ALL },
	/* No description. */
	{ "describe_names_categories_and_leaves_bookkeeping_out", ALL },
	/* Asks also get_rcu, which is ours. */
	{ "queries_ask_fences_that_have_to_be_asked", ALL },
	/* About the log. */
	{ "R4_capacity_is_stored_and_holds_what_was_reserved", ALL },
	{ "R6_a_dead_log_is_not_resurrected_and_not_reused_under_a_reader", ALL },
	/* No pruning. */
	{ "R5_prune_looks_at_members_whoever_enabled_signalling", ALL },
	{ "R5_prune_handles_an_array_without_members", ALL },
	/* They take a reference a fence. */
	{ "R7_a_query_costs_one_reference_and_a_test_none", ALL },
	/* No replacing, no copying. */
	{ "replace_by_a_signalled_fence_removes", CLASSIC },
	{ "copy_of_itself_is_the_same", CLASSIC },
	{ "R10_copies_and_merges_keep_no_reference_of_their_own", CLASSIC },
	/* No walks. */
	{ "iterator_without_the_lock_restarts_when_forced", CLASSIC },
	{ "iterator_can_be_ended_at_any_point", CLASSIC },
	/* One exclusive fence, which drops the rest. */
	{ "get_fences_returns_what_has_not_signalled_with_references", CLASSIC },
	{ "get_fences_unwinds_from_every_failure", CLASSIC },
	{ "get_singleton_is_none_one_or_an_array", CLASSIC },
	{ "wait_with_zero_only_looks", CLASSIC },
	{ "wait_returns_what_is_left", CLASSIC },
	{ "wait_times_out", CLASSIC },
	{ "wait_is_for_the_fences_of_its_beginning", CLASSIC },
	{ "test_signaled_looks_at_each_category", CLASSIC },
	{ "R8_a_category_means_that_one_and_those_above", CLASSIC },
	{ "R9_out_of_order_and_failed_fences_hide_nothing_stronger", CLASSIC },
	/* Signalled ones stay in another list. */
	{ "add_after_signalled_fences_leaves_only_the_new_one", CLASSIC },

	/* Of the mutex, which all have. */

	/* No checks of arguments. */
	{ "locking_after_done_is_reported", ALL },
	{ "locking_on_after_a_deadlock_is_reported", ALL },
	{ "only_the_holder_unlocks", ALL },
	{ "a_context_is_for_one_thread_one_class_and_one_life", ALL },
	{ "a_context_ends_empty", ALL },
	{ "the_slow_way_is_for_who_holds_nothing", ALL },
	{ "nobody_waits_for_himself", ALL },
	{ "a_held_mutex_is_not_destroyed", ALL },
	/* No made-up deadlocks. */
	{ "made_up_deadlocks_are_off_at_start_and_get_rarer", ALL },
	/* Wait-die only. */
	{ "wound_wait_wounded_holder_learns_of_it_when_it_has_to_wait", ALL },
	{ "wound_wait_wounded_holder_is_woken_in_another_queue", ALL },
	{ "wound_wait_a_wound_just_before_the_look_is_not_missed", ALL },
	{ "wound_wait_younger_waits_whatever_it_holds", ALL },
	{ "who_passes_an_older_waiter_is_wounded", ALL },
	{ "wound_wait_excludes_and_every_job_ends", ALL },
	{ "a_trylock_under_a_context_counts_as_its_lock", ALL },
	/* Points of the library's code. */
	{ "an_unlock_whose_last_waiter_leaves_is_one_step", ALL },
	{ "an_unlock_finds_who_came_when_the_last_waiter_had_left", ALL },
	{ "who_would_pass_comes_too_late", ALL },
	/* It may be freed only when all have left unlock, in Linux. */
	{ "the_last_user_may_free_the_mutex_at_once", ALL },
};

void __wrap_test_register(struct test_case *test)
{
	const unsigned int designs = strcmp(DESIGN_TITLE, "classic") ? ALL : ALL | CLASSIC;

	for (unsigned int i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		if (!strcmp(left_out[i].name, test->name) && left_out[i].designs & designs)
			return;
	}
	__real_test_register(test);
}
