// SPDX-License-Identifier: Apache-2.0

// Who is who to the Cilium of one node.

package main

import (
	"log/slog"
	"net/netip"

	"github.com/cilium/cilium/pkg/identity"
	"github.com/cilium/cilium/pkg/identity/identitymanager"
	ipcachetypes "github.com/cilium/cilium/pkg/ipcache/types"
	k8sconst "github.com/cilium/cilium/pkg/k8s/apis/cilium.io"
	k8sutils "github.com/cilium/cilium/pkg/k8s/utils"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/labelsfilter"
	"github.com/cilium/cilium/pkg/option"
	"github.com/cilium/cilium/pkg/policy"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
	corev1 "k8s.io/api/core/v1"
)

const clusterName = "default"

var (
	logger      = slog.New(slog.DiscardHandler)
	inCluster   = labels.Map2Labels(map[string]string{k8sconst.PolicyLabelCluster: clusterName}, labels.LabelSourceK8s)
	firstOfPods = identity.NumericIdentity(256)
)

// configure says what docs/policy.md assumes of a Cilium.
func configure() {
	option.Config.EnableIPv4, option.Config.EnableIPv6 = true, true
	option.Config.UnsafeDaemonConfigOption.AllowLocalhost = option.AllowLocalhostAlways
	option.Config.EnableNodeSelectorLabels = true
	option.Config.EnableICMPRules = true
	option.Config.EnableL7Proxy = true
	option.Config.EnableNonDefaultDenyPolicies = true
	option.Config.EnableExtendedIPProtocols = true
	option.Config.ClusterName = clusterName
	policy.SetPolicyEnabled(option.DefaultEnforcement)
	api.InitEntities(clusterName)
	if err := labelsfilter.ParseLabelPrefixCfg(logger, nil, nil, ""); err != nil {
		panic(err)
	}
}

// An agent is Cilium on one node: the policies, and who is who as seen from there. Who has which identity
// is told by ipcache in a Cilium; its rules are repeated here, where nothing is allocated or forgotten.
type agent struct {
	repository *policy.Repository
	identities identity.IdentityMap
	pods       map[string]*identity.Identity // by namespace/name
	nodes      map[string]identity.NumericIdentity
	prefixes   map[netip.Prefix]identity.NumericIdentity
	distilled  map[string]*policy.EndpointPolicy
}

func newAgent(w *world, at string, entries types.PolicyEntries) *agent {
	a := &agent{identities: identity.IdentityMap{}, pods: map[string]*identity.Identity{},
		nodes: map[string]identity.NumericIdentity{}, prefixes: map[netip.Prefix]identity.NumericIdentity{},
		distilled: map[string]*policy.EndpointPolicy{}}
	a.add(identity.ReservedIdentityWorldIPv4, labels.LabelWorldIPv4, "0.0.0.0/0")
	a.add(identity.ReservedIdentityWorldIPv6, labels.LabelWorldIPv6, "::/0")
	a.addPrefixes(w, entries)
	a.addNodes(w, at)
	for i := range w.pods {
		a.addPod(w, &w.pods[i])
	}
	a.repository = policy.NewPolicyRepository(logger, a.identities, nil, nil, identitymanager.NewIDManager(logger), nil)
	a.repository.UpdateIdentities(a.identities, nil)
	a.repository.SetNamedPortsGetter(namedPorts{w, a})
	a.repository.ReplaceByResource(entries, ipcachetypes.ResourceID("all"))
	return a
}

func (a *agent) add(id identity.NumericIdentity, lbls labels.Labels, prefixes ...string) {
	a.identities[id] = lbls.LabelArray()
	for _, text := range prefixes {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address := netip.MustParseAddr(text)
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		a.prefixes[prefix] = id
	}
}

// identityOf is whose the longest prefix is that holds an address.
func (a *agent) identityOf(address netip.Addr) identity.NumericIdentity {
	for bits := address.BitLen(); ; bits-- {
		prefix, _ := address.Prefix(bits)
		if id, ok := a.prefixes[prefix]; ok {
			return id
		}
	}
}

func (a *agent) addNodes(w *world, at string) {
	host := labels.NewFrom(labels.LabelHost) // of a pod that is on no node yet
	host.MergeLabels(inCluster)
	a.add(identity.ReservedIdentityHost, host)
	for i, n := range w.nodes {
		id, lbls := identity.IdentityScopeRemoteNode+1+identity.NumericIdentity(i), labels.NewFrom(labels.LabelRemoteNode)
		if n.Name == at {
			id, lbls = identity.ReservedIdentityHost, labels.NewFrom(labels.LabelHost)
		}
		kept, _ := labelsfilter.FilterNodeLabels(labels.Map2Labels(n.Labels, labels.LabelSourceNode))
		lbls.MergeLabels(kept)
		lbls.MergeLabels(inCluster)
		addresses := []string{}
		for _, address := range n.Status.Addresses {
			addresses = append(addresses, address.Address)
			if w.isServer(address.Address) {
				lbls.MergeLabels(labels.LabelKubeAPIServer)
			}
		}
		a.nodes[n.Name] = id
		a.add(id, lbls, addresses...)
	}
}

func (w *world) isServer(address string) bool {
	for _, server := range w.behind("default", "kubernetes") {
		if server == netip.MustParseAddr(address) {
			return true
		}
	}
	return false
}

func (a *agent) addPod(w *world, pod *corev1.Pod) {
	if pod.Spec.HostNetwork {
		return
	}
	namespace := corev1.Namespace{}
	namespace.Name, namespace.Labels = pod.Namespace, map[string]string{}
	for _, known := range w.namespaces {
		if known.Name == pod.Namespace {
			namespace = *known.DeepCopy()
		}
	}
	namespace.Labels[corev1.LabelMetadataName] = pod.Namespace
	account := pod.Spec.ServiceAccountName
	if account == "" {
		account = "default" // as the API server says
	}
	sane := k8sutils.SanitizePodLabels(pod.Labels, &namespace, account, clusterName)
	kept, _ := labelsfilter.Filter(labels.Map2Labels(sane, labels.LabelSourceK8s))
	id := firstOfPods + identity.NumericIdentity(len(a.pods))
	a.pods[pod.Namespace+"/"+pod.Name] = identity.NewIdentity(id, kept)
	addresses := []string{}
	for _, ip := range pod.Status.PodIPs {
		addresses = append(addresses, ip.IP)
	}
	a.add(id, kept, addresses...)
}
