// SPDX-License-Identifier: Apache-2.0

// What is asked of both, and whether they answer alike.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A question is what both are asked: objects, and flows among them.
type question struct {
	people, policies []object
	flows            []flow
}

// lines is JSON as `beeline` reads it: a value a line.
func lines[T any](values []T, between string) []byte {
	var text bytes.Buffer
	for _, value := range values {
		text.WriteString(between)
		_ = json.NewEncoder(&text).Encode(value)
	}
	return text.Bytes()
}

// write puts the question into a folder, as files that `beeline policy simulate` takes.
func (q *question) write(folder string) error {
	return errors.Join(os.MkdirAll(folder, 0o755),
		os.WriteFile(filepath.Join(folder, "people.yaml"), lines(q.people, "---\n"), 0o644),
		os.WriteFile(filepath.Join(folder, "policies.yaml"), lines(q.policies, "---\n"), 0o644),
		os.WriteFile(filepath.Join(folder, "flows.jsonl"), lines(q.flows, ""), 0o644))
}

// ours asks Beeline.
func (q *question) ours(beeline string) (answers []answer, err error) {
	folder, err := os.MkdirTemp("", "beeline-oracle-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := q.write(folder); err != nil {
		return nil, err
	}
	command := exec.Command(beeline, "policy", "simulate", "-f", "people.yaml", "-f", "policies.yaml",
		"--flows", "flows.jsonl", "-o", "json", "--engine", *engine)
	command.Dir = folder
	said, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		said := strings.TrimSpace(string(failed.Stderr))
		return nil, errors.New(said[strings.LastIndex(said, "\n")+1:]) // after the warnings
	}
	for read := json.NewDecoder(bytes.NewReader(said)); err == nil; {
		var a answer
		if err = read.Decode(&a); err == nil {
			answers = append(answers, a)
		}
	}
	if err == io.EOF && len(answers) == len(q.flows) {
		return answers, nil
	}
	return nil, fmt.Errorf("%d answers to %d flows: %w", len(answers), len(q.flows), err)
}

// theirs asks Cilium, of policies that say in its words what Beeline means by them. Its code may panic.
func (q *question) theirs(known []exception) (answers []answer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	w := newWorld(q.people)
	policies := copied(q.policies)
	for _, e := range known {
		for _, p := range policies {
			e.say(w, p)
		}
	}
	c, err := newCluster(w, policies)
	if err != nil {
		return nil, err
	}
	return c.answers(q.flows), nil
}

// A mismatch is a flow that the two judge otherwise, or policies that only one takes.
type mismatch struct {
	flow         int
	ours, theirs string
	refused      bool
}

// isLike tells whether two mismatches are of one kind: refusals say where, too, and that may differ.
func (m *mismatch) isLike(other *mismatch) bool {
	tail := func(text string) string { return text[strings.LastIndex(text, ": ")+1:] }
	return other != nil && m.refused == other.refused && tail(m.ours) == tail(other.ours) &&
		tail(m.theirs) == tail(other.theirs)
}

// compare asks both; refused: neither takes the policies.
func (q *question) compare(beeline string, known []exception) (found *mismatch, refused bool) {
	ours, wrong := q.ours(beeline)
	theirs, odd := q.theirs(known)
	if wrong != nil && odd != nil {
		return nil, true
	}
	if wrong != nil || odd != nil {
		return &mismatch{0, fmt.Sprint(wrong), fmt.Sprint(odd), true}, false
	}
	for i := range ours {
		if ours[i] != theirs[i] {
			return &mismatch{i, ours[i].code(), theirs[i].code(), false}, false
		}
	}
	return nil, false
}
