// SPDX-License-Identifier: Apache-2.0

// Cases for selftests/golden/cilium, with Cilium's verdicts.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

const (
	goldenCases = 150
	ofEachCode  = 4 // flows with the same verdicts
)

// row is a flow as golden/cilium/run reads it, with Cilium's verdicts.
func (f *flow) row(a answer) []any {
	var number any
	if f.Dport != nil {
		number = *f.Dport
	} else if f.ICMPType != nil {
		number = *f.ICMPType
	}
	return []any{f.Src, f.Dst, f.Protocol, number, a.code()}
}

func (a answer) code() string { return a.Egress[:1] + a.Ingress[:1] }

func (f *flow) text() string {
	row, _ := json.Marshal(f.row(answer{"-", "-"})[:4])
	return string(row)
}

// goldenCase is a line of cases.jsonl, or nothing when little is to be seen in the case or Cilium means
// something else by it.
func goldenCase(q *question) ([]byte, error) {
	if found, refused := q.compare(*beeline, nil); found != nil || refused {
		return nil, nil
	}
	answers, err := q.theirs(nil)
	rows, count := [][]any{}, map[string]int{}
	for i, a := range answers {
		if count[a.code()]++; count[a.code()] <= ofEachCode {
			rows = append(rows, q.flows[i].row(a))
		}
	}
	if err != nil || len(count) < 3 {
		return nil, err
	}
	line, err := json.Marshal(object{"policies": q.policies, "flows": rows})
	return append(line, '\n'), err
}

// writeGolden writes cases that both judge alike, though nothing is said to Cilium in other words.
func writeGolden(base []object, path string) error {
	all := [][]byte{}
	for n := 0; len(all) < goldenCases; n++ {
		q := drawn(base, n, false)
		if found, _ := q.compare(*beeline, exceptions); found != nil {
			return fmt.Errorf("case %d of seed %d is judged otherwise here: run the oracle", n, *seed)
		}
		line, err := goldenCase(q)
		if err != nil {
			return err
		}
		if line != nil {
			all = append(all, line)
		}
	}
	return os.WriteFile(path, bytes.Join(all, nil), 0o644)
}
