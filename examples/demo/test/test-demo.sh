#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test-demo.sh DEMO DEMO_WITH_POINTS MAKE_CLIP GROUP...: what the demo promises, on small clips that
# it makes. Groups: playing, failing, breaking, dying.
set -u

demo=$(realpath "$1")
demo_with_points=$(realpath "$2")
make_clip=$(realpath "$3")
shift 3
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
passed=0
failed=0

clip()
{
	"$make_clip" "$@" || exit 1
}

# Run the demo with the arguments after the first; its exit status must be the first.
play()
{
	wanted=$1
	shift
	status=0
	"$demo" "$@" >out 2>err || status=$?
	[ $status = "$wanted" ] || echo "exit status $status, wanted $wanted"
	[ $status = "$wanted" ]
}

# It said it, on stdout; nothing is on stderr.
says()
{
	grep -q -e "$1" out || { echo "does not say: $1"; return 1; }
}

quiet()
{
	[ ! -s err ] || { echo 'stderr is not empty'; return 1; }
}

# stderr is one sentence with these words in it.
complains()
{
	[ "$(wc -l <err)" = 1 ] || { echo 'not one line on stderr'; return 1; }
	grep -q -e "$1" err || { echo "does not complain: $1"; return 1; }
}

# stderr says so, in its first line, and then the usage.
refuses()
{
	head -n 1 err | grep -q -e "$1" || { echo "does not refuse: $1"; return 1; }
	sed -n 2p err | grep -q '^usage' || { echo 'no usage'; return 1; }
}

has_files()
{
	for file; do
		[ -s "$file" ] || { echo "no $file"; return 1; }
	done
}

# A clip whose pictures must all come through, and whose video must, too.
comes_through()
{
	clip "$@"
	play 0 --out first "$1" && quiet && says '^60/60 frames identical$' &&
		says '^0 bytes of planes copied' && says ': 60 frames$' &&
		has_files first/contact-sheet.png first/last-frame.png first/timeline.svg &&
		tail -n 1 first/timeline.svg | grep -q '^</svg>$' &&
		play 0 --out second first/video.mkv && quiet && says '^60/60 frames identical$'
}

mpeg4_with_b_frames() { comes_through a.mkv mpeg4 yuv420p 160x120 60; }
mpeg2_with_b_frames() { comes_through a.ts mpeg2video yuv420p 160x120 60; }
motion_jpeg_422() { comes_through a.avi mjpeg yuv422p 160x120 60; }
lossless_444() { comes_through a.mkv ffv1 yuv444p 160x120 60; }
# More pictures are never shown, since others are made from them, than there are buffers.
pictures_that_are_never_shown()
{
	clip a.webm libvpx yuv420p 160x120 400
	play 0 a.webm && quiet && says '^400/400 frames identical$'
}
odd_sizes() { comes_through a.avi ffv1 yuv420p 131x97 60; }

# Handed over in way $1, every frame comes through, and bytes are copied as $2 matches.
hands_over()
{
	way=$1
	copied=$2
	for options in 'mpeg4 yuv420p 160x120' 'ffv1 yuv420p 131x97' 'mjpeg yuv422p 160x120'; do
		# shellcheck disable=SC2086 # a list of words
		clip a.mkv $options 60
		play 0 --threads a.mkv >/dev/null # whose timeline must not stay
		play 0 --hand-over "$way" a.mkv && quiet && says '^60/60 frames identical$' &&
			says "^$copied bytes of planes copied" && says ': 60 frames$' &&
			says ', first frame after [0-9.]*[1-9][0-9.]* ms, ' &&
			says '^[0-9.]*[1-9][0-9.]* ms of processor time a frame$' &&
			has_files demo-out/contact-sheet.png demo-out/last-frame.png || return 1
		case $way in
		processes | threads) has_files demo-out/timeline.svg || return 1 ;;
		*) [ ! -e demo-out/timeline.svg ] || { echo "a timeline of $way"; return 1; } ;;
		esac
		play 0 --threads --out again demo-out/video.mkv && says '^60/60 frames identical$' ||
			return 1
	done
}

with_processes() { hands_over processes 0; }
with_threads() { hands_over threads 0; }
with_copies() { hands_over copies '[1-9][0-9]*'; }
with_mutex() { hands_over mutex 0; }

# To four engines each, and to the contact sheet, which looks at all of the 60.
copies_are_all_counted()
{
	clip a.mkv mpeg4 yuv420p 160x120 60
	play 0 --hand-over copies a.mkv && says "^$((60 * 5 * 160 * 120 * 3 / 2)) bytes"
}

