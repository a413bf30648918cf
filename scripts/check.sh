# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Read by run, with its functions: what `./run check` proves, step by step; check-full.sh has what
# `./run check --full` adds. A step is good if its command is; its closing line
# `N passed, N failed`, if it has one, is added to the sum, otherwise it counts as one.

: "${here:?}"
passed=0
failed=0

# Do step $1: the command that follows. Its output goes to a log, shown on failure.
step()
{
	what=$1
	shift
	log=$here/build-check/logs/$(printf %s "$what" | tr -cs 'a-zA-Z0-9' -).log
	began=$(date +%s)
	status=0
	("$@") >"$log" 2>&1 </dev/null || status=$?
	sum=$(tail -n 1 "$log" | sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	case $status:$sum in
	0:) sum='1 0' ;;
	0:*) ;;
	*:) sum='0 1' ;;
	*' 0') sum="${sum% *} 1" ;;
	esac
	passed=$((passed + ${sum% *}))
	failed=$((failed + ${sum#* }))
	if [ $status = 0 ]; then
		verdict=PASS
	else
		verdict=FAIL
		sed 's/^/    /' "$log" | tail -n 200
	fi
	printf '%s %4ds  %s\n' $verdict $(($(date +%s) - began)) "$what"
	return $status
}

script()
{
	name=$1
	shift
	python3 -B "$here/scripts/check-$name.py" "$@"
}

# Build build-check/$1 with compiler $3 and the options that follow, then run its tests, which $2 chooses.
build_and_test()
{
	name=$1
	chosen=$2
	shift 2
	if step "$name: builds without a warning" build "build-check/$name" "$@" --werror; then
		# shellcheck disable=SC2086 # a list of options
		step "$name: tests" suite "build-check/$name" $chosen || :
	fi
}

# The tests that the arguments choose. gcc's, since clang's runtime opens descriptors of its own, and
# the tests count them. Where addresses are too random for the runtime, it needs help.
thread_sanitizer()
{
	probe=$here/build-check/probe
	echo 'int main(void) { return 0; }' >"$probe.c"
	gcc -fsanitize=thread -o "$probe" "$probe.c" || return
	if ! "$probe"; then
		setarch -R "$probe" || return
		set -- --wrapper 'setarch -R' "$@"
	fi
	suite build-check/tsan "$@"
}

# Repeatable: same seed, same programs. What it finds stays in build-check/fuzz-found.
fuzz()
{
	found=$here/build-check/fuzz-found
	rm -rf "$found"
	mkdir -p "$found/new"
	"$here/build-check/fuzz/tests/fuzz/fuzz" -seed=1 -runs=100000 -max_len=256 -len_control=0 \
		-timeout=60 -verbosity=0 -print_final_stats=1 "-artifact_prefix=$found/" \
		"$found/new" "$here/tests/fuzz/corpus"
}

# The demo must end with exit status $1; its arguments follow.
demo()
{
	wanted=$1
	shift
	status=0
	(
		cd "$here/build-check/demo" &&
			timeout 300 "$here/build-demo/examples/demo/${program-dmabuf-demo}" "$@"
	) || status=$?
	echo "exit status $status, wanted $wanted"
	[ $status = "$wanted" ]
}

# A minute of video $1, killed all the while.
chaos()
{
	program=dmabuf-demo-with-points
	demo 0 "$1" --chaos --soak 1 --frames 100
	survived=$?
	unset program
	return $survived
}

shell_scripts()
{
	cd "$here" || return
	scripts=$(find . -path './build*' -prune -o \( -name run -o -name check -o -name '*.sh' \) -print)
	for file in $scripts; do
		shellcheck -x "$file" && dash -n "$file" || return
	done
}

check_steps()
{
	step 'sizes, licences' script shape || :
	step 'shell scripts' shell_scripts || :
	step 'headers compile alone and bring only our names' script headers || :
	step 'documents' script docs || :
	step 'more instructions would be noticed' script counts --self-test || :
	step 'linux-compat: headers compile alone, among others, for several versions' \
		script compat-headers || :
	step 'linux-compat: every macro and function is used by a test' \
		script compat-called || :
	step 'kernel map' script kernel-map || :
	step 'mutants apply' script mutants || :
	step 'examples compile' script examples || :
	step 'locking rules: clang reports what breaks them' script annotations || :
	for analyser in gcc cppcheck clang-tidy; do
		step "static analysis: $analyser" script static $analyser || :
	done
	step 'every return value is got by a test' script returns || :
	step 'every function that may sleep is called early by a test' script rules || :
	step 'man pages' script man "$here/build-check/man" || :

	build_and_test gcc '' gcc -Ddemo=enabled -Dbench=true
	build_and_test clang '--no-suite demo-long --no-suite share-long' clang -Ddemo=enabled \
		-Dbench=true
	build_and_test asan '--no-suite demo-parts --no-suite share-long' clang -Dbench=true \
		-Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fno-sanitize-recover=all
	if step 'tsan: builds' build build-check/tsan gcc -Db_sanitize=thread; then
		# Twice, since races show by chance; but once what takes long.
		step 'tsan: tests' thread_sanitizer --repeat 2 --no-suite linux --no-suite linux-versions \
			--no-suite share-long --no-suite demo --no-suite demo-long || :
		step 'tsan: demo, and what is of the kind of Linux'\''s tests' thread_sanitizer demo-playing \
			demo-dying '612 buf' '612 chain' '612 fence' '612 resv' '612 unwrap' || :
	fi
	if step 'fuzz: builds' build_fuzz build-check/fuzz; then
		step 'fuzz: library and model agree' fuzz || :
	fi
	if step 'release: builds without tests' build build-check/release gcc --werror \
		--buildtype=release -Dtests=false -Ddemo=disabled -Dbench=true; then
		step 'release: symbols' script symbols "$here/build-check/release/src/libdmabuf.so" || :
		step 'release: every symbol is called by a test' script called \
			"$here/build-check/release/src/libdmabuf.so" "$here/build-check/gcc" || :
		step 'release: probes' script probes "$here/build-check/release/src/libdmabuf.so" || :
		step 'release: layers' script layers "$here/build-check/release" || :
		step 'release: no row takes more instructions or locked operations' script counts \
			"$here/build-check/release" || :
		step 'release: install, and build against it' "$here/scripts/test-install.sh" \
			"$here/build-check/release" "$here/build-check/install" || :
		step 'release: linux-compat links from two units' script compat-headers \
			--link "$here/build-check/release/src" || :
	fi

	[ ! -x "$here/models/check" ] || step 'models' "$here/models/check" || :

	if [ -f "$here/examples/demo/meson.build" ] && step 'demo: builds' build_demo; then
		video=$(clip)
		step 'demo: every frame is identical' demo 0 "$video" || :
		step 'demo: every frame is identical, with threads' demo 0 "$video" --threads || :
		step 'demo: no frame is torn when processes are killed' chaos "$video" || :
		step 'demo: torn frames are noticed' demo 2 "$video" --threads --break-rule readers || :
	fi
}

# With the steps of check-full.sh if $1 is --full.
run_check()
{
	mkdir -p "$here/build-check/logs" "$here/build-check/demo"
	began_all=$(date +%s)
	check_steps
	[ $# = 0 ] || full_steps
	echo "$(($(date +%s) - began_all)) seconds; logs in build-check/logs"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}
