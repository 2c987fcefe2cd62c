// SPDX-License-Identifier: Apache-2.0
/*
 * Which set of labels has which number, over restarts of the agent: <state-dir>/identities.json, a
 * line of {"number", "labels"} for each. A number is written before the kernel is told of it, so the next
 * agent knows all that stand in the kernel's maps and gives them to the same labels again; else, while it
 * writes endpoint after endpoint anew, old rows would speak of new numbers.
 *
 * The file is written whole at the start, which forgets what nobody came for, and when it has got more than
 * twice as long as it had to be; else new numbers are appended, and given up ones stay.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/log.h>

#include "room.h"

#define FEW_LINES 1024

/* ---- reading ------------------------------------------------------------------------------------ */

struct recall {
	struct bl_engine *engine;
	size_t n_bad;
};

static void recall_entry(struct bl_engine *engine, const struct cJSON *entry)
{
	const char *labels = bl_json_get_string(entry, "labels");

	if (labels)
		bl_engine_remember(engine, labels,
				   (uint32_t)bl_json_get_number(entry, "number", 0));
}

/* The newest line comes first, and what is remembered first stays. An array is what agents of before wrote,
 * the whole file in one line. */
static void recall_line(char *line, void *data)
{
	bl_auto_json struct cJSON *json = NULL;
	struct recall *recall = data;

	if (bl_json_parse(line, strlen(line), &json, NULL) < 0)
		recall->n_bad++;
	else if (bl_json_is_array(json))
		bl_json_for_each (entry, json)
			recall_entry(recall->engine, entry);
	else
		recall_entry(recall->engine, json);
}

int policy_recall(struct policy *policy, struct bl_err *err)
{
	struct recall recall = {.engine = policy->engine};
	struct bl_err why = BL_ERR_INIT;
	int r = journal_read(&policy->journal, recall_line, &recall, &why);

	if (recall.n_bad > 0)
		snprintf(why.message, sizeof(why.message), "%zu lines make no sense", recall.n_bad);
	/* They are given anew, and the kernel follows. */
	if ((r < 0 && r != -ENOENT) || recall.n_bad > 0)
		bl_warn("numbers of identities are forgotten", "path", policy->journal.path,
			"error", why.message);
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------------ */

static bool is_among(uint32_t number, const uint32_t *numbers, size_t n, size_t *at)
{
	while (*at < n && numbers[*at] < number)
		++*at;
	return *at < n && numbers[*at] == number;
}

static void print_line(FILE *out, const struct bl_engine *engine, uint32_t number)
{
	bl_autofree char *labels = bl_labels_format(bl_engine_identity_labels(engine, number));
	bl_auto_json struct cJSON *entry = bl_json_object();
	bl_autofree char *text = NULL;

	bl_json_set_number(entry, "number", number);
	bl_json_set_string(entry, "labels", labels);
	text = bl_json_print(entry);
	fprintf(out, "%s\n", text);
}

/* Lines for those of numbers that have labels of their own, which Cilium's reserved ones have not, and are
 * not among known; both rise. The caller frees. */
static char *print_lines(const struct bl_engine *engine, const uint32_t *numbers, size_t n,
			 const uint32_t *known, size_t n_known, size_t *ret_n)
{
	char *text = NULL;
	size_t len, at = 0;
	FILE *out = open_memstream(&text, &len);

	*ret_n = 0;
	for (size_t i = 0; out && i < n; i++) {
		if (numbers[i] < BL_IDENTITY_CLUSTER_FIRST ||
		    is_among(numbers[i], known, n_known, &at))
			continue;
		print_line(out, engine, numbers[i]);
		++*ret_n;
	}
	if (!out || fclose(out) != 0)
		abort();
	return text;
}

static int write_numbers(struct policy *policy, const uint32_t *numbers, size_t n,
			 struct bl_err *err)
{
	struct journal *journal = &policy->journal;
	bool anew = journal->fd < 0 || journal->n_lines > 2 * n + FEW_LINES;
	size_t n_lines;
	bl_autofree char *lines = print_lines(policy->engine, numbers, n, policy->numbers,
					      anew ? 0 : policy->n_numbers, &n_lines);

	if (anew)
		return journal_rewrite(journal, lines, n_lines, err);
	return n_lines > 0 ? journal_append(journal, lines, n_lines, err) : 0;
}

/* A number gets other labels only long after it was given up, so the same numbers are the same file. */
int policy_remember(struct policy *policy, struct bl_err *err)
{
	bl_autofree uint32_t *numbers = NULL;
	size_t n;
	int r;

	bl_engine_identities(policy->engine, &numbers, &n);
	if (policy->journal.fd >= 0 && n == policy->n_numbers &&
	    memcmp(numbers, policy->numbers, n * sizeof(*numbers)) == 0)
		return 0;
	r = write_numbers(policy, numbers, n, err);
	if (r < 0)
		return r;
	free(policy->numbers);
	policy->numbers = bl_take_ptr(numbers);
	policy->n_numbers = n;
	return 0;
}
