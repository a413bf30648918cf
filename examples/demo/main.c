/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-demo: a video through one pool of shared buffers.
 *
 *	decoder --> contrast --> counter --> checksum, contact sheet, encoder
 *
 * Each of these is an engine: a thread with a ring of jobs and a timeline. A frame stays
 * in one buffer all the way. libavcodec decodes into it, two filters change it where it
 * lies, three readers look at it at once; then another frame gets the buffer. Engines
 * share nothing with each other. All order comes from the buffers' reservations: decoder
 * and filters add their fences as WRITE, readers as READ; who writes waits for readers
 * and writers, who reads waits for writers.
 *
 * Who submits. One client, this program's main thread, submits all jobs, in program
 * order: for a frame first decode, then contrast, counter, and the readers. It does not
 * wait for any of them, as user space does not wait for a GPU. A job takes along, in a
 * snapshot, what was in the reservations of its buffers; its engine waits for that.
 *
 * How the client and libavcodec share the decoder. libavcodec decides alone when it wants
 * memory for a picture (get_buffer2), and in which order pictures come out; both happen
 * on the decoder engine's thread, inside libavcodec's calls. So the decode job is
 * submitted inside get_buffer2: the decoder asks through a mailbox, the client picks a
 * buffer, submits the job and puts it into the decoder's ring, and get_buffer2 takes it
 * from there, waits for the fences as any engine does, and returns with the buffer. When
 * the picture comes out, the decoder says so, and the client submits the frame's other
 * jobs; they may be in their rings before the decode job's fence signals. So each buffer
 * sees decode, filters, readers in program order, and frames come in the order shown.
 *
 * What codecs keep. libavcodec goes on reading a picture after it came out; other
 * pictures are built on it. With the decode job's fence the client adds a second one
 * (READ), which signals when libavcodec frees the AVBufferRef; the filters, who would
 * spoil the picture, wait for it like for any reader. The encoder keeps frames the same
 * way. See decoder-engine.c; pool.c has the argument why the pool is large enough, and
 * reference.c how large that is.
 *
 * That is --hand-over fences. The other two, in copies.c and mutex.c, have the same engines
 * do the same work without the library, to be measured beside it.
 *
 * The proof. Before that, the same file goes through a plain loop: one thread,
 * libavcodec's own buffers, filters on copies. Every frame must have the same checksum.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/pixdesc.h>

#include "ffmpeg-log.h"
#include "hand-over.h"

enum {
	EXIT_SAME = 0,
	EXIT_BAD_INPUT = 1,
	EXIT_DIFFERENT = 2,
};

struct options {
	const char *video;
	const char *out;
	uint64_t frames;
	bool break_rule;
	const struct hand_over *hand_over;
};

struct output {
	char video[4096], sheet[4096], poster[4096], timeline[4096];
};

static void usage(FILE *file)
{
	fputs("usage: dmabuf-demo [--out DIR] [--frames N] [--hand-over WAY]\n"
	      "                   [--break-rule readers] VIDEO\n"
	      "\n"
	      "Plays VIDEO through one pool of shared buffers, and proves that every frame came\n"
	      "through unharmed. Writes video.mkv, contact-sheet.png, last-frame.png and\n"
	      "timeline.svg to DIR (default: demo-out).\n"
	      "\n"
	      "  --frames N            stop after N frames\n"
	      "  --hand-over WAY       how frames get from engine to engine: fences (what else\n"
	      "                        this text is about), or, to compare, without the library:\n"
	      "                        copies (each engine has memory of its own, and a queue) or\n"
	      "                        mutex (shared buffers, each with a mutex). These make no\n"
	      "                        timeline.svg\n"
	      "  --break-rule readers  let writers not wait for readers, to see it noticed\n"
	      "\n"
	      "Exit status: 0 all frames are identical, 2 some are not, 1 anything else.\n",
	      file);
}

