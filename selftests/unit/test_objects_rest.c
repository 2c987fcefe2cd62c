// SPDX-License-Identifier: Apache-2.0
/* Documents that rest in their files: which, from when on, and what those see who are told of a change or look. */
#include "unit_objects.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path_of_a(const struct fixture *fixture)
{
	return bl_format("%s/objects/VirtualMachine/default/a.json", fixture->dir);
}

static const char *const file_of_a =
	"{\"apiVersion\": \"kubevirt.io/v1\", \"kind\": \"VirtualMachine\", \"metadata\": "
	"{\"namespace\": \"default\", \"name\": \"a\", \"uid\": \"from-the-file\"}}";

/* Told by what a file says that was changed behind the store's back. */
static bool is_in_its_file(struct fixture *fixture)
{
	bl_autofree char *path = path_of_a(fixture);
	size_t len;
	bl_autofree char *before = NULL;
	bool rests;

	assert_int_equal(bl_file_read(path, 1 << 20, &before, &len, NULL), 0);
	assert_int_equal(bl_file_write(path, file_of_a, strlen(file_of_a), 0600, NULL), 0);
	rests = strcmp(get(fixture, "metadata/uid"), "from-the-file") == 0;
	assert_int_equal(bl_file_write(path, before, len, 0600, NULL), 0);
	return rests;
}

/* What is only in memory stays there, until it could be written. A directory in the place of the spare file
 * keeps everything from being written, and nothing from being read. */
static void test_unwritten_status(void **state)
{
	struct fixture *fixture = *state;
	bl_autofree char *spare = bl_format("%s/objects/.spare-16384", fixture->dir);
	const char *status = "{\"phase\": \"Running\"}";

	apply(fixture, "a", "");
	assert_int_equal(unlink(spare), 0);
	assert_int_equal(mkdir(spare, 0700), 0);
	assert_true(objects_put_status(fixture->objects, &key_a, parse(status), NULL) < 0);
	assert_string_equal(get(fixture, "status/phase"), "Running");
	assert_false(is_in_its_file(fixture));
	assert_int_equal(rmdir(spare), 0);
	assert_string_equal(get(fixture, "status/phase"), "Running");
	assert_int_equal(objects_put_status(fixture->objects, &key_a, parse(status), NULL), 0);
	assert_int_equal(is_in_its_file(fixture), fixture->rests == all_rest);
	reopen(fixture);
	assert_string_equal(get(fixture, "status/phase"), "Running");
}

static bool pods_rest(const char *kind)
{
	return strcmp(kind, "Pod") == 0;
}

static void test_rest_is_for_those_who_may(void **state)
{
	struct fixture *fixture = *state;

	fixture->rests = pods_rest;
	reopen(fixture);
	apply(fixture, "a", "");
	assert_false(is_in_its_file(fixture));
	reopen(fixture);
	assert_false(is_in_its_file(fixture));
}

/* From its first moment, whatever is done to it. */
static void test_rest_begins_at_once(void **state)
{
	struct fixture *fixture = *state;

	apply(fixture, "a", "");
	assert_true(is_in_its_file(fixture));
	assert_int_equal(apply(fixture, "a", ", \"spec\": {}"), OBJECT_CONFIGURED);
	assert_true(is_in_its_file(fixture));
	assert_int_equal(objects_put_status(fixture->objects, &key_a, parse("{\"x\": 1}"), NULL),
			 0);
	assert_true(is_in_its_file(fixture));
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, 7, NULL), 0);
	assert_true(is_in_its_file(fixture));
	reopen(fixture);
	assert_true(is_in_its_file(fixture));
}

/* Somebody who is told looks at the store himself, which is then at the new version, and at others. */
static void reads_more(enum object_event event, const struct cJSON *object, void *data)
{
	const struct object_key key_b = {"VirtualMachine", "default", "b"};
	struct fixture *fixture = data;
	bl_auto_json struct cJSON *other = objects_read(fixture->objects, &key_b);
	const struct cJSON *same = look(fixture, &key_a);

	assert_non_null(other);
	if (event == OBJECT_DELETED)
		assert_null(same);
	else
		assert_true(bl_json_equal(object, same));
	strcat(strcat(fixture->seen, bl_json_get_string(object, "spec/x")), " ");
}

static void test_those_who_are_told_may_look(void **state)
{
	struct fixture *fixture = *state;
	struct object_watch *first, *second;

	apply(fixture, "b", "");
	apply(fixture, "a", ", \"spec\": {\"x\": \"1\"}");
	first = objects_watch(fixture->objects, NULL, reads_more, fixture);
	second = objects_watch(fixture->objects, NULL, reads_more, fixture);
	apply(fixture, "a", ", \"spec\": {\"x\": \"2\"}");
	assert_int_equal(objects_put_status(fixture->objects, &key_a, parse("{\"y\": 1}"), NULL),
			 0);
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, 1, NULL), 0);
	assert_int_equal(objects_remove(fixture->objects, &key_a, NULL), 0);
	assert_string_equal(fixture->seen, "2 2 2 2 2 2 2 2 ");
	objects_unwatch(fixture->objects, first);
	objects_unwatch(fixture->objects, second);
}

static void test_a_lost_file_is_no_object(void **state)
{
	struct fixture *fixture = *state;
	bl_autofree char *path = path_of_a(fixture);
	char names[64] = "";

	apply(fixture, "a", "");
	assert_int_equal(unlink(path), 0);
	assert_null(look(fixture, &key_a));
	objects_for_each(fixture->objects, NULL, NULL, collect, names);
	assert_string_equal(names, "");
	assert_int_equal(objects_put_status(fixture->objects, &key_a, parse("{}"), NULL), -ENOENT);
	fixture->watch = objects_watch(fixture->objects, NULL, saw, fixture);
	assert_int_equal(objects_remove(fixture->objects, &key_a, NULL), 0);
	assert_string_equal(fixture->seen, "DELETED a ");
	assert_int_equal(apply(fixture, "a", ""), OBJECT_CREATED);
}

#define TEST(fn)                                              \
	cmocka_unit_test_setup_teardown(fn, setup, teardown), \
		cmocka_unit_test_setup_teardown(fn, setup_resting, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unwritten_status),
		TEST(test_those_who_are_told_may_look),
		cmocka_unit_test_setup_teardown(test_rest_begins_at_once, setup_resting, teardown),
		cmocka_unit_test_setup_teardown(test_rest_is_for_those_who_may, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_file_is_no_object, setup_resting,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
