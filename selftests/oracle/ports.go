// SPDX-License-Identifier: Apache-2.0

// What names of ports mean: in Cilium 1.20, and in 1.19.

package main

import (
	"iter"

	"github.com/cilium/cilium/pkg/identity"
	ciliumtypes "github.com/cilium/cilium/pkg/types"
	"github.com/cilium/cilium/pkg/u8proto"
	corev1 "k8s.io/api/core/v1"
)

func portOf(pod *corev1.Pod, name string, proto u8proto.U8proto) uint16 {
	number, _ := portsOf(pod).GetNamedPort(name, proto)
	return number
}

func portsOf(pod *corev1.Pod) ciliumtypes.NamedPortMap {
	ports := ciliumtypes.NamedPortMap{}
	for _, container := range pod.Spec.Containers {
		for _, p := range container.Ports {
			if p.Name != "" && !pod.Spec.HostNetwork {
				_ = ports.AddPort(p.Name, int(p.ContainerPort), string(p.Protocol))
			}
		}
	}
	return ports
}

type namedPorts struct {
	*world
	*agent
}

// GetNamedPorts is what egress rules ask: each peer's own number, or one for everybody.
func (n namedPorts) GetNamedPorts() ciliumtypes.NamedPortMultiMap {
	own := ciliumtypes.NewNamedPortMultiMap()
	for i := range n.world.pods {
		pod := &n.world.pods[i]
		if self := n.agent.pods[pod.Namespace+"/"+pod.Name]; self != nil {
			own.Update(self.ID, nil, portsOf(pod))
		}
	}
	if n.oneNumber {
		return oneNumber{own, n.world}
	}
	return own
}

// oneNumber is 1.19's reading: a name that pods give two numbers is none.
type oneNumber struct {
	ciliumtypes.NamedPortMultiMap
	*world
}

func (o oneNumber) GetNamedPorts(name string, proto u8proto.U8proto,
	ids iter.Seq[identity.NumericIdentity]) ciliumtypes.NidPortSeq {
	found := uint16(0)
	for i := range o.pods {
		if number := portOf(&o.pods[i], name, proto); number != 0 && found != 0 && number != found {
			return ciliumtypes.EmptyNidPortSeq
		} else if number != 0 {
			found = number
		}
	}
	return func(yield func(identity.NumericIdentity, uint16) bool) {
		for id := range ids {
			if found == 0 || !yield(id, found) {
				return
			}
		}
	}
}
