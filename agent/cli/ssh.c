/* SPDX-License-Identifier: Apache-2.0 */
/* beeline ssh: ssh(1) to the guest's address. */
#include <errno.h>
#include <string.h>

#include <beeline/file.h>

#include "client.h"
#include "instance.h"
#include "kind.h"
#include "rows.h"
#include "terminal.h"
#include "verbs.h"

struct ssh_options {
	const char *socket;
	const char *namespace;
	const char *username;
	const char *identity_file;
	struct bl_option_list ssh_options;
	long port;
};

static const struct bl_option rows[] = {
	{.name = "username",
	 .letter = 'l',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct ssh_options, username),
	 .argument = "USER",
	 .help = "user in the guest; the same as USER@NAME"},
	{.name = "identity-file",
	 .letter = 'i',
	 .type = BL_OPTION_STRING,
	 .offset = offsetof(struct ssh_options, identity_file),
	 .argument = "FILE",
	 .help = "private key"},
	{.name = "port",
	 .letter = 'p',
	 .type = BL_OPTION_INTEGER,
	 .offset = offsetof(struct ssh_options, port),
	 .argument = "PORT",
	 .default_value = "22",
	 .min = 1,
	 .help = "port of the guest's SSH server"},
	{.name = "local-ssh-opts",
	 .letter = 't',
	 .type = BL_OPTION_LIST,
	 .offset = offsetof(struct ssh_options, ssh_options),
	 .argument = "OPTION",
	 .help = "given to ssh(1), ahead of what this command says: \"-o BatchMode=yes\", -v"},
	OPTION_NAMESPACE(struct ssh_options),
	OPTION_SOCKET(struct ssh_options),
	{0},
};

/* Where to, and under which name the host key is remembered. */
struct destination {
	char address[BL_ADDR_TEXT_MAX];
	char *key_alias; /* owned */
};

static int find(const struct ssh_options *options, const char *name,
		struct destination *ret_destination, struct bl_err *err)
{
	bl_auto_json struct cJSON *result = NULL;
	struct instance instance;
	const char *uid;
	int r = client_ask_once(options->socket, "get",
				client_reference(KIND_VMI, options->namespace, name), &result, err);

	if (r < 0)
		return r;
	instance_read(bl_json_get(result, "object"), &instance);
	if (instance.n_addresses == 0)
		return bl_fail(err, -EADDRNOTAVAIL, "%s/%s has no address yet (it is %s%s%s)",
			       options->namespace, name, instance.phase,
			       instance.condition[0] ? "; " : "", instance.condition);
	uid = bl_json_get_string(result, "object/metadata/uid");
	bl_addr_format(&instance.addresses[0], ret_destination->address);
	ret_destination->key_alias =
		bl_format("%s.%s.%s.beeline", name, options->namespace, uid ? uid : "unknown");
	return 0;
}

#define SSH_FIXED_ARGS 12

/* Addresses are used again by other machines, so a key belongs to the instance, not to the address;
 * a name that holds the instance's uid cannot be known from before. */
static void run_ssh(const struct ssh_options *options, const struct destination *destination,
		    const char *user, char **command, int n_command)
{
	size_t n_args = SSH_FIXED_ARGS + options->ssh_options.n_items + (size_t)n_command;
	const char **argv = bl_alloc((n_args + 1) * sizeof(*argv));
	char *alias = bl_format("HostKeyAlias=%s", destination->key_alias);
	char *port = bl_format("%ld", options->port);
	size_t n = 0;

	argv[n++] = "ssh";
	/* ssh(1) keeps the first of two values. */
	for (size_t i = 0; i < options->ssh_options.n_items; i++)
		argv[n++] = options->ssh_options.items[i];
	argv[n++] = "-o";
	argv[n++] = alias;
	argv[n++] = "-o";
	argv[n++] = "StrictHostKeyChecking=accept-new";
	argv[n++] = "-p";
	argv[n++] = port;
	if (options->identity_file) {
		argv[n++] = "-i";
		argv[n++] = options->identity_file;
	}
	if (user) {
		argv[n++] = "-l";
		argv[n++] = user;
	}
	argv[n++] = destination->address;
	for (int i = 0; i < n_command; i++)
		argv[n++] = command[i];
	execvp("ssh", (char *const *)argv);
	free(port);
	free(alias);
	free(argv);
}

static int run(void *data, int n_args, char **args)
{
	const struct ssh_options *options = data;
	char *at = strrchr(args[0], '@');
	const char *name = at ? at + 1 : args[0];
	const char *user = options->username;
	struct destination destination = {0};
	struct bl_err err = BL_ERR_INIT;

	if (at) {
		*at = '\0';
		user = args[0];
	}
	if (!*name || (user && (!*user || *user == '-')))
		return terminal_usage("ssh", "expected NAME or USER@NAME");
	if (kind_machine(name, &name, &err) == 0 && find(options, name, &destination, &err) == 0) {
		run_ssh(options, &destination, user, args + 1, n_args - 1);
		bl_fail_errno(&err, -errno, "running ssh");
	}
	free(destination.key_alias);
	return terminal_error(&err);
}

const struct bl_verb verb_ssh = {
	.name = "ssh",
	.arguments = "[USER@][TYPE/]NAME [-- COMMAND...]",
	.summary = "Open a shell in a guest by ssh(1) to its address",
	.help = "The guest's host key is remembered under the instance's own name, since another\n"
		"machine may get the same address later.\n"
		"\n"
		"Examples:\n"
		"  beeline ssh fedora@vm-01\n"
		"  beeline ssh fedora@vmi/vm-01 -t \"-o BatchMode=yes\"\n"
		"  beeline ssh root@vm-01 -i ~/.ssh/id_ed25519 -- uname -a",
	.options = rows,
	.options_size = sizeof(struct ssh_options),
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
