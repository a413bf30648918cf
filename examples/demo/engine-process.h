/* SPDX-License-Identifier: MIT */
/*
 * The process of one engine. It joins the pool, takes orders from its station, puts its own fence into
 * the reservations of the buffers, tells that it has, and only then works, on a second thread. It may be
 * killed anywhere. Where it was evicted, it ends as soon as it finds that out, and touches nothing
 * that it was given.
 */
#ifndef DEMO_ENGINE_PROCESS_H
#define DEMO_ENGINE_PROCESS_H

/* Over the socket @sock, whose other end life_start() has. Returns the exit status. */
int engine_process(int sock);

#endif
