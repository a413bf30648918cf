/* SPDX-License-Identifier: MIT */
/*
 * test-film: what film.h promises. Parts come from the demo's own encoder, and the film is
 * read by its own input, which notices a file that is not whole.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "encoder-engine.h"
#include "ffmpeg-log.h"
#include "film.h"
#include "input.h"

enum {
	WIDTH = 64,
	HEIGHT = 48,
	MOST = 256, /* pictures of a film */
};

static const struct reference b_frames = {
	.width = WIDTH, .height = HEIGHT, .pix_fmt = AV_PIX_FMT_YUV420P, .rate = { 25, 1 }
};
static const struct reference intra_only = {
	.width = WIDTH, .height = HEIGHT, .pix_fmt = AV_PIX_FMT_YUV422P, .rate = { 30000, 1001 }
};

/* Numbers of pictures, as they are expected or were found. */
struct numbers {
	int64_t number[MOST];
	unsigned int count;
};

static void add(struct numbers *numbers, int64_t number)
{
	NEED(numbers->count < MOST);
	numbers->number[numbers->count++] = number;
}

static void add_range(struct numbers *numbers, int64_t first, unsigned int count)
{
	while (count--)
		add(numbers, first++);
}

static bool is_in(const struct numbers *numbers, int64_t number)
{
	for (unsigned int i = 0; i < numbers->count; i++)
		if (numbers->number[i] == number)
			return true;
	return false;
}

/* The grey that tells a picture from its neighbours. */
static int grey(int64_t number)
{
	return (int)(40 + number * 53 % 160);
}

static void let_go(void *keeper, uint8_t *memory)
{
	(void)keeper;
	free(memory);
}

/* Grey, with a pattern in the lower half, so that no picture is coded in a few bytes. */
static struct work paint(const struct reference *ref, int64_t number)
{
	bool wide = ref->pix_fmt == AV_PIX_FMT_YUV420P;
	struct work work = { .frame = (uint64_t)number, .count = 1, .size = 3 * WIDTH * HEIGHT };
	struct picture *pic = &work.picture[0];

	work.let_go = let_go;
	work.memory = malloc(work.size);
	NEED(work.memory);
	memset(work.memory, 128, work.size);
	*pic = (struct picture){ .width = WIDTH,
				 .height = HEIGHT,
				 .format = ref->pix_fmt,
				 .shift_x = 1,
				 .shift_y = wide };
	for (int i = 0; i < PICTURE_PLANES; i++) {
		pic->plane[i] = work.memory + (size_t)i * WIDTH * HEIGHT;
		pic->stride[i] = WIDTH;
	}
	memset(pic->plane[0], grey(number), WIDTH * HEIGHT);
	for (int i = WIDTH * HEIGHT / 2; i < WIDTH * HEIGHT; i++)
		pic->plane[0][i] = (uint8_t)(i % 7 * i % 31 * (number + 3) % 97 + 60);
	return work;
}

static void encode(struct encoder_engine *encoder, const struct reference *ref, int64_t number)
{
	struct work work = paint(ref, number);

	NEED(!engine_work(&encoder->base, &work));
}

static void open_encoder(struct encoder_engine *encoder, const struct reference *ref,
			 const char *path)
{
	struct problem problem = { "" };

	encoder_engine_init(encoder, ref, path, &problem);
	NEED(!problem_is(&problem));
}

static void make_part(const char *path, const struct reference *ref, int64_t first,
		      unsigned int count, int64_t step)
{
	static struct encoder_engine encoder; /* large */

	open_encoder(&encoder, ref, path);
	while (count--) {
		encode(&encoder, ref, first);
		first += step;
	}
	engine_finish(&encoder.base);
	NEED(!problem_is(&encoder.base.problem));
	encoder_engine_fini(&encoder);
}

static int get_buffer(struct input *in, AVFrame *frame, int flags)
{
	return avcodec_default_get_buffer2(in->codec, frame, flags);
}

/* The number of a picture, from its time. Its grey must be that number's. */
static int64_t number_of(const struct input *in, const struct reference *ref, const AVFrame *frame)
{
	AVRational unit = in->format->streams[in->stream]->time_base;
	int64_t number = av_rescale_q(frame->pts, unit, av_inv_q(ref->rate));
	int64_t sum = 0;

	CHECK(av_rescale_q(number, av_inv_q(ref->rate), unit) == frame->pts, "%lld",
	      (long long)frame->pts);
	for (int x = 0; x < WIDTH; x++)
		sum += frame->data[0][HEIGHT / 4 * frame->linesize[0] + x];
	CHECK(llabs(sum / WIDTH - grey(number)) < 8, "picture %lld is of grey %lld, not %d",
	      (long long)number, (long long)(sum / WIDTH), grey(number));
	return number;
}

