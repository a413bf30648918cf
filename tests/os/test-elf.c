/* SPDX-License-Identifier: MIT */
/* Names of functions from files: from this program's, and from what has become of it. */
#define _GNU_SOURCE
#include "harness.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "code.h"
#include "os/elf.h"

/* This program's file, and a copy that a test may spoil. */
struct copy {
	int fd;
	size_t size;
	unsigned char *image; /* the copy's */
	ElfW(Ehdr) *header;
	ElfW(Shdr) *symbols, *names;
	uintptr_t inside; /* a_static_function() */
};

static int some_data = 1;

static __attribute__((noinline)) int a_static_function(int x)
{
	__asm__ volatile("");
	return x + some_data;
}

/* As the file counts. */
static uintptr_t address_in_file(uintptr_t address)
{
	Dl_info info;
	struct link_map *map;

	ASSERT_TRUE(dladdr1((void *)address, &info, (void **)&map, RTLD_DL_LINKMAP));
	return address - map->l_addr;
}

static void copy_program(struct copy *copy)
{
	const int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat status;
	ElfW(Shdr) *sections;

	ASSERT_INT(program, >=, 0);
	ASSERT_INT(fstat(program, &status), ==, 0);
	copy->size = (size_t)status.st_size;
	copy->fd = memfd_create("elf", MFD_CLOEXEC);
	ASSERT_INT(ftruncate(copy->fd, status.st_size), ==, 0);
	copy->image = mmap(NULL, copy->size, PROT_READ | PROT_WRITE, MAP_SHARED, copy->fd, 0);
	ASSERT_PTR(copy->image, !=, MAP_FAILED);
	ASSERT_INT(read(program, copy->image, copy->size), ==, copy->size);
	close(program);

	copy->header = (void *)copy->image;
	sections = (void *)(copy->image + copy->header->e_shoff);
	copy->symbols = sections;
	while (copy->symbols->sh_type != SHT_SYMTAB)
		copy->symbols++;
	copy->names = &sections[copy->symbols->sh_link];
	copy->inside = address_in_file(code_of(a_static_function) + SHORTEST_CALL);
}

static void drop(struct copy *copy)
{
	munmap(copy->image, copy->size);
	close(copy->fd);
}

static bool finds(const struct copy *copy)
{
	struct elf_function function;

	return elf_find_function(copy->fd, copy->inside, &function) &&
	       !strcmp(function.name, "a_static_function");
}

TEST(a_static_function_is_found_and_where_it_begins)
{
	struct elf_function function;
	struct copy copy;

	ASSERT_INT(a_static_function(1), ==, 2);
	copy_program(&copy);
	ASSERT_TRUE(elf_find_function(copy.fd, copy.inside, &function));
	ASSERT_STR(function.name, "a_static_function");
	ASSERT_INT(function.start, ==, copy.inside - SHORTEST_CALL);
	drop(&copy);
}

/* The table's entry for a_static_function(). */
static ElfW(Sym) *own_symbol(const struct copy *copy)
{
	ElfW(Sym) *symbol = (void *)(copy->image + copy->symbols->sh_offset);

	while (strcmp((char *)copy->image + copy->names->sh_offset + symbol->st_name,
		      "a_static_function"))
		symbol++;
	return symbol;
}

TEST(of_several_functions_at_an_address_the_one_that_begins_last_is_found)
{
	struct elf_function function;
	struct copy copy;
	ElfW(Sym) *own;

	copy_program(&copy);
	own = own_symbol(&copy);
	for (int other = -1; other <= 1; other += 2) {
		own[other] = *own;
		own[other].st_name = own->st_name + 2;
		own[other].st_value = own->st_value - SHORTEST_CALL;
		own[other].st_size = own->st_size + SHORTEST_CALL;
		ASSERT_TRUE(finds(&copy));
		own[other].st_value = own->st_value + SHORTEST_CALL;
		ASSERT_TRUE(elf_find_function(copy.fd, copy.inside, &function));
		ASSERT_STR(function.name, "static_function");
		ASSERT_INT(function.start, ==, copy.inside);
		own[other].st_info = STT_OBJECT;
	}
	drop(&copy);
}

TEST(what_lies_in_no_function_is_not_found_and_nothing_is_written)
{
	struct elf_function function = { .start = 7, .name = "untouched" };
	struct copy copy;

	copy_program(&copy);
	ASSERT_FALSE(elf_find_function(copy.fd, 0, &function));
	ASSERT_FALSE(elf_find_function(copy.fd, UINTPTR_MAX, &function));
	ASSERT_FALSE(elf_find_function(copy.fd, address_in_file((uintptr_t)&some_data), &function));
	ASSERT_FALSE(elf_find_function(-1, copy.inside, &function));
	ASSERT_INT(function.start, ==, 7);
	ASSERT_STR(function.name, "untouched");
	drop(&copy);
}

/* Change a member, look, put it back. */
#define ASSERT_LOST(copy, member, value)                        \
	do {                                                    \
		const __typeof__(member) good_ = (member);      \
		ASSERT_TRUE(finds(copy));                       \
		(member) = (__typeof__(member))(value);         \
		ASSERT_FALSE(finds(copy));                      \
		(member) = good_;                               \
	} while (0)

