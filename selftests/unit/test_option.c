// SPDX-License-Identifier: Apache-2.0
/* Options from rows, and finding the verb that is meant. */
#include "unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <beeline/option.h>

struct options {
	bool wide, color;
	const char *namespace, *format;
	long count;
	uint64_t timeout_ns;
	struct bl_option_list files;
};

static const struct bl_option rows[] = {
	{"wide", 'w', BL_OPTION_FLAG, offsetof(struct options, wide), .help = "More columns"},
	{"color", 0, BL_OPTION_FLAG, offsetof(struct options, color), .default_value = "true",
	 .help = "Colours"},
	{"namespace", 'n', BL_OPTION_STRING, offsetof(struct options, namespace), "NAMESPACE",
	 "default", "BEELINE_TEST_NAMESPACE", "Where"},
	{"output", 'o', BL_OPTION_STRING, offsetof(struct options, format), .choices = "json|yaml",
	 .help = "How"},
	{"count", 'c', BL_OPTION_INTEGER, offsetof(struct options, count), "N", "3", .help = "Many",
	 .min = -7},
	{"timeout", 't', BL_OPTION_DURATION, offsetof(struct options, timeout_ns), "TIME", "90s",
	 .help = "How long"},
	{"file", 'f', BL_OPTION_LIST, offsetof(struct options, files), "FILE", .help = "What"},
	{0},
};

static struct options options;
static char **args;
static int n_args;
static struct bl_err err;

#define PARSE(...)                                                                                \
	({                                                                                        \
		char *_argv[] = {"test", __VA_ARGS__};                                            \
		free(bl_take_ptr(args));                                                          \
		bl_options_clear(rows, &options);                                                 \
		bl_options_parse(rows, &options, sizeof(options), sizeof(_argv) / sizeof(*_argv), \
				 _argv, &args, &n_args, &err);                                    \
	})

static int teardown(void **state)
{
	free(bl_take_ptr(args));
	bl_options_clear(rows, &options);
	unsetenv("BEELINE_TEST_NAMESPACE");
	return 0;
}

static void test_defaults(void **state)
{
	assert_int_equal(PARSE("x"), 0);
	assert_false(options.wide);
	assert_true(options.color);
	assert_string_equal(options.namespace, "default");
	assert_null(options.format);
	assert_int_equal(options.count, 3);
	assert_int_equal(options.timeout_ns, 90000000000);
	assert_int_equal(n_args, 1);
	assert_null(args[1]);
}

