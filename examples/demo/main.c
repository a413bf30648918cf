/* SPDX-License-Identifier: MIT */
/*
 * dmabuf-demo: a video through one pool of shared buffers.
 *
 *	decoder --> contrast --> counter --> checksum, contact sheet, encoder
 *
 * Each of these is an engine: a process, or, with --threads, a thread, with a ring of jobs and a
 * timeline. A frame stays in one buffer all the way. libavcodec decodes into it, two filters change it where it
 * lies, three readers look at it at once; then another frame gets the buffer. Engines
 * share nothing with each other. All order comes from the buffers' reservations: decoder
 * and filters add their fences as WRITE, readers as READ; who writes waits for readers
 * and writers, who reads waits for writers.
 *
 * Processes. Each engine is a member of one pool, and puts its fences into the buffers itself; this
 * program's main process says whose turn it is, and starts them again when they die: see
 * dispatcher.h. --chaos kills and stops them. What follows is about threads, where it is simpler.
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
 * way. See decoder-port.c; pool.c has the argument why the pool is large enough, and
 * reference.c how large that is.
 *
 * Two more ways, in copies.c and mutex.c, have the same engines do the same work without the
 * library, to be measured beside it.
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
#include <time.h>
#include <unistd.h>

#include <libavutil/pixdesc.h>

#include "chaos-points.h"
#include "engine-process.h"
#include "ffmpeg-log.h"
#include "hand-over.h"
#include "life.h"
#include "report.h"

#define MOST_MINUTES 1000000

struct options {
	const char *video;
	const char *out;
	uint64_t frames;
	bool break_rule;
	bool chaos;
	uint64_t seed;
	uint64_t minutes; /* over and over again; 0: once */
	const struct hand_over *hand_over;
};

