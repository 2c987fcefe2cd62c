// SPDX-License-Identifier: Apache-2.0
/*
 * Images that are missing, pulled from their registry where skopeo is installed: it writes an OCI
 * archive, as the VMs' user into a directory of its own, and that is imported like any other file.
 * A pull that failed is tried again after a back-off, when somebody still asks for the image.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/file.h>
#include <beeline/process.h>

#include "store.h"

#define SECOND_NS       (1000ull * 1000 * 1000)
#define PULL_TIMEOUT_NS (3600 * SECOND_NS)
#define BACKOFF_MIN_NS  (10 * SECOND_NS)
#define BACKOFF_MAX_NS  (300 * SECOND_NS)
#define PULLS_MAX       64

enum pull_state {
	PULL_IDLE, /* to be started when somebody asks */
	PULL_RUNS, /* skopeo, then the import */
	PULL_FAILED,
};

struct image_pull {
	struct images *images;
	struct image_pull *next;
	char *name;
	enum pull_state state;
	char *dir;                  /* of the archive; NULL: none */
	struct bl_process *process; /* skopeo; NULL: it does not run */
	struct bl_err err;          /* why it failed */
	struct bl_timer retry;      /* armed while failed */
	uint64_t backoff_ns;
};

static void pull_free(struct image_pull *pull)
{
	bl_timer_disarm(&pull->retry);
	bl_process_cancel(pull->process);
	if (pull->dir)
		bl_dir_remove(pull->dir, NULL);
	free(pull->dir);
	free(pull->name);
	free(pull);
}

static struct image_pull **find_pull(struct images *images, const char *name)
{
	struct image_pull **at = &images->pulls;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void drop(struct image_pull *pull)
{
	*find_pull(pull->images, pull->name) = pull->next;
	pull_free(pull);
}

static bool skopeo_is_installed(void)
{
	const char *path = getenv("PATH");
	bl_autofree char *dirs = bl_strdup(path ? path : "/usr/local/bin:/usr/bin:/bin");
	char *rest = NULL;

	for (char *dir = strtok_r(dirs, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest)) {
		bl_autofree char *program = bl_format("%s/skopeo", dir);

		if (access(program, X_OK) == 0)
			return true;
	}
	return false;
}

static void tell_change(struct images *images)
{
	if (images->changed)
		images->changed(images->changed_data);
}

static void on_retry(struct bl_timer *timer)
{
	struct image_pull *pull = timer->data;

	pull->state = PULL_IDLE;
	tell_change(pull->images);
}

static void fail(struct image_pull *pull, const struct bl_err *err)
{
	pull->err = *err;
	bl_wrap(&pull->err, "pulling '%s'", pull->name);
	pull->state = PULL_FAILED;
	pull->backoff_ns = pull->backoff_ns ? pull->backoff_ns * 2 : BACKOFF_MIN_NS;
	if (pull->backoff_ns > BACKOFF_MAX_NS)
		pull->backoff_ns = BACKOFF_MAX_NS;
	bl_timer_arm(pull->images->loop, &pull->retry, pull->backoff_ns, on_retry, pull);
	tell_change(pull->images);
}

static void on_imported(const struct image *image, const struct bl_err *err, void *data)
{
	struct image_pull *pull = data;
	struct images *images = pull->images;

	if (err) {
		fail(pull, err);
		return;
	}
	drop(pull);
	tell_change(images);
}

static int open_archive(const struct image_pull *pull, int *ret_fd, struct bl_err *err)
{
	bl_autofree char *path = bl_format("%s/image.tar", pull->dir);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "opening what skopeo wrote");
	*ret_fd = fd;
	return 0;
}

/* skopeo logs `time="..." level=fatal msg="what people want to know"`, where quotes and backslashes
 * within have a backslash ahead. Its first line as it is when it looks otherwise. */
static void say(const char *text, char ret_said[BL_ERR_MESSAGE_MAX])
{
	const char *at = strstr(text, " msg=\"");
	size_t n = 0;

	if (!at) {
		snprintf(ret_said, BL_ERR_MESSAGE_MAX, "%.*s", (int)strcspn(text, "\n"), text);
		return;
	}
	for (at += strlen(" msg=\""); *at && *at != '"' && n + 1 < BL_ERR_MESSAGE_MAX; at++) {
		at += *at == '\\' && at[1];
		ret_said[n++] = *at;
	}
	ret_said[n] = '\0';
}

static int take_archive(struct image_pull *pull, const struct bl_process_result *result,
			int *ret_fd, struct bl_err *err)
{
	char said[BL_ERR_MESSAGE_MAX];

	if (result->timed_out)
		return bl_fail(err, -ETIMEDOUT, "skopeo did not end in time");
	if (result->status == 0)
		return open_archive(pull, ret_fd, err);
	say(result->err, said);
	return bl_fail(err, -EIO, "skopeo: %s", said);
}

static void on_skopeo_end(const struct bl_process_result *result, void *data)
{
	struct image_pull *pull = data;
	struct bl_err err = BL_ERR_INIT;
	int fd = -1, r;

	pull->process = NULL;
	r = take_archive(pull, result, &fd, &err);
	/* The descriptor keeps the archive. */
	bl_dir_remove(pull->dir, NULL);
	free(bl_take_ptr(pull->dir));
	if (r < 0)
		fail(pull, &err);
	else
		image_import(pull->images, pull->name, NULL, fd, NULL, on_imported, pull);
}

