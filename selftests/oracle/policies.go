// SPDX-License-Identifier: Apache-2.0

// Policies as Cilium reads them, by its own readers of each kind.

package main

import (
	"maps"

	cmtypes "github.com/cilium/cilium/pkg/clustermesh/types"
	"github.com/cilium/cilium/pkg/k8s"
	ciliumv2 "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	slimnetworking "github.com/cilium/cilium/pkg/k8s/slim/k8s/api/networking/v1"
	"github.com/cilium/cilium/pkg/labels"
	"github.com/cilium/cilium/pkg/loadbalancer"
	policyk8s "github.com/cilium/cilium/pkg/policy/k8s"
	"github.com/cilium/cilium/pkg/policy/types"
	policyutils "github.com/cilium/cilium/pkg/policy/utils"
	"github.com/cilium/statedb"
	tiers "sigs.k8s.io/network-policy-api/apis/v1alpha2"
)

// balancer is what Cilium knows of services, in its own tables.
type balancer struct {
	db       *statedb.DB
	services statedb.RWTable[*loadbalancer.Service]
	backends statedb.RWTable[*loadbalancer.Backend]
}

func newBalancer(w *world) (b balancer, err error) {
	b.db = statedb.New()
	if b.services, err = loadbalancer.NewServicesTable(loadbalancer.DefaultConfig, b.db); err != nil {
		return b, err
	}
	if b.backends, err = loadbalancer.NewBackendsTable(b.db); err != nil {
		return b, err
	}
	write := b.db.WriteTxn(b.services, b.backends)
	defer write.Commit()
	for _, s := range w.services {
		name := loadbalancer.NewServiceName(s.Namespace, s.Name)
		_, _, err = b.services.Insert(write, &loadbalancer.Service{Name: name, Selector: maps.Clone(s.Spec.Selector),
			Labels: labels.Map2Labels(s.Labels, labels.LabelSourceK8s)})
		for _, address := range w.behind(s.Namespace, s.Name) {
			at := loadbalancer.NewL3n4Addr(loadbalancer.TCP, cmtypes.AddrClusterFrom(address, 0), 80,
				loadbalancer.ScopeExternal)
			_, _, err = b.backends.Insert(write, &loadbalancer.Backend{ServiceName: name, Address: at})
		}
	}
	return b, err
}

// resolve has Cilium put in the place of toServices what stands behind them.
func (b *balancer) resolve(p *ciliumv2.CiliumNetworkPolicy) {
	policyk8s.ResolveToServices(b.db.ReadTxn(), b.services, b.backends, p)
}

// read turns a policy into the one form that Cilium's repository holds, by Cilium's reader of its kind.
func (b *balancer) read(policy object) (types.PolicyEntries, error) {
	switch policy["kind"] {
	case "NetworkPolicy":
		p, err := into[slimnetworking.NetworkPolicy](policy)
		if err != nil {
			return nil, err
		}
		return k8s.ParseNetworkPolicy(logger, clusterName, &p)
	case "ClusterNetworkPolicy":
		p, err := into[tiers.ClusterNetworkPolicy](policy)
		if err != nil {
			return nil, err
		}
		return k8s.ParseClusterNetworkPolicy(logger, clusterName, &p)
	}
	p, err := into[ciliumv2.CiliumNetworkPolicy](policy)
	if err != nil {
		return nil, err
	}
	b.resolve(&p)
	rules, err := p.Parse(logger, clusterName)
	return policyutils.RulesToPolicyEntries(rules), err
}

func readPolicies(w *world, policies []object) (entries types.PolicyEntries, err error) {
	b, err := newBalancer(w)
	for _, policy := range policies {
		if err != nil {
			break
		}
		var more types.PolicyEntries
		more, err = b.read(policy)
		entries = append(entries, more...)
	}
	return entries, err
}
