// SPDX-License-Identifier: Apache-2.0
/* Log lines as they arrive at standard error. */
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

#include <beeline/json.h>
#include <beeline/log.h>

/* What the statement writes to standard error; owned. */
#define CAPTURE(statement)                                                                 \
	({                                                                                 \
		int _ends[2], _errors = dup(STDERR_FILENO);                                \
		char *_text;                                                               \
		assert_int_equal(pipe2(_ends, O_CLOEXEC), 0);                              \
		dup2(_ends[1], STDERR_FILENO);                                             \
		statement;                                                                 \
		dup2(_errors, STDERR_FILENO);                                              \
		close(_errors);                                                            \
		close(_ends[1]);                                                           \
		assert_int_equal(bl_file_read_fd(_ends[0], 65536, &_text, NULL, NULL), 0); \
		close(_ends[0]);                                                           \
		_text;                                                                     \
	})

static void test_text(void **state)
{
	bl_autofree char *line = NULL;

	bl_log_init(BL_LOG_INFO, BL_LOG_TEXT);
	line = CAPTURE(bl_info("endpoint attached", "vmi", "default/vm-01", "none", NULL, "empty",
			       "", "odd", "a=b"));
	assert_string_equal(line, "level=info msg=\"endpoint attached\" vmi=default/vm-01 "
				  "empty=\"\" odd=\"a=b\"\n");
}

static void test_level(void **state)
{
	bl_autofree char *line = NULL;

	bl_log_init(BL_LOG_WARN, BL_LOG_TEXT);
	line = CAPTURE({
		bl_debug("no");
		bl_info("no");
		bl_warn("yes");
		bl_error("too");
	});
	assert_string_equal(line, "level=warn msg=yes\nlevel=error msg=too\n");
}

/* Nothing that steers a terminal, and never a second line. */
static void test_hostile_values(void **state)
{
	bl_autofree char *line = NULL;

	bl_log_init(BL_LOG_INFO, BL_LOG_TEXT);
	line = CAPTURE(bl_info("x", "a", "1\n2\r\t\x1b[31m\x7f", "b", "\xff\xc3\xa9\xc2\x9b", "c",
			       "say \"hi\" \\"));
	assert_string_equal(line, "level=info msg=x a=\"1\\n2\\u000d\\u0009\\u001b[31m\\u007f\" "
				  "b=\"\xef\xbf\xbd\xc3\xa9\\u009b\" c=\"say \\\"hi\\\" \\\\\"\n");
}

static void test_json(void **state)
{
	bl_auto_json struct cJSON *json = NULL;
	bl_autofree char *line = NULL, *huge = bl_alloc(100001);

	memset(huge, '"', 100000);
	bl_log_init(BL_LOG_INFO, BL_LOG_JSON);
	line = CAPTURE(bl_error("failed", "why", "a\"b\n\xff", "number", "5", "huge", huge));
	assert_true(strlen(line) < 10000);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_int_equal(bl_json_parse(line, strlen(line), &json, NULL), 0);
	assert_string_equal(bl_json_get_string(json, "level"), "error");
	assert_string_equal(bl_json_get_string(json, "msg"), "failed");
	assert_string_equal(bl_json_get_string(json, "why"), "a\"b\n\xef\xbf\xbd");
	assert_string_equal(bl_json_get_string(json, "number"), "5");
	assert_int_equal(strlen(bl_json_get_string(json, "time")),
			 strlen("2026-01-01T00:00:00.000Z"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