static int make_dir(struct image_pull *pull, struct bl_err *err)
{
	uid_t uid = pull->images->vm_uid;

	pull->dir = bl_format("%s/pull-XXXXXX", pull->images->incoming);
	if (!mkdtemp(pull->dir) || chown(pull->dir, uid, uid) < 0)
		return bl_fail_errno(err, -errno, "making %s", pull->dir);
	return 0;
}

/* What the agent was told of the way to registries, and of whom to trust there. */
static const char *const handed_on[] = {
	"HTTP_PROXY",         "http_proxy",
	"HTTPS_PROXY",        "https_proxy",
	"NO_PROXY",           "no_proxy",
	"SSL_CERT_FILE",      "SSL_CERT_DIR",
	"REGISTRY_AUTH_FILE", "CONTAINERS_REGISTRIES_CONF",
};
#define N_HANDED_ON (sizeof(handed_on) / sizeof(*handed_on))
#define N_OWN       4

struct environment {
	char *items[N_OWN + N_HANDED_ON + 1];
	size_t n_items;
};

static void environment_add(struct environment *environment, const char *name, const char *value)
{
	if (value)
		environment->items[environment->n_items++] = bl_format("%s=%s", name, value);
}

static void environment_release(struct environment *environment)
{
	for (size_t i = 0; i < environment->n_items; i++)
		free(environment->items[i]);
}

static void environment_init(struct environment *environment, const char *dir)
{
	const char *path = getenv("PATH");

	*environment = (struct environment){0};
	environment_add(environment, "HOME", dir);
	environment_add(environment, "XDG_RUNTIME_DIR", dir);
	environment_add(environment, "TMPDIR", dir);
	environment_add(environment, "PATH", path ? path : "/usr/bin");
	for (size_t i = 0; i < N_HANDED_ON; i++)
		environment_add(environment, handed_on[i], getenv(handed_on[i]));
}

static int start_skopeo(struct image_pull *pull, struct bl_err *err)
{
	bl_autofree char *from = bl_format("docker://%s", pull->name);
	bl_autofree char *to = bl_format("oci-archive:%s/image.tar", pull->dir);
	struct environment environment bl_cleanup(environment_release);
	const char *argv[] = {"skopeo", "copy", "--quiet", from, to, NULL};
	struct bl_process_spec spec = BL_PROCESS_SPEC_INIT;

	environment_init(&environment, pull->dir);
	spec.argv = argv;
	spec.env = (const char *const *)environment.items;
	spec.uid = spec.gid = pull->images->vm_uid;
	spec.timeout_ns = PULL_TIMEOUT_NS;
	return bl_process_start(pull->images->loop, &spec, on_skopeo_end, pull, &pull->process,
				err);
}

static int start(struct image_pull *pull, struct bl_err *err)
{
	int r = make_dir(pull, err);

	return r < 0 ? r : start_skopeo(pull, err);
}

static size_t count_pulls(const struct images *images)
{
	size_t n = 0;

	for (const struct image_pull *pull = images->pulls; pull; pull = pull->next)
		n++;
	return n;
}

static struct image_pull *pull_new(struct images *images, const char *name)
{
	struct image_pull *pull = bl_alloc(sizeof(*pull));

	pull->images = images;
	pull->name = bl_strdup(name);
	pull->next = images->pulls;
	images->pulls = pull;
	return pull;
}

/* Starts a pull, or says what becomes of the one there is. */
static int pull_or_wait(struct images *images, const char *name, struct bl_err *err)
{
	struct image_pull *pull = *find_pull(images, name);
	int r;

	if (!pull && count_pulls(images) >= PULLS_MAX)
		return bl_fail(err, -EAGAIN, "image '%s' waits for other images", name);
	if (!pull)
		pull = pull_new(images, name);
	if (pull->state == PULL_FAILED) {
		*err = pull->err;
		return err->code;
	}
	if (pull->state == PULL_IDLE) {
		r = start(pull, err);
		if (r < 0) {
			drop(pull);
			return r;
		}
		pull->state = PULL_RUNS;
	}
	return bl_fail(err, -EAGAIN, "image '%s' is being pulled", name);
}

int image_find_or_pull(struct images *images, const char *name, struct image *ret_image,
		       struct bl_err *err)
{
	bl_autofree char *full = NULL;
	struct bl_err unused;
	int r = image_find(images, name, ret_image, err);

	if (r != -ENOENT || !skopeo_is_installed() || image_name_normalize(name, &full, NULL) < 0)
		return r;
	return pull_or_wait(images, full, err ? err : &unused);
}

void images_on_change(struct images *images, void (*fn)(void *data), void *data)
{
	images->changed = fn;
	images->changed_data = data;
}

void image_pulls_free(struct images *images)
{
	while (images->pulls) {
		struct image_pull *pull = images->pulls;

		images->pulls = pull->next;
		pull_free(pull);
	}
}
