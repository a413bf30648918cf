/* SPDX-License-Identifier: MIT */
/* Names of functions, from the table of symbols that is in an ELF file but not in memory. */
#ifndef OS_ELF_H
#define OS_ELF_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_NAME_SIZE 128

struct elf_function {
	uintptr_t start;
	char name[ELF_NAME_SIZE]; /* cut off where it is longer */
};

/*
 * The function that @address lies in, both counted as the file does; static ones too, unless
 * the file was stripped. Of several, the one that begins last.
 *
 * False: none is known. The file may be anything, and change meanwhile: what does not fit
 * together is not found.
 */
bool elf_find_function(int fd, uintptr_t address, struct elf_function *ret_function);

#endif
