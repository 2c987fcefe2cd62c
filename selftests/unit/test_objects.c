// SPDX-License-Identifier: Apache-2.0
/* The standalone store: versions, files, all-or-nothing, watches, and what it finds after a restart. */
#include "unit_objects.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <beeline/vmi.h>

static void test_versions(void **state)
{
	struct fixture *fixture = *state;
	bl_autofree char *uid = NULL;
	bl_autofree char *revision = NULL;

	assert_int_equal(apply(fixture, "a", ", \"spec\": {\"x\": 1}"), OBJECT_CREATED);
	uid = bl_strdup(get(fixture, "metadata/uid"));
	revision = bl_strdup(get(fixture, "metadata/resourceVersion"));
	assert_non_null(get(fixture, "metadata/creationTimestamp"));
	assert_int_equal(apply(fixture, "a", ", \"spec\": {\"x\": 1}"), OBJECT_UNCHANGED);
	assert_string_equal(get(fixture, "metadata/resourceVersion"), revision);
	assert_int_equal(apply(fixture, "a", ", \"spec\": {\"x\": 2}"), OBJECT_CONFIGURED);
	assert_string_equal(get(fixture, "metadata/uid"), uid);
	assert_string_not_equal(get(fixture, "metadata/resourceVersion"), revision);
	assert_int_equal(bl_json_get_number(look(fixture, &key_a), "metadata/generation", 0), 2);
}

/* A status stays over an apply without one and does not count as a change; one that is brought does. */
static void test_status(void **state)
{
	struct fixture *fixture = *state;
	const char *rest = ", \"spec\": {}";

	apply(fixture, "a", rest);
	assert_null(get(fixture, "status/phase"));
	assert_int_equal(objects_put_status(fixture->objects, &key_a,
					    parse("{\"phase\": \"Running\"}"), NULL),
			 0);
	assert_int_equal(apply(fixture, "a", rest), OBJECT_UNCHANGED);
	assert_string_equal(get(fixture, "status/phase"), "Running");
	assert_int_equal(apply(fixture, "a", ", \"spec\": {}, \"status\": {\"phase\": \"Ready\"}"),
			 OBJECT_CONFIGURED);
	assert_string_equal(get(fixture, "status/phase"), "Ready");
	assert_int_equal(bl_json_get_number(look(fixture, &key_a), "metadata/generation", 0), 1);
}

static void test_deletion(void **state)
{
	struct fixture *fixture = *state;
	const char *path = "metadata/deletionGracePeriodSeconds";

	apply(fixture, "a", "");
	assert_false(object_is_deleting(look(fixture, &key_a)));
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, -1, NULL), 0);
	assert_true(object_is_deleting(look(fixture, &key_a)));
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, 10, NULL), 0);
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, 20, NULL), 0);
	assert_int_equal(bl_json_get_number(look(fixture, &key_a), path, -1), 10);
	assert_int_equal(objects_mark_deleted(fixture->objects, &key_a, 0, NULL), 0);
	assert_int_equal(bl_json_get_number(look(fixture, &key_a), path, -1), 0);
	/* Somebody's apply does not call it back. */
	apply(fixture, "a", ", \"spec\": {}");
	assert_true(object_is_deleting(look(fixture, &key_a)));
}

static void test_restart(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *before = NULL;
	bl_autofree char *revision = NULL;

	apply(fixture, "b", "");
	apply(fixture, "a", ", \"spec\": {\"x\": [1, {\"y\": null}]}");
	before = bl_json_copy(look(fixture, &key_a));
	revision = bl_strdup(get(fixture, "metadata/resourceVersion"));
	reopen(fixture);
	assert_true(bl_json_equal(before, look(fixture, &key_a)));
	apply(fixture, "a", "");
	assert_true(atoi(get(fixture, "metadata/resourceVersion")) > atoi(revision));
}