default_output_folder()
{
	clip a.mkv mpeg4 yuv420p 96x64 6
	play 0 a.mkv && says '^6/6 frames identical$' &&
		has_files demo-out/video.mkv demo-out/contact-sheet.png
}

fewer_frames_than_asked_for_one_tile()
{
	clip a.mkv mpeg4 yuv420p 96x64 2
	play 0 a.mkv && says '^2/2 frames identical$' && says ': 1 pictures$'
}

only_so_many_frames()
{
	clip a.mkv mpeg4 yuv420p 96x64 60
	play 0 --frames 20 a.mkv && quiet && says '^20/20 frames identical$'
}

broken_rule_is_noticed()
{
	clip a.mkv mpeg4 yuv420p 160x120 80
	play 2 --threads --break-rule readers a.mkv && quiet && says '^torn or wrong: .*[0-9]' &&
		says ' [1-9][0-9]* times a writer came in'
}

broken_rule_is_noticed_without_references()
{
	clip a.mkv ffv1 yuv444p 160x120 80
	play 2 --threads --break-rule readers a.mkv && quiet && says '^torn or wrong: .*[0-9]' &&
		says ' [1-9][0-9]* times a writer came in'
}

no_such_file()
{
	play 1 nowhere.mp4 && complains "cannot read 'nowhere.mp4': No such file"
}

not_a_video()
{
	head -c 5000 "$demo" >a.mp4
	play 1 a.mp4 && complains "'a.mp4' is no video"
}

no_bytes_at_all()
{
	: >a.mp4
	play 1 a.mp4 && complains "'a.mp4' is no video"
}

wrong_pixels()
{
	clip a.mkv ffv1 bgra 96x64 6
	play 1 a.mkv && complains 'has bgra pictures'
}