/* The film has these pictures, which rise, and is whole. */
static void check_film(const char *path, const struct reference *ref, const struct numbers *wanted)
{
	struct input in;
	AVFrame *frame = av_frame_alloc();
	unsigned int found = 0;

	NEED(frame && input_open(&in, path, UINT64_MAX));
	in.get_buffer = get_buffer;
	for (; input_next(&in, frame); found++) {
		int64_t number = number_of(&in, ref, frame);

		CHECK(found < wanted->count && number == wanted->number[found],
		      "picture %u of %u is %lld", found, wanted->count, (long long)number);
		av_frame_unref(frame);
	}
	CHECK(found == wanted->count, "%u pictures, wanted %u", found, wanted->count);
	CHECK(!problem_is(&in.problem), "%s", in.problem.text);
	CHECK(av_cmp_q(input_rate(&in), ref->rate) == 0, "rate %d/%d", input_rate(&in).num,
	      input_rate(&in).den);
	input_close(&in);
	av_frame_free(&frame);
}

static void open_film(struct film *film, const struct reference *ref)
{
	struct problem problem = { "" };

	CHECK(film_open(film, "film.mkv", ref, &problem), "%s", problem.text);
}

static void append(struct film *film, const char *part)
{
	struct problem problem = { "" };

	CHECK(film_append(film, part, &problem), "%s", problem.text);
	CHECK(!problem_is(&problem), "%s", problem.text);
	CHECK(access(part, F_OK) && errno == ENOENT, "the part is still there");
}

static void close_film(struct film *film)
{
	struct problem problem = { "" };

	CHECK(film_close(film, &problem), "%s", problem.text);
	CHECK(!problem_is(&problem), "%s", problem.text);
}

static void parts_follow_each_other(const struct reference *ref)
{
	struct numbers wanted = { .count = 0 };
	struct film film;

	open_film(&film, ref);
	for (unsigned int i = 0; i < 5; i++) {
		make_part("part.mkv", ref, wanted.count, 20 + i, 1);
		add_range(&wanted, wanted.count, 20 + i);
		append(&film, "part.mkv");
		CHECK(film.frames == wanted.count, "%d frames", (int)film.frames);
	}
	close_film(&film);
	check_film("film.mkv", ref, &wanted);
}

static void parts_with_b_frames_follow_each_other(void)
{
	parts_follow_each_other(&b_frames);
}

static void intra_only_parts_follow_each_other(void)
{
	parts_follow_each_other(&intra_only);
}

/* Lost between parts, before the first, and inside of them; a part may be one picture. */
static void lost_frames_leave_gaps(void)
{
	static const struct {
		int64_t first, step;
		unsigned int count;
	} part[] = { { 7, 1, 10 }, { 19, 1, 1 },    { 25, 3, 9 },    { 60, 1, 2 },
		     { 63, 1, 3 }, { 1000, 17, 5 }, { 90000, 1, 30 } };
	const struct reference *refs[] = { &b_frames, &intra_only };

	for (unsigned int r = 0; r < 2; r++) {
		struct numbers wanted = { .count = 0 };
		struct film film;

		open_film(&film, refs[r]);
		for (unsigned int p = 0; p < sizeof(part) / sizeof(part[0]); p++) {
			make_part("part.mkv", refs[r], part[p].first, part[p].count, part[p].step);
			for (unsigned int i = 0; i < part[p].count; i++)
				add(&wanted, part[p].first + i * part[p].step);
			append(&film, "part.mkv");
		}
		close_film(&film);
		check_film("film.mkv", refs[r], &wanted);
	}
}

/* One picture is nothing to guess a rate from. */
static void rate_is_in_the_film(void)
{
	struct numbers wanted = { { 5 }, 1 };
	struct film film;

	open_film(&film, &intra_only);
	make_part("part.mkv", &intra_only, 5, 1, 1);
	append(&film, "part.mkv");
	close_film(&film);
	check_film("film.mkv", &intra_only, &wanted);
}

static void empty_and_missing_parts_are_no_problem(void)
{
	struct numbers wanted = { .count = 0 };
	struct film film;

	open_film(&film, &b_frames);
	append(&film, "nowhere.mkv");
	NEED(!fclose(fopen("part.mkv", "w")));
	append(&film, "part.mkv");
	make_part("part.mkv", &b_frames, 3, 0, 1);
	append(&film, "part.mkv");
	CHECK(film.frames == 0, "%d frames", (int)film.frames);
	make_part("part.mkv", &b_frames, 3, 8, 1);
	append(&film, "part.mkv");
	append(&film, "nowhere.mkv");
	NEED(!fclose(fopen("part.mkv", "w")));
	append(&film, "part.mkv");
	close_film(&film);
	add_range(&wanted, 3, 8);
	check_film("film.mkv", &b_frames, &wanted);
}

