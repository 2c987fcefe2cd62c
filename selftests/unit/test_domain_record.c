// SPDX-License-Identifier: Apache-2.0
/* What the launcher remembers of its domain, and how it tells its end. */
#include "unit.h"

#include <errno.h>

#include "../../launcher/ending.h"
#include "../../launcher/record.h"

static void a_record_comes_back_as_written(void **state)
{
	struct record record = {.stage = RECORD_ENDED,
				.succeeded = true,
				.reason = "Shutdown",
				.message = "said \"bye\"\n"};
	struct record back;
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/launcher.json", dir);

	assert_int_equal(record_read(path, &back, NULL), 0);
	assert_int_equal(back.stage, RECORD_NEW);
	for (enum record_stage stage = RECORD_NEW; stage <= RECORD_ENDED; stage++) {
		record.stage = stage;
		assert_int_equal(record_write(path, &record, NULL), 0);
		assert_int_equal(record_read(path, &back, NULL), 0);
		assert_int_equal(back.stage, stage);
	}
	assert_true(back.succeeded);
	assert_string_equal(back.reason, "Shutdown");
	assert_string_equal(back.message, "said \"bye\"\n");
	unit_dir_remove(dir);
}

static void a_damaged_record_is_an_error_not_a_new_start(void **state)
{
	static const char *const texts[] = {"", "{", "[]", "{\"stage\":\"running\"}",
					    "{\"stage\":3}"};
	char *dir = unit_dir();
	bl_autofree char *path = bl_format("%s/launcher.json", dir);

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct bl_err err;
		struct record record;

		assert_int_equal(bl_file_write(path, texts[i], strlen(texts[i]), 0600, NULL), 0);
		assert_fails(record_read(path, &record, &err), -EINVAL, "launcher.json: ");
	}
	unit_dir_remove(dir);
}

static void ends_are_told_as_kubevirt_does(void **state)
{
	static const struct {
		enum virt_end end;
		bool stopping, killed, succeeded;
		const char *reason;
	} rows[] = {
		{VIRT_END_SHUTDOWN, false, false, true, "Shutdown"},
		{VIRT_END_CRASHED, false, false, false, "Crashed"},
		{VIRT_END_FAILED, false, false, false, "Failed"},
		{VIRT_END_DESTROYED, false, false, false, "Destroyed"},
		{VIRT_END_NEVER, false, false, false, "Unknown"},
		/* asked to stop: how it went is of no interest, unless it crashed */
		{VIRT_END_SHUTDOWN, true, false, true, "Shutdown"},
		{VIRT_END_DESTROYED, true, false, true, "Shutdown"},
		{VIRT_END_NEVER, true, false, true, "Shutdown"},
		{VIRT_END_CRASHED, true, false, false, "Crashed"},
		{VIRT_END_FAILED, true, false, false, "Failed"},
		/* the grace period was over */
		{VIRT_END_DESTROYED, true, true, true, "Killed"},
		{VIRT_END_FAILED, true, true, true, "Killed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct ending ending = ending_of(rows[i].end, rows[i].stopping, rows[i].killed);

		assert_int_equal(ending.succeeded, rows[i].succeeded);
		assert_string_equal(ending.reason, rows[i].reason);
		assert_true(strlen(ending.reason) < RECORD_REASON_MAX);
		assert_true(strlen(ending.message) < RECORD_MESSAGE_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_written),
		cmocka_unit_test(a_damaged_record_is_an_error_not_a_new_start),
		cmocka_unit_test(ends_are_told_as_kubevirt_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
