// SPDX-License-Identifier: Apache-2.0
/* The text format: see the header. */
#include "page.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/cleanup.h>
#include <beeline/file.h>
#include <beeline/utf8.h>

static void reserve(struct page *page, size_t more)
{
	if (page->len + more < page->size)
		return;
	page->size = (page->len + more) * 2;
	page->text = bl_realloc(page->text, page->size);
}

static void put(struct page *page, const char *text)
{
	size_t len = strlen(text);

	reserve(page, len + 1);
	memcpy(page->text + page->len, text, len + 1);
	page->len += len;
}

/* A backslash and a line's end are escaped everywhere, quotes only in values. */
static void put_escaped(struct page *page, const char *text, bool value)
{
	static const char replacement[] = "\xef\xbf\xbd";

	for (const char *end = text + strlen(text); text < end;) {
		uint32_t code;
		size_t len = bl_utf8_next(text, (size_t)(end - text), &code);
		char piece[5] = {0};

		if (*text == '\n')
			put(page, "\\n");
		else if (*text == '\\' || (*text == '"' && value))
			put(page, (char[]){'\\', *text, '\0'});
		else if (!len)
			put(page, replacement);
		else
			put(page, memcpy(piece, text, len));
		text += len ? len : 1;
	}
}

void page_family(struct page *page, enum family family)
{
	const struct family_row *row = &family_rows[family];

	page->family = family;
	put(page, "# HELP ");
	put(page, row->name);
	put(page, " ");
	put_escaped(page, row->help, false);
	put(page, "\n# TYPE ");
	put(page, row->name);
	put(page, " ");
	put(page, row->type);
	put(page, "\n");
}

static void put_sample(struct page *page, const char *suffix, const char *labels, const char *more,
		       const char *value)
{
	const char *between = labels && more ? "," : "";

	put(page, family_rows[page->family].name);
	put(page, suffix);
	if (labels || more) {
		put(page, "{");
		put(page, labels ? labels : "");
		put(page, between);
		put(page, more ? more : "");
		put(page, "}");
	}
	put(page, " ");
	put(page, value);
	put(page, "\n");
}

void page_count(struct page *page, const char *labels, const char *more, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	put_sample(page, "", labels, more, text);
}

/* Numbers as Go reads them. */
static const char *number_text(double value, char text[32])
{
	if (isinf(value))
		return value > 0 ? "+Inf" : "-Inf";
	if (isnan(value))
		return "NaN";
	snprintf(text, 32, "%.15g", value);
	return text;
}

void page_number(struct page *page, const char *labels, const char *more, double value)
{
	char text[32];

	put_sample(page, "", labels, more, number_text(value, text));
}

void page_histogram(struct page *page, const char *labels, const char *more,
		    const struct page_buckets *buckets)
{
	const char *between = more ? "," : "";
	char bound[32], text[32];
	uint64_t n = 0;

	more = more ? more : "";
	for (size_t i = 0; i <= buckets->n_bounds; i++) {
		double limit =
			i < buckets->n_bounds ? (double)buckets->bounds_ns[i] / 1e9 : INFINITY;
		bl_autofree char *le =
			bl_format("%s%sle=\"%s\"", more, between, number_text(limit, bound));

		n += buckets->counts[i];
		snprintf(text, sizeof(text), "%" PRIu64, n);
		put_sample(page, "_bucket", labels, le, text);
	}
	more = *more ? more : NULL;
	put_sample(page, "_sum", labels, more, number_text((double)buckets->sum_ns / 1e9, bound));
	put_sample(page, "_count", labels, more, text);
}

char *page_labels(const struct page_label *labels, size_t n_labels)
{
	struct page text = {0};

	put(&text, "");
	for (size_t i = 0; i < n_labels; i++) {
		put(&text, i ? "," : "");
		put(&text, labels[i].name);
		put(&text, "=\"");
		put_escaped(&text, labels[i].value, true);
		put(&text, "\"");
	}
	return text.text;
}
