// SPDX-License-Identifier: Apache-2.0

// Where Beeline means something else than Cilium on purpose.

package main

import (
	"fmt"
	"slices"
	"strings"

	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// An exception is what Beeline means otherwise on purpose, as docs/policy.md says. It is no flow or policy
// that is not compared: it says the policy in words by which Cilium means the same, and then every verdict
// has to be the same. exceptions.yaml holds an example of each, which shows that it still matters.
type exception struct {
	name string
	say  func(w *world, policy object)
}

var exceptions = []exception{
	{"policy-types", sayPolicyTypes},
	{"unenforceable", eachEntry(sayUnenforceable)},
	{"tier-domains", sayDomains},
	{"services-unmatched", eachEntry(sayUnmatched)},
	{"services-denied", eachEntry(sayDeniedServices)},
	{"icmp-zero", eachEntry(sayEchoReply)},
	{"port-zero-range", eachEntry(sayRangeFromZero)},
	{"group-selector", eachEntry(sayGroups)},
	{"namespaces-without", sayPods},
	{"named-egress", func(w *world, _ object) { w.oneNumber = true }},
}

// ---- getting about in policies

func list(o any, key string) []any {
	members, _ := o.(object)
	found, _ := members[key].([]any)
	return found
}

// eachEntry has something said of each entry of Cilium's rules; what is returned takes its place.
func eachEntry(say func(w *world, section string, entry object) []any) func(*world, object) {
	return func(w *world, policy object) {
		if policy["apiVersion"] != "cilium.io/v2" {
			return
		}
		for _, spec := range append([]any{policy["spec"]}, list(policy, "specs")...) {
			for _, section := range []string{"ingress", "egress", "ingressDeny", "egressDeny"} {
				said := []any{}
				for _, entry := range list(spec, section) {
					said = append(said, say(w, section, entry.(object))...)
				}
				if len(said) > 0 {
					spec.(object)[section] = said
				}
			}
		}
	}
}

func sideOf(section string) string {
	if strings.HasPrefix(section, "ingress") {
		return "from"
	}
	return "to"
}

var nobody = []any{object{}}

func with(entry object, key string, value any) object {
	made := copied(entry)
	made[key] = value
	return made
}

// ---- policies of Kubernetes

// Kubernetes ignores rules of a direction that policyTypes leaves out; Cilium applies them.
func sayPolicyTypes(_ *world, policy object) {
	spec, _ := policy["spec"].(object)
	types := list(spec, "policyTypes")
	for section, name := range map[string]string{"ingress": "Ingress", "egress": "Egress"} {
		if policy["kind"] == "NetworkPolicy" && len(types) > 0 && !slices.Contains(types, any(name)) {
			delete(spec, section)
		}
	}
}

// A rule of a tier that names domains accepts nobody, also of those that it names beside them. It stays, as
// the place of a rule among others is its priority.
func sayDomains(_ *world, policy object) {
	for _, rule := range list(policy["spec"], "egress") {
		for _, peer := range list(rule, "to") {
			if peer.(object)["domainNames"] != nil {
				rule.(object)["to"] = []any{object{"namespaces": object{"matchLabels": object{"of": "nobody"}}}}
			}
		}
	}
}

// ---- entries of Cilium's policies

// What is above layer 4 allows nothing, and denies everybody, as nobody is there to enforce it.
func sayUnenforceable(_ *world, section string, entry object) []any {
	asks := false
	for _, member := range []string{"authentication", "toFQDNs", "fromGroups", "toGroups"} {
		asks = asks || entry[member] != nil
	}
	for _, ports := range list(entry, "toPorts") {
		asks = asks || ports.(object)["rules"] != nil || ports.(object)["terminatingTLS"] != nil
	}
	switch {
	case !asks:
		return []any{entry}
	case !strings.HasSuffix(section, "Deny"):
		return nobody
	}
	everybody := with(entry, sideOf(section)+"Entities", []any{"all"})
	delete(everybody, sideOf(section)+"Groups")
	return []any{everybody}
}

// services asks Cilium what stands behind the services of an entry: the entry in words of endpoints and of
// addresses, or nothing when there is nobody.
func services(w *world, entry object) (said []any) {
	b, err := newBalancer(w)
	p, wrong := into[ciliumv2.CiliumNetworkPolicy](object{"spec": object{"endpointSelector": object{},
		"egress": []any{object{"toServices": entry["toServices"]}}}})
	if err != nil || wrong != nil {
		panic(fmt.Sprint(err, wrong))
	}
	b.resolve(&p)
	rest := copied(entry)
	delete(rest, "toServices")
	if found := p.Spec.Egress[0].ToEndpoints; len(found) > 0 {
		said = append(said, with(rest, "toEndpoints", found))
	}
	if found := p.Spec.Egress[0].ToCIDRSet; len(found) > 0 {
		said = append(said, with(rest, "toCIDRSet", found))
	}
	return copied(said)
}

// Services that are not there select nobody; to Cilium a rule without a peer is for everybody.
func sayUnmatched(w *world, section string, entry object) []any {
	if section == "egress" && entry["toServices"] != nil {
		if len(services(w, entry)) == 0 {
			return nobody
		}
	}
	return []any{entry}
}

// Cilium resolves services in rules that allow, and denies nobody by their name.
func sayDeniedServices(w *world, section string, entry object) []any {
	if section != "egressDeny" || entry["toServices"] == nil {
		return []any{entry}
	}
	if said := services(w, entry); len(said) > 0 {
		return said
	}
	return nobody
}

// echoReply stands for ICMP type 0 with Cilium, to which 0 is every type. Nobody draws it otherwise.
const echoReply = 250

func sayEchoReply(_ *world, _ string, entry object) []any {
	for _, icmp := range list(entry, "icmps") {
		for _, field := range list(icmp, "fields") {
			f := field.(object)
			if f["type"] == 0.0 || f["type"] == "0" || f["type"] == "EchoReply" && f["family"] != "IPv6" {
				f["type"] = echoReply
			}
		}
	}
	return []any{entry}
}

// Port 0 beside an endPort begins a range, as in 1.19; in 1.20 it is every port. Nobody asks for port 0.
func sayRangeFromZero(_ *world, _ string, entry object) []any {
	for _, ports := range list(entry, "toPorts") {
		for _, port := range list(ports, "ports") {
			if p := port.(object); p["port"] == "0" && p["endPort"] != nil {
				p["port"] = "1"
			}
		}
	}
	return []any{entry}
}

// A selector of groups selects groups; Cilium asks the labels of all prefixes of the world.
func sayGroups(w *world, section string, entry object) []any {
	side, said := sideOf(section)+"CIDRSet", []any{}
	for _, rule := range list(entry, side) {
		chosen, asks := rule.(object)["cidrGroupSelector"].(object)
		if !asks || chosen["matchExpressions"] == nil && chosen["matchLabels"] != nil {
			said = append(said, rule)
			continue
		}
		written, _ := into[metav1.LabelSelector](chosen)
		selector, err := metav1.LabelSelectorAsSelector(&written)
		for _, group := range w.groups {
			if err == nil && selector.Matches(labels.Set(group.Labels)) {
				named := with(rule.(object), "cidrGroupRef", group.Name)
				delete(named, "cidrGroupSelector")
				said = append(said, named)
			}
		}
	}
	if entry[side] != nil {
		entry[side] = said
	}
	return []any{entry}
}

// ---- selectors of pods

const inNamespace = "io.kubernetes.pod.namespace"

// isNegative tells whether a selector says of namespaces only what they are not. Nodes have none: what is
// asked of theirs scopes nothing.
func isNegative(selector any, ofSpaces bool) bool {
	for _, e := range list(selector, "matchExpressions") {
		key, operator := e.(object)["key"].(string), e.(object)["operator"]
		spaces := ofSpaces || strings.Contains(key, "namespace") && !strings.HasPrefix(key, "node:")
		if spaces && (operator == "NotIn" || operator == "DoesNotExist") {
			return true
		}
	}
	return false
}

func exists(selector any, key string) object {
	made, _ := copied(selector).(object)
	if made == nil {
		made = object{}
	}
	made["matchExpressions"] = append(list(made, "matchExpressions"), object{"key": key, "operator": "Exists"})
	return made
}

// A selector of pods that only says which namespaces are not meant selects pods. In Cilium nodes have labels
// too, but no namespace, and so has the world in the eyes of a ClusterNetworkPolicy.
func sayPods(w *world, policy object) {
	eachEntry(func(_ *world, section string, entry object) []any {
		peers := list(entry, sideOf(section)+"Endpoints")
		for i, selector := range peers {
			if isNegative(selector, false) {
				peers[i] = exists(selector, "k8s:"+inNamespace)
			}
		}
		return []any{entry}
	})(w, policy)
	for section, side := range map[string]string{"ingress": "from", "egress": "to"} {
		for _, rule := range list(policy["spec"], section) {
			for _, peer := range list(rule, side) {
				sayPodsOfPeer(peer.(object))
			}
		}
	}
}

func sayPodsOfPeer(peer object) {
	if pods, ok := peer["pods"].(object); ok {
		peer = pods
	}
	if spaces, ok := peer["namespaces"]; ok && isNegative(spaces, true) {
		delete(peer, "namespaces")
		peer["pods"] = object{"namespaceSelector": spaces, "podSelector": exists(nil, inNamespace)}
	} else if isNegative(peer["namespaceSelector"], true) {
		peer["podSelector"] = exists(peer["podSelector"], inNamespace)
	}
}
