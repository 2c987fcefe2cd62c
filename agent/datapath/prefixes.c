// SPDX-License-Identifier: Apache-2.0
/* Who an address is, in the kernel: the prefixes of bl_ipcache, for all endpoints. */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "room.h"
#include "datapath.skel.h"

int datapath_write_prefixes(struct datapath *datapath, const struct bl_ipcache_row *rows,
			    size_t n_rows, struct bl_err *err)
{
	int fd = bpf_map__fd(datapath->skeleton->maps.bl_ipcache);

	for (size_t i = 0; i < n_rows; i++) {
		const struct bl_ipcache_entry entry = {.identity = rows[i].identity};
		int r = entry.identity ? bpf_map_update_elem(fd, &rows[i].key, &entry, BPF_ANY)
				       : bpf_map_delete_elem(fd, &rows[i].key);

		if (r < 0 && !(r == -ENOENT && !entry.identity))
			return bl_fail_errno(err, r, "writing a prefix's identity");
	}
	return 0;
}

int datapath_prefixes(struct datapath *datapath,
		      void (*fn)(const struct bl_ipcache_row *row, void *data), void *data,
		      struct bl_err *err)
{
	int fd = bpf_map__fd(datapath->skeleton->maps.bl_ipcache);
	struct bl_ipcache_key key, *before = NULL;
	int r;

	while ((r = bpf_map_get_next_key(fd, before, &key)) == 0) {
		struct bl_ipcache_entry entry;

		before = &key;
		r = bpf_map_lookup_elem(fd, &key, &entry);
		if (r < 0 && r != -ENOENT)
			break;
		if (r == 0)
			fn(&(struct bl_ipcache_row){.key = key, .identity = entry.identity}, data);
	}
	return r == -ENOENT ? 0 : bl_fail_errno(err, r, "reading the prefixes");
}
