# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Read by run, with its functions: `./run uml`, the tests that need a real kernel with
# sync_files, in a user-mode Linux: a program like any other, for which one need not be root.
# It is built once from Debian's package and kept in build-uml/; rm -r build-uml takes a
# newer one. Nobody reads its sources.

: "${here:?}"
uml=$here/build-uml
uml_source=linux-source-6.1

# The kernel, and what packs its first files.
build_uml()
(
	cd "$uml" || exit
	if cmp -s config "$here/tests/uml/config" && [ -x linux ]; then
		exit
	fi
	rm -rf ./*
	download $uml_source || { apt update && download $uml_source; } || exit
	dpkg-deb -x $uml_source*.deb package &&
		mkdir source &&
		tar -xf package/usr/src/$uml_source.tar.xz -C source --strip-components=1 &&
		rm -r package $uml_source*.deb &&
		make_uml &&
		mv source/linux source/usr/gen_init_cpio . &&
		rm -r source &&
		cp "$here/tests/uml/config" config
)

make_uml()
{
	cp "$here/tests/uml/config" source/wanted
	make -C source ARCH=um KCONFIG_ALLCONFIG=wanted allnoconfig || return
	if grep '^CONFIG_' source/wanted | grep -vxFf source/.config; then
		echo 'This kernel cannot have these.'
		return 1
	fi
	make -C source ARCH=um "-j$(nproc)"
}

# The files that it starts with: init, the tests, and the libraries that they load.
pack_uml()
(
	cd "$uml" || exit
	rm -rf .uml
	cp "$here/build/tests/uml/uml-init" init || exit
	cp "$here/build/tests/uml/test-uml" test-uml || exit
	{
		printf 'dir %s 755 0 0\n' /dev /lib /lib64
		echo 'nod /dev/console 600 0 0 c 5 1'
		printf 'file /%s %s 755 0 0\n' init init test-uml test-uml
		ldd init test-uml | awk '
			$2 == "=>" && $3 ~ "^/" { print "file /lib/" $1, $3, "755 0 0" }
			$1 ~ "^/" { print "file " $1, $1, "755 0 0" }' | sort -u
	} >files
	./gen_init_cpio files >files.cpio
)

# Its processes do not have the memory in which libc's rseq would count: newer hosts end them
# for that. It keeps sockets at home. A machine that does not end, or not well, is a failure.
boot_uml()
(
	cd "$uml" || exit
	{
		HOME=$uml GLIBC_TUNABLES=glibc.pthread.rseq=0 timeout -k 10 300 ./linux mem=256M \
			initrd=files.cpio quiet con=null con0=null,fd:1 "$@" </dev/null 2>&1 ||
			printf 'the machine ended with status %s\n0 passed, 1 failed\n' $?
	} | tr -d '\r' | tee log
)

# Only the tests whose names contain $1, if it is given.
run_uml()
{
	mkdir -p "$uml"
	if quietly build_debug && quietly build_uml && pack_uml; then
		boot_uml "$@"
		sum=$(grep -x '[0-9]* passed, [0-9]* failed' "$uml/log" | tail -n 1)
	fi
	sum=${sum:-0 passed, 1 failed}
	echo "$sum"
	[ "${sum#* passed, }" = '0 failed' ]
}
