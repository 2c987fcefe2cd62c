// SPDX-License-Identifier: Apache-2.0
/*
 * The serial console: see console.h.
 *
 * Positions count bytes since the launcher began, so a position never repeats; the ring keeps the
 * last RING_SIZE of them. The tail of the log fills it first, so that a reader who comes after a
 * restart of the launcher still sees what was printed before.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/rpc.h>

#define RING_SIZE   (64u * 1024) /* a power of two */
#define TAIL_SIZE   (16u * 1024) /* what a new reader gets */
#define INPUT_SIZE  4096
#define READERS_MAX 16

#define BACKOFF_MIN_NS (100ull * 1000 * 1000)
#define BACKOFF_MAX_NS (5ull * 1000 * 1000 * 1000)

struct reader {
	struct console *console;
	struct reader *next;
	struct bl_io io;
	uint64_t position;
};

struct console {
	struct bl_loop *loop;
	char *socket, *log;
	bool wanted; /* between attach and detach */
	struct bl_io guest;
	struct bl_timer retry;
	uint64_t backoff_ns;
	struct reader *readers;
	unsigned int n_readers;
	uint64_t head;    /* position of the next byte */
	size_t input_len; /* typed, and not taken by the guest yet */
	char input[INPUT_SIZE];
	char ring[RING_SIZE];
};

/* ---- the ring ---- */

static void ring_put(struct console *console, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		console->ring[(console->head + i) % RING_SIZE] = bytes[i];
	console->head += len;
}

/* The bytes from position on that lie in one piece. */
static size_t ring_piece(const struct console *console, uint64_t position, const char **ret_bytes)
{
	size_t offset = position % RING_SIZE;
	size_t len = console->head - position;

	*ret_bytes = console->ring + offset;
	return len < RING_SIZE - offset ? len : RING_SIZE - offset;
}

/* ---- the log ---- */

static void seed_from_log(struct console *console)
{
	bl_autoclose int fd = open(console->log, O_RDONLY | O_CLOEXEC);
	char tail[TAIL_SIZE];
	struct stat st;
	ssize_t len;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	len = pread(fd, tail, sizeof(tail),
		    st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail) : 0);
	if (len > 0)
		ring_put(console, tail, (size_t)len);
}

/* ---- readers ---- */

static void reader_free(struct reader *reader)
{
	struct reader **slot = &reader->console->readers;

	while (*slot != reader)
		slot = &(*slot)->next;
	*slot = reader->next;
	reader->console->n_readers--;
	bl_io_remove(&reader->io);
	close(reader->io.fd);
	free(reader);
}

static void reader_rearm(struct reader *reader)
{
	const struct console *console = reader->console;
	uint32_t events = 0;

	if (reader->position < console->head)
		events |= EPOLLOUT;
	if (console->input_len == 0)
		events |= EPOLLIN;
	bl_io_modify(&reader->io, events);
}

/* Returns false when the reader is gone. */
static bool reader_feed(struct reader *reader)
{
	const struct console *console = reader->console;

	if (console->head - reader->position > RING_SIZE)
		reader->position = console->head - RING_SIZE;
	while (reader->position < console->head) {
		const char *bytes;
		size_t len = ring_piece(console, reader->position, &bytes);
		ssize_t n = send(reader->io.fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			reader_free(reader);
			return false;
		}
		reader->position += (size_t)n;
	}
	reader_rearm(reader);
	return true;
}

static void feed_all(struct console *console)
{
	struct reader *next;

	for (struct reader *reader = console->readers; reader; reader = next) {
		next = reader->next;
		reader_feed(reader);
	}
}

/* ---- to the guest ---- */

static void guest_rearm(struct console *console)
{
	bl_io_modify(&console->guest, EPOLLIN | (console->input_len ? EPOLLOUT : 0));
	for (struct reader *reader = console->readers; reader; reader = reader->next)
		reader_rearm(reader);
}

static void guest_flush(struct console *console)
{
	ssize_t n;

	if (!console->guest.loop) {
		console->input_len = 0; /* typed at a machine that is off */
		return;
	}
	n = send(console->guest.fd, console->input, console->input_len, MSG_NOSIGNAL);
	if (n > 0) {
		console->input_len -= (size_t)n;
		memmove(console->input, console->input + n, console->input_len);
	}
	guest_rearm(console);
}

