/* SPDX-License-Identifier: Apache-2.0 */
/* beeline image: the agent's store of disks for containerDisk volumes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "download.h"
#include "named.h"
#include "output.h"
#include "rows.h"
#include "table.h"
#include "terminal.h"
#include "text.h"
#include "verbs.h"

struct image_options {
	const char *socket;
	const char *output;
	const char *digest;
	bool full;
};

static const struct bl_option import_rows[] = {
	{.name = "digest",
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct image_options, digest),
	 .argument = "sha256:HEX",
	 .help = "refuse the file unless this is its digest"},
	OPTION_SOCKET(struct image_options),
	{0},
};

static const struct bl_option list_rows[] = {
	OPTION_OUTPUT(struct image_options, "json|yaml|name|jsonpath="),
	{.name = "full",
	 .type = BL_OPTION_FLAG,
	 .offset = offsetof(struct image_options, full),
	 .help = "do not shorten digests"},
	OPTION_SOCKET(struct image_options),
	{0},
};

static const struct bl_option plain_rows[] = {
	OPTION_SOCKET(struct image_options),
	{0},
};

static void on_import(const struct cJSON *event, void *data)
{
	struct progress *progress = data;
	double bytes = bl_json_get_number(event, "bytes", 0);
	double total = bl_json_get_number(event, "total", 0);
	char have[TEXT_BYTES_MAX], all[TEXT_BYTES_MAX];

	if (total <= 0 || bytes < 0)
		return;
	progress_tick(progress, "importing: %s of %s (%.0f%%)", text_bytes((uint64_t)bytes, have),
		      text_bytes((uint64_t)total, all), bytes * 100 / total);
}

static void print_image(const struct cJSON *image)
{
	bl_autofree char *name = text_clean(bl_json_get_string(image, "name"));
	bl_autofree char *digest = text_clean(bl_json_get_string(image, "digest"));

	printf("image \"%s\" imported (%s)\n", name, digest);
}

static int import_fd(const struct image_options *options, const char *name, int fd,
		     struct progress *progress, struct bl_err *err)
{
	client_auto struct client client = CLIENT_INIT;
	bl_auto_json struct cJSON *result = NULL;
	struct client_call call = {
		.method = "image-import",
		.fd = fd,
		.event = on_import,
		.data = progress,
	};
	int r;

	r = client_open(options->socket, &client, err);
	if (r < 0)
		return r;
	call.params = client_reference(NULL, NULL, name);
	bl_json_set_string(call.params, "digest", options->digest);
	r = client_call(&client, &call, &result, NULL, err);
	if (r < 0)
		return r;
	progress_clear(progress);
	print_image(bl_json_get(result, "image"));
	return 0;
}

/* The file is opened here, with the rights of whoever runs the command. */
static int import_file(const struct image_options *options, const char *name, const char *path,
		       struct progress *progress, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	return import_fd(options, name, fd, progress, err);
}

/* A file that the agent refused is of no use to a second attempt; one that never reached it is. */
static int import_url(const struct image_options *options, const char *name, const char *url,
		      struct progress *progress, struct bl_err *err)
{
	part_auto struct part part = PART_INIT;
	int r = download_fetch(url, options->digest != NULL, progress, &part, err);

	if (r < 0)
		return r;
	r = import_fd(options, name, part.fd, progress, err);
	if (r == 0 || r == -EINVAL || r == -EBADMSG)
		part_remove(&part);
	return r;
}

static int import(const struct image_options *options, const char *name, const char *source,
		  struct bl_err *err)
{
	progress_auto struct progress progress = progress_start();

	if (download_is_url(source))
		return import_url(options, name, source, &progress, err);
	return import_file(options, name, source, &progress, err);
}

static int run_import(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return import(data, args[0], args[1], &err) < 0 ? terminal_error(&err) : 0;
}

/* "sha256:0123456789ab" */
#define DIGEST_SHORT 19

