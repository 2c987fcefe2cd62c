// SPDX-License-Identifier: Apache-2.0
/* Records: what is written is read back, and what is not one is refused. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>

#include <beeline/addr.h>

#include "../../agent/endpoint/record.h"

static struct bl_err err;

static struct bl_addr addr(const char *text)
{
	struct bl_addr parsed;

	assert_int_equal(bl_addr_parse(text, &parsed, NULL), 0);
	return parsed;
}

static struct endpoint_spec minimal(void)
{
	return (struct endpoint_spec){.name = "a",
				      .netns_path = "/run/netns/a",
				      .netns_fd = 5,
				      .uplink = "eth0",
				      .tap = "tap0"};
}

/* Through text, as an agent that starts does it. */
static struct record *reread(const struct record *record)
{
	bl_auto_json struct cJSON *written = record_json(record);
	bl_autofree char *text = bl_json_print(written);
	bl_auto_json struct cJSON *document = NULL;
	struct record *read;

	assert_int_equal(bl_json_parse(text, strlen(text), &document, &err), 0);
	if (record_from_json(document, &read, &err) < 0)
		fail_msg("%s", err.message);
	return read;
}

static void test_minimal(void **state)
{
	struct endpoint_spec spec = minimal();
	bl_auto_record struct record *record = NULL, *read = NULL;

	assert_int_equal(record_new(&spec, &record, &err), 0);
	strcpy(record->place.boot_id, "boot");
	record->place.index = 1023;
	record->place.netns = (struct netns_id){.inode = 4026532999, .cookie = 4097};
	record->place.tap = (struct tap_state){.ifindex = 9,
					       .persistent = true,
					       .multi_queue = true,
					       .uid = 107,
					       .mtu = 1450,
					       .mac = {2, 1, 2, 3, 4, 5}};
	read = reread(record);
	assert_string_equal(read->spec.name, "a");
	assert_int_equal(read->spec.netns_fd, -1);
	assert_int_equal(read->spec.binding, BL_BINDING_POD);
	assert_false(read->spec.has_mac);
	assert_null(read->spec.interface);
	assert_null(read->spec.network);
	assert_null(read->spec.dns);
	assert_null(read->spec.hostname);
	assert_int_equal(read->place.index, 1023);
	assert_int_equal(read->place.netns.inode, 4026532999);
	assert_int_equal(read->place.netns.cookie, 4097);
	assert_string_equal(read->place.boot_id, "boot");
	assert_true(read->place.tap.persistent);
	assert_true(read->place.tap.multi_queue);
	assert_int_equal(read->place.tap.uid, 107);
	assert_int_equal(read->place.tap.mtu, 1450);
	assert_memory_equal(read->place.tap.mac, record->place.tap.mac, 6);
}

static void test_full(void **state)
{
	const char *const dns[] = {"10.0.0.1"}, *const searches[] = {"a.b", "c"};
	struct bl_port ports[] = {{.protocol = IPPROTO_TCP, .first = 80, .last = 90},
				  {"ssh", .protocol = IPPROTO_TCP, .first = 22, .last = 22}};
	struct bl_addr ntp[] = {addr("10.0.0.9")};
	struct bl_dhcp_option options[] = {{240, "x\"y"}};
	struct bl_interface interface = {.ports = ports,
					 .n_ports = 2,
					 .ntp_servers = ntp,
					 .n_ntp_servers = 1,
					 .private_options = options,
					 .n_private_options = 1,
					 .boot_file_name = "boot",
					 .tftp_server_name = "tftp"};
	struct bl_network network = {.vm_cidr = addr("10.9.0.0"),
				     .vm_cidr_bits = 16,
				     .vm_cidr6 = addr("fd09::"),
				     .vm_cidr6_bits = 112};
	struct bl_labels labels = {0};
	struct endpoint_spec spec = minimal();
	bl_auto_record struct record *record = NULL, *read = NULL;

	bl_labels_set(&labels, "k8s", "app", "db");
	bl_labels_set(&labels, "k8s", "a/b", "");
	spec.binding = BL_BINDING_MASQUERADE;
	spec.has_mac = spec.no_spoof_guard = true;
	memcpy(spec.guest_mac, "\x02\0\0\0\0\x09", 6);
	spec.interface = &interface;
	spec.network = &network;
	spec.dns = dns;
	spec.n_dns = 1;
	spec.searches = searches;
	spec.n_searches = 2;
	spec.hostname = "h";
	spec.domain = "d";
	spec.namespace = "n";
	spec.labels = &labels;
	assert_int_equal(record_new(&spec, &record, &err), 0);
	strcpy(record->place.boot_id, "boot");
	read = reread(record);
	assert_int_equal(read->spec.binding, BL_BINDING_MASQUERADE);
	assert_true(read->spec.has_mac && read->spec.no_spoof_guard);
	assert_memory_equal(read->spec.guest_mac, spec.guest_mac, 6);
	assert_int_equal(read->spec.interface->n_ports, 2);
	assert_int_equal(read->spec.interface->ports[0].last, 90);
	assert_null(read->spec.interface->ports[0].name);
	assert_string_equal(read->spec.interface->ports[1].name, "ssh");
	assert_true(bl_addr_equal(&read->spec.interface->ntp_servers[0], &ntp[0]));
	assert_int_equal(read->spec.interface->private_options[0].code, 240);
	assert_string_equal(read->spec.interface->private_options[0].value, "x\"y");
	assert_string_equal(read->spec.interface->boot_file_name, "boot");
	assert_string_equal(read->spec.interface->tftp_server_name, "tftp");
	assert_true(bl_addr_equal(&read->spec.network->vm_cidr6, &network.vm_cidr6));
	assert_int_equal(read->spec.network->vm_cidr6_bits, 112);
	assert_int_equal(read->spec.n_dns, 1);
	assert_string_equal(read->spec.searches[1], "c");
	assert_string_equal(read->spec.hostname, "h");
	assert_string_equal(read->spec.domain, "d");
	assert_string_equal(read->spec.namespace, "n");
	assert_true(bl_labels_equal(read->spec.labels, &labels));
	bl_labels_clear(&labels);
}

