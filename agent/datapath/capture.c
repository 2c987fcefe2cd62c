// SPDX-License-Identifier: Apache-2.0
/*
 * Rings of captured endpoints, one for each and only while it is captured. A ring hangs in bl_captures
 * and would outlive an agent that was killed: the next one takes away what it finds.
 */
#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <beeline/file.h>

#include "room.h"
#include "datapath.skel.h"

/* Records of one reading: the agent has other things to do as well. */
#define TURN 256

struct datapath_capture {
	struct datapath *datapath;
	uint32_t index;
	int fd;
	struct ring_buffer *ring;
	datapath_capture_fn *fn;
	void *data;
	int n_turn;
};

static int captures_fd(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->skeleton->maps.bl_captures);
}

/* More than a turn's worth is left for the next one: the descriptor polls readable until then. */
static int on_record(void *context, void *record, size_t size)
{
	struct datapath_capture *capture = context;
	const struct bl_capture *head = record;

	if (size >= sizeof(*head) && head->captured <= size - sizeof(*head))
		capture->fn(head, capture->data);
	return ++capture->n_turn < TURN ? 0 : -EAGAIN;
}

static int put_in_place(struct datapath *datapath, uint32_t index, uint32_t snaplen, int fd,
			struct bl_err *err)
{
	int r = bpf_map_update_elem(bpf_map__fd(datapath->skeleton->maps.bl_snaplens), &index,
				    &snaplen, BPF_ANY);

	if (r == 0)
		r = bpf_map_update_elem(captures_fd(datapath), &index, &fd, BPF_ANY);
	return r < 0 ? bl_fail_errno(err, r, "putting the capture's ring in place") : 0;
}

int datapath_capture_new(struct datapath *datapath, uint32_t index, uint32_t snaplen,
			 datapath_capture_fn *fn, void *data, struct datapath_capture **ret_capture,
			 struct bl_err *err)
{
	bl_autofree struct datapath_capture *capture = bl_alloc(sizeof(*capture));
	bl_autoclose int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "bl_capture_ring", 0, 0,
					     BL_CAPTURE_RING, NULL);
	int r;

	if (fd < 0)
		return bl_fail_errno(err, fd, "making the capture's ring");
	*capture = (struct datapath_capture){
		.datapath = datapath, .index = index, .fd = fd, .fn = fn, .data = data};
	capture->ring = ring_buffer__new(fd, on_record, capture, NULL);
	if (!capture->ring)
		return bl_fail_errno(err, -errno, "mapping the capture's ring");
	r = put_in_place(datapath, index, snaplen, fd, err);
	if (r < 0) {
		ring_buffer__free(capture->ring);
		return r;
	}
	bl_take_fd(&fd);
	*ret_capture = bl_take_ptr(capture);
	return 0;
}

void datapath_capture_free(struct datapath_capture *capture)
{
	if (!capture)
		return;
	bpf_map_delete_elem(captures_fd(capture->datapath), &capture->index);
	ring_buffer__free(capture->ring);
	close(capture->fd);
	free(capture);
}

int datapath_capture_fd(const struct datapath_capture *capture)
{
	return ring_buffer__epoll_fd(capture->ring);
}

int datapath_capture_read(struct datapath_capture *capture, struct bl_err *err)
{
	int r;

	capture->n_turn = 0;
	r = ring_buffer__consume(capture->ring);
	if (r == -EAGAIN)
		return DATAPATH_CAPTURE_MORE;
	return r < 0 ? bl_fail_errno(err, r, "reading the capture's ring") : 0;
}

int datapath_capture_lost(struct datapath *datapath, uint32_t index, uint64_t *ret_lost,
			  struct bl_err *err)
{
	bl_autofree uint64_t *counts = bl_alloc((size_t)datapath->n_cpus * sizeof(*counts));
	int r = bpf_map_lookup_elem(bpf_map__fd(datapath->skeleton->maps.bl_capture_lost), &index,
				    counts);

	if (r < 0)
		return bl_fail_errno(err, r, "reading what a capture lost");
	*ret_lost = 0;
	for (int i = 0; i < datapath->n_cpus; i++)
		*ret_lost += counts[i];
	return 0;
}

void datapath_capture_recover(struct datapath *datapath)
{
	for (uint32_t i = 0, id; i < BL_ENDPOINTS_MAX; i++) {
		struct bl_endpoint entry;

		if (bpf_map_lookup_elem(captures_fd(datapath), &i, &id) < 0)
			continue;
		if (datapath_read_endpoint(datapath, i, &entry, NULL) == 0 &&
		    entry.flags & BL_EP_CAPTURE) {
			entry.flags &= ~(uint32_t)BL_EP_CAPTURE;
			datapath_write_endpoint(datapath, i, &entry, NULL);
		}
		bpf_map_delete_elem(captures_fd(datapath), &i);
	}
}
