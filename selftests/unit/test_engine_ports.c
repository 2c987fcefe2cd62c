// SPDX-License-Identifier: Apache-2.0
/* Named ports: which number a name has, and when that becomes another. */
#include "unit_engine.h"
#include "unit_held.h"

#define SQL_POD(name, port)                                                                  \
	"{kind: Pod, metadata: {namespace: b, name: " name "}, spec: {containers: [{ports: " \
	"[{name: sql, containerPort: " port "}]}]}}"

static void test_named_ports_are_followed(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 80);
	put(engine,
	    UNIT_CNP("x", "ingress: [{toPorts: [{ports: [{port: http, protocol: TCP}]}]}], egress: "
			  "[{toPorts: [{ports: [{port: sql, protocol: TCP}]}]}]"));
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "allowed");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "denied");
	put_endpoint(engine, "one", "web", "10.0.0.1", 8080);
	update(engine, "one");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 80, "denied");
	judges(engine, "one", BL_INGRESS, "8.8.8.8", 8080, "allowed");
	put(engine, SQL_POD("p", "5432"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "allowed");
	put(engine, SQL_POD("q", "5433"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "denied");
	bl_engine_remove(engine, "Pod", "b", "p");
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5433, "allowed");
}

/* Pods of one deployment have one list of ports between them. */
static void test_a_port_has_its_number_while_one_pod_is_left(void **state)
{
	bl_auto_engine struct bl_engine *engine = engine_new();

	put_endpoint(engine, "one", "web", "10.0.0.1", 0);
	put(engine, UNIT_CNP("x", "egress: [{toPorts: [{ports: [{port: sql, protocol: TCP}]}]}]"));
	put(engine, SQL_POD("p", "5432"));
	put(engine, SQL_POD("q", "5432"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "allowed");
	put(engine, SQL_POD("p", "5432"));
	bl_engine_remove(engine, "Pod", "b", "p");
	update(engine, "");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "allowed");
	put(engine, SQL_POD("r", "5432"));
	put(engine, SQL_POD("q", "5433"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "denied");
	bl_engine_remove(engine, "Pod", "b", "q");
	bl_engine_remove(engine, "Pod", "b", "r");
	put(engine, SQL_POD("s", "5434"));
	update(engine, "one");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5432, "denied");
	judges(engine, "one", BL_EGRESS, "8.8.8.8", 5434, "allowed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_named_ports_are_followed),
		cmocka_unit_test(test_a_port_has_its_number_while_one_pod_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, nothing_is_held);
}