static void put_file(struct fixture *fixture, const char *name, const char *text)
{
	bl_autofree char *path =
		bl_format("%s/objects/VirtualMachine/default/%s", fixture->dir, name);

	assert_int_equal(bl_file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* What is no object is left out, whatever it is, and does not keep the rest from being found. */
static void test_bad_files(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *stranger = document("b", "");
	bl_autofree char *text = bl_json_print(stranger);
	const struct object_key key_b = {"VirtualMachine", "default", "b"};

	apply(fixture, "a", "");
	put_file(fixture, "half.json", "{\"kind\": \"Virt");
	put_file(fixture, "empty.json", "");
	put_file(fixture, "list.json", "[]");
	put_file(fixture, "stranger.json", text); /* its name is b */
	put_file(fixture, ".a.json.tmp", text);
	reopen(fixture);
	assert_non_null(look(fixture, &key_a));
	assert_null(look(fixture, &key_b));
}

/* What a program took once is loaded by those after it, however strict they are with what comes new. */
static void test_older_rules(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *lax = document("a", "");
	bl_autofree char *text = NULL;
	struct bl_err err;

	apply(fixture, "a", "");
	bl_json_set_number(bl_json_get(lax, "metadata"), "bogus", 1);
	assert_fails(bl_object_validate(lax, &err), -EINVAL, "metadata.bogus: unknown field");
	text = bl_json_print(lax);
	put_file(fixture, "a.json", text);
	reopen(fixture);
	assert_non_null(look(fixture, &key_a));
}

static struct cJSON *pod_of_name(size_t len)
{
	char name[256];
	bl_autofree char *text = NULL;

	memset(name, 'n', sizeof(name));
	text = bl_format("{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": "
			 "{\"namespace\": \"default\", \"name\": \"%.*s\"}}",
			 (int)len, name);
	return parse(text);
}

static void apply_twice_and_remove(struct fixture *fixture, struct cJSON *pod)
{
	const struct object_key key = object_key(pod);
	enum object_outcome outcome;

	assert_int_equal(objects_apply(fixture->objects, pod, &outcome, NULL), 0);
	bl_json_set_string(pod, "spec", "changed");
	assert_int_equal(objects_apply(fixture->objects, pod, &outcome, NULL), 0);
	assert_int_equal(outcome, OBJECT_CONFIGURED);
	reopen(fixture);
	assert_non_null(look(fixture, &key));
	assert_int_equal(objects_remove(fixture->objects, &key, NULL), 0);
	reopen(fixture);
	assert_null(look(fixture, &key));
}

/* Up to Kubernetes' longest, whose files are named otherwise. */
static void test_long_names(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *longer = pod_of_name(254);
	enum object_outcome outcome;
	struct bl_err err;

	for (size_t len = 249; len <= 253; len++) {
		bl_auto_json struct cJSON *pod = pod_of_name(len);

		apply_twice_and_remove(fixture, pod);
	}
	assert_fails(objects_apply(fixture->objects, longer, &outcome, &err), -EINVAL,
		     "is not a name: up to 253");
}

static void test_all_or_nothing(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *changed = document("a", ", \"spec\": {\"x\": 2}");
	bl_auto_json struct cJSON *fresh = document("b", "");
	bl_auto_json struct cJSON *bad = document("../c", "");
	const struct cJSON *documents[] = {changed, fresh, bad};
	const struct object_key key_b = {"VirtualMachine", "default", "b"};
	enum object_outcome outcomes[3];
	struct bl_err err;

	apply(fixture, "a", ", \"spec\": {\"x\": 1}");
	assert_true(objects_apply_all(fixture->objects, documents, 3, outcomes, &err) < 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(bl_json_get_number(look(fixture, &key_a), "spec/x", 0), 1);
		assert_null(look(fixture, &key_b));
		reopen(fixture);
	}
	assert_int_equal(objects_apply_all(fixture->objects, documents, 2, outcomes, &err), 0);
	assert_int_equal(outcomes[0], OBJECT_CONFIGURED);
	assert_int_equal(outcomes[1], OBJECT_CREATED);
}

/* A change that cannot be written is no change. */
static void test_unwritable(void **state)
{
	struct fixture *fixture = *state;
	bl_auto_json struct cJSON *json = document("a", "");
	bl_autofree char *path = bl_format("%s/objects/VirtualMachine", fixture->dir);
	enum object_outcome outcome;
	struct bl_err err;

	assert_int_equal(bl_file_write(path, "", 0, 0600, NULL), 0);
	assert_true(objects_apply(fixture->objects, json, &outcome, &err) < 0);
	assert_null(look(fixture, &key_a));
}

static void test_watch(void **state)
{
	struct fixture *fixture = *state;
	struct object_watch *other = objects_watch(fixture->objects, "Pod", saw, fixture);

	fixture->watch = objects_watch(fixture->objects, "VirtualMachine", saw, fixture);
	apply(fixture, "a", "");
	apply(fixture, "a", "");
	apply(fixture, "a", ", \"spec\": {}");
	assert_int_equal(objects_remove(fixture->objects, &key_a, NULL), 0);
	assert_int_equal(objects_remove(fixture->objects, &key_a, NULL), 0);
	apply(fixture, "b", "");
	assert_string_equal(fixture->seen, "ADDED a MODIFIED a DELETED a ");
	objects_unwatch(fixture->objects, other);
}

static void test_order(void **state)
{
	struct fixture *fixture = *state;
	char names[64] = "";

	apply(fixture, "c", "");
	apply(fixture, "a", "");
	apply(fixture, "b", "");
	objects_for_each(fixture->objects, "VirtualMachine", "default", collect, names);
	objects_for_each(fixture->objects, "VirtualMachine", "other", collect, names);
	objects_for_each(fixture->objects, "Pod", NULL, collect, names);
	assert_string_equal(names, "a b c ");
}

#define TEST(fn)                                              \
	cmocka_unit_test_setup_teardown(fn, setup, teardown), \
		cmocka_unit_test_setup_teardown(fn, setup_resting, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_versions),   TEST(test_status),         TEST(test_deletion),
		TEST(test_restart),    TEST(test_bad_files),      TEST(test_older_rules),
		TEST(test_long_names), TEST(test_all_or_nothing), TEST(test_unwritable),
		TEST(test_watch),      TEST(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
