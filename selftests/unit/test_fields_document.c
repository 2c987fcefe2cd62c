// SPDX-License-Identifier: Apache-2.0
/*
 * docs/fields.md is what the decode tables say. The test renders them and compares; run by hand with
 * BEELINE_UPDATE=1 it writes the document instead.
 */
#include "unit.h"

#include <stdio.h>

#include "../../lib/vmi/family.h"

#define DOCUMENT "docs/fields.md"

static const char *const types[] = {
	[BL_FIELD_REFUSE] = "",
	[BL_FIELD_IGNORE] = "",
	[BL_FIELD_ANY] = "accepted",
	[BL_FIELD_JSON] = "accepted",
	[BL_FIELD_MARK] = "object",
	[BL_FIELD_STRING] = "string",
	[BL_FIELD_BOOL] = "boolean",
	[BL_FIELD_UINT] = "integer",
	[BL_FIELD_ENUM] = "string",
	[BL_FIELD_QUANTITY] = "quantity",
	[BL_FIELD_MILLI] = "quantity",
	[BL_FIELD_MAC] = "MAC address",
	[BL_FIELD_ADDR] = "address",
	[BL_FIELD_PREFIX] = "network",
	[BL_FIELD_BLOB] = "string",
	[BL_FIELD_BASE64] = "base64",
	[BL_FIELD_LIST] = "list",
	[BL_FIELD_STRINGS] = "list of strings",
	[BL_FIELD_ADDRS] = "list of addresses",
};
_Static_assert(sizeof(types) / sizeof(types[0]) == BL_FIELD_ADDRS + 1, "a word for each type");

static void print_values(FILE *out, const struct bl_field *row)
{
	const char *between = ": ";

	for (size_t i = 0; i < row->n_names; i++) {
		if (!row->names[i])
			continue;
		fprintf(out, "%s`%s`", between, row->names[i]);
		between = ", ";
	}
	if (row->type == BL_FIELD_UINT && row->max)
		fprintf(out, ", %u to %u", row->min, row->max);
	else if (row->type == BL_FIELD_UINT && row->min)
		fprintf(out, ", from %u", row->min);
	else if (row->items || row->type == BL_FIELD_STRINGS || row->type == BL_FIELD_ADDRS)
		fprintf(out, ", at most %u", row->max);
}

static void print_rows(FILE *out, const struct bl_fields *fields, const char *prefix)
{
	for (size_t i = 0; i < fields->n_rows; i++) {
		const struct bl_field *row = &fields->rows[i];
		bl_autofree char *path = bl_format("%s%s", prefix, row->path);

		fprintf(out, "| %s | ", path);
		if (row->type == BL_FIELD_REFUSE)
			fprintf(out, "refused: %s", row->why);
		else if (row->type == BL_FIELD_IGNORE)
			fprintf(out, "ignored: %s", row->why);
		else
			fprintf(out, "%s", types[row->type]);
		print_values(out, row);
		fprintf(out, "%s |\n", row->required ? ", required" : "");
		if (row->items) {
			bl_autofree char *inner = bl_format("%s[].", path);

			print_rows(out, row->items, inner);
		}
	}
}

static void print_table(FILE *out, const char *title, const struct bl_fields *fields)
{
	fprintf(out, "\n## %s\n\n| field | what becomes of it |\n| --- | --- |\n", title);
	print_rows(out, fields, "");
}

static char *render(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fprintf(out,
		"# Fields of a manifest\n\n"
		"Every field of KubeVirt's VirtualMachine and VirtualMachineInstance, and what "
		"Beeline\n"
		"makes of it on one machine. A field that stands here with a type is supported; a\n"
		"refused one that says `false` or `[]` is let through; an ignored one is accepted "
		"with\n"
		"a warning. Any other name is an error.\n\n"
		"This file is written from the tables that decode manifests (`lib/vmi/`); a test "
		"holds\n"
		"it to them.\n");
	print_table(out, "VirtualMachine", &vmi_vm_fields);
	print_table(out, "metadata of each and of a VirtualMachine's template",
		    &vmi_metadata_fields);
	print_table(out, "spec of a VirtualMachineInstance", &vmi_spec_fields);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_document(void **state)
{
	bl_autofree char *wanted = render();

	unit_document(DOCUMENT, wanted);
}

/* Every refused and ignored row says why. */
static void check_whys(const struct bl_fields *fields)
{
	for (size_t i = 0; i < fields->n_rows; i++) {
		const struct bl_field *row = &fields->rows[i];
		bool needs_why = row->type == BL_FIELD_REFUSE || row->type == BL_FIELD_IGNORE;

		if (needs_why != (row->why != NULL))
			fail_msg("%s", row->path);
		if (row->items)
			check_whys(row->items);
	}
}

static void test_whys(void **state)
{
	check_whys(&vmi_vm_fields);
	check_whys(&vmi_spec_fields);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_document),
		cmocka_unit_test(test_whys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