TEST(a_header_that_is_not_this_machines_finds_nothing)
{
	struct copy copy;

	copy_program(&copy);
	ASSERT_LOST(&copy, copy.image[0], 0);
	ASSERT_LOST(&copy, copy.image[EI_CLASS], copy.image[EI_CLASS] ^ 3);
	ASSERT_LOST(&copy, copy.image[EI_DATA], copy.image[EI_DATA] ^ 3);
	ASSERT_LOST(&copy, copy.header->e_shentsize, 1);
	ASSERT_LOST(&copy, copy.header->e_shnum, 0);
	ASSERT_LOST(&copy, copy.header->e_shoff, copy.size);
	ASSERT_LOST(&copy, copy.header->e_shoff, -1);
	drop(&copy);
}

TEST(tables_that_lead_out_of_the_file_find_nothing)
{
	struct copy copy;

	copy_program(&copy);
	ASSERT_LOST(&copy, copy.symbols->sh_type, SHT_NULL);
	ASSERT_LOST(&copy, copy.symbols->sh_entsize, 1);
	ASSERT_LOST(&copy, copy.symbols->sh_link, copy.header->e_shnum);
	ASSERT_LOST(&copy, copy.symbols->sh_link, 0);
	ASSERT_LOST(&copy, copy.symbols->sh_offset, copy.size);
	ASSERT_LOST(&copy, copy.symbols->sh_offset, -1);
	ASSERT_LOST(&copy, copy.symbols->sh_size, sizeof(ElfW(Sym)) - 1);
	ASSERT_LOST(&copy, copy.names->sh_offset, copy.size);
	ASSERT_LOST(&copy, copy.names->sh_offset, -1);
	ASSERT_LOST(&copy, copy.names->sh_size, 0);
	drop(&copy);
}

TEST(a_table_that_claims_to_be_endless_ends_with_the_file)
{
	struct copy copy;

	copy_program(&copy);
	copy.symbols->sh_size = (__typeof__(copy.symbols->sh_size))-1;
	ASSERT_TRUE(finds(&copy));
	copy.names->sh_size = (__typeof__(copy.names->sh_size))-1;
	ASSERT_TRUE(finds(&copy));
	drop(&copy);
}

TEST(a_name_that_is_too_long_is_cut_off)
{
	struct elf_function function;
	struct copy copy;

	copy_program(&copy);
	memset(copy.image + copy.names->sh_offset, 'x', copy.names->sh_size);
	ASSERT_TRUE(elf_find_function(copy.fd, copy.inside, &function));
	ASSERT_INT(strspn(function.name, "x"), ==, ELF_NAME_SIZE - 1);
	ASSERT_INT(function.name[ELF_NAME_SIZE - 1], ==, 0);
	drop(&copy);
}

TEST(a_name_ends_with_its_table)
{
	struct elf_function function;
	struct copy copy;

	copy_program(&copy);
	copy.names->sh_size = own_symbol(&copy)->st_name + sizeof("a_static") - 1;
	ASSERT_TRUE(elf_find_function(copy.fd, copy.inside, &function));
	ASSERT_STR(function.name, "a_static");
	drop(&copy);
}

TEST(of_functions_in_each_other_the_one_that_begins_last_is_found)
{
	struct copy copy;
	ElfW(Sym) *symbol;

	copy_program(&copy);
	symbol = own_symbol(&copy);
	/* Its neighbours in the table lie around it, one before it there and one behind. */
	for (int i = -1; i <= 1; i += 2) {
		symbol[i] = *symbol;
		symbol[i].st_name = 0;
		symbol[i].st_value -= 16;
		symbol[i].st_size += 16;
	}
	ASSERT_TRUE(finds(&copy));
	drop(&copy);
}

TEST(a_function_without_a_name_is_not_found)
{
	struct elf_function function;
	struct copy copy;

	copy_program(&copy);
	memset(copy.image + copy.names->sh_offset, 0, copy.names->sh_size);
	ASSERT_FALSE(elf_find_function(copy.fd, copy.inside, &function));
	drop(&copy);
}

TEST(a_file_cut_off_anywhere_finds_all_or_nothing)
{
	struct elf_function function;
	struct copy copy;

	copy_program(&copy);
	for (size_t size = copy.size; size; size -= size / 16 + 1) {
		ASSERT_INT(ftruncate(copy.fd, (off_t)size), ==, 0);
		if (elf_find_function(copy.fd, copy.inside, &function))
			ASSERT_INT(function.name[0], !=, 0);
	}
	ASSERT_INT(ftruncate(copy.fd, 0), ==, 0);
	ASSERT_FALSE(elf_find_function(copy.fd, copy.inside, &function));
	drop(&copy);
}

/* What is found then is not said; that it ends, and in order, is. */
TORTURE(a_spoilt_file_does_no_harm)
{
	uint32_t random = test_seed();
	struct elf_function function;
	struct copy copy;
	size_t tables;

	copy_program(&copy);
	tables = copy.header->e_shnum * sizeof(*copy.symbols);
	for (unsigned int round = test_rounds(300); round; round--) {
		unsigned char *const spot = round % 3 ?
			copy.image + copy.header->e_shoff + test_random(&random) % tables :
			copy.image + EI_NIDENT + test_random(&random) % (sizeof(*copy.header) - EI_NIDENT);
		const unsigned char good = *spot;

		test_operation();
		*spot = (unsigned char)test_random(&random);
		if (elf_find_function(copy.fd, copy.inside, &function))
			ASSERT_INT(strnlen(function.name, ELF_NAME_SIZE), <, ELF_NAME_SIZE);
		*spot = good;
	}
	ASSERT_TRUE(finds(&copy));
	drop(&copy);
}