/* No servers is another wish than none said: the host's are not taken then. */
static void test_empty_dns(void **state)
{
	const char *const none[] = {NULL};
	struct endpoint_spec spec = minimal();
	bl_auto_record struct record *record = NULL;

	spec.dns = none;
	assert_int_equal(record_new(&spec, &record, &err), 0);
	assert_non_null(record->spec.dns);
	assert_int_equal(record->spec.n_dns, 0);
}

/* As an agent of before wrote it, whatever the order. */
static void test_file_of_before(void **state)
{
	static const char text[] =
		"{\"name\":\"default_web_pod\",\"netns\":\"/run/netns/web\",\"uplink\":\"eth0\","
		"\"tap\":\"tap0\",\"masquerade\":true,\"spoofGuard\":true,\"interface\":{\"ports\":"
		"[{\"name\":\"http\",\"protocol\":6,\"first\":80,\"last\":80},{\"protocol\":17,"
		"\"first\":5000,\"last\":5010}],\"ntpServers\":[\"10.0.0.9\"],\"privateOptions\":[]"
		"},"
		"\"network\":{\"cidr\":\"10.9.0.0\",\"bits\":16,\"cidr6\":\"fd09::\",\"bits6\":112}"
		","
		"\"dns\":[],\"searches\":[\"a.b\"],\"hostname\":\"web\",\"namespace\":\"default\","
		"\"labels\":{\"z\":\"1\",\"a/b\":\"\"},\"place\":{\"index\":7,\"bootId\":\"b\","
		"\"netnsInode\":4026532999,\"netnsCookie\":5,\"tap\":{\"persistent\":true,"
		"\"multiQueue\":false,\"arpIgnore\":0,\"disableIpv6\":0,\"uid\":107,\"mtu\":1450,"
		"\"mac\":\"02:01:02:03:04:05\"}}}";
	bl_auto_json struct cJSON *document = NULL, *written = NULL;
	bl_auto_record struct record *record = NULL;

	assert_int_equal(bl_json_parse(text, strlen(text), &document, &err), 0);
	if (record_from_json(document, &record, &err) < 0)
		fail_msg("%s", err.message);
	written = record_json(record);
	if (!bl_json_equal(document, written)) {
		bl_autofree char *other = bl_json_print(written);

		fail_msg("%s\n%s", text, other);
	}
}