static void test_every_spelling(void **state)
{
	assert_int_equal(PARSE("a", "-wn", "prod", "--file", "1", "-f2", "-f=3", "--file=4", "b",
			       "-ojson", "--no-color", "-c", "-7", "--", "-w", "c"),
			 0);
	assert_true(options.wide);
	assert_false(options.color);
	assert_string_equal(options.namespace, "prod");
	assert_string_equal(options.format, "json");
	assert_int_equal(options.count, -7);
	assert_int_equal(options.files.n_items, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(options.files.items[i][0], '1' + (int)i);
	assert_int_equal(n_args, 4);
	assert_string_equal(args[0], "a");
	assert_string_equal(args[1], "b");
	assert_string_equal(args[2], "-w");
	assert_string_equal(args[3], "c");
}

static void test_flags_with_values(void **state)
{
	assert_int_equal(PARSE("--wide=true", "--color=false", "-"), 0);
	assert_true(options.wide);
	assert_false(options.color);
	assert_string_equal(args[0], "-");
	assert_fails(PARSE("--wide=perhaps"), -EINVAL, "--wide: 'perhaps'");
}

static void test_environment_is_between(void **state)
{
	setenv("BEELINE_TEST_NAMESPACE", "fromenv", 1);
	assert_int_equal(PARSE("x"), 0);
	assert_string_equal(options.namespace, "fromenv");
	assert_int_equal(PARSE("-n", "line"), 0);
	assert_string_equal(options.namespace, "line");
	setenv("BEELINE_TEST_NAMESPACE", "", 1);
	assert_int_equal(PARSE("x"), 0);
	assert_string_equal(options.namespace, "default");
}

static void test_mistakes(void **state)
{
	assert_fails(PARSE("--nonsense"), -EINVAL, "unknown option '--nonsense'");
	assert_fails(PARSE("--nonsense=5"), -EINVAL, "unknown option '--nonsense'");
	assert_fails(PARSE("--no-namespace"), -EINVAL, "unknown option '--no-namespace'");
	assert_fails(PARSE("-x"), -EINVAL, "unknown option '-x'");
	assert_fails(PARSE("--file"), -EINVAL, "--file needs a value (FILE)");
	assert_fails(PARSE("-f", "1", "-f"), -EINVAL, "--file needs a value");
	assert_fails(PARSE("-o", "xml"), -EINVAL, "--output: 'xml' is none of json|yaml");
	assert_fails(PARSE("-o", "js"), -EINVAL, "none of");
	assert_fails(PARSE("-o", ""), -EINVAL, "none of");
	assert_fails(PARSE("--count", "1x"), -EINVAL, "--count: '1x' is not a whole");
	assert_fails(PARSE("--count="), -EINVAL, "not a whole");
	assert_fails(PARSE("--count", "-8"), -EINVAL, "--count: -8 is less than -7");
	assert_fails(PARSE("--count", "99999999999999999999"), -EINVAL, "not a whole");
	assert_fails(PARSE("--timeout", "soon"), -EINVAL, "--timeout: 'soon'");
}

static void test_help_wins(void **state)
{
	assert_int_equal(PARSE("a", "--help", "--nonsense"), BL_OPTION_HELP);
	assert_int_equal(PARSE("-wh"), BL_OPTION_HELP);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		unsigned long long ns;
	} good[] = {{"0", 0},
		    {"250ms", 250000000},
		    {"1h30m", 5400000000000},
		    {"5m", 300000000000},
		    {"1m1s1ms", 61001000000},
		    {"7ns", 7}};
	static const char *const bad[] = {"", "5", "s", "-5s", "5 s", "5d", "1h-3m", "1.5s", "5sx"};
	unsigned long long ns;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(bl_duration_parse(good[i].text, &ns, &err), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(bl_duration_parse(bad[i], &ns, &err), -EINVAL, "not a duration");
	assert_fails(bl_duration_parse("9999999999h", &ns, &err), -ERANGE, "too long");
	assert_fails(bl_duration_parse("99999999999999999999s", &ns, &err), -ERANGE, "too long");
}

/* ---- verbs ---- */

static int ran; /* what the table's verbs write down */

static int run_get(void *data, int n, char **words)
{
	const struct options *got = data;

	ran = 100 + n;
	return strcmp(got->namespace, "prod") == 0 ? 7 : 0;
}

static int run_import(void *data, int n, char **words)
{
	ran = 200 + n;
	return 0;
}

static const struct bl_verb image_verbs[] = {
	{.name = "import",
	 .summary = "Import",
	 .options = rows,
	 .options_size = sizeof(struct options),
	 .min_args = 1,
	 .max_args = 2,
	 .run = run_import},
	{0},
};

static const struct bl_verb verbs[] = {
	{.name = "get",
	 .summary = "Get",
	 .options = rows,
	 .options_size = sizeof(struct options),
	 .max_args = -1,
	 .run = run_get},
	{.name = "image", .summary = "Images", .children = image_verbs},
	{0},
};

/* Runs the table with standard output and error in a file that is then read. */
static int run_captured(char **argv, char **ret_text)
{
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO), errors = dup(STDERR_FILENO), n = 0, r;

	ran = 0;
	while (argv[n])
		n++;
	fflush(stdout);
	dup2(fileno(file), STDOUT_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	r = bl_verbs_main("prog", "A program.", verbs, n, argv);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(out);
	close(errors);
	lseek(fileno(file), 0, SEEK_SET);
	assert_int_equal(bl_file_read_fd(fileno(file), 65536, ret_text, NULL, &err), 0);
	fclose(file);
	return r;
}

#define VERBS(code, did, words, ...)                                 \
	do {                                                         \
		char *_argv[] = {"prog", __VA_ARGS__, NULL};         \
		char *_text;                                         \
		assert_int_equal(run_captured(_argv, &_text), code); \
		assert_int_equal(ran, did);                          \
		if (!strstr(_text, words))                           \
			fail_msg("'%s' lacks '%s'", _text, words);   \
		free(_text);                                         \
	} while (0)

static void test_verbs(void **state)
{
	VERBS(0, 102, "", "get", "vm", "a");
	VERBS(7, 101, "", "get", "-n", "prod", "vm");
	VERBS(7, 101, "", "-n", "prod", "get", "vm");
	VERBS(7, 100, "", "get", "--namespace=prod");
	VERBS(0, 201, "", "image", "import", "x");
	VERBS(0, 101, "", "get", "--", "get");
}

static void test_verb_mistakes(void **state)
{
	VERBS(2, 0, "unknown verb 'gte'", "gte");
	VERBS(2, 0, "prog image: unknown verb 'get'", "image", "get");
	VERBS(2, 0, "a verb is missing", "image");
	VERBS(2, 0, "too few arguments", "image", "import");
	VERBS(2, 0, "too many arguments", "image", "import", "1", "2", "3");
	VERBS(2, 0, "unknown option '--zzz'", "get", "--zzz");
}

static void test_verb_help(void **state)
{
	VERBS(0, 0, "A program.", "--help");
	VERBS(0, 0, "image", "help");
	VERBS(0, 0, "--namespace NAMESPACE", "get", "--help");
	VERBS(0, 0, "--[no-]color", "help", "get");
	VERBS(0, 0, "(default: default) [$BEELINE_TEST_NAMESPACE]", "get", "-h");
	VERBS(0, 0, "import", "image", "--help");
	VERBS(0, 0, "Usage: prog image import", "image", "import", "--help");
	VERBS(0, 0, "prog 0.", "--version");
}

static void test_manual_and_completion(void **state)
{
	VERBS(0, 0, ".TH PROG 1", "--man-page");
	VERBS(0, 0, ".SS image import", "--man-page");
	VERBS(0, 0,
	      "\\-n, \\-\\-namespace \\fINAMESPACE\\fR\nWhere. Default: default. Environment: "
	      "BEELINE_TEST_NAMESPACE.",
	      "--man-page");
	VERBS(0, 0, "'') said='get image --help --version'", "--bash-completion");
	VERBS(0, 0, "' image') said='import --help'", "--bash-completion");
	VERBS(0, 0, "' image import') said='--wide --color --namespace", "--bash-completion");
	VERBS(0, 0, "' image import') said='--wide --color --namespace", "--zsh-completion");
	VERBS(0, 0, "#compdef prog\n", "--zsh-completion");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_defaults, teardown),
		cmocka_unit_test_teardown(test_every_spelling, teardown),
		cmocka_unit_test_teardown(test_flags_with_values, teardown),
		cmocka_unit_test_teardown(test_environment_is_between, teardown),
		cmocka_unit_test_teardown(test_mistakes, teardown),
		cmocka_unit_test_teardown(test_help_wins, teardown),
		cmocka_unit_test_teardown(test_durations, teardown),
		cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_verb_mistakes),
		cmocka_unit_test(test_verb_help),
		cmocka_unit_test(test_manual_and_completion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
