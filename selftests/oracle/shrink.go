// SPDX-License-Identifier: Apache-2.0

// The smallest question that still shows a mismatch.

package main

import (
	"iter"
	"maps"
	"slices"
)

// cuts are the copies of a value that lack one part of it, the big parts first.
func cuts(value any) iter.Seq[any] {
	return func(yield func(any) bool) {
		switch v := value.(type) {
		case []any:
			for i := range v {
				if !yield(slices.Delete(slices.Clone(v), i, i+1)) {
					return
				}
			}
			for i := range v {
				for smaller := range cuts(v[i]) {
					if !yield(slices.Concat(v[:i], []any{smaller}, v[i+1:])) {
						return
					}
				}
			}
		case object:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				if key == "apiVersion" || key == "kind" || key == "metadata" {
					continue
				}
				rest := maps.Clone(v)
				delete(rest, key)
				if !yield(rest) {
					return
				}
				for smaller := range cuts(v[key]) {
					rest = maps.Clone(v)
					rest[key] = smaller
					if !yield(rest) {
						return
					}
				}
			}
		}
	}
}

// shrink cuts for as long as the smaller one still does what it did.
func shrink(value any, still func(any) bool) any {
	for smaller := range cuts(value) {
		if still(smaller) {
			return shrink(smaller, still)
		}
	}
	return value
}

func objects(list []any) (all []object) {
	for _, item := range list {
		all = append(all, item.(object))
	}
	return all
}

// smallest is a question of one flow and few policies with the same mismatch.
func (q *question) smallest(found *mismatch, beeline string) *question {
	small := &question{q.people, q.policies, []flow{q.flows[found.flow]}}
	still := func() bool {
		again, _ := small.compare(beeline, exceptions)
		return found.isLike(again)
	}
	try := func(what *[]object) func(any) bool {
		return func(v any) bool {
			old := *what
			*what = objects(v.([]any))
			if still() {
				return true
			}
			*what = old
			return false
		}
	}
	shrink(copied[any](small.policies), try(&small.policies))
	for i := len(small.people) - 1; i >= 0; i-- {
		rest := []any{}
		for k, o := range small.people {
			if k != i || o["kind"] == "Node" { // without them we would take nodes from pods, and Cilium not
				rest = append(rest, o)
			}
		}
		try(&small.people)(rest)
	}
	return small
}
