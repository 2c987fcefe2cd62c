#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every member of a policy, from YAML to packets: the people of golden/simulate live here, on two nodes with
# an agent each, and each of its cases is applied and asked by packets; see members.py.
#
#   net-members-host: n2 and the world ==+== net-members-node0 == a/web, a/pending, b/vm
#                                        +== net-members-node1 == a/db, b/web, b/halted
set -u
. "$(dirname "$0")/lab.sh"
lab_open members
world=$host
network4=10.0.0.0/16 gateway4=10.0.255.254 gateway6=fd00::ffff

addresses4=(10.0.0.1 10.0.0.2 10.0.0.3 10.0.1.1 10.0.1.7 10.0.1.8)
addresses6=(fd00::1 fd00::2 fd00::3 fd00::11 fd00::7 fd00::8)
address4() { echo "${addresses4[$1]}"; }
address6() { echo "${addresses6[$1]}"; }

people=( # node, namespace/name, ports that have names
	"0 a/web     http=80/TCP"
	"1 a/db      sql=5432/TCP"
	"0 a/pending "
	"1 b/web     http=8080/TCP"
	"0 b/vm      ssh=22/TCP"
	"1 b/halted  ssh=22/TCP"
)

node_enter() { # N: what is made next is made there
	place=$dir/node$1 host=$lab-node$1
	export BEELINE_SOCKET=$place/agent.sock
}

# node_make N: on the world's network, by which it reaches the pods of the other.
node_make() {
	node_enter "$1"
	mkdir "$place"
	ip netns add "$host"
	ip -n "$host" link set lo up
	ip -n "$world" link add "node$1" type veth peer name up0 netns "$host"
	ip -n "$world" link set "node$1" master lan up
	sysctl_in "$host" net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "$host" addr add "192.168.0.1$1/24" dev up0
	ip -n "$host" addr add "fd00:1::1$1/64" dev up0 nodad
	ip -n "$host" link set up0 up
	ip -n "$host" route add default via 192.168.0.12
	ip -n "$host" route add default via fd00:1::12
}

world_make() {
	ip -n "$world" link add lan type bridge
	ip -n "$world" addr add 192.168.0.12/24 dev lan
	ip -n "$world" addr add fd00:1::12/64 dev lan nodad
	ip -n "$world" link set lan up
}

# The machine's name is the node's, and its addresses are those of the namespace.
node_agent() { # N
	node_enter "$1"
	cat >"$place/agent" <<-END
		#!/bin/sh
		exec nsenter --net=/run/netns/$host unshare --uts \
			sh -c 'hostname n$1 && exec "\$0" "\$@"' "$build/beeline-agent" "\$@"
	END
	chmod +x "$place/agent"
	agent_start "$place/agent"
}

person_make() { # NUMBER NODE: a pod, known to the world, and the stack in its VM's place
	local n=$1 other=$((1 - $2))
	node_enter "$2"
	pod_make "$n"
	ip -n "$lab-node$other" route add "$(address4 "$n")" via "192.168.0.1$2"
	ip -n "$lab-node$other" route add "$(address6 "$n")" via "fd00:1::1$2"
	ip -n "$world" route add "$(address4 "$n")" via "192.168.0.1$2"
	ip -n "$world" route add "$(address6 "$n")" via "fd00:1::1$2"
	guest_start "$n" "$(mac "$n")"
}

mac() { echo "02:00:00:00:00:0$1"; }

# Whatever stands there of another binding goes. Under masquerade only what is declared may come in.
person_bind() { # NUMBER NODE BINDING NAMESPACE/NAME [PORTS]
	local vm=$lab-vm$1 ports=${5:-}
	node_enter "$2"
	[ "$3" = masquerade ] && ports=$ports,1-65535/TCP,1-65535/UDP,1-65535/SCTP
	beeline endpoint delete "$lab-$1"
	ip -n "$vm" link set eth0 down
	ip -n "$vm" addr flush dev eth0
	beeline endpoint add "$lab-$1" --netns "$lab-pod$1" --binding "$3" --mac "$(mac "$1")" \
		--namespace "${4%/*}" --label "app=${4#*/}" --ports "${ports#,}" || return 1
	ip -n "$vm" link set eth0 up # when somebody is there whom it can ask for a router
}

# binding_of NUMBER: everybody has either once, and both meet in each pass. A pass is called by that of a/web.
binding_of() {
	case $1-$pass in
	[013]-pod | [245]-masquerade) echo pod ;;
	*) echo masquerade ;;
	esac
}

# each COMMAND...: with number, node, name and ports of everybody.
each() {
	local n node name ports
	for n in "${!people[@]}"; do
		read -r node name ports <<<"${people[n]}"
		"$@" "$n" "$node" "$name" "$ports" || return 1
	done
}

made() { check "$3" person_make "$1" "$2"; }
bound() { check "$pass-$3-is-bound" person_bind "$1" "$2" "$(binding_of "$1")" "$3" "$4"; }
addressed() { check "$pass-$3-has-addresses" guest_address "$1" "$(binding_of "$1")"; }
said() { echo "$1 $2 $(binding_of "$1") $3 $(address4 "$1") $(address6 "$1")"; }

world_make
for n in 0 1; do
	node_make $n
	check node-$n node_agent $n || exit
done
each made || exit
for pass in pod masquerade; do
	each bound || exit
	each addressed || exit
	each said >"$dir/people"
	selftests/net/members.py "$pass" "$lab" "$dir" "$@" <"$dir/people" || failed=1
done