static void on_reader(struct bl_io *io, uint32_t events)
{
	struct reader *reader = io->data;
	struct console *console = reader->console;
	ssize_t n;

	if ((events & EPOLLOUT) && !reader_feed(reader))
		return;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	if (console->input_len && !(events & (EPOLLHUP | EPOLLERR)))
		return; /* another reader's input is not taken yet */
	n = recv(io->fd, console->input + console->input_len,
		 sizeof(console->input) - console->input_len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		reader_free(reader);
		return;
	}
	console->input_len += (size_t)n;
	guest_flush(console);
}

int console_open(struct console *console, int *ret_fd, struct bl_err *err)
{
	int pair[2];
	struct reader *reader;

	if (console->n_readers == READERS_MAX)
		return bl_fail(err, -EBUSY, "already %u consoles are open", READERS_MAX);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return bl_fail_errno(err, -errno, "socketpair");
	/* Only our end: the other belongs to a client that may want to block. */
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	reader = bl_alloc(sizeof(*reader));
	reader->console = console;
	reader->position = console->head > TAIL_SIZE ? console->head - TAIL_SIZE : 0;
	if (bl_io_add(console->loop, &reader->io, pair[0], EPOLLIN, on_reader, reader, err) < 0) {
		close(pair[0]);
		close(pair[1]);
		free(reader);
		return err ? err->code : -EIO;
	}
	reader->next = console->readers;
	console->readers = reader;
	console->n_readers++;
	*ret_fd = pair[1];
	reader_feed(reader);
	return 0;
}

/* ---- from the guest ---- */

static void on_retry(struct bl_timer *timer);

static void drop_guest(struct console *console)
{
	if (!console->guest.loop)
		return;
	bl_io_remove(&console->guest);
	close(console->guest.fd);
	console->input_len = 0;
	for (struct reader *reader = console->readers; reader; reader = reader->next)
		reader_rearm(reader);
}

static void retry_later(struct console *console)
{
	if (!console->wanted)
		return;
	bl_timer_arm(console->loop, &console->retry, console->backoff_ns, on_retry, console);
	console->backoff_ns *= 2;
	if (console->backoff_ns > BACKOFF_MAX_NS)
		console->backoff_ns = BACKOFF_MAX_NS;
}

static void on_guest(struct bl_io *io, uint32_t events)
{
	struct console *console = io->data;
	char bytes[8192];
	ssize_t n;

	if (events & EPOLLOUT)
		guest_flush(console);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = recv(io->fd, bytes, sizeof(bytes), 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop_guest(console);
		retry_later(console);
		return;
	}
	console->backoff_ns = BACKOFF_MIN_NS;
	ring_put(console, bytes, (size_t)n);
	feed_all(console);
}

static void connect_guest(struct console *console)
{
	bl_autoclose int fd = -1;

	if (bl_unix_connect(console->socket, &fd, NULL) < 0) {
		retry_later(console);
		return;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (bl_io_add(console->loop, &console->guest, fd, EPOLLIN, on_guest, console, NULL) < 0)
		retry_later(console);
	else
		bl_take_fd(&fd);
}

static void on_retry(struct bl_timer *timer)
{
	connect_guest(timer->data);
}

void console_attach(struct console *console)
{
	if (console->wanted)
		return;
	console->wanted = true;
	console->backoff_ns = BACKOFF_MIN_NS;
	connect_guest(console);
}

/* Readers stay: they see the end of the output now and the next boot's when there is one. */
void console_detach(struct console *console)
{
	console->wanted = false;
	bl_timer_disarm(&console->retry);
	drop_guest(console);
}

struct console *console_new(struct bl_loop *loop, const char *socket, const char *log)
{
	struct console *console = bl_alloc(sizeof(*console));

	console->loop = loop;
	console->socket = bl_strdup(socket);
	console->log = bl_strdup(log);
	seed_from_log(console);
	return console;
}

void console_free(struct console *console)
{
	if (!console)
		return;
	while (console->readers)
		reader_free(console->readers);
	console_detach(console);
	free(console->socket);
	free(console->log);
	free(console);
}
