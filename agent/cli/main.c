/* SPDX-License-Identifier: Apache-2.0 */
/*
 * beeline: the command for people. Each verb is a row in a file of its own name; this file only
 * puts them in the order in which `beeline --help` lists them.
 *
 *   arguments, manifests --> verb --> client --> the agent's socket (api.h over rpc.h)
 *
 * The command needs no privilege but the right to open that socket, and keeps no state.
 */
#include "verbs.h"

int main(int argc, char **argv)
{
	const struct bl_verb verbs[] = {
		verb_run,      verb_apply,   verb_get,     verb_describe, verb_delete,  verb_start,
		verb_stop,     verb_restart, verb_pause,   verb_unpause,  verb_console, verb_vnc,
		verb_logs,     verb_ssh,     verb_monitor, verb_capture,  verb_top,     verb_image,
		verb_endpoint, verb_ct,      verb_policy,  verb_identity, verb_ipcache, verb_status,
		verb_version,  {0},
	};

	return bl_verbs_main("beeline",
			     "virtual machines beside containers, on a straight line of eBPF",
			     verbs, argc, argv);
}
