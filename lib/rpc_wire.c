// SPDX-License-Identifier: Apache-2.0
/*
 * Frames in and out, without ever blocking. A read asks for what the current frame lacks and for no
 * byte more, so descriptors that arrive can only belong to that frame.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>

#include "rpc_wire.h"

struct frame {
	struct frame *next;
	uint8_t head[4];
	char *text;
	size_t len;  /* of text */
	size_t sent; /* of head and text */
	int fds[BL_RPC_FDS_MAX];
	unsigned int n_fds;
};

union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(BL_RPC_FDS_MAX * sizeof(int))];
};

static void close_all(int *fds, unsigned int *n_fds)
{
	for (unsigned int i = 0; i < *n_fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*n_fds = 0;
}

static void frame_free(struct frame *frame)
{
	close_all(frame->fds, &frame->n_fds);
	free(frame->text);
	free(frame);
}
BL_DEFINE_AUTO(frame, struct frame *, frame_free)

void wire_init(struct wire *wire, int fd)
{
	*wire = (struct wire){.fd = fd};
	wire->last = &wire->first;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void wire_release(struct wire *wire)
{
	wire_next(wire);
	while (wire->first) {
		struct frame *frame = wire->first;

		wire->first = frame->next;
		frame_free(frame);
	}
	wire->last = &wire->first;
	wire->queued_bytes = 0;
	if (wire->fd >= 0)
		close(bl_take_fd(&wire->fd));
}

/* ---- in ---- */

void wire_next(struct wire *wire)
{
	close_all(wire->fds, &wire->n_fds);
	free(bl_take_ptr(wire->body));
	wire->n_head = wire->n_body = wire->body_len = 0;
}

/* Takes the descriptors out of a message; false when there were too many of them. */
static bool keep_fds(struct wire *wire, struct msghdr *message)
{
	bool fits = !(message->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (wire->n_fds < BL_RPC_FDS_MAX) {
				wire->fds[wire->n_fds++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* Bytes read, 0 when there are none now, -EPIPE at the end of the stream. */
static ssize_t receive(struct wire *wire, void *bytes, size_t len, struct bl_err *err)
{
	union control control;
	struct iovec iov = {.iov_base = bytes, .iov_len = len};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(wire->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return bl_fail_errno(err, -errno, "reading from the other side");
	if (!keep_fds(wire, &message))
		return bl_fail(err, -EPROTO, "the other side sent more than %d descriptors",
			       BL_RPC_FDS_MAX);
	if (n > 0)
		return n;
	if (wire->n_head)
		return bl_fail(err, -EPROTO, "the other side stopped in the middle of a message");
	return bl_fail(err, -EPIPE, "the other side closed the connection");
}

static int begin_body(struct wire *wire, struct bl_err *err)
{
	uint32_t len_be;

	memcpy(&len_be, wire->head, sizeof(len_be));
	wire->body_len = ntohl(len_be);
	if (wire->body_len == 0 || wire->body_len > BL_RPC_MESSAGE_MAX)
		return bl_fail(err, -EPROTO, "the other side announced a message of %zu bytes",
			       wire->body_len);
	wire->body = bl_alloc(wire->body_len + 1);
	return 0;
}

int wire_read(struct wire *wire, struct bl_err *err)
{
	for (;;) {
		bool in_head = wire->n_head < sizeof(wire->head);
		size_t *have = in_head ? &wire->n_head : &wire->n_body;
		size_t want = in_head ? sizeof(wire->head) : wire->body_len;
		char *into = in_head ? (char *)wire->head : wire->body;
		ssize_t n = receive(wire, into + *have, want - *have, err);

		if (n <= 0)
			return (int)n;
		*have += (size_t)n;
		if (*have < want)
			continue;
		if (!in_head)
			return WIRE_FRAME;
		int r = begin_body(wire, err);

		if (r < 0)
			return r;
	}
}

/* ---- out ---- */

int wire_queue(struct wire *wire, char *text, const int *fds, unsigned int n_fds,
	       struct bl_err *err)
{
	bl_cleanup(bl_auto_frame_fn) struct frame *frame = bl_alloc(sizeof(*frame));
	uint32_t len_be;

	frame->text = text;
	frame->len = strlen(text);
	if (frame->len > BL_RPC_MESSAGE_MAX || n_fds > BL_RPC_FDS_MAX)
		return bl_fail(err, -EMSGSIZE, "a message of %zu bytes with %u descriptors",
			       frame->len, n_fds);
	if (wire->queued_bytes + frame->len > BL_RPC_QUEUE_MAX)
		return bl_fail(err, -ENOBUFS, "the other side does not read: %zu bytes wait",
			       wire->queued_bytes);
	for (; frame->n_fds < n_fds; frame->n_fds++) {
		frame->fds[frame->n_fds] = fcntl(fds[frame->n_fds], F_DUPFD_CLOEXEC, 3);
		if (frame->fds[frame->n_fds] < 0)
			return bl_fail_errno(err, -errno, "duplicating a descriptor");
	}
	len_be = htonl((uint32_t)frame->len);
	memcpy(frame->head, &len_be, sizeof(len_be));
	wire->queued_bytes += frame->len;
	*wire->last = frame;
	wire->last = &bl_take_ptr(frame)->next;
	return 0;
}

/* Bytes sent, or a negative errno. Descriptors go with the first byte. */
static ssize_t send_some(int fd, struct frame *frame)
{
	size_t n_head = sizeof(frame->head);
	size_t in_head = frame->sent < n_head ? frame->sent : n_head;
	size_t in_text = frame->sent - in_head;
	struct iovec iov[] = {
		{.iov_base = frame->head + in_head, .iov_len = n_head - in_head},
		{.iov_base = frame->text + in_text, .iov_len = frame->len - in_text},
	};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
	union control control = {0};
	ssize_t n;

	if (frame->sent == 0 && frame->n_fds) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(frame->n_fds * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(frame->n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), frame->fds, frame->n_fds * sizeof(int));
	}
	n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n < 0 ? -errno : n;
}

int wire_flush(struct wire *wire, struct bl_err *err)
{
	while (wire->first) {
		struct frame *frame = wire->first;
		ssize_t n = send_some(wire->fd, frame);

		if (n == -EAGAIN || n == -EINTR)
			return 0;
		if (n < 0)
			return bl_fail_errno(err, (int)n, "writing to the other side");
		frame->sent += (size_t)n;
		if (frame->sent < sizeof(frame->head) + frame->len)
			continue;
		wire->queued_bytes -= frame->len;
		wire->first = frame->next;
		if (!wire->first)
			wire->last = &wire->first;
		frame_free(frame);
	}
	return 0;
}