static void print_table(const struct image_options *options, const struct cJSON *items)
{
	static const char *const headers[] = {"NAME", "FORMAT", "SIZE", "VIRTUAL", "DIGEST"};
	table_auto struct table table = {0};

	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		table_column(&table, headers[i]);
	bl_json_for_each (item, items) {
		const char *digest = bl_json_get_string(item, "digest");
		bl_autofree char *shown =
			bl_format("%.*s", options->full ? 256 : DIGEST_SHORT, digest ? digest : "");
		char size[TEXT_BYTES_MAX], virtual_size[TEXT_BYTES_MAX];
		const char *cells[] = {
			bl_json_get_string(item, "name"),
			bl_json_get_string(item, "format"),
			text_bytes((uint64_t)bl_json_get_number(item, "bytes", 0), size),
			text_bytes((uint64_t)bl_json_get_number(item, "virtualBytes", 0),
				   virtual_size),
			shown,
		};

		table_row(&table, cells);
	}
	table_flush(&table, stdout);
}

static int list(const struct image_options *options, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct output output = {.format = options->output};
	const struct cJSON *items;
	int r = output_check(&output, err);

	if (r == 0)
		r = client_ask_once(options->socket, "image-list", NULL, &result, err);
	if (r < 0)
		return r;
	items = bl_json_get(result, "items");
	if (output_is(&output, "name")) {
		named_print(items);
	} else if (options->output) {
		output_document(&output, result, stdout);
	} else if (bl_json_size(items) == 0) {
		fprintf(stderr, "No images; import one with \"beeline image import NAME FILE\"\n");
	} else {
		print_table(options, items);
	}
	return 0;
}

static int run_list(void *data, int n_args, char **args)
{
	struct bl_err err = BL_ERR_INIT;

	return list(data, &err) < 0 ? terminal_error(&err) : 0;
}

static int run_delete(void *data, int n_args, char **args)
{
	const struct image_options *options = data;

	return named_delete(options->socket, "image", args, n_args);
}

static int run_prune(void *data, int n_args, char **args)
{
	const struct image_options *options = data;
	bl_auto_json struct cJSON *result = NULL;
	struct bl_err err = BL_ERR_INIT;

	if (client_ask_once(options->socket, "image-prune", bl_json_object(), &result, &err) < 0)
		return terminal_error(&err);
	bl_json_for_each (digest, bl_json_get(result, "deleted")) {
		bl_autofree char *text = text_clean(bl_json_text(digest));

		printf("%s deleted\n", text);
	}
	return 0;
}

static const struct bl_verb image_verbs[] = {
	{.name = "import",
	 .arguments = "NAME FILE|URL",
	 .summary = "Bring a disk into the store under the name that manifests use",
	 .help = "Takes an OCI archive with a disk below /disk, or a bare qcow2 or raw disk, "
		 "gzip'd or\n"
		 "not, from a file or by https. A download that was interrupted is resumed. "
		 "Servers\n"
		 "are known by the system's certificates, or by those that $SSL_CERT_FILE names.\n"
		 "\n"
		 "Examples:\n"
		 "  beeline image import quay.io/containerdisks/fedora:42 fedora.qcow2\n"
		 "  beeline image import debian https://example.org/debian.qcow2 --digest "
		 "sha256:...",
	 .options = import_rows,
	 .options_size = sizeof(struct image_options),
	 .min_args = 2,
	 .max_args = 2,
	 .run = run_import},
	{.name = "list",
	 .summary = "List the images",
	 .options = list_rows,
	 .options_size = sizeof(struct image_options),
	 .run = run_list},
	{.name = "delete",
	 .arguments = "NAME...",
	 .summary = "Remove images that no machine uses",
	 .options = plain_rows,
	 .options_size = sizeof(struct image_options),
	 .min_args = 1,
	 .max_args = -1,
	 .run = run_delete},
	{.name = "prune",
	 .summary = "Remove disks that have no name any more and that no machine uses",
	 .options = plain_rows,
	 .options_size = sizeof(struct image_options),
	 .run = run_prune},
	{0},
};

const struct bl_verb verb_image = {
	.name = "image",
	.arguments = "import|list|delete|prune",
	.summary = "Manage the disks that containerDisk volumes name",
	.help = "Examples:\n"
		"  beeline image import demo build/demo.qcow2\n"
		"  beeline image list",
	.children = image_verbs,
};