static void without_pictures_the_film_is_empty(void)
{
	struct film film;
	struct stat info;

	NEED(!fclose(fopen("film.mkv", "w")));
	open_film(&film, &b_frames);
	append(&film, "nowhere.mkv");
	close_film(&film);
	CHECK(!stat("film.mkv", &info) && info.st_size == 0, "%s", strerror(errno));
}

/* A whole part in memory, and where each of its packets ends in it. */
struct part {
	char bytes[65536];
	size_t size;
	int64_t number[MOST];
	size_t end[MOST];
	unsigned int count;
};

static void write_bytes(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	NEED(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
}

/* Where @wanted is in @bytes, from @from on: its end. */
static size_t find_end(const struct part *part, size_t from, const void *wanted, size_t size)
{
	while (from + size <= part->size && memcmp(part->bytes + from, wanted, size) != 0)
		from++;
	NEED(from + size <= part->size);
	return from + size;
}

static void load_part(struct part *part, const char *path, const struct reference *ref)
{
	FILE *file = fopen(path, "r");
	AVFormatContext *format = NULL;
	AVPacket *packet = av_packet_alloc();
	size_t from = 0;

	NEED(file && packet);
	part->count = 0;
	part->size = fread(part->bytes, 1, sizeof(part->bytes), file);
	NEED(part->size < sizeof(part->bytes) && !fclose(file));
	NEED(!avformat_open_input(&format, path, NULL, NULL));
	while (!av_read_frame(format, packet)) {
		NEED(part->count < MOST);
		from = find_end(part, from, packet->data, (size_t)packet->size);
		part->end[part->count] = from;
		part->number[part->count++] = av_rescale_q(
			packet->pts, format->streams[0]->time_base, av_inv_q(ref->rate));
		av_packet_unref(packet);
	}
	avformat_close_input(&format);
	av_packet_free(&packet);
}

/* A film of @first, cut to @size bytes, and, to be decoded, then @second. */
static void check_cut(const struct part *first, size_t size, const struct part *second,
		      const struct reference *ref, bool decode)
{
	struct numbers whole = { .count = 0 }, wanted = { .count = 0 };
	struct film film;

	for (unsigned int i = 0; i < first->count && first->end[i] <= size; i++)
		add(&whole, first->number[i]);
	open_film(&film, ref);
	write_bytes("part.mkv", first->bytes, size);
	append(&film, "part.mkv");
	CHECK(film.frames == whole.count, "%d frames of %zu bytes, wanted %u", (int)film.frames,
	      size, whole.count);
	if (decode) {
		write_bytes("part.mkv", second->bytes, second->size);
		append(&film, "part.mkv");
	}
	close_film(&film);
	if (!decode)
		return;
	for (int64_t number = 0; number < MOST; number++)
		if (is_in(&whole, number))
			add(&wanted, number);
	add_range(&wanted, 30, second->count);
	check_film("film.mkv", ref, &wanted);
}

/* Decoded wherever one picture more has come through. */
static void cuts_anywhere(const struct reference *ref)
{
	static struct part first, second; /* large */
	unsigned int whole = UINT32_MAX;

	make_part("part.mkv", ref, 0, 8, 1);
	load_part(&first, "part.mkv", ref);
	NEED(first.count == 8);
	make_part("part.mkv", ref, 30, 4, 1);
	load_part(&second, "part.mkv", ref);
	NEED(second.count == 4);
	for (size_t size = 0; size <= first.size; size++) {
		unsigned int now = 0;

		while (now < first.count && first.end[now] <= size)
			now++;
		check_cut(&first, size, &second, ref, now != whole);
		whole = now;
	}
}

static void part_with_b_frames_is_cut_anywhere(void)
{
	cuts_anywhere(&b_frames);
}

static void intra_only_part_is_cut_anywhere(void)
{
	cuts_anywhere(&intra_only);
}

/* The child is killed after 21 frames; what its codec had put out by then is kept. */
static unsigned int kill_encoder(const struct reference *ref, int64_t first)
{
	uint64_t *written = mmap(NULL, sizeof(*written), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int put_out;
	pid_t child;
	int status;

	NEED(written != MAP_FAILED && !fflush(stdout));
	child = fork();
	NEED(child >= 0);
	if (!child) {
		static struct encoder_engine encoder; /* large */

		open_encoder(&encoder, ref, "part.mkv");
		for (int i = 0; i < 21; i++)
			encode(&encoder, ref, first + i);
		*written = encoder.frames;
		kill(getpid(), SIGKILL);
	}
	NEED(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	put_out = (unsigned int)*written;
	munmap(written, sizeof(*written));
	return put_out;
}

static void killed_encoder_loses_nothing_that_it_put_out(void)
{
	const struct reference *refs[] = { &b_frames, &intra_only };

	for (unsigned int r = 0; r < 2; r++) {
		unsigned int wanted = 0;
		struct film film;

		open_film(&film, refs[r]);
		for (int64_t first = 0; first < 100; first += 25) {
			unsigned int put_out = kill_encoder(refs[r], first);

			CHECK(put_out >= 17, "%u pictures put out", put_out);
			append(&film, "part.mkv");
			wanted += put_out;
			CHECK(film.frames == wanted, "%d frames, wanted %u", (int)film.frames,
			      wanted);
		}
		close_film(&film);
	}
}

/* The film has failed: it says so of each part, and removes it nevertheless. */
static void check_failed(struct film *film)
{
	struct problem problem = { "" };

	for (int64_t first = 0; first < 20; first += 10) {
		make_part("part.mkv", &b_frames, first, 10, 1);
		CHECK(!film_append(film, "part.mkv", &problem), "appended");
		CHECK(access("part.mkv", F_OK), "the part is still there");
	}
	CHECK(!film_close(film, &problem), "closed");
	CHECK(!problem_is(&problem), "once more: %s", problem.text);
}

static void full_disk_is_a_problem(void)
{
	struct problem problem = { "" };
	struct film film;

	CHECK(film_open(&film, "/dev/full", &b_frames, &problem), "%s", problem.text);
	make_part("part.mkv", &b_frames, 0, 10, 1);
	CHECK(!film_append(&film, "part.mkv", &problem), "appended");
	CHECK(strstr(problem.text, "cannot write '/dev/full' any further: No space left"), "%s",
	      problem.text);
	check_failed(&film);
}

/* What came before is in the file, and nothing of the part that did not fit is needed. */
static void disk_that_fills_up_keeps_what_fitted(void)
{
	struct problem problem = { "" };
	struct rlimit old, small;
	struct numbers wanted = { .count = 0 };
	struct film film;
	struct stat info;

	open_film(&film, &b_frames);
	make_part("part.mkv", &b_frames, 0, 10, 1);
	append(&film, "part.mkv");
	make_part("part.mkv", &b_frames, 10, 90, 1);
	NEED(!stat("film.mkv", &info) && !getrlimit(RLIMIT_FSIZE, &old));
	small = old;
	small.rlim_cur = (rlim_t)info.st_size + 100;
	signal(SIGXFSZ, SIG_IGN);
	NEED(!setrlimit(RLIMIT_FSIZE, &small));
	CHECK(!film_append(&film, "part.mkv", &problem), "appended");
	CHECK(strstr(problem.text, "cannot write 'film.mkv' any further: File too large"), "%s",
	      problem.text);
	CHECK(!film_close(&film, &problem), "closed");
	NEED(!setrlimit(RLIMIT_FSIZE, &old));
	NEED(!truncate("film.mkv", info.st_size));
	add_range(&wanted, 0, 10);
	check_film("film.mkv", &b_frames, &wanted);
}

static void no_place_for_the_film_is_a_problem(void)
{
	struct problem problem = { "" };
	struct film film;

	CHECK(!film_open(&film, "nowhere/film.mkv", &b_frames, &problem), "opened");
	CHECK(strstr(problem.text, "cannot write 'nowhere/film.mkv': No such file"), "%s",
	      problem.text);
	check_failed(&film);
}

static void unreadable_part_is_a_problem(void)
{
	struct problem problem = { "" };
	struct film film;

	NEED(!mkdir("folder", 0700));
	open_film(&film, &b_frames);
	CHECK(!film_append(&film, "folder", &problem), "appended");
	CHECK(strstr(problem.text, "cannot read 'folder': Is a directory"), "%s", problem.text);
	CHECK(!film_close(&film, &problem), "closed");
	NEED(!rmdir("folder"));
}

int main(void)
{
	char folder[] = "/tmp/test-film-XXXXXX";

	NEED(mkdtemp(folder) && !chdir(folder));
	ffmpeg_log_init();
	RUN(parts_with_b_frames_follow_each_other);
	RUN(intra_only_parts_follow_each_other);
	RUN(lost_frames_leave_gaps);
	RUN(rate_is_in_the_film);
	RUN(empty_and_missing_parts_are_no_problem);
	RUN(without_pictures_the_film_is_empty);
	RUN(part_with_b_frames_is_cut_anywhere);
	RUN(intra_only_part_is_cut_anywhere);
	RUN(killed_encoder_loses_nothing_that_it_put_out);
	RUN(full_disk_is_a_problem);
	RUN(disk_that_fills_up_keeps_what_fitted);
	RUN(no_place_for_the_film_is_a_problem);
	RUN(unreadable_part_is_a_problem);
	unlink("film.mkv");
	NEED(!chdir("/") && !rmdir(folder));
	return sum_up();
}
