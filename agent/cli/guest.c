/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for one guest; see guest.h. */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kind.h"

/* IPv6 comes after IPv4: duplicate address detection takes a second or two in the guest. */
#define PATIENCE_NS 10000000000ull

static const uint16_t usual_ports[] = {22, 80};

static size_t n_answers(const struct guest *guest)
{
	size_t n = 0;

	for (size_t i = 0; i < guest->n_addresses; i++)
		n += guest->addresses[i].how[0] != '\0';
	return n;
}

static void settle(struct guest *guest)
{
	bl_timer_disarm(&guest->patience);
	if (guest->reachable)
		return;
	guest->reachable = true;
	guest->ops->reachable(guest, guest->ops->data);
}

static void on_patience(struct bl_timer *timer)
{
	settle(timer->data);
}

static void on_answer(const char *how, void *data)
{
	struct guest_address *address = data;
	struct guest *guest = address->guest;

	snprintf(address->how, sizeof(address->how), "%s", how);
	if (n_answers(guest) == guest->n_addresses)
		settle(guest);
	else if (n_answers(guest) == 1)
		bl_timer_arm(guest->client->loop, &guest->patience, PATIENCE_NS, on_patience,
			     guest);
}

static void stop_probes(struct guest *guest)
{
	bl_timer_disarm(&guest->patience);
	for (size_t i = 0; i < guest->n_addresses; i++)
		probe_free(guest->addresses[i].probe);
	guest->n_addresses = 0;
}

static bool is_probed(const struct guest *guest, const struct bl_addr *addr)
{
	for (size_t i = 0; i < guest->n_addresses; i++) {
		if (bl_addr_equal(&guest->addresses[i].addr, addr))
			return true;
	}
	return false;
}

static void probe_addresses(struct guest *guest)
{
	const struct instance *instance = &guest->instance;
	const uint16_t *ports = instance->n_ports ? instance->ports : usual_ports;
	size_t n_ports =
		instance->n_ports ? instance->n_ports : sizeof(usual_ports) / sizeof(*usual_ports);

	for (size_t i = 0; i < instance->n_addresses; i++) {
		struct guest_address *address = &guest->addresses[guest->n_addresses];

		if (is_probed(guest, &instance->addresses[i]) ||
		    guest->n_addresses == INSTANCE_ADDRESSES_MAX)
			continue;
		*address = (struct guest_address){
			.addr = instance->addresses[i],
			.guest = guest,
		};
		guest->n_addresses++;
		address->probe = probe_new(guest->client->loop, &address->addr, ports, n_ports,
					   on_answer, address);
	}
}

const char *guest_standing(const struct guest *guest, char text[GUEST_STANDING_MAX])
{
	const char *phase = guest->exists ? guest->instance.phase : "Waiting for its instance";
	const char *trouble = guest->exists ? guest->instance.condition : guest->trouble;

	if (guest->exists && instance_is_running(&guest->instance) && !guest->reachable)
		snprintf(text, GUEST_STANDING_MAX, "Running, waiting for the guest to answer");
	else
		snprintf(text, GUEST_STANDING_MAX, "%s%s%s", phase, *trouble ? ": " : "", trouble);
	return text;
}

/* In a log every line is news: what another guest's line stood between is not said again. */
static void show(struct guest *guest)
{
	char text[GUEST_STANDING_MAX];
	bool is_news = strcmp(guest_standing(guest, text), guest->shown) != 0;

	(is_news ? progress_show : progress_tick)(guest->progress, "%s/%s: %s", guest->namespace,
						  guest->name, text);
	snprintf(guest->shown, sizeof(guest->shown), "%s", text);
}

static void give_up(struct guest *guest)
{
	struct bl_err err = BL_ERR_INIT;
	char text[GUEST_STANDING_MAX];

	bl_fail(&err, -ECHILD, "%s/%s ended before it answered: %s", guest->namespace, guest->name,
		guest_standing(guest, text));
	guest->ops->failed(guest, &err, guest->ops->data);
}

static void on_instance(const struct cJSON *event, void *data)
{
	struct guest *guest = data;
	const char *type = bl_json_get_string(event, "type");
	const struct cJSON *object = bl_json_get(event, "object");

	if (!object || !type || guest->reachable)
		return;
	guest->exists = strcmp(type, "DELETED") != 0;
	instance_read(object, &guest->instance);
	if (!guest->exists || !instance_is_running(&guest->instance))
		stop_probes(guest);
	else if (guest->instance.has_network)
		probe_addresses(guest);
	else
		settle(guest);
	if (guest->reachable)
		return;
	show(guest);
	if (guest->exists && instance_is_over(&guest->instance) && !guest->comes_again)
		give_up(guest);
}

static void on_machine(const struct cJSON *event, void *data)
{
	struct guest *guest = data;
	const struct cJSON *object = bl_json_get(event, "object");

	if (!object || guest->exists || guest->reachable)
		return;
	instance_trouble(object, guest->trouble);
	show(guest);
}

static void on_end(const struct cJSON *result, const struct bl_err *why, int *fds,
		   unsigned int n_fds, void *data)
{
	struct guest *guest = data;
	struct bl_err err = BL_ERR_INIT;

	if (!why)
		bl_fail(&err, -ECONNRESET, "the agent ended the watch");
	guest->ops->failed(guest, why ? why : &err, guest->ops->data);
}

static uint64_t watch(struct guest *guest, const char *kind, const struct bl_rpc_reply_ops *ops)
{
	return bl_rpc_call(guest->client->rpc, "watch",
			   client_reference(kind, guest->namespace, guest->name), NULL, 0, 0, ops,
			   guest);
}

void guest_start(struct guest *guest)
{
	static const struct bl_rpc_reply_ops instance_ops = {on_instance, on_end};
	static const struct bl_rpc_reply_ops machine_ops = {on_machine, on_end};

	guest->watches[0] = watch(guest, KIND_VMI, &instance_ops);
	if (guest->has_vm)
		guest->watches[1] = watch(guest, KIND_VM, &machine_ops);
}

void guest_stop(struct guest *guest)
{
	stop_probes(guest);
	for (size_t i = 0; i < 2; i++) {
		if (guest->watches[i])
			bl_rpc_cancel(guest->client->rpc, guest->watches[i]);
	}
}
