// SPDX-License-Identifier: Apache-2.0

// Who is there: people as Kubernetes reads them.

package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"strings"

	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// A world is who is there, read as Kubernetes reads it. Virtual machines that run are pods here, as they
// are to Cilium; those that do not run are not there.
type world struct {
	namespaces []corev1.Namespace
	nodes      []corev1.Node
	pods       []corev1.Pod
	services   []corev1.Service
	slices     []discoveryv1.EndpointSlice
	groups     []ciliumv2.CiliumCIDRGroup
	oneNumber  bool // a named port of an egress rule is one number for every peer, as in 1.19
}

// machine is what policies see of a VirtualMachineInstance; encoding/json finds members in any case.
type machine struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Domain struct {
			Devices struct {
				Interfaces []struct{ Ports []corev1.ServicePort }
			}
		}
	}
	Status struct {
		NodeName   string
		Interfaces []struct{ IPAddresses []string }
	}
}

func (m *machine) pod() corev1.Pod {
	pod := corev1.Pod{ObjectMeta: m.ObjectMeta}
	pod.Spec.NodeName = m.Status.NodeName
	for _, card := range m.Spec.Domain.Devices.Interfaces {
		container := corev1.Container{}
		for _, port := range card.Ports {
			container.Ports = append(container.Ports,
				corev1.ContainerPort{Name: port.Name, ContainerPort: port.Port, Protocol: port.Protocol})
		}
		pod.Spec.Containers = append(pod.Spec.Containers, container)
	}
	for _, card := range m.Status.Interfaces {
		for _, address := range card.IPAddresses {
			pod.Status.PodIPs = append(pod.Status.PodIPs, corev1.PodIP{IP: address})
		}
	}
	return pod
}

// into reads an object as Cilium and Kubernetes would.
func into[T any](o object) (read T, err error) {
	text, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	return read, err
}

// all reads people of a kind, who are well-formed unlike policies.
func all[T any](people []object, kind string) (read []T) {
	for _, o := range people {
		if o["kind"] == kind {
			one, err := into[T](o)
			if err != nil {
				panic(err)
			}
			read = append(read, one)
		}
	}
	return read
}

func newWorld(people []object) *world {
	w := &world{
		namespaces: all[corev1.Namespace](people, "Namespace"),
		nodes:      all[corev1.Node](people, "Node"),
		pods:       all[corev1.Pod](people, "Pod"),
		services:   all[corev1.Service](people, "Service"),
		slices:     all[discoveryv1.EndpointSlice](people, "EndpointSlice"),
		groups:     all[ciliumv2.CiliumCIDRGroup](people, "CiliumCIDRGroup"),
	}
	for _, m := range all[machine](people, "VirtualMachineInstance") {
		w.pods = append(w.pods, m.pod())
	}
	return w
}

// behind is the addresses in the slices of a service.
func (w *world) behind(namespace, name string) (found []netip.Addr) {
	for _, slice := range w.slices {
		if slice.Namespace != namespace || slice.Labels[discoveryv1.LabelServiceName] != name {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			for _, address := range endpoint.Addresses {
				found = append(found, netip.MustParseAddr(address))
			}
		}
	}
	return found
}

// find looks for a pod by namespace/name or by address.
func (w *world) find(name string) *corev1.Pod {
	address, err := netip.ParseAddr(name)
	for i := range w.pods {
		pod := &w.pods[i]
		if pod.Namespace+"/"+pod.Name == name {
			return pod
		}
		for _, ip := range pod.Status.PodIPs {
			if err == nil && netip.MustParseAddr(ip.IP) == address {
				return pod
			}
		}
	}
	return nil
}

// readObjects reads a file of YAML documents.
func readObjects(path string) (objects []object, err error) {
	text, err := os.ReadFile(path)
	for _, document := range strings.Split(string(text), "\n---\n") {
		var o object
		if err == nil {
			err = yaml.Unmarshal([]byte(document), &o)
		}
		objects = append(objects, o)
	}
	return objects, err
}
