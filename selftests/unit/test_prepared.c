// SPDX-License-Identifier: Apache-2.0
/* The agent's facts: what is taken, and that every mistake names its place. */
#include "unit.h"

#include <errno.h>

#include "../../launcher/prepared.h"

static int decode(const char *text, struct prepared **ret_prepared, struct bl_err *err)
{
	bl_auto_json struct cJSON *json = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &json, NULL), 0);
	return prepared_new(json, ret_prepared, err);
}

static void facts_are_taken(void **state)
{
	bl_auto_prepared struct prepared *prepared = NULL;

	assert_int_equal(decode("{\"kvm\":true,\"vhostNet\":true,"
				"\"interfaces\":[{\"name\":\"default\",\"tap\":\"tap0\","
				"\"mac\":\"02:00:00:00:00:01\",\"mtu\":1450,\"queues\":4}],"
				"\"volumes\":{\"root\":{\"path\":\"/d\",\"format\":\"qcow2\","
				"\"readonly\":true}}}",
				&prepared, NULL),
			 0);
	assert_true(prepared->kvm && prepared->vhost_net);
	assert_null(prepared->kvm_reason);
	assert_int_equal(prepared_interface(prepared, "default")->queues, 4);
	assert_int_equal(prepared_interface(prepared, "default")->mtu, 1450);
	assert_int_equal(prepared_interface(prepared, "default")->mac[5], 1);
	assert_true(prepared_volume(prepared, "root")->readonly);
	assert_null(prepared_volume(prepared, "other"));
	assert_null(prepared_interface(prepared, "other"));
}

static void mistakes_name_their_place(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"[]", "prepared: expected object"},
		{"{\"interfaces\":[{}]}", "prepared.interfaces[0].name: expected text"},
		{"{\"interfaces\":[{\"name\":\"a\",\"tap\":7}]}",
		 "interfaces[0].tap: expected text"},
		{"{\"interfaces\":[{\"name\":\"a\",\"tap\":\"t\",\"mac\":\"x\",\"mtu\":1500,"
		 "\"queues\":1}]}",
		 "prepared.interfaces[0].mac: "},
		{"{\"interfaces\":[{\"name\":\"a\",\"tap\":\"t\",\"mac\":\"02:00:00:00:00:01\","
		 "\"mtu\":70000,\"queues\":1}]}",
		 "interfaces[0].mtu: expected an integer from 68 to 65535"},
		{"{\"interfaces\":[{\"name\":\"a\",\"tap\":\"t\",\"mac\":\"02:00:00:00:00:01\","
		 "\"mtu\":1500,\"queues\":1.5}]}",
		 "interfaces[0].queues: expected an integer"},
		{"{\"interfaces\":[{\"name\":\"a\",\"tap\":\"t\",\"mac\":\"02:00:00:00:00:01\","
		 "\"mtu\":1500,\"queues\":0}]}",
		 "interfaces[0].queues: expected an integer"},
		{"{\"volumes\":{\"v\":{}}}", "prepared.volumes.v.path: expected text"},
		{"{\"volumes\":{\"v\":{\"path\":\"/p\",\"format\":\"vmdk\"}}}",
		 "prepared.volumes.v.format: 'vmdk' is neither qcow2 nor raw"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_auto_prepared struct prepared *prepared = NULL;
		struct bl_err err;

		assert_fails(decode(rows[i].text, &prepared, &err), -EINVAL, rows[i].words);
		assert_null(prepared);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_taken),
		cmocka_unit_test(mistakes_name_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
