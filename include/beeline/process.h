/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children: start a program with a clean environment, feed its standard input, collect bounded
 * output, kill it at a deadline. What must block happens in such a child, never in the loop.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <beeline/err.h>
#include <beeline/loop.h>

#define BL_PROCESS_OUTPUT_MAX (1024 * 1024)

struct bl_process_spec {
	const char *const *argv; /* argv[0] is looked up in PATH */
	const char *const *env;  /* NULL-terminated "K=V"; NULL: PATH, HOME, LANG=C only */
	const char *input;       /* written to stdin, or NULL for /dev/null */
	size_t input_len;
	int netns_fd; /* entered before exec; -1: stay */
	int stdin_fd; /* instead of input; -1: unused */
	int log_fd;   /* stdout and stderr go here instead of being collected; -1: collect */
	uid_t uid;    /* with gid: dropped to before exec when uid is not 0 */
	gid_t gid;
	uint64_t timeout_ns;       /* SIGKILL then; 0: none */
	uint64_t max_memory_bytes; /* RLIMIT_AS; 0: as is */
	uint64_t max_file_bytes;   /* RLIMIT_FSIZE; 0: as is */
};
#define BL_PROCESS_SPEC_INIT                                 \
	(struct bl_process_spec)                             \
	{                                                    \
		.netns_fd = -1, .stdin_fd = -1, .log_fd = -1 \
	}

struct bl_process_result {
	int status; /* as waitpid(); -1 when it could not be had */
	bool timed_out;
	const char *out; /* NUL-terminated stdout, at most BL_PROCESS_OUTPUT_MAX */
	const char *err; /* NUL-terminated stderr, likewise */
	size_t out_len;
};

struct bl_process;
typedef void bl_process_fn(const struct bl_process_result *result, void *data);

/* Starts the program on the loop. fn is called exactly once, then the process object is freed by
 * itself; the result's texts live only during the call. */
int bl_process_start(struct bl_loop *loop, const struct bl_process_spec *spec, bl_process_fn *fn,
		     void *data, struct bl_process **ret_process, struct bl_err *err);
/* Kills the child; fn is not called any more and the object is freed. */
void bl_process_cancel(struct bl_process *process);
/* Lets the child go on alone; fn is not called any more and the object is freed. */
void bl_process_abandon(struct bl_process *process);
pid_t bl_process_pid(const struct bl_process *process);
/* Runs to the end in a loop of its own. For the command and for tests, never in a daemon's loop.
 * *ret_out (may be NULL) is owned by the caller. Non-zero exit is -EIO with stderr in err. */
int bl_process_run(const struct bl_process_spec *spec, char **ret_out, struct bl_err *err);
/* "exit status 3", "killed by signal 9": into a static-size buffer. */
const char *bl_process_status_text(int status, char text[64]);
