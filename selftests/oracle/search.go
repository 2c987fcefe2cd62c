// SPDX-License-Identifier: Apache-2.0

// Random cases, one after the other, and what they found.

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

// drawn is the case of a number; people are as they were given, or changed as the grammar says.
func drawn(base []object, n int, changedPeople bool) *question {
	g := &grammar{rules, rand.New(rand.NewPCG(*seed, uint64(n)))}
	q := &question{people: base}
	if changedPeople {
		q.people = nil
		for _, o := range base {
			if _, ok := rules[o["kind"].(string)]; ok {
				o = changed(o, g.one(o["kind"].(string), "").(object))
			}
			q.people = append(q.people, o)
		}
	}
	for i := range 1 + g.IntN(5) {
		p := copied(g.one("policy", "").(object))
		p["metadata"].(object)["name"] = fmt.Sprint("p", i+1)
		q.policies = append(q.policies, p)
	}
	for range *perCase {
		f, err := into[flow](g.one("flow", "").(object))
		if err != nil {
			panic(err)
		}
		q.flows = append(q.flows, f)
	}
	return q
}

const enough = 10 // mismatches

// A tally is what was seen of a seed.
type tally struct {
	sync.Mutex
	begun, refused, bad int
}

func (t *tally) take() (n int, ok bool) {
	t.Lock()
	defer t.Unlock()
	if t.begun == *cases || t.bad >= enough {
		return 0, false
	}
	t.begun++
	return t.begun - 1, true
}

// report leaves a folder to try: people, policies, one flow, and what both say.
func (t *tally) report(n int, q *question, found *mismatch) {
	small := q.smallest(found, *beeline)
	folder := filepath.Join(*out, fmt.Sprintf("%d-%d", *seed, n))
	said := fmt.Sprintf("%s: we say %s, Cilium %s", small.flows[0].text(), found.ours, found.theirs)
	err := errors.Join(small.write(folder), os.WriteFile(filepath.Join(folder, "verdicts.txt"), []byte(said+"\n"), 0o644))
	t.Lock()
	defer t.Unlock()
	t.bad++
	fmt.Printf("not ok oracle/%d-%d: %s; see %s\n", *seed, n, said, folder)
	if err != nil {
		fmt.Println("#", err)
	}
}

func (t *tally) work(base []object) {
	for n, ok := t.take(); ok; n, ok = t.take() {
		q := drawn(base, n, n%2 == 1)
		found, refused := q.compare(*beeline, exceptions)
		if found != nil {
			t.report(n, q, found)
		} else if refused {
			t.Lock()
			t.refused++
			t.Unlock()
		}
	}
}

// search compares random cases.
func search(base []object) (good bool) {
	var t tally
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() { t.work(base) })
	}
	workers.Wait()
	fmt.Printf("# seed %d: %d cases of %d flows, %d mismatches; neither takes the policies of %d\n", *seed, t.begun,
		*perCase, t.bad, t.refused)
	switch {
	case t.refused*4 > t.begun:
		fmt.Printf("not ok oracle/seed-%d: too many cases are refused\n", *seed)
		return false
	case t.bad == 0:
		fmt.Printf("ok oracle/seed-%d\n", *seed)
	}
	return t.bad == 0
}
