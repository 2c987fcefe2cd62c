// SPDX-License-Identifier: Apache-2.0

// Flows to verdicts, by Cilium's own policy engine.

package main

import (
	"net/netip"

	"github.com/cilium/cilium/pkg/endpoint/regeneration"
	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/types"
	"github.com/cilium/cilium/pkg/u8proto"
	corev1 "k8s.io/api/core/v1"
)

// A flow is asked of both in the words of `beeline policy simulate`.
type flow struct {
	Src      string `json:"src"`
	Dst      string `json:"dst"`
	Protocol string `json:"protocol"`
	Dport    *int   `json:"dport,omitempty"`
	ICMPType *int   `json:"icmpType,omitempty"`
}

// An answer is allowed, denied or unenforced at each end.
type answer struct {
	Egress  string `json:"egress"`
	Ingress string `json:"ingress"`
}

var protocols = map[string]u8proto.U8proto{
	"TCP": u8proto.TCP, "UDP": u8proto.UDP, "SCTP": u8proto.SCTP, "ICMP": u8proto.ICMP, "ICMPv6": u8proto.ICMPv6,
	"GRE": u8proto.GRE, "ESP": u8proto.ESP, "VRRP": u8proto.VRRP, "AH": u8proto.AH,
}

func (f *flow) key(key policy.Key, peer identity.NumericIdentity) policy.Key {
	number := 0
	switch {
	case f.Dport != nil:
		number = *f.Dport
	case f.ICMPType != nil && *f.ICMPType == 0:
		number = echoReply
	case f.ICMPType != nil:
		number = *f.ICMPType
	}
	return key.WithIdentity(peer).WithPortProto(protocols[f.Protocol], uint16(number))
}

// owner is the endpoint that a policy is distilled for.
type owner struct{ *corev1.Pod }

func (owner) GetID() uint64                                                            { return 1 }
func (owner) IsHost() bool                                                             { return false }
func (owner) PolicyDebug(string, ...any)                                               {}
func (owner) PreviousMapState() *policy.MapState                                       { return nil }
func (o owner) GetIngressNamedPort(n string, p u8proto.U8proto) uint16                 { return portOf(o.Pod, n, p) }
func (owner) RegenerateIfAlive(*regeneration.ExternalRegenerationMetadata) <-chan bool { return nil }

// A cluster has an agent on each node that was asked.
type cluster struct {
	*world
	entries types.PolicyEntries
	agents  map[string]*agent
}

func newCluster(w *world, policies []object) (*cluster, error) {
	entries, err := readPolicies(w, policies)
	return &cluster{w, entries, map[string]*agent{}}, err
}

func (c *cluster) agent(at string) *agent {
	if c.agents[at] == nil {
		c.agents[at] = newAgent(c.world, at, c.entries)
	}
	return c.agents[at]
}

// peer is who the other end of a flow is to the agent's endpoints.
func (c *cluster) peer(a *agent, name string) identity.NumericIdentity {
	if name == "host" {
		return identity.ReservedIdentityHost
	}
	if address, err := netip.ParseAddr(name); err == nil {
		return a.identityOf(address)
	}
	if pod := c.find(name); pod.Spec.HostNetwork {
		return a.nodes[pod.Spec.NodeName]
	}
	return a.pods[name].ID
}

func (c *cluster) deniesByDefault(self *identity.Identity, ingress bool) bool {
	for _, entry := range c.entries {
		if entry.Ingress == ingress && entry.DefaultDeny && !entry.Node && entry.Subject.Matches(self.LabelArray) {
			return true
		}
	}
	return false
}

// policyOf is what Cilium would write into the map of a pod's endpoint.
func (c *cluster) policyOf(a *agent, pod *corev1.Pod) *policy.EndpointPolicy {
	name := pod.Namespace + "/" + pod.Name
	if a.distilled[name] == nil {
		selected, _, err := a.repository.ComputeSelectorPolicy(a.pods[name])
		if err != nil {
			panic(err)
		}
		a.distilled[name] = selected.DistillPolicy(logger, owner{pod}, nil)
	}
	return a.distilled[name]
}

func (c *cluster) end(at, other string, direction policy.Key, f *flow) string {
	pod := c.find(at)
	if pod == nil || pod.Spec.HostNetwork {
		return "unenforced"
	}
	a := c.agent(pod.Spec.NodeName)
	entry, _, found := c.policyOf(a, pod).Lookup(f.key(direction, c.peer(a, other)))
	switch {
	case !found || entry.IsDeny():
		return "denied"
	case c.deniesByDefault(a.pods[pod.Namespace+"/"+pod.Name], direction == policy.IngressKey()):
		return "allowed"
	}
	return "unenforced"
}

func (c *cluster) answers(flows []flow) (all []answer) {
	for i := range flows {
		f := &flows[i]
		all = append(all, answer{c.end(f.Src, f.Dst, policy.EgressKey(), f), c.end(f.Dst, f.Src, policy.IngressKey(), f)})
	}
	return all
}