static void usage(FILE *file)
{
	fputs("usage: dmabuf-demo [--out DIR] [--frames N] [--threads | --hand-over WAY]\n"
	      "                   [--chaos [--seed N] [--soak MINUTES]] [--break-rule readers] VIDEO\n"
	      "\n"
	      "Plays VIDEO through one pool of shared buffers, and proves that every frame came\n"
	      "through unharmed. Writes video.mkv, contact-sheet.png, last-frame.png and\n"
	      "timeline.svg to DIR (default: demo-out).\n"
	      "\n"
	      "  --frames N            stop after N frames\n"
	      "  --threads             engines are threads, and not processes\n"
	      "  --hand-over WAY       how frames get from engine to engine: processes or threads\n"
	      "                        with fences, or, to compare, without the library: copies\n"
	      "                        (each engine has memory of its own, and a queue) or mutex\n"
	      "                        (shared buffers, each with a mutex). These make no\n"
	      "                        timeline.svg\n"
	      "  --chaos               kill and stop processes by chance, and start them again\n"
	      "  --seed N              of that chance (default: the time)\n"
	      "  --soak MINUTES        that, over and over again\n"
	      "  --break-rule readers  with --threads: let writers not wait for readers, to see it\n"
	      "                        noticed\n"
	      "\n"
	      "Exit status: 0 all frames are identical, or lost with an engine that died; 2 some are\n"
	      "neither; 1 anything else.\n",
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

static bool parse_number(const char *text, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *ret_number > 0;
}

static const struct hand_over *find_hand_over(const char *name)
{
	static const struct hand_over *const all[] = { &hand_over_processes, &hand_over_threads,
						       &hand_over_copies, &hand_over_mutex };

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
	if (options->break_rule && options->hand_over != &hand_over_threads)
		return refuse("--break-rule is for --threads, not for %s",
			      options->hand_over->name);
	if (options->chaos && options->hand_over != &hand_over_processes)
		return refuse("--chaos is for processes, not for %s", options->hand_over->name);
	if ((options->minutes || options->seed) && !options->chaos)
		return refuse("--seed and --soak are for --chaos");
	if (!options->seed)
		options->seed = (uint64_t)time(NULL);
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
		{ "threads", no_argument, NULL, 't' },
		{ "chaos", no_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "soak", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*options = (struct options){ .out = "demo-out",
				     .frames = UINT64_MAX,
				     .hand_over = &hand_over_processes };
	while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return EXIT_SAME;
		}
		if (option == 'o')
			options->out = optarg;
		else if (option == 'f' && !parse_number(optarg, &options->frames))
			return refuse("--frames wants a number above 0, not '%s'", optarg);
		else if (option == 's' && !parse_number(optarg, &options->seed))
			return refuse("--seed wants a number above 0, not '%s'", optarg);
		else if (option == 'm' && (!parse_number(optarg, &options->minutes) ||
					   options->minutes > MOST_MINUTES))
			return refuse("--soak wants minutes, 1 to 1000000, not '%s'", optarg);
		else if (option == 'c')
			options->chaos = true;
		else if (option == 't')
			options->hand_over = &hand_over_threads;
		else if (option == 'b' && strcmp(optarg, "readers") != 0)
			return refuse("--break-rule knows 'readers', not '%s'", optarg);
		else if (option == 'b')
			options->break_rule = true;
		else if (option == 'w' && !(options->hand_over = find_hand_over(optarg)))
			return refuse("--hand-over knows processes, threads, copies and mutex, not '%s'",
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

/* Once. @tally: one of many, or NULL. Returns the exit status. */
static int play(const struct reference *ref, const struct options *options,
		const struct output *output, struct tally *tally, struct problem *problem)
{
	static struct player player; /* large: it has the rings of all engines */
	int status = EXIT_BAD_INPUT;

	/* These are not made each time, and another run's would mislead. */
	unlink(output->poster);
	if (!output->has_timeline)
		unlink(output->timeline);
	if (player_init(&player, ref, options->video, output->video, options->hand_over->here)) {
		player.timeline = output->timeline;
		player.break_rule = options->break_rule;
		player.chaos = options->chaos;
		player.seed = options->seed + (tally ? tally->showings : 0);
		options->hand_over->play(&player);
		if (player.ended)
			status = tally ? report_showing(&player, tally) : report(&player, output);
	}
	if (problem_is(&player.problem))
		*problem = player.problem;
	player_fini(&player);
	return status;
}

/* Over and over again, as long as all is well. It tells what was until then in any case. */
static int soak(const struct reference *ref, const struct options *options,
		const struct output *output, struct problem *problem)
{
	const int64_t end = now_ns() + (int64_t)options->minutes * 60 * INT64_C(1000000000);
	struct tally tally = { 0 };
	int status;

	do
		status = play(ref, options, output, &tally, problem);
	while (status == EXIT_SAME && !problem_is(problem) && now_ns() < end);
	if (tally.showings)
		report_tally(&tally);
	return status;
}

static int play_all(const struct reference *ref, const struct options *options,
		    const struct output *output, struct problem *problem)
{
	printf("%s: %dx%d %s, decoded by %s\n", options->video, ref->width, ref->height,
	       av_get_pix_fmt_name(ref->pix_fmt), ref->decoder);
	if (options->chaos)
		printf("chance by --seed %" PRIu64 "%s\n", options->seed,
		       chaos_points_are_there() ? "" : ", without labelled points");
	return options->minutes ? soak(ref, options, output, problem)
				: play(ref, options, output, NULL, problem);
}

int main(int argc, char **argv)
{
	struct options options;
	struct output output;
	struct reference ref;
	struct progress progress;
	struct problem problem = { "" };
	int status;

	if (argc > 1 && !strcmp(argv[1], LIFE_OPTION))
		return engine_process(LIFE_SOCK);
	status = parse_options(argc, argv, &options);
	if (status >= 0)
		return status;
	ffmpeg_log_init();
	status = EXIT_BAD_INPUT;
	output.has_timeline = options.hand_over == &hand_over_processes ||
			      options.hand_over == &hand_over_threads;
	if (prepare_output(&output, options.out, &problem)) {
		if (reference_run(&ref, options.video, options.frames, &progress, &problem))
			status = play_all(&ref, &options, &output, &problem);
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
