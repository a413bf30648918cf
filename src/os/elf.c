/* SPDX-License-Identifier: MIT */
/*
 * The file is read piece by piece and never mapped: then no number in it can lead out of it,
 * and a file that shrinks meanwhile is a short read instead of a signal.
 */
#define _GNU_SOURCE
#include "os/elf.h"

#include <link.h>
#include <string.h>
#include <unistd.h>

#define SYMBOLS_AT_ONCE 128

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_DATA (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? ELFDATA2MSB : ELFDATA2LSB)

/* How many of @size bytes there are, from @offset on. */
static size_t read_some(int fd, uint64_t offset, void *to, size_t size)
{
	const ssize_t got = pread(fd, to, size, (off_t)offset); /* below 0: that is refused */

	return got < 0 ? 0 : (size_t)got;
}

static bool read_all(int fd, uint64_t offset, void *to, size_t size)
{
	return read_some(fd, offset, to, size) == size;
}

static bool read_header(int fd, ElfW(Ehdr) *header)
{
	return read_all(fd, 0, header, sizeof(*header)) &&
	       !memcmp(header->e_ident, ELFMAG, SELFMAG) &&
	       header->e_ident[EI_CLASS] == NATIVE_CLASS &&
	       header->e_ident[EI_DATA] == NATIVE_DATA &&
	       header->e_shentsize == sizeof(ElfW(Shdr));
}

static bool read_section(int fd, const ElfW(Ehdr) *header, uint32_t i, ElfW(Shdr) *section)
{
	return i < header->e_shnum &&
	       read_all(fd, header->e_shoff + (uint64_t)i * sizeof(*section), section,
			sizeof(*section));
}

/* The table of symbols, and that of their names. */
static bool find_tables(int fd, ElfW(Shdr) *symbols, ElfW(Shdr) *names)
{
	ElfW(Ehdr) header;

	if (!read_header(fd, &header))
		return false;
	for (uint32_t i = 0; read_section(fd, &header, i, symbols); i++) {
		if (symbols->sh_type == SHT_SYMTAB)
			return symbols->sh_entsize == sizeof(ElfW(Sym)) &&
			       read_section(fd, &header, symbols->sh_link, names) &&
			       names->sh_type == SHT_STRTAB;
	}
	return false;
}

static uintptr_t start_of(const ElfW(Sym) *symbol)
{
#ifdef __arm__
	return symbol->st_value & ~(uintptr_t)1; /* it is Thumb code */
#else
	return symbol->st_value;
#endif
}

static bool holds(const ElfW(Sym) *symbol, uintptr_t address)
{
	/* Both classes keep the type in the same bits. */
	return ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_shndx != SHN_UNDEF &&
	       address >= start_of(symbol) && address - start_of(symbol) < symbol->st_size;
}

static bool find_symbol(int fd, const ElfW(Shdr) *table, uintptr_t address, ElfW(Sym) *ret_symbol)
{
	ElfW(Sym) some[SYMBOLS_AT_ONCE];
	uint64_t offset = table->sh_offset, left = table->sh_size;
	bool found = false;

	while (left >= sizeof(some[0])) {
		const size_t wanted = left < sizeof(some) ? (size_t)left : sizeof(some);
		const size_t count = read_some(fd, offset, some, wanted) / sizeof(some[0]);

		for (size_t i = 0; i < count; i++) {
			if (!holds(&some[i], address) ||
			    (found && start_of(&some[i]) <= start_of(ret_symbol)))
				continue;
			*ret_symbol = some[i];
			found = true;
		}
		if (!count)
			break;
		offset += count * sizeof(some[0]);
		left -= count * sizeof(some[0]);
	}
	return found;
}

/* At most what has room, and the file need not go on that far. */
static bool read_name(int fd, const ElfW(Shdr) *table, uint32_t at, char name[ELF_NAME_SIZE])
{
	size_t size = ELF_NAME_SIZE - 1;

	if (at >= table->sh_size)
		return false;
	if (size > table->sh_size - at)
		size = (size_t)(table->sh_size - at);
	name[read_some(fd, (uint64_t)table->sh_offset + at, name, size)] = '\0';
	return name[0];
}

bool elf_find_function(int fd, uintptr_t address, struct elf_function *ret_function)
{
	struct elf_function function;
	ElfW(Shdr) symbols, names;
	ElfW(Sym) symbol;

	if (!find_tables(fd, &symbols, &names) || !find_symbol(fd, &symbols, address, &symbol) ||
	    !read_name(fd, &names, symbol.st_name, function.name))
		return false;
	function.start = start_of(&symbol);
	*ret_function = function;
	return true;
}
