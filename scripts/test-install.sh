#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Install into a stage, then use what lies there as a stranger would: compile the
# README's program with nothing but pkg-config, shared and static, and run it; the same
# with kernel code, which is one of the tests.
#
# usage: test-install.sh BUILD-DIRECTORY SCRATCH-DIRECTORY
set -eu

here=$(cd -- "$(dirname -- "$0")/.." && pwd)
build=$1
scratch=$2
stage=$scratch/stage

fail()
{
	echo "$*"
	exit 1
}

rm -rf "$scratch"
mkdir -p "$scratch"
DESTDIR=$stage meson install -C "$build" --no-rebuild --quiet

pc=$(find "$stage" -name dmabuf.pc)
[ -n "$pc" ] || fail 'no dmabuf.pc'
libdir=$(dirname "$(dirname "$pc")")
export PKG_CONFIG_PATH="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$stage"

# The same headers, no more and no less.
diff -r "$here/include/dmabuf" "$stage/usr/local/include/dmabuf"
diff -r "$here/include/linux-compat" "$stage/usr/local/include/dmabuf-linux-compat"

# A man page for each symbol.
names=$(sed -n 's|^\t\([a-z0-9_]\{1,\}\);$|\1|p' "$here/src/libdmabuf.map")
# shellcheck disable=SC2086 # a list of words
pages=$(man -M "$stage/usr/local/share/man" -w $names) || fail 'a man page is missing'
echo "$(echo "$pages" | wc -l) man pages"

# shellcheck disable=SC2046 # pkg-config prints a list of words
compile()
{
	output=$1
	compiler=$2
	shift 2
	"$compiler" -Wall -Wextra -Werror -O2 -o "$scratch/$output" "$here/examples/readme.c" \
		$(pkg-config --cflags dmabuf) "$@"
}

# shellcheck disable=SC2046
for compiler in gcc clang; do
	compile "readme-shared-$compiler" "$compiler" $(pkg-config --libs dmabuf)
	compile "readme-static-$compiler" "$compiler" -static $(pkg-config --static --libs dmabuf)
done

kernel_code=$here/tests/compat/test-compat-task.c
kernel_warnings='-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Werror'
# shellcheck disable=SC2046,SC2086
for compiler in gcc clang; do
	"$compiler" $kernel_warnings -O2 -o "$scratch/kernel-shared-$compiler" "$kernel_code" \
		$(pkg-config --cflags --libs dmabuf-linux-compat)
	"$compiler" $kernel_warnings -O2 -static -o "$scratch/kernel-static-$compiler" \
		"$kernel_code" $(pkg-config --static --cflags --libs dmabuf-linux-compat)
done

# As docs/linux-compat.md has it: a module that tests, and KUnit.
selftests=$here/examples/kernel-selftests
# shellcheck disable=SC2046
for compiler in gcc clang; do
	"$compiler" -Wall -Werror -O2 -o "$scratch/kernel-selftests-$compiler" \
		"$selftests/main.c" "$selftests/runner.c" \
		"$selftests/fence-tests.c" "$selftests/resv-tests.c" \
		$(pkg-config --cflags --libs dmabuf-linux-compat)
	"$compiler" -Wall -Werror -O2 -o "$scratch/kernel-kunit-$compiler" \
		"$selftests/kunit-tests.c" $(pkg-config --cflags --libs dmabuf-linux-compat)
done

export LD_LIBRARY_PATH="$libdir"
for program in "$scratch"/kernel-*; do
	"$program" >"$program.log" || fail "$program: exit status $?, see $program.log"
	echo "$(basename "$program"): $(tail -n 1 "$program.log")"
done
for program in "$scratch"/readme-*; do
	needed=$(readelf -d "$program")
	case $program in
	*-shared-*)
		case $needed in
		*libdmabuf.so.0*liburcu* | *liburcu*libdmabuf.so.0*)
			fail "$program: must not link liburcu itself" ;;
		*libdmabuf.so.0*) ;;
		*) fail "$program: does not use libdmabuf.so.0" ;;
		esac ;;
	*)
		case $needed in
		*NEEDED*) fail "$program: is not static" ;;
		esac ;;
	esac
	said=$("$program") || fail "$program: exit status $?"
	echo "$(basename "$program"): $said"
	[ "$said" = "$(sed -n 's/^.* prints: //p' "$here/README.md")" ] ||
		fail 'that is not what README.md says it prints'
done

# The preload library is found by its name, and tells this libdmabuf.
# shellcheck disable=SC2046
gcc -Wall -Wextra -Werror -O2 -pthread -o "$scratch/preload" \
	"$here/tests/preload/programs.c" "$here/tests/preload/shared.c" \
	$(pkg-config --cflags --libs dmabuf)
for debug in 0 1; do
	said=$(LD_PRELOAD=libdmabuf-preload.so DMABUF_DEBUG=$debug "$scratch/preload" \
		mutex-inversion 2>&1) || fail "preload: exit status $?: $said"
	case $debug$said in
	0 | 1*'libdmabuf: D001 '*' mutex_inversion+'*) ;;
	*) fail "preload, DMABUF_DEBUG=$debug: $said" ;;
	esac
done

version=$(pkg-config --modversion dmabuf)
grep -q "^## $version" "$here/NEWS.md" || fail "NEWS.md does not know version $version"
echo "dmabuf $version"
