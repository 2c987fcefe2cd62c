// SPDX-License-Identifier: Apache-2.0
/*
 * Gzip'd disks, by zlib: it checks the sum at the end of the stream, which libarchive steps over, and
 * for a bare disk nothing else would tell that bytes were changed on the way.
 */
#include "unpack.h"

#include <errno.h>
#include <zlib.h>

#include <beeline/file.h>

#define BLOCK          (256 * 1024)
#define PROGRESS_EVERY (4ull * 1024 * 1024)
#define GZIP_WINDOW    (15 + 16) /* the largest window, gzip's header and trailer */

struct gunzip {
	int in_fd;
	struct image_sink *sink;
	z_stream stream;
	uint64_t n_in, told;
	unsigned char in[BLOCK], out[BLOCK];
};

/* Reads more input; 0 at its end. */
static int refill(struct gunzip *gunzip, struct bl_err *err)
{
	ssize_t n = pread(gunzip->in_fd, gunzip->in, BLOCK, (off_t)gunzip->n_in);

	if (n < 0)
		return bl_fail_errno(err, -errno, "reading the file");
	gunzip->n_in += (uint64_t)n;
	gunzip->stream.next_in = gunzip->in;
	gunzip->stream.avail_in = (unsigned int)n;
	if (gunzip->n_in - gunzip->told >= PROGRESS_EVERY) {
		gunzip->told = gunzip->n_in;
		gunzip->sink->progress(gunzip->n_in, gunzip->sink->data);
	}
	return (int)n;
}

/* One step of inflate; its code, or a negative errno. */
static int step(struct gunzip *gunzip, struct bl_err *err)
{
	z_stream *stream = &gunzip->stream;
	int code, r;

	stream->next_out = gunzip->out;
	stream->avail_out = BLOCK;
	code = inflate(stream, Z_NO_FLUSH);
	if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
		return bl_fail(err, -EINVAL, "the file is damaged: %s",
			       stream->msg ? stream->msg : "gzip");
	r = image_sink_write(gunzip->sink, gunzip->out, BLOCK - stream->avail_out,
			     gunzip->sink->end, err);
	return r < 0 ? r : code;
}

/* A file may be several streams in a row, and padded with zeroes. */
static bool another_begins(const struct gunzip *gunzip)
{
	return gunzip->stream.avail_in && gunzip->stream.next_in[0] == 0x1f;
}

static int run(struct gunzip *gunzip, struct bl_err *err)
{
	for (;;) {
		int r = gunzip->stream.avail_in ? 1 : refill(gunzip, err);

		if (r < 0)
			return r;
		if (r == 0)
			return bl_fail(err, -EINVAL, "the file is damaged: it ends too early");
		r = step(gunzip, err);
		if (r < 0)
			return r;
		if (r != Z_STREAM_END)
			continue;
		r = gunzip->stream.avail_in ? 1 : refill(gunzip, err);
		if (r < 0)
			return r;
		if (!another_begins(gunzip))
			return 0;
		inflateReset(&gunzip->stream);
	}
}

int image_copy_gzip(int in_fd, struct image_sink *sink, struct bl_err *err)
{
	bl_autofree struct gunzip *gunzip = bl_alloc(sizeof(*gunzip));
	int r;

	gunzip->in_fd = in_fd;
	gunzip->sink = sink;
	if (inflateInit2(&gunzip->stream, GZIP_WINDOW) != Z_OK)
		return bl_fail(err, -ENOMEM, "unpacking the file");
	r = run(gunzip, err);
	inflateEnd(&gunzip->stream);
	return r < 0 ? r : image_sink_finish(sink, sink->end, err);
}