/* What it was made of may go, and change, while it is there. */
static void test_owes_nothing(void **state)
{
	char texts[9][8] = {"name",   "netns", "eth0", "tap0", "dns",
			    "search", "host",  "port", "value"};
	const char *const dns[] = {texts[4]}, *const searches[] = {texts[5]};
	struct bl_port ports[] = {{texts[7], IPPROTO_TCP, 1, 1}};
	struct bl_dhcp_option options[] = {{240, texts[8]}};
	struct bl_interface interface = {
		.ports = ports, .n_ports = 1, .private_options = options, .n_private_options = 1};
	struct endpoint_spec spec = {.name = texts[0],
				     .netns_path = texts[1],
				     .uplink = texts[2],
				     .tap = texts[3],
				     .dns = dns,
				     .n_dns = 1,
				     .searches = searches,
				     .n_searches = 1,
				     .hostname = texts[6],
				     .interface = &interface};
	bl_auto_record struct record *record = NULL;
	bl_auto_json struct cJSON *before = NULL, *after = NULL;

	assert_int_equal(record_new(&spec, &record, &err), 0);
	before = record_json(record);
	assert_string_equal(
		bl_json_get_string(bl_json_first(bl_json_get(before, "interface/ports")), "name"),
		"port");
	memset(texts, 'x', sizeof(texts));
	memset(ports, 0, sizeof(ports));
	memset(options, 0, sizeof(options));
	memset(&interface, 0, sizeof(interface));
	after = record_json(record);
	assert_true(bl_json_equal(before, after));
}

static void assert_longest(struct endpoint_spec *spec, size_t *n, size_t max, const char *name)
{
	struct record *record;

	*n = max;
	assert_int_equal(record_new(spec, &record, &err), 0);
	record_free(reread(record));
	record_free(record);
	*n = max + 1;
	assert_int_equal(record_new(spec, &record, &err), -E2BIG);
	assert_non_null(strstr(err.message, name));
	*n = 0;
}

static void test_longest_lists(void **state)
{
	static const char *texts[BL_PORTS_MAX + 1];
	static struct bl_port ports[BL_PORTS_MAX + 1];
	static struct bl_addr addrs[RECORD_ADDRS_MAX + 1];
	static struct bl_dhcp_option options[RECORD_OPTIONS_MAX + 1];
	struct bl_interface interface = {
		.ports = ports, .ntp_servers = addrs, .private_options = options};
	struct endpoint_spec spec = minimal();

	for (size_t i = 0; i <= BL_PORTS_MAX; i++)
		texts[i] = "text";
	for (size_t i = 0; i <= RECORD_OPTIONS_MAX; i++)
		options[i].value = "value";
	spec.interface = &interface;
	spec.dns = spec.searches = texts;
	assert_longest(&spec, &spec.n_dns, RECORD_DNS_MAX, "dns");
	assert_longest(&spec, &spec.n_searches, RECORD_SEARCHES_MAX, "searches");
	assert_longest(&spec, &interface.n_ports, BL_PORTS_MAX, "ports");
	assert_longest(&spec, &interface.n_ntp_servers, RECORD_ADDRS_MAX, "ntpServers");
	assert_longest(&spec, &interface.n_private_options, RECORD_OPTIONS_MAX, "privateOptions");
}

static void assert_refused(const char *text, const char *words)
{
	bl_auto_json struct cJSON *document = NULL;
	struct record *record;

	assert_int_equal(bl_json_parse(text, strlen(text), &document, &err), 0);
	assert_true(record_from_json(document, &record, &err) < 0);
	if (!strstr(err.message, words))
		fail_msg("'%s' lacks '%s'", err.message, words);
}

static void test_refused(void **state)
{
	assert_refused("{}", "name");
	assert_refused("[]", "name");
	assert_refused("{\"name\": 5}", "name");
	assert_refused("{\"name\": \"a\", \"netns\": \"/x\", \"uplink\": \"e\"}", "tap");
#define BASE "{\"name\": \"a\", \"netns\": \"/x\", \"uplink\": \"e\", \"tap\": \"t\", "
	assert_refused(BASE "\"mac\": \"zz\"}", "zz");
	assert_refused(BASE "\"place\": {\"index\": 1024, \"bootId\": \"b\"}}", "index");
	assert_refused(BASE "\"place\": {\"index\": -1, \"bootId\": \"b\"}}", "index");
	assert_refused(BASE "\"place\": {\"index\": 1}}", "boot id");
	assert_refused(BASE "\"dns\": [1]}", "dns");
	assert_refused(BASE "\"dns\": [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}",
		       "dns");
	assert_refused(BASE "\"interface\": {\"ntpServers\": [\"x\"]}}", "ntpServers");
	assert_refused(BASE "\"network\": {\"cidr\": \"10.0.0.0\"}}", "cidr6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal),      cmocka_unit_test(test_full),
		cmocka_unit_test(test_empty_dns),    cmocka_unit_test(test_file_of_before),
		cmocka_unit_test(test_owes_nothing), cmocka_unit_test(test_longest_lists),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
