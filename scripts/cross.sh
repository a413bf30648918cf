# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Read by run, with its functions: `./run cross`, the tests as other machines run them. Built by
# Debian's cross compilers, with libraries from Debian's packages for those machines, which are
# unpacked in build-cross/ and not installed; run by qemu-user, which needs no root.

: "${here:?}"
cross_machines='arm64 armhf ppc64el s390x'
foreign_packages='libcmocka-dev libcmocka0 liburcu-dev liburcu8 systemtap-sdt-dev'

# What Debian's machine $1 is called by others: set triplet, family, endian.
describe_machine()
{
	endian=little
	case $1 in
	arm64) triplet=aarch64-linux-gnu family=aarch64 ;;
	armhf) triplet=arm-linux-gnueabihf family=arm ;;
	ppc64el) triplet=powerpc64le-linux-gnu family=ppc64 ;;
	s390x) triplet=s390x-linux-gnu family=s390x endian=big ;;
	*) die "./run cross knows $cross_machines, not '$1'" ;;
	esac
	cpu=${triplet%%-*}
	emulator=$here/build-cross/bin/qemu-$(echo "$cpu" | sed s/powerpc/ppc/)
}

# The host's archives, as machine $1 sees them; nothing of the host's own apt changes.
foreign_apt()
(
	state=$here/build-cross/$1/apt
	machine=$1
	shift
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial" && : >"$state/status" || exit
	apt-get -qq -o APT::Architecture="$machine" -o APT::Architectures="$machine" \
		-o Dir::State="$state" -o Dir::State::status="$state/status" \
		-o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" \
		-o Acquire::Retries=3 "$@" </dev/null >&2
)

# Machine $1's libraries, as files in a folder.
unpack_foreign()
(
	cd "$here/build-cross/$1" || exit
	[ ! -f root/complete ] || exit 0
	rm -rf root unpacked ./*.deb
	foreign_apt "$1" update || echo 'apt-get update failed; trying with what is known' >&2
	# shellcheck disable=SC2086 # a list of words
	foreign_apt "$1" download $foreign_packages || exit
	for package in ./*.deb; do
		dpkg-deb -x "$package" root || exit
	done
	rm -rf ./*.deb apt
	touch root/complete
)

# How Meson builds for the machine that was described, and runs what it has built.
machine_file()
{
	root=$1/root
	libraries=$root/usr/lib/$triplet
	cat <<-END
		[binaries]
		c = '$triplet-gcc'
		ar = '$triplet-ar'
		strip = '$triplet-strip'
		pkgconfig = 'pkg-config'
		exe_wrapper = ['$emulator', '-L', '/usr/$triplet', '-E', 'LD_LIBRARY_PATH=$libraries']

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
