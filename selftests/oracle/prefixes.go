// SPDX-License-Identifier: Apache-2.0

// Who addresses outside the cluster are: prefixes that policies, groups and API servers name.

package main

import (
	"net/netip"

	"github.com/cilium/cilium/pkg/identity"
	k8sutils "github.com/cilium/cilium/pkg/k8s/utils"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/policy/api"
	"github.com/cilium/cilium/pkg/policy/types"
)

// prefixLabels is what ipcache's metadata holds of each prefix that anybody names.
func prefixLabels(w *world, entries types.PolicyEntries) map[netip.Prefix]labels.Labels {
	named := map[netip.Prefix]labels.Labels{}
	merge := func(prefix netip.Prefix, lbls labels.Labels) {
		prefix = prefix.Masked()
		if named[prefix] == nil {
			named[prefix] = labels.Labels{}
		}
		named[prefix].MergeLabels(lbls)
	}
	for _, entry := range entries {
		for _, selector := range entry.L3 {
			for _, prefix := range selector.GetCIDRPrefixes() {
				merge(prefix, labels.GetCIDRLabels(prefix))
			}
		}
	}
	for _, group := range w.groups {
		lbls := labels.Labels{}
		reference := api.LabelForCIDRGroupRef(group.Name)
		lbls[reference.Key] = reference
		for k, v := range k8sutils.RemoveCiliumLabels(group.Labels) {
			label, encoded := labels.NewLabel(k, v, labels.LabelSourceCIDRGroup),
				labels.EncodedCIDRGroupLabel(k, v, labels.LabelSourceCIDRGroup)
			lbls[label.Key], lbls[encoded.Key] = label, encoded
		}
		for _, cidr := range group.Spec.ExternalCIDRs {
			merge(netip.MustParsePrefix(string(cidr)), lbls)
		}
	}
	for _, server := range w.behind("default", "kubernetes") {
		merge(netip.PrefixFrom(server, server.BitLen()), labels.LabelKubeAPIServer)
	}
	return named
}

// inherited is mergeLabels and resolveLabels of pkg/ipcache/metadata.go for what is outside the cluster.
func inherited(named map[netip.Prefix]labels.Labels, prefix netip.Prefix) labels.Labels {
	merged, hasCIDR := labels.Labels{}, false
	for bits := prefix.Bits(); bits >= 0; bits-- {
		parent, _ := prefix.Addr().Prefix(bits)
		inherits := hasCIDR
		for k, v := range named[parent] {
			if _, ok := merged[k]; ok || v.Source == labels.LabelSourceCIDR && inherits {
				continue
			}
			merged[k] = v
			hasCIDR = hasCIDR || v.Source == labels.LabelSourceCIDR
		}
	}
	merged.AddWorldLabel(prefix.Addr())
	return merged
}

func (a *agent) addPrefixes(w *world, entries types.PolicyEntries) {
	named := prefixLabels(w, entries)
	next := identity.IdentityScopeLocal + 1
	for prefix := range named {
		a.add(next, inherited(named, prefix), prefix.String())
		next++
	}
}
