# shellcheck shell=sh
# SPDX-License-Identifier: MIT
#
# Read by run after check.sh: what `./run check --full` proves beyond `./run check`, with the builds
# that this has left in build-check/.

: "${here:?}"

# For $2 seconds in build directory $1.
torture()
{
	python3 -B "$here/scripts/torture.py" "$here/build-check/$1" "$2"
}

# Elsewhere they run with the rules checked.
without_rules()
{
	suite "build-check/$1" --wrapper 'env DMABUF_DEBUG=0'
}

full_steps()
{
	step 'full: tests with the rules off, gcc' without_rules gcc || :
	step 'full: tests with the rules off, asan' without_rules asan || :
	step 'full: models, further' "$here/models/check" --full || :
	step 'full: coverage' "$here/run" coverage || :
	step 'full: mutants' "$here/run" mutants || :
	step 'full: torture' torture gcc 300 || :
	step 'full: torture, asan' torture asan 300 || :
	step 'full: torture, tsan' torture tsan 300 || :
	step 'full: fuzz for ten minutes' "$here/run" fuzz 600 || :
	step 'full: with a real kernel' "$here/run" uml || :
	step 'full: other machines' "$here/run" cross || :
}
