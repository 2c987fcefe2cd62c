// SPDX-License-Identifier: Apache-2.0
/* The three pages and who answers them: see ../metrics.h. */
#include "../metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <beeline/file.h>
#include <beeline/http_server.h>
#include <beeline/log.h>

#include "../policy.h"
#include "collect.h"

/* A page is good for a fifth of a second, so that many who ask at once cost no more than one. */
#define FRESH_NS 200000000ull

struct metrics {
	struct metrics_config config;
	char *node;
	struct bl_http_server *server;
	struct page page;
	uint64_t made_ns; /* 0: there is no page */
};

static void fail(struct bl_http_answer *answer, const struct bl_err *err)
{
	answer->status = 503;
	answer->text = bl_format("%s\n", err->message);
	answer->len = strlen(answer->text);
}

static int make_page(struct metrics *metrics, struct bl_err *err)
{
	bl_auto_endpoints_figures struct endpoints_figures *figures = NULL;
	const struct policy *policy = metrics->config.policy;
	int r = endpoints_figures_new(metrics->config.endpoints, &figures, err);
	const struct scene scene = {
		.figures = figures,
		.attach_times = endpoints_attach_times(metrics->config.endpoints),
		.policy_times = policy ? policy_update_times(policy) : NULL,
		.troubles = policy ? policy_troubles(policy) : NULL,
		.n_prefixes = policy_n_prefixes(policy),
		.node = metrics->node,
	};

	if (r < 0)
		return r;
	metrics->page.len = 0;
	collect(&scene, &metrics->page);
	metrics->made_ns = bl_now_ns();
	return 0;
}

static void show_metrics(struct metrics *metrics, struct bl_http_answer *answer)
{
	struct bl_err err = BL_ERR_INIT;

	if (bl_now_ns() - metrics->made_ns > FRESH_NS && make_page(metrics, &err) < 0) {
		fail(answer, &err);
		return;
	}
	answer->status = 200;
	answer->type = PAGE_TYPE;
	answer->len = metrics->page.len;
	answer->text = bl_alloc(answer->len + 1);
	memcpy(answer->text, metrics->page.text, answer->len);
}

static void show_health(struct metrics *metrics, struct bl_http_answer *answer)
{
	answer->status = 200;
}

static void show_readiness(struct metrics *metrics, struct bl_http_answer *answer)
{
	struct bl_err err = BL_ERR_INIT;

	answer->status = 200;
	if (!*metrics->config.ready)
		bl_fail(&err, -EAGAIN, "the agent is starting");
	else
		endpoints_check(metrics->config.endpoints, &err);
	if (err.code)
		fail(answer, &err);
}

static void on_request(const char *path, struct bl_http_answer *answer, void *data)
{
	static const struct {
		const char *path;
		void (*fn)(struct metrics *metrics, struct bl_http_answer *answer);
	} pages[] = {
		{"/metrics", show_metrics},
		{"/healthz", show_health},
		{"/readyz", show_readiness},
	};

	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (strcmp(path, pages[i].path) == 0)
			pages[i].fn(data, answer);
}

int metrics_new(const struct metrics_config *config, struct metrics **ret_metrics,
		struct bl_err *err)
{
	const char *address = config->address ? config->address : METRICS_ADDRESS;
	struct metrics *metrics;
	int r;

	*ret_metrics = NULL;
	if (!*address)
		return 0;
	metrics = bl_alloc(sizeof(*metrics));
	metrics->config = *config;
	metrics->node = bl_strdup(config->node);
	r = bl_http_server_new(config->loop, address, on_request, metrics, &metrics->server, err);
	if (r < 0) {
		metrics_free(metrics);
		if (config->address)
			return bl_wrap(err, "--metrics-address");
		bl_warn("no metrics", "reason", err->message);
		return 0;
	}
	bl_info("metrics", "address", bl_http_server_address(metrics->server));
	*ret_metrics = metrics;
	return 0;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	bl_http_server_free(metrics->server);
	free(metrics->page.text);
	free(metrics->node);
	free(metrics);
}
