// SPDX-License-Identifier: Apache-2.0
/* Texts for people: escapes taken out, ages and sizes shortened, titles and tables. */
#include "unit.h"

#include "../../agent/cli/table.h"
#include "../../agent/cli/text.h"

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "plain"},
		{"\033[31mred\033[0m", "red"},
		{"\033]0;title\007x", "x"},
		{"\033]8;;http://a\033\\link\033]8;;\033\\", "link"},
		{"\033P1;2|data\033\\x", "x"},
		{"\033(Bx", "x"},
		{"\033cx", "x"},
		{"\xc2\x9b"
		 "31mx",
		 "x"},
		{"\xc2\x9d"
		 "0;t\xc2\x9cx",
		 "x"},
		{"\033[31", ""},
		{"\033]never ends", ""},
		{"\033", ""},
		{"a\x07\x08\x7f"
		 "b\r",
		 "ab"},
		{"a\nb\tc", "a b c"},
		{"\xe2\x80\xaetxt.exe", "txt.exe"},
		{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9d",
		 "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9d"},
		{"\xff\xc3", "??"},
		{"\xc0\xaf\xed\xa0\x80", "?????"},
		{"\xf4\x90\x80\x80", "????"},
		{NULL, ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_autofree char *out = text_clean(rows[i].in);

		assert_string_equal(out, rows[i].out);
	}
}

static void test_clean_block(void **state)
{
	bl_autofree char *out = text_clean_block("a\n\tb\033[2J\r\n");

	assert_string_equal(out, "a\n\tb\n");
}

static void test_age(void **state)
{
	static const struct {
		int64_t seconds;
		const char *out;
	} rows[] = {
		{-2, "<invalid>"}, {-1, "0s"},         {0, "0s"},         {119, "119s"},
		{120, "2m"},       {125, "2m5s"},      {600, "10m"},      {10799, "179m"},
		{10800, "3h"},     {10860, "3h1m"},    {28800, "8h"},     {172799, "47h"},
		{172800, "2d"},    {176400, "2d1h"},   {691200, "8d"},    {63071999, "729d"},
		{63072000, "2y"},  {63158400, "2y1d"}, {252288000, "8y"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[TEXT_AGE_MAX];

		assert_string_equal(text_age(rows[i].seconds, text), rows[i].out);
	}
}

static void test_bytes(void **state)
{
	char text[TEXT_BYTES_MAX];

	assert_string_equal(text_bytes(0, text), "0 B");
	assert_string_equal(text_bytes(1023, text), "1023 B");
	assert_string_equal(text_bytes(1536, text), "1.5 KiB");
	assert_string_equal(text_bytes(40ull << 20, text), "40.0 MiB");
	assert_string_equal(text_bytes(UINT64_MAX, text), "16.0 EiB");
}

static void test_title(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"printableStatus", "Printable Status"},
		{"uid", "Uid"},
		{"hostIPAddress", "Host IP Address"},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bl_autofree char *out = text_title(rows[i].in);

		assert_string_equal(out, rows[i].out);
	}
}

/* Prints the table into a string; the caller frees. */
static char *flushed(struct table *table)
{
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	assert_non_null(file);
	table_flush(table, file);
	fclose(file);
	return text;
}

static void test_table(void **state)
{
	table_auto struct table table = {0};

	table_column(&table, "NAME");
	table_column(&table, "IP");
	table_row(&table, (const char *[]){"gr\xc3\xbc\xc3\x9f"
					   "e\033[1m",
					   "10.0.0.1"});
	table_row(&table, (const char *[]){"b", NULL});

	bl_autofree char *first = flushed(&table);

	assert_string_equal(first, "NAME    IP\ngr\xc3\xbc\xc3\x9f"
				   "e   10.0.0.1\nb       \n");

	table_row(&table, (const char *[]){"c", "x"});

	bl_autofree char *second = flushed(&table);

	assert_string_equal(second, "c       x\n");
}

static void test_table_without_headers(void **state)
{
	table_auto struct table table = {.has_headers = true};

	table_column(&table, "LONG HEADER");
	table_column(&table, "B");
	table_row(&table, (const char *[]){"a", "b"});

	bl_autofree char *text = flushed(&table);

	assert_string_equal(text, "a   b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_block),
		cmocka_unit_test(test_age),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_title),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_table_without_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
