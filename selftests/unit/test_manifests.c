// SPDX-License-Identifier: Apache-2.0
/*
 * Manifests and what becomes of them, one test for each file of selftests/golden/manifests (whose
 * first lines say what is expected) and selftests/golden/seeds (others' manifests as they wrote them;
 * the table beside them says what is expected, and docs/manifests.md says the same to people).
 */
#include "unit.h"

#include <dirent.h>

#include <beeline/engine.h>
#include <beeline/vmi.h>
#include <beeline/yaml.h>

#define MANIFESTS "selftests/golden/manifests"
#define SEEDS     "selftests/golden/seeds"
#define TABLE     SEEDS "/expected"
#define DOCUMENT  "docs/manifests.md"

#define FILES_MAX 512
#define BOOTS     "boots"
#define PEER      "a peer of policies"

static char *read_text(const char *path)
{
	struct bl_err err = BL_ERR_INIT;
	char *text = NULL;
	size_t len;

	if (bl_file_read(path, 1 << 20, &text, &len, &err) < 0)
		fail_msg("%s", err.message);
	return text;
}

/* What becomes of an accepted one, whose warnings are added to ret_warnings. */
static const char *judge_document(const struct cJSON *document, struct bl_warnings *ret_warnings,
				  struct bl_err *err)
{
	const char *kind = bl_json_get_string(document, "kind");
	bl_auto_vmi struct bl_vmi *vmi = NULL;
	bl_auto_vm struct bl_vm *vm = NULL;

	if (bl_object_validate(document, err) < 0)
		return NULL;
	if (strcmp(kind, "VirtualMachine") == 0) {
		if (bl_vm_new(document, &vm, err) == 0)
			*ret_warnings = vm->warnings, vm->warnings = (struct bl_warnings){0};
	} else if (bl_engine_is_kind(kind) && strcmp(kind, "VirtualMachineInstance") != 0) {
		bl_auto_engine struct bl_engine *engine =
			bl_engine_new(&(struct bl_engine_options){0});

		return bl_engine_put(engine, document, err) == 0 ? PEER : NULL;
	} else if (bl_vmi_new(document, &vmi, err) == 0) {
		*ret_warnings = vmi->warnings, vmi->warnings = (struct bl_warnings){0};
	}
	return BOOTS;
}

/* The same, or the sentence of the refusal. */
static char *judge(const char *path, struct bl_warnings *ret_warnings)
{
	bl_autofree char *text = read_text(path);
	bl_auto_json struct cJSON *documents = NULL;
	struct bl_err err = BL_ERR_INIT;
	const char *outcome = NULL;

	if (bl_yaml_parse(text, strlen(text), &documents, &err) == 0) {
		assert_int_equal(bl_json_size(documents), 1);
		outcome = judge_document(bl_json_first(documents), ret_warnings, &err);
	}
	return bl_strdup(err.code ? err.message : outcome);
}

/* Takes the line that begins with words off *text; what follows the words, or NULL. */
static char *take_line(char **text, const char *words)
{
	size_t len = strlen(words);
	char *line = *text, *end;

	if (strncmp(line, words, len) != 0)
		return NULL;
	end = strchrnul(line, '\n');
	*text = *end ? end + 1 : end;
	*end = '\0';
	return line + len;
}

static void test_manifest(void **state)
{
	bl_autofree char *path = bl_format(MANIFESTS "/%s", (char *)*state);
	bl_autofree char *text = read_text(path);
	struct bl_warnings warnings = {0};
	bl_autofree char *outcome = judge(path, &warnings);
	char *at = text, *expected = take_line(&at, "# "), *warning;
	size_t n_warnings = 0;

	assert_non_null(expected);
	assert_string_equal(outcome, expected);
	while ((warning = take_line(&at, "# warns: "))) {
		assert_true(n_warnings < warnings.n_items);
		assert_string_equal(warnings.items[n_warnings++], warning);
	}
	assert_int_equal(n_warnings, warnings.n_items);
	bl_warnings_clear(&warnings);
}

/* The table's line of a file: "<file>: <outcome>". */
static char *expected_of(const char *file)
{
	bl_autofree char *table = read_text(TABLE);
	bl_autofree char *words = bl_format("%s: ", file);
	char *at = table;

	while (*at) {
		char *outcome = take_line(&at, words);

		if (outcome)
			return bl_strdup(outcome);
		(void)take_line(&at, "");
	}
	fail_msg("%s is not in %s", file, TABLE);
	return NULL;
}

static void test_seed(void **state)
{
	const char *file = *state;
	bl_autofree char *path = bl_format(SEEDS "/%s", file);
	struct bl_warnings warnings = {0};
	bl_autofree char *outcome = judge(path, &warnings);
	bl_autofree char *expected = expected_of(file);
	bl_autofree char *document = read_text(DOCUMENT);
	bl_autofree char *row = bl_format("| %s | ", file);

	assert_string_equal(outcome, expected);
	if (!strstr(document, row))
		fail_msg("%s has no row for %s", DOCUMENT, file);
	if (!strstr(document, outcome))
		fail_msg("%s does not say: %s", DOCUMENT, outcome);
	bl_warnings_clear(&warnings);
}

/* Each line of the table is a file that is there. */
static void test_table(void **state)
{
	bl_autofree char *table = read_text(TABLE);
	char *at = table;

	while (*at) {
		char *line = take_line(&at, "");
		bl_autofree char *path = bl_format(SEEDS "/%.*s", (int)strcspn(line, ":"), line);

		free(read_text(path));
	}
}

static size_t add_tests(const char *dir, CMUnitTestFunction fn, struct CMUnitTest *tests, size_t n)
{
	struct dirent **entries;
	int n_entries = scandir(dir, &entries, NULL, alphasort);
	size_t n_before = n;

	assert_true(n_entries > 0);
	for (int i = 0; i < n_entries; i++) {
		size_t len = strlen(entries[i]->d_name);

		if (len > 5 && strcmp(entries[i]->d_name + len - 5, ".yaml") == 0) {
			char *name = bl_strdup(entries[i]->d_name);

			assert_true(n < FILES_MAX);
			tests[n++] = (struct CMUnitTest){name, fn, NULL, NULL, name};
		}
		free(entries[i]);
	}
	free(entries);
	assert_true(n > n_before);
	return n;
}

int main(void)
{
	static struct CMUnitTest tests[FILES_MAX];
	size_t n = 0;
	int r;

	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_table);
	n = add_tests(MANIFESTS, test_manifest, tests, n);
	n = add_tests(SEEDS, test_seed, tests, n);
	r = _cmocka_run_group_tests("manifests", tests, n, NULL, NULL);
	while (n > 1)
		free((char *)tests[--n].name);
	return r;
}
