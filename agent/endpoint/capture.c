// SPDX-License-Identifier: Apache-2.0
/*
 * A capture: the packets of one endpoint on their way from its ring to the one who asked.
 *
 *   bl_captures[endpoint] --datapath_capture--> here --a message for each record--> reader
 *
 * The reader ends it by shutting down its side: what the ring still holds is handed over, then a last
 * message with what was lost, then the end of the stream. A reader who is too slow loses packets, which
 * are counted; nobody waits for him.
 */
#include "room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/log.h>

#define SEND_BUFFER (4 * 1024 * 1024)

struct endpoint_capture {
	struct endpoint *endpoint;
	struct datapath_capture *records;
	struct bl_io ring, reader;
	int fd;
	uint64_t n_lost;        /* by a reader too slow */
	uint64_t n_lost_before; /* in the ring, by captures before */
	int64_t wall_ns;        /* of the kernel's zero */
};

static int64_t wall_of_zero(void)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	return (real.tv_sec - monotonic.tv_sec) * 1000000000ll + real.tv_nsec - monotonic.tv_nsec;
}

static uint64_t n_lost(const struct endpoint_capture *capture)
{
	uint64_t in_ring = capture->n_lost_before;

	datapath_capture_lost(capture->endpoint->set->datapath,
			      capture->endpoint->record->place.index, &in_ring, NULL);
	return capture->n_lost + in_ring - capture->n_lost_before;
}

static int send_message(const struct endpoint_capture *capture, const struct bl_capture *head,
			const void *bytes, size_t len)
{
	struct iovec parts[] = {{(void *)head, sizeof(*head)}, {(void *)bytes, len}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

	return sendmsg(capture->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Before the record that it is about. That nobody enforces anything goes without saying. */
static void tell_rule(const struct endpoint_capture *capture, const struct bl_capture *record)
{
	struct bl_capture head = {.kind = BL_CAPTURE_RULE, .cpu = record->cpu};
	const char *rule = NULL;

	if (record->kind != BL_CAPTURE_FROM_VM && record->cookie != BL_RULE_UNENFORCED)
		rule = endpoint_rule_name(capture->endpoint, record->asked, record->reason,
					  record->cookie);
	if (!rule)
		return;
	head.captured = (uint32_t)strlen(rule);
	send_message(capture, &head, rule, head.captured);
}

static void on_record(const struct bl_capture *record, void *data)
{
	struct endpoint_capture *capture = data;
	struct bl_capture head = *record;

	tell_rule(capture, record);
	head.time_ns += (uint64_t)capture->wall_ns;
	head.lost = capture->n_lost;
	if (send_message(capture, &head, record->bytes, record->captured) < 0 &&
	    record->kind != BL_CAPTURE_VERDICT)
		capture->n_lost++;
}

static int read_ring(struct endpoint_capture *capture)
{
	struct bl_err err = BL_ERR_INIT;
	int r = datapath_capture_read(capture->records, &err);

	if (r < 0)
		bl_warn("capture not read", "reason", err.message);
	return r;
}

static void on_readable(struct bl_io *io, uint32_t events)
{
	read_ring(io->data);
}

static int set_flag(struct endpoint *endpoint, bool on, struct bl_err *err)
{
	endpoint->entry.flags &= ~(uint32_t)BL_EP_CAPTURE;
	if (on)
		endpoint->entry.flags |= BL_EP_CAPTURE;
	return datapath_write_endpoint(endpoint->set->datapath, endpoint->record->place.index,
				       &endpoint->entry, err);
}

static void release(struct endpoint_capture *capture)
{
	bl_io_remove(&capture->ring);
	bl_io_remove(&capture->reader);
	datapath_capture_free(capture->records);
	close(capture->fd);
	free(capture);
}

void endpoint_capture_stop(struct endpoint *endpoint)
{
	struct endpoint_capture *capture = endpoint->capture;
	struct bl_capture end = {.kind = BL_CAPTURE_END};
	struct bl_err err = BL_ERR_INIT;

	if (!capture)
		return;
	endpoint->capture = NULL;
	if (set_flag(endpoint, false, &err) < 0)
		bl_warn("capture not switched off", "reason", err.message);
	while (read_ring(capture) == DATAPATH_CAPTURE_MORE)
		continue;
	end.lost = n_lost(capture);
	send_message(capture, &end, NULL, 0);
	release(capture);
}

/* The reader sends nothing: whatever comes from there is his end. */
static void on_reader(struct bl_io *io, uint32_t events)
{
	struct endpoint_capture *capture = io->data;

	endpoint_capture_stop(capture->endpoint);
}

static int start(struct endpoint_capture *capture, uint32_t snaplen, struct bl_err *err)
{
	struct endpoint *endpoint = capture->endpoint;
	struct endpoints *set = endpoint->set;
	uint32_t index = endpoint->record->place.index;
	int r = datapath_capture_lost(set->datapath, index, &capture->n_lost_before, err);

	if (r == 0)
		r = datapath_capture_new(set->datapath, index, snaplen, on_record, capture,
					 &capture->records, err);
	if (r == 0)
		r = bl_io_add(set->loop, &capture->ring, datapath_capture_fd(capture->records),
			      EPOLLIN, on_readable, capture, err);
	if (r == 0)
		r = bl_io_add(set->loop, &capture->reader, capture->fd, EPOLLIN | EPOLLRDHUP,
			      on_reader, capture, err);
	return r == 0 ? set_flag(endpoint, true, err) : r;
}

int endpoint_capture_start(struct endpoints *set, const char *name, uint32_t snaplen, int *ret_fd,
			   struct bl_err *err)
{
	struct endpoint *endpoint = endpoint_lookup(set, name);
	struct endpoint_capture *capture;
	int size = SEND_BUFFER, fds[2], r;

	if (!endpoint)
		return bl_fail(err, -ENOENT, "endpoint \"%s\" not found", name);
	if (endpoint->capture)
		return bl_fail(err, -EBUSY, "endpoint \"%s\" is being captured already", name);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return bl_fail_errno(err, -errno, "making the capture's socket");
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	capture = bl_alloc(sizeof(*capture));
	*capture = (struct endpoint_capture){
		.endpoint = endpoint, .fd = fds[0], .wall_ns = wall_of_zero()};
	r = start(capture, snaplen, err);
	if (r < 0) {
		release(capture);
		close(fds[1]);
		return r;
	}
	endpoint->capture = capture;
	*ret_fd = fds[1];
	return 0;
}
