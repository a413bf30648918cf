# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Read by run, with its functions: `./run cross`, the tests on other machines: built by Debian's
# cross compilers, run by qemu-user. Their libraries and the emulator are unpacked from Debian's
# packages in build-cross/, not installed; rm -r build-cross takes newer ones.
#
# qemu-user runs one machine's instructions on another's memory: it shows wrong sizes, orders of
# bytes and alignments, and not what a machine with weaker ordering than this one would do.

: "${here:?}"
cross=$here/build-cross
cross_machines='arm64 armhf ppc64el s390x'
foreign_packages='libcmocka-dev libcmocka0 liburcu-dev liburcu8 systemtap-sdt-dev'

# Others' names for Debian's machine $1: set triplet, cpu, family, endian.
describe_machine()
{
	endian=little
	case $1 in
	arm64) triplet=aarch64-linux-gnu family=aarch64 ;;
	armhf) triplet=arm-linux-gnueabihf family=arm ;;
	ppc64el) triplet=powerpc64le-linux-gnu family=ppc64 ;;
	s390x) triplet=s390x-linux-gnu family=s390x endian=big ;;
	*) die "there is no machine '$1' here, but $cross_machines" ;;
	esac
	cpu=${triplet%%-*}
}

# Download the packages that follow $2 to where one is, as machine $1 gets them, with options $2.
# apt checks their signatures, as always; its state is kept here, and the host's untouched.
foreign_download()
{
	mkdir -p apt/lists/partial apt/cache/archives/partial || return
	: >apt/status
	options="-o APT::Architecture=$1 -o APT::Architectures=$1 -o Dir::State=$PWD/apt
		-o Dir::State::status=$PWD/apt/status -o Dir::Cache=$PWD/apt/cache
		-o APT::Sandbox::User=$(id -un) -o Acquire::Retries=3 $2"
	shift 2
	# shellcheck disable=SC2086 # a list of words
	apt-get -qq $options update || echo 'apt-get update failed; trying with what is known'
	# shellcheck disable=SC2086 # a list of words
	apt-get -qq $options download "$@" || return
	rm -rf apt
}

# Debian 12's own qemu, 7.2, ends with an assertion when a forked child makes a thread, which
# liburcu does. That of its backports does not.
unpack_emulators()
(
	[ ! -f "$cross/emulators/complete" ] || exit 0
	rm -rf "$cross/emulators"
	mkdir -p "$cross/emulators" && cd "$cross/emulators" || exit
	echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]' \
		'http://deb.debian.org/debian bookworm-backports main' >list
	foreign_download "$(dpkg --print-architecture)" \
		"-o Dir::Etc::sourcelist=$PWD/list -o Dir::Etc::sourceparts=/dev/null" qemu-user || exit
	dpkg-deb -x qemu-user*.deb unpacked || exit
	mv unpacked/usr/bin/qemu-aarch64 unpacked/usr/bin/qemu-arm unpacked/usr/bin/qemu-ppc64le \
		unpacked/usr/bin/qemu-s390x . || exit
	rm -rf unpacked qemu-user*.deb list
	touch complete
)

# Machine $1's libraries.
unpack_libraries()
(
	[ ! -f "$cross/$1/root/complete" ] || exit 0
	rm -rf "${cross:?}/$1"
	mkdir -p "$cross/$1/root" && cd "$cross/$1" || exit
	# shellcheck disable=SC2086 # a list of words
	foreign_download "$1" '' $foreign_packages || exit
	for package in ./*.deb; do
		dpkg-deb -x "$package" root || exit
	done
	rm -f ./*.deb
	touch root/complete
)

# What runs a program of machine $1. Tests that start programs themselves find the emulator by its
# name; it needs no library of this machine, in front of which they may preload another's.
write_emulate()
{
	cat >"$cross/$1/emulate" <<-END
		#!/bin/sh
		export QEMU_LD_PREFIX='/usr/$triplet'
		export QEMU_SET_ENV='LD_LIBRARY_PATH=$cross/$1/root/usr/lib/$triplet'
		export DMABUF_TEST_EMULATOR='$cross/emulators/qemu-$(echo "$cpu" | sed s/powerpc/ppc/)'
		exec "\$DMABUF_TEST_EMULATOR" "\$@"
	END
	chmod +x "$cross/$1/emulate"
}

# How Meson builds for machine $1, and runs what it has built.
write_machine_file()
{
	root=$cross/$1/root
	libraries=$root/usr/lib/$triplet
	cat >"$cross/$1/machine.ini" <<-END
		[binaries]
		c = '$triplet-gcc'
		ar = '$triplet-ar'
		strip = '$triplet-strip'
		pkgconfig = 'pkg-config'
		exe_wrapper = '$cross/$1/emulate'

		[built-in options]
		c_args = ['-isystem', '$root/usr/include', '-isystem', '$root/usr/include/$triplet']
		c_link_args = ['-L$libraries', '-Wl,-rpath-link,$libraries']

		[properties]
		sys_root = '$root'
		pkg_config_libdir = '$libraries/pkgconfig'

		[host_machine]
		system = 'linux'
		cpu_family = '$family'
		cpu = '$cpu'
		endian = '$endian'
	END
}

# All for machine $1. The demo is left out: it would need FFmpeg for each; and so are Linux's other
# versions, for their time: what differs between them does not depend on the machine.
test_machine()
{
	unpack_emulators && unpack_libraries "$1" && write_emulate "$1" && write_machine_file "$1" &&
		build "build-cross/$1/build" gcc --cross-file "$cross/$1/machine.ini" --werror \
			-Ddemo=disabled -Dbench=true &&
		suite "build-cross/$1/build" --timeout-multiplier 10 --no-suite linux-versions \
			--no-suite share-long
}

# A line for machine $1, what it could not test, and all that it said if a test failed.
report_machine()
{
	log=$cross/$1.log
	began=$(date +%s)
	status=0
	(test_machine "$1") >"$log" 2>&1 </dev/null || status=$?
	sum=$(tail -n 1 "$log" | grep -x '[0-9]* passed, [0-9]* failed') || sum='0 passed, 1 failed'
	[ $status = 0 ] || cat "$log"
	printf '%-8s %4ds  %s\n' "$1" $(($(date +%s) - began)) "$sum"
	grep -oh 'not tested: [^"]*' "$cross/$1/build/meson-logs/testlog.txt" | sort -u | sed 's/^/    /'
	passed=$((passed + ${sum%% *}))
	sum=${sum#* passed, }
	failed=$((failed + ${sum% failed}))
}

run_cross()
{
	# shellcheck disable=SC2086 # a list of words
	[ $# != 0 ] || set -- $cross_machines
	passed=0
	failed=0
	for machine; do
		describe_machine "$machine"
		mkdir -p "$cross"
		report_machine "$machine"
	done
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}
