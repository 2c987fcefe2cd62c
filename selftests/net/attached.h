/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands at a tc hook, asked of the kernel itself: bpftool of Debian 12 shows filters of clsact
 * but knows no tcx.
 */
#pragma once

#include "pod.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#define ATTACHED_MAX 8
#define TCX_INGRESS  46
#define TCX_EGRESS   47

struct attached {
	uint32_t n; /* programs at the hook, whoever's */
	uint32_t ids[ATTACHED_MAX];
	char names[ATTACHED_MAX][BPF_OBJ_NAME_LEN];
};

struct attached_query {
	const char *device;
	int type;
	struct attached attached;
};

static inline int attached_here(void *data, struct bl_err *err)
{
	struct attached_query *query = data;
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = query->attached.ids,
		    .prog_cnt = ATTACHED_MAX);

	assert_int_equal(
		bpf_prog_query_opts((int)if_nametoindex(query->device), query->type, &opts), 0);
	query->attached.n = opts.prog_cnt;
	return 0;
}

static inline struct attached attached(const struct pod *pod, const char *device, int type)
{
	struct attached_query query = {.device = device, .type = type};

	assert_int_equal(netns_do(pod->netns_fd, attached_here, &query, NULL), 0);
	for (uint32_t i = 0; i < query.attached.n; i++) {
		bl_autoclose int fd = bpf_prog_get_fd_by_id(query.attached.ids[i]);
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
		memcpy(query.attached.names[i], info.name, sizeof(info.name));
	}
	return query.attached;
}

static inline void assert_attached(const struct pod *pod, const char *device, int type,
				   const char *name)
{
	struct attached at = attached(pod, device, type);

	assert_int_equal(at.n, name ? 1 : 0);
	if (name)
		assert_string_equal(at.names[0], name);
}
