/* SPDX-License-Identifier: MIT */
/* test(name, function): included more than once, each time with another meaning of test(). */
test(fences, fence_tests)
test(reservations, resv_tests)
