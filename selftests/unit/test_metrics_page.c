// SPDX-License-Identifier: Apache-2.0
/*
 * Prometheus's text, byte for byte; and docs/metrics.md, which is what the table of families says. Run by
 * hand with BEELINE_UPDATE=1 the test writes the document instead.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "../../agent/histogram.h"
#include "../../agent/metrics/page.h"

#define DOCUMENT "docs/metrics.md"

static void test_family(void **state)
{
	struct page page = {0};

	page_family(&page, FAMILY_ENDPOINTS);
	page_number(&page, NULL, NULL, 3);
	assert_string_equal(page.text, "# HELP beeline_endpoints VM interfaces on this node.\n"
				       "# TYPE beeline_endpoints gauge\n"
				       "beeline_endpoints 3\n");
	assert_int_equal(page.len, strlen(page.text));
	free(page.text);
}

/* Label values may hold anything: a node's name is what somebody called it. */
static void test_labels(void **state)
{
	const struct page_label labels[] = {
		{"plain", "vm-01"},
		{"escaped", "a\"b\\c\nd\te"},
		{"bytes", "\xff"
			  "caf\xc3\xa9\xed\xa0\x80"},
		{"empty", ""},
	};
	bl_autofree char *text = page_labels(labels, 4);
	bl_autofree char *none = page_labels(NULL, 0);

	assert_string_equal(text, "plain=\"vm-01\",escaped=\"a\\\"b\\\\c\\nd\te\","
				  "bytes=\"\xef\xbf\xbd"
				  "caf\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",empty=\"\"");
	assert_string_equal(none, "");
}

static void test_samples(void **state)
{
	struct page page = {0};

	page.family = FAMILY_BUILD;
	page_count(&page, "a=\"1\"", "b=\"2\"", UINT64_MAX);
	page_count(&page, "a=\"1\"", NULL, 0);
	page_count(&page, NULL, "b=\"2\"", 1);
	page_number(&page, NULL, NULL, 0.25);
	page_number(&page, NULL, NULL, 5e15);
	page_number(&page, NULL, NULL, INFINITY);
	page_number(&page, NULL, NULL, -INFINITY);
	page_number(&page, NULL, NULL, NAN);
	assert_string_equal(page.text, "beeline_build_info{a=\"1\",b=\"2\"} 18446744073709551615\n"
				       "beeline_build_info{a=\"1\"} 0\n"
				       "beeline_build_info{b=\"2\"} 1\n"
				       "beeline_build_info 0.25\n"
				       "beeline_build_info 5e+15\n"
				       "beeline_build_info +Inf\n"
				       "beeline_build_info -Inf\n"
				       "beeline_build_info NaN\n");
	free(page.text);
}

/* A duration on a bound belongs to it; buckets hold those below them too. */
static void test_histogram(void **state)
{
	struct histogram histogram = {0};
	const struct page_buckets buckets = {
		.bounds_ns = histogram_bounds_ns,
		.n_bounds = HISTOGRAM_BOUNDS,
		.counts = histogram.counts,
		.sum_ns = 20002000001,
	};
	struct page page = {0};

	histogram_observe(&histogram, 1000000);
	histogram_observe(&histogram, 1000001);
	histogram_observe(&histogram, 20000000000);
	page.family = FAMILY_ATTACH;
	page_histogram(&page, NULL, NULL, &buckets);
#define BUCKET(le, n) "beeline_endpoint_attach_duration_seconds_bucket{le=\"" le "\"} " n "\n"
	assert_string_equal(
		page.text,
		BUCKET("0.0005", "0") BUCKET("0.001", "1") BUCKET("0.0025", "2") BUCKET(
			"0.005", "2") BUCKET("0.01", "2") BUCKET("0.025", "2") BUCKET("0.05", "2")
			BUCKET("0.1", "2") BUCKET("0.25", "2") BUCKET("0.5", "2") BUCKET("1", "2")
				BUCKET("2.5", "2") BUCKET("10", "2") BUCKET(
					"+Inf",
					"3") "beeline_endpoint_attach_duration_seconds_sum "
					     "20.002000001\n"
					     "beeline_endpoint_attach_duration_seconds_count 3\n");
	free(page.text);
}

