/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests become JSON; see manifest.h. */
#include "manifest.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <beeline/engine.h>
#include <beeline/file.h>
#include <beeline/yaml.h>

#include "client.h"

#define STDIN_NAME "standard input"
#define MIB        (1024ul * 1024)

static const struct bounds {
	size_t bytes; /* of a manifest */
	struct bl_yaml_limits yaml;
} bounds[] = {
	[MANIFEST_SENT] = {3 * MIB, {BL_YAML_NODES_MAX, BL_YAML_BYTES_MAX}},
	[MANIFEST_KEPT] = {256 * MIB, {8000000, 512 * MIB}},
};

struct reading {
	const char *namespace; /* NULL: none was given */
	const struct bounds *bounds;
	struct manifests *manifests;
};

void manifests_clear(struct manifests *manifests)
{
	bl_json_free(manifests->objects);
	bl_json_free(manifests->sources);
	*manifests = (struct manifests){0};
}

static const char *part(const struct cJSON *document, const char *path)
{
	const char *text = bl_json_get_string(document, path);

	return text ? text : "";
}

static int check_text(const struct cJSON *document, const char *path, bool required,
		      struct bl_err *err)
{
	const struct cJSON *member = bl_json_get(document, path);

	if (!member || bl_json_is_null(member))
		return required ? bl_fail(err, -EINVAL, "missing") : 0;
	if (!bl_json_is_string(member))
		return bl_fail(err, -EINVAL, "expected a string, got %s", bl_json_type(member));
	return *bl_json_text(member) || !required ? 0 : bl_fail(err, -EINVAL, "is empty");
}

/* The members without which nothing else can be said about an object. */
static int check(const struct cJSON *document, const char *source, size_t number,
		 struct bl_err *err)
{
	static const struct {
		const char *path, *dotted;
		bool required;
	} members[] = {{"apiVersion", "apiVersion", true},
		       {"kind", "kind", true},
		       {"metadata/name", "metadata.name", true},
		       {"metadata/namespace", "metadata.namespace", false}};

	if (!bl_json_is_object(document))
		return bl_fail(err, -EINVAL, "%s: document %zu: expected an object, got %s", source,
			       number, bl_json_type(document));
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		int r = check_text(document, members[i].path, members[i].required, err);

		if (r < 0)
			return bl_wrap(err, "%s: document %zu: %s", source, number,
				       members[i].dotted);
	}
	return 0;
}

static int place(struct cJSON *document, const char *source, const char *namespace,
		 struct bl_err *err)
{
	const char *own = part(document, "metadata/namespace");

	if (bl_engine_is_clusterwide(part(document, "kind")))
		return *own ? bl_fail(err, -EINVAL,
				      "%s: %s \"%s\": metadata.namespace: a %s is of the whole "
				      "cluster",
				      source, part(document, "kind"),
				      part(document, "metadata/name"), part(document, "kind"))
			    : 0;
	if (*own == '\0') {
		bl_json_set_string(bl_json_get(document, "metadata"), "namespace",
				   namespace ? namespace : NAMESPACE_DEFAULT);
		return 0;
	}
	if (namespace && strcmp(own, namespace) != 0)
		return bl_fail(err, -EINVAL,
			       "%s: %s \"%s\": the namespace \"%s\" of the manifest is not the "
			       "\"%s\" of --namespace",
			       source, part(document, "kind"), part(document, "metadata/name"), own,
			       namespace);
	return 0;
}

static int add_document(const struct cJSON *document, const char *source, size_t number,
			const struct reading *reading, struct bl_err *err)
{
	bl_auto_json struct cJSON *copy = bl_json_copy(document);
	int r;

	r = check(copy, source, number, err);
	if (r < 0)
		return r;
	r = place(copy, source, reading->namespace, err);
	if (r < 0)
		return r;
	bl_json_append(reading->manifests->objects, bl_take_ptr(copy));
	bl_json_append(reading->manifests->sources, bl_json_string(source));
	return 0;
}

static bool is_list(const struct cJSON *document)
{
	return bl_json_is_object(document) && strcmp(part(document, "kind"), "List") == 0;
}

/* What `kubectl get` prints of several objects. */
static int unfold(const struct cJSON *list, const char *source, size_t *number,
		  const struct reading *reading, struct bl_err *err)
{
	const struct cJSON *items = bl_json_get(list, "items");

	if (!bl_json_is_array(items))
		return bl_fail(err, -EINVAL, "%s: document %zu: items: expected an array, got %s",
			       source, *number + 1, items ? bl_json_type(items) : "nothing");
	bl_json_for_each (item, items) {
		int r = add_document(item, source, ++*number, reading, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse(const char *text, size_t len, const char *source, const struct reading *reading,
		 struct bl_err *err)
{
	bl_auto_json struct cJSON *documents = NULL;
	size_t number = 0;

	if (bl_yaml_parse_within(text, len, &reading->bounds->yaml, &documents, err) < 0)
		return bl_wrap(err, "%s", source);
	bl_json_for_each (document, documents) {
		int r = is_list(document) ? unfold(document, source, &number, reading, err)
					  : add_document(document, source, ++number, reading, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_fd(int fd, const char *source, const struct reading *reading, struct bl_err *err)
{
	bl_autofree char *text = NULL;
	size_t len;
	int r;

	r = bl_file_read_fd(fd, reading->bounds->bytes, &text, &len, err);
	if (r == -EFBIG)
		return bl_fail(err, r, "%s: a manifest may have at most %zu MiB", source,
			       reading->bounds->bytes / MIB);
	if (r < 0)
		return bl_wrap(err, "%s", source);
	return parse(text, len, source, reading, err);
}

static int read_file(const char *path, const struct reading *reading, struct bl_err *err)
{
	bl_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	return read_fd(fd, path, reading, err);
}

static int is_manifest(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int read_folder(const char *path, const struct reading *reading, struct bl_err *err)
{
	bl_autofree struct dirent **entries = NULL;
	int n = scandir(path, &entries, is_manifest, alphasort);
	int r = 0;

	if (n < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	if (n == 0)
		return bl_fail(err, -ENOENT, "%s: no .yaml, .yml or .json file in this folder",
			       path);
	for (int i = 0; i < n; i++) {
		bl_autofree char *file = bl_format("%s/%s", path, entries[i]->d_name);

		if (r == 0)
			r = read_file(file, reading, err);
		free(entries[i]);
	}
	return r;
}

static int read_path(const char *path, const struct reading *reading, struct bl_err *err)
{
	struct stat st;

	if (strcmp(path, "-") == 0)
		return read_fd(STDIN_FILENO, STDIN_NAME, reading, err);
	if (stat(path, &st) < 0)
		return bl_fail_errno(err, -errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return read_folder(path, reading, err);
	return read_file(path, reading, err);
}

int manifests_read(const char *const *paths, size_t n_paths, const char *namespace,
		   enum manifest_use use, struct manifests *ret_manifests, struct bl_err *err)
{
	manifests_auto struct manifests manifests = {bl_json_array(), bl_json_array()};
	const struct reading reading = {namespace, &bounds[use], &manifests};

	for (size_t i = 0; i < n_paths; i++) {
		int r = read_path(paths[i], &reading, err);

		if (r < 0)
			return r;
	}
	if (bl_json_size(manifests.objects) == 0)
		return bl_fail(err, -EINVAL, "no objects in %s",
			       strcmp(paths[0], "-") == 0 ? STDIN_NAME : paths[0]);
	*ret_manifests = manifests;
	manifests = (struct manifests){0};
	return 0;
}