/* Say what is wrong with the arguments, unless getopt has, and what would be right. */
__attribute__((__format__(__printf__, 1, 2)))
static int refuse(const char *format, ...)
{
	if (format) {
		va_list args;

		fputs("dmabuf-demo: ", stderr);
		va_start(args, format);
		vfprintf(stderr, format, args);
		va_end(args);
		fputc('\n', stderr);
	}
	usage(stderr);
	return EXIT_BAD_INPUT;
}

static bool parse_frames(const char *text, uint64_t *ret_frames)
{
	char *end;

	errno = 0;
	*ret_frames = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *ret_frames > 0;
}

static const struct hand_over *find_hand_over(const char *name)
{
	static const struct hand_over *const all[] = { &hand_over_fences, &hand_over_copies,
						       &hand_over_mutex };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

/* What comes after the options. Returns as parse_options() does. */
static int parse_video(int argc, char **argv, struct options *options)
{
	if (optind >= argc)
		return refuse("which VIDEO?");
	if (optind < argc - 1)
		return refuse("one VIDEO, not both '%s' and '%s'", argv[optind], argv[optind + 1]);
	if (options->break_rule && options->hand_over != &hand_over_fences)
		return refuse("--break-rule is for --hand-over fences, not '%s'",
			      options->hand_over->name);
	options->video = argv[optind];
	return -1;
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{ "out", required_argument, NULL, 'o' },
		{ "frames", required_argument, NULL, 'f' },
		{ "break-rule", required_argument, NULL, 'b' },
		{ "hand-over", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .out = "demo-out",
				     .frames = UINT64_MAX,
				     .hand_over = &hand_over_fences };
	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return EXIT_SAME;
		}
		if (option == 'o')
			options->out = optarg;
		else if (option == 'f' && !parse_frames(optarg, &options->frames))
			return refuse("--frames wants a number above 0, not '%s'", optarg);
		else if (option == 'b' && strcmp(optarg, "readers") != 0)
			return refuse("--break-rule knows 'readers', not '%s'", optarg);
		else if (option == 'b')
			options->break_rule = true;
		else if (option == 'w' && !(options->hand_over = find_hand_over(optarg)))
			return refuse("--hand-over knows fences, copies and mutex, not '%s'",
				      optarg);
		else if (option == '?')
			return refuse(NULL);
	}
	return parse_video(argc, argv, options);
}

/* Make the directory, and see that it can be written to, before any work is done. */
static bool prepare_output(struct output *output, const char *folder, struct problem *problem)
{
	if ((mkdir(folder, 0777) && errno != EEXIST) || access(folder, W_OK | X_OK)) {
		problem_set(problem, "cannot write to '%s': %s", folder, strerror(errno));
		return false;
	}
	if (snprintf(output->video, sizeof(output->video), "%s/video.mkv", folder) >= 4000) {
		problem_set(problem, "the name of the output directory is too long");
		return false;
	}
	snprintf(output->sheet, sizeof(output->sheet), "%s/contact-sheet.png", folder);
	snprintf(output->poster, sizeof(output->poster), "%s/last-frame.png", folder);
	snprintf(output->timeline, sizeof(output->timeline), "%s/timeline.svg", folder);
	return true;
}

/* Frames that differ, as "3, 7-9, 12". */
static void list_different(const struct player *player)
{
	const struct reference *ref = player->ref;
	const struct checksum_engine *sum = &player->checksum;
	const char *separator = "";

	for (uint64_t i = 0; i < ref->count; i++) {
		uint64_t begin = i;

		while (i < ref->count && sum->taken[i] && sum->checksum[i] != ref->checksum[i])
			i++;
		if (i == begin)
			continue;
		printf("%s%" PRIu64, separator, begin);
		if (i - begin > 1)
			printf("-%" PRIu64, i - 1);
		separator = ", ";
	}
	putchar('\n');
}

