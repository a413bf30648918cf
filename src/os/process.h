/* SPDX-License-Identifier: MIT */
/* Other processes: are they there? */
#ifndef OS_PROCESS_H
#define OS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* A descriptor (pidfd) that stands for this process, close-on-exec; or -errno. */
int os_process_open_self(void);

/* Does @fd stand for a process? */
bool os_process_is(int fd);

/* Has the process behind a pidfd ended, with all its threads? */
bool os_process_has_ended(int fd);

/* For people: a number of this process. */
uint32_t os_process_number(void);

/* Any content; 0 or -errno. */
int os_random(void *bytes, unsigned int size);

#endif