# $1: the file, which is cut in the middle; what comes before that must be there. $3: the way.
cut_off()
{
	clip "$1" "$2" yuv420p 160x120 60
	head -c $(($(wc -c <"$1") / 2)) "$1" >"cut-$1"
	play 1 --hand-over "${3-processes}" --out cut "cut-$1" && complains "'cut-$1' is cut off or damaged after" &&
		says '/[1-5][0-9] frames identical$' && ! says '^0/' >/dev/null &&
		has_files cut/contact-sheet.png && { [ $# = 3 ] || has_files cut/timeline.svg; } &&
		play 0 cut/video.mkv && says ' frames identical$'
}

cut_off_matroska() { cut_off a.mkv mpeg4; }
cut_off_mp4() { cut_off a.mp4 mpeg4; }
cut_off_avi() { cut_off a.avi mpeg4; }
cut_off_with_threads() { cut_off a.mkv mpeg4 threads; }
cut_off_with_copies() { cut_off a.mkv mpeg4 copies; }
cut_off_with_mutex() { cut_off a.mkv mpeg4 mutex; }

# Damage that libavcodec may pass over: it leaves out what it cannot read. Both runs must
# then show the same, whatever was in the memory before.
scratched()
{
	clip "$@"
	for part in 23 31 39 47 55 63 71 79 87; do
		printf 'scratch' |
			dd of="$1" bs=1 seek=$(($(wc -c <"$1") * part / 100)) conv=notrunc 2>err ||
			return 1
	done
	for way in processes processes threads copies mutex; do
		status=0
		"$demo" --hand-over $way "$1" >out 2>err || status=$?
		[ $status -lt 2 ] || { echo "exit status $status, wanted 0 or 1"; return 1; }
	done
}

scratched_lossless() { scratched a.mkv ffv1 yuv444p 96x64 60; }
scratched_motion_jpeg() { scratched a.avi mjpeg yuv422p 96x64 60; }

size_changes()
{
	clip a.mkv mjpeg yuv420p 160x120 40 128x96
	play 1 a.mkv && complains 'changes from 160x120 .* to 128x96 .* after 20 frames' &&
		says '^20/20 frames identical$' && has_files demo-out/contact-sheet.png &&
		play 0 --out again demo-out/video.mkv && says '^20/20 frames identical$'
}

size_changes_with_delay()
{
	clip a.ts mpeg2video yuv420p 160x120 40 176x144
	play 1 a.ts && complains 'changes from 160x120 .* to 176x144' && says ' frames identical$'
}

output_folder_cannot_be_made()
{
	clip a.mkv mpeg4 yuv420p 96x64 6
	: >file
	play 1 --out file/out a.mkv && complains "cannot write to 'file/out': Not a directory"
}

output_folder_is_a_file()
{
	clip a.mkv mpeg4 yuv420p 96x64 6
	: >file
	play 1 --out file a.mkv && complains "cannot write to 'file'"
}

disk_is_full_for_the_video()
{
	clip a.mkv ffv1 yuv444p 160x120 60
	mkdir out-full
	ln -s /dev/full out-full/video.mkv
	for way in threads copies mutex; do
		play 1 --hand-over $way --out out-full a.mkv &&
			complains "cannot write 'out-full/video.mkv'.*No space left" &&
			says ' frames identical$' && says ' more frames were not reached$' &&
			has_files out-full/contact-sheet.png || return 1
		rm out-full/contact-sheet.png
	done
}

# There the one file is written by who puts the parts of the encoders together.
disk_is_full_with_processes()
{
	clip a.mkv ffv1 yuv444p 160x120 60
	mkdir out-full
	ln -s /dev/full out-full/video.mkv
	play 1 --out out-full a.mkv && complains "cannot write 'out-full/video.mkv'.*No space left" &&
		says '^60/60 frames identical$' && has_files out-full/contact-sheet.png &&
		[ -z "$(find out-full -name '*.part*')" ]
}

disk_is_full_for_the_sheet()
{
	clip a.mkv mpeg4 yuv420p 96x64 20
	mkdir out-full
	ln -s /dev/full out-full/contact-sheet.png
	play 1 --out out-full a.mkv &&
		complains "cannot write 'out-full/contact-sheet.png': No space left" &&
		says '^20/20 frames identical$' && has_files out-full/video.mkv
}

disk_is_full_for_the_timeline()
{
	clip a.mkv mpeg4 yuv420p 96x64 20
	mkdir out-full
	ln -s /dev/full out-full/timeline.svg
	play 1 --out out-full a.mkv &&
		complains "cannot write 'out-full/timeline.svg': No space left" &&
		says '^20/20 frames identical$'
}

disk_is_full_for_the_report()
{
	clip a.mkv mpeg4 yuv420p 96x64 20
	status=0
	"$demo" a.mkv >/dev/full 2>err || status=$?
	[ $status = 1 ] || { echo "exit status $status, wanted 1"; return 1; }
	complains 'cannot write the report: No space left'
}

# Play $2 with what follows beside the test, and say the process's number, once the $1 is at work.
begin_to_play()
{
	name=$1
	shift
	"$demo" "$@" >out 2>err &
	player=$!
	for _ in $(seq 4000); do
		grep -q '^processes' out && break
		sleep 0.005
	done
	engine=$(pgrep -P "$player" -f -- "--engine $name") || echo "no $name came"
}

ends_with()
{
	status=0
	wait "$player" || status=$?
	[ $status = "$1" ] || echo "exit status $status, wanted $1"
	[ $status = "$1" ]
}

# Of frames that were lost it says which, and why.
tells_losses()
{
	! grep -q ' more frames were lost:$' out ||
		says '^  when the [a-z]* was \(killed\|stopped, and evicted\): [0-9]'
}

# Whoever is killed: all frames that the others have are right, and a successor comes.
killed_by_hand()
{
	clip a.mkv mpeg4 yuv420p 320x240 2000
	begin_to_play decoder a.mkv
	kill -KILL "$engine"
	for name in contrast counter checksum contact encoder; do
		kill -KILL "$(pgrep -P "$player" -f -- "--engine $name")" || echo "no $name to kill"
	done
	ends_with 0 && quiet && says '^\([0-9]*\)/\1 frames identical$' &&
		says '^6 processes were killed and 0 stopped' && says '/s, .*, [1-6] dead$' &&
		tells_losses && grep -q '>.*killed' demo-out/timeline.svg
}

# One that is stopped, and may hold what others need, is evicted.
stopped_by_hand()
{
	clip a.mkv mpeg4 yuv420p 320x240 800
	begin_to_play counter a.mkv
	kill -STOP "$engine"
	ends_with 0 && quiet && says '^\([0-9]*\)/\1 frames identical$' &&
		says '^0 processes were killed and 1 stopped and evicted' && tells_losses
}

# Nobody is left behind.
dispatcher_killed()
{
	clip a.mkv mpeg4 yuv420p 320x240 800
	begin_to_play encoder a.mkv
	engines=$(pgrep -P "$player" -f -- --engine)
	[ "$(echo "$engines" | wc -l)" = 6 ] || { echo 'not six engines'; return 1; }
	kill -KILL "$player"
	ends_with 137
	for engine in $engines; do
		for _ in $(seq 1000); do
			kill -0 "$engine" 2>/dev/null || break
			sleep 0.01
		done
		! kill -0 "$engine" 2>/dev/null || { echo "engine $engine goes on"; return 1; }
	done
}

# By chance, and at labelled points: no frame is torn, and none is lost without a reason.
chaos()
{
	clip a.mkv "$@"
	with_points=$demo
	demo=$demo_with_points
	bad=
	for seed in 1 2; do
		if ! play 0 --chaos --seed $seed a.mkv || ! quiet ||
			! says '^\([1-9][0-9]*\)/\1 frames identical$' ||
			! says '^[1-9][0-9]* processes were killed' || says 'not reached' >/dev/null ||
			! says '/s, .*, [1-9][0-9]* deaths, worst [0-9.]* ms$' || ! tells_losses; then
			bad=$seed
			break
		fi
	done
	demo=$with_points
	[ -z "$bad" ] || echo "with seed $bad"
	[ -z "$bad" ] && [ -z "$(find demo-out -name '*.part*')" ]
}

chaos_mpeg4() { chaos mpeg4 yuv420p 320x240 400; }
chaos_lossless() { chaos ffv1 yuv444p 160x120 400; }

# Also of a soak that ends before its time, as with a clip that is cut off.
soak_tells_what_was()
{
	clip a.mkv mpeg4 yuv420p 160x120 400
	head -c $(($(wc -c <a.mkv) / 2)) a.mkv >cut.mkv
	play 1 --chaos --soak 1 cut.mkv && complains "'cut.mkv' is cut off or damaged after" &&
		says '^showing 1: ' && says '^1 showings: [1-9][0-9]* frames identical, [0-9]* lost, none torn$' &&
		says '^[0-9]* processes were killed'
}

wrong_arguments()
{
	play 1 && refuses 'which VIDEO' &&
		play 1 --frames 0 a.mkv && refuses "--frames wants .*, not '0'" &&
		play 1 --frames x a.mkv && refuses "--frames wants .*, not 'x'" &&
		play 1 --frames -1 a.mkv && refuses "--frames wants .*, not '-1'" &&
		play 1 --break-rule writers a.mkv && refuses "--break-rule knows .*, not 'writers'" &&
		play 1 --hand-over pipes a.mkv && refuses "--hand-over knows .*, not 'pipes'" &&
		play 1 --hand-over mutex --break-rule readers a.mkv &&
		refuses '--break-rule is for --threads, not for mutex' &&
		play 1 --break-rule readers a.mkv &&
		refuses '--break-rule is for --threads, not for processes' &&
		play 1 --threads --chaos a.mkv && refuses '--chaos is for processes, not for threads' &&
		play 1 --seed 1 a.mkv && refuses 'are for --chaos' &&
		play 1 --soak 1 a.mkv && refuses 'are for --chaos' &&
		play 1 --chaos --seed 0 a.mkv && refuses "--seed wants .*, not '0'" &&
		play 1 --chaos --soak x a.mkv && refuses "--soak wants .*, not 'x'" &&
		play 1 --bogus a.mkv && refuses "unrecognized option '--bogus'" &&
		play 1 a.mkv b.mkv && refuses "one VIDEO, not both 'a.mkv' and 'b.mkv'" &&
		play 0 --help && quiet && says '^usage'
}

run()
{
	rm -rf "${folder:?}"/*
	if message=$("$1"); then
		passed=$((passed + 1))
		echo "ok $1"
	else
		failed=$((failed + 1))
		echo "not ok $1: $message"
		cat out err
	fi
}

playing='mpeg4_with_b_frames mpeg2_with_b_frames motion_jpeg_422 lossless_444 odd_sizes
	pictures_that_are_never_shown with_processes with_threads with_copies with_mutex
	copies_are_all_counted default_output_folder fewer_frames_than_asked_for_one_tile only_so_many_frames'
failing='no_such_file not_a_video no_bytes_at_all wrong_pixels wrong_arguments
	cut_off_matroska cut_off_mp4 cut_off_avi cut_off_with_threads cut_off_with_copies
	cut_off_with_mutex scratched_lossless scratched_motion_jpeg size_changes size_changes_with_delay
	output_folder_cannot_be_made output_folder_is_a_file disk_is_full_for_the_video
	disk_is_full_for_the_sheet disk_is_full_for_the_timeline disk_is_full_for_the_report
	disk_is_full_with_processes'
breaking='broken_rule_is_noticed broken_rule_is_noticed_without_references'
dying='killed_by_hand stopped_by_hand dispatcher_killed chaos_mpeg4 chaos_lossless soak_tells_what_was'

for group; do
	case $group in
	playing) names=$playing ;;
	failing) names=$failing ;;
	breaking) names=$breaking ;;
	dying) names=$dying ;;
	*) echo "no group '$group'" && exit 1 ;;
	esac
	for name in $names; do
		run "$name"
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