/* Returns whether all frames that came through are identical. */
static bool compare(const struct player *player)
{
	const struct reference *ref = player->ref;
	uint64_t taken = 0, identical = 0;

	for (uint64_t i = 0; i < ref->count; i++) {
		taken += player->checksum.taken[i];
		identical += player->checksum.taken[i] &&
			     player->checksum.checksum[i] == ref->checksum[i];
	}
	printf("%" PRIu64 "/%" PRIu64 " frames identical\n", identical, taken);
	if (taken < ref->count)
		printf("%" PRIu64 " more frames were not reached\n", ref->count - taken);
	if (player->break_rule)
		printf("broken rule: writers did not wait for readers; %u times a writer came in "
		       "while a reader was half way through a frame\n",
		       player->torn);
	if (identical == taken)
		return true;
	printf("torn or wrong: ");
	list_different(player);
	return false;
}

/* What there is to see, and, first, what was proved. Returns the exit status. */
static int report(struct player *player, const struct options *options, const struct output *output)
{
	double seconds = (double)(player->ended - player->progress.begun) / 1e9;
	double frames = (double)player->checksum.base.done;
	bool identical;

	if (player->sheet.drawn)
		sheet_write(&player->sheet, output->sheet, &player->problem);
	if (player->looked)
		png_write(&player->last, output->poster, &player->problem);

	identical = compare(player);
	printf("%" PRIu64 " bytes of planes copied, %.1f frames/s, first frame after %.1f ms, "
	       "%d engines, %u buffers of %.1f MB\n",
	       player_copied(player), frames / seconds, (double)player_first_ns(player) / 1e6,
	       ENGINES, player->buffers, (double)player->ref->layout.size / 1e6);
	if (frames > 0)
		printf("%.2f ms of processor time a frame\n",
		       (double)player->processor / 1e6 / frames);
	printf("%s: %" PRIu64 " frames\n", output->video, player->encoder.frames);
	printf("%s: %u pictures\n", output->sheet, player->sheet.drawn);
	if (player->looked)
		printf("%s: the last frame, as the CPU sees it\n", output->poster);
	if (options->hand_over == &hand_over_fences)
		printf("%s: who waited for whom\n", output->timeline);
	return identical ? EXIT_SAME : EXIT_DIFFERENT;
}

static int play(const struct reference *ref, const struct options *options,
		const struct output *output, struct problem *problem)
{
	static struct player player; /* large: it has the rings of all engines */
	int status = EXIT_BAD_INPUT;

	printf("%s: %dx%d %s, decoded by %s\n", options->video, ref->width, ref->height,
	       av_get_pix_fmt_name(ref->pix_fmt), ref->decoder);
	/* These are not made each time, and another run's would mislead. */
	unlink(output->poster);
	if (options->hand_over != &hand_over_fences)
		unlink(output->timeline);
	if (player_init(&player, ref, options->video, output->video)) {
		player.timeline = output->timeline;
		player.break_rule = options->break_rule;
		options->hand_over->play(&player);
		if (player.ended)
			status = report(&player, options, output);
	}
	if (problem_is(&player.problem))
		*problem = player.problem;
	player_fini(&player);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct output output;
	struct reference ref;
	struct progress progress;
	struct problem problem = { "" };
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	ffmpeg_log_init();
	status = EXIT_BAD_INPUT;
	if (prepare_output(&output, options.out, &problem)) {
		if (reference_run(&ref, options.video, options.frames, &progress, &problem))
			status = play(&ref, &options, &output, &problem);
		reference_fini(&ref);
	}
	if (fflush(stdout) || ferror(stdout))
		problem_set(&problem, "cannot write the report: %s", strerror(errno));
	if (problem_is(&problem)) {
		fprintf(stderr, "dmabuf-demo: %s\n", problem.text);
		if (status == EXIT_SAME)
			status = EXIT_BAD_INPUT;
	}
	return status;
}