/* Labels stand in front of the bound, in sum and count alone. */
static void test_labelled_histogram(void **state)
{
	static const uint64_t bounds_ns[] = {32768, 2000000000}, counts[] = {3, 0, 4};
	const struct page_buckets buckets = {bounds_ns, 2, counts, 1500000000};
	struct page page = {.family = FAMILY_HANDSHAKES};

	page_histogram(&page, "name=\"a\"", "direction=\"to-vm\"", &buckets);
	page_histogram(&page, "name=\"a\"", NULL, &buckets);
#define NAME "beeline_vmi_tcp_handshake_seconds"
#define BOTH "{name=\"a\",direction=\"to-vm\""
	assert_string_equal(
		page.text, NAME
		"_bucket" BOTH ",le=\"3.2768e-05\"} 3\n" NAME "_bucket" BOTH ",le=\"2\"} 3\n" NAME
		"_bucket" BOTH ",le=\"+Inf\"} 7\n" NAME "_sum" BOTH "} 1.5\n" NAME "_count" BOTH
		"} 7\n" NAME "_bucket{name=\"a\",le=\"3.2768e-05\"} 3\n" NAME
		"_bucket{name=\"a\",le=\"2\"} 3\n" NAME "_bucket{name=\"a\",le=\"+Inf\"} 7\n" NAME
		"_sum{name=\"a\"} 1.5\n" NAME "_count{name=\"a\"} 7\n");
	free(page.text);
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Prometheus's conventions, and KubeVirt's names only where they are KubeVirt's. */
static void test_names(void **state)
{
	for (size_t i = 0; i < FAMILIES_MAX; i++) {
		const struct family_row *row = &family_rows[i];

		if (row->name[strspn(row->name, "abcdefghijklmnopqrstuvwxyz_")] ||
		    ends_with(row->name, "_total") != (strcmp(row->type, "counter") == 0) ||
		    strchr(row->help, '\n') || row->help[strlen(row->help) - 1] != '.')
			fail_msg("%s", row->name);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(row->name, family_rows[k].name);
	}
}

static char *render(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fprintf(out,
		"# Metrics\n\n"
		"What the agent tells Prometheus at `http://127.0.0.1:10962/metrics`, or where\n"
		"`--metrics-address` says. `/healthz` answers while the agent's loop turns, "
		"`/readyz`\n"
		"when VMs are looked after and the datapath answers.\n\n"
		"Families of a VM have the labels `node`, `namespace`, `name` and `interface`, as\n"
		"KubeVirt's have; an endpoint made by hand has its own name and, as interface, its "
		"tap.\n"
		"Verdicts have `direction` (`to-vm`, `from-vm`, `pod-out`) and `reason` (the words "
		"of\n"
		"`beeline monitor`) too, and appear with their first packet.\n\n"
		"KubeVirt reads `kubevirt_vmi_network_*` from libvirt, hence at the tap. Here the\n"
		"datapath counts: what it forwarded, and what it dropped. Frames that it answered\n"
		"itself (ARP, DHCP, router advertisements) are among the diverted.\n\n"
		"`beeline_connections_opened_total` has the `direction` in which a connection was\n"
		"opened: by a TCP SYN, or by the first packet of another protocol. The latter is\n"
		"counted where connections are tracked in both directions: under policy, and with\n"
		"declared ports. What policy denies is not opened.\n\n"
		"`beeline_vmi_tcp_handshake_seconds` says how long openers wait: from the first "
		"SYN\n"
		"that was let through to the first SYN-ACK, both as they pass the VM's edge. Its\n"
		"`direction` is the SYN's. `from-vm`, the time is the network's and the peer's; "
		"`to-vm`,\n"
		"the guest's own: its processor, its stack, its backlog, and not the way from the\n"
		"client. A repeated SYN does not begin anew, so a lost one shows as the seconds "
		"that\n"
		"it cost. What is refused or never answered is counted as opened and not timed. "
		"The\n"
		"pod's own connections are not the VM's; what crosses the pod's loopback "
		"(`kubectl\n"
		"port-forward`), or what a guest sends to its own pod's address, is not timed. "
		"Bounds\n"
		"double from 32.768 us to 8.59 s; a direction appears with its first handshake.\n\n"
		"[deploy/alerts/beeline.yaml](../deploy/alerts/beeline.yaml) has rules for what "
		"nobody\n"
		"should miss: a policy that is not in force as it stands, changes that fail, "
		"tables "
		"and\n"
		"maps that are almost full, connections that were forgotten before their time, "
		"events\n"
		"that monitors missed, an agent that is gone. Each has a "
		"[case](../selftests/golden/alerts)\n"
		"of when it speaks and when it does not.\n\n"
		"[deploy/dashboards/beeline.json](../deploy/dashboards/beeline.json) shows all of "
		"it "
		"in\n"
		"Grafana. The picture is no screenshot: `deploy/dashboards/draw.py` asked a "
		"Prometheus\n"
		"the dashboard's own queries and drew the answers on its grid. The numbers were\n"
		"measured, by `deploy/dashboards/picture.py`: the two example VMs, emulated on a "
		"busy\n"
		"machine and under the example's policy, call each other, where they may not, and "
		"a\n"
		"server across a link of 20 ms that loses packets; now and then one of them "
		"computes\n"
		"for itself, or the policy is taken away.\n\n"
		"![The dashboard](dashboard.png)\n\n"
		"This file is written from the table of families (`agent/metrics/families.h`); a "
		"test\n"
		"holds it to it.\n\n"
		"| name | type | unit | what it says |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < FAMILIES_MAX; i++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", family_rows[i].name, family_rows[i].type,
			family_rows[i].unit, family_rows[i].help);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_document(void **state)
{
	bl_autofree char *wanted = render();

	unit_document(DOCUMENT, wanted);
}

/* Samples of a histogram have names of their own. */
static bool is_sample(const char *name, size_t len)
{
	for (size_t i = 0; i < FAMILIES_MAX; i++) {
		const struct family_row *row = &family_rows[i];
		bool histogram = strcmp(row->type, "histogram") == 0;
		bl_autofree char *sample = bl_format("%s%s", row->name, histogram ? "_bucket" : "");

		if (strlen(sample) == len && memcmp(sample, name, len) == 0)
			return true;
	}
	return false;
}

/* What is shipped asks for nothing that is not on the page. How often it asks. */
static int count_asked(const char *path)
{
	static const char *const prefixes[] = {"beeline_", "kubevirt_vmi_", "process_"};
	bl_autofree char *text = NULL;
	int n = 0;

	assert_int_equal(bl_file_read(path, 1 << 20, &text, NULL, NULL), 0);
	for (const char *at = text; *at;) {
		size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
		bool asked = false;

		for (int i = 0; i < 3; i++)
			asked |= strncmp(at, prefixes[i], strlen(prefixes[i])) == 0;
		if (asked && !is_sample(at, len))
			fail_msg("%s asks for %.*s", path, (int)len, at);
		n += asked;
		at += len ? len : 1;
	}
	return n;
}

static void test_dashboard(void **state)
{
	assert_true(count_asked("deploy/dashboards/beeline.json") > 20);
}

static void test_alerts(void **state)
{
	assert_true(count_asked("deploy/alerts/beeline.yaml") > 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_histogram),
		cmocka_unit_test(test_labelled_histogram),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_dashboard),
		cmocka_unit_test(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
