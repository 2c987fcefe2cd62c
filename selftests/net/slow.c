// SPDX-License-Identifier: Apache-2.0
/* Put in front of libbpf: each connection is carried over many times, which changes nothing but
 * takes so long that what happens meanwhile can be looked at. */
#include <dlfcn.h>

#include <bpf/bpf.h>

#define TIMES 30000

__attribute__((visibility("default"))) int bpf_prog_test_run_opts(int fd,
								  struct bpf_test_run_opts *opts)
{
	int (*real)(int fd, struct bpf_test_run_opts *opts) =
		(int (*)(int, struct bpf_test_run_opts *))dlsym(RTLD_NEXT, __func__);

	opts->repeat = TIMES;
	return real(fd, opts);
}
