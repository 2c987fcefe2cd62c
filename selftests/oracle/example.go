// SPDX-License-Identifier: Apache-2.0

// Examples of exceptions, which show that those still matter.

package main

import "fmt"

// An example shows what an exception is about: a policy of which Cilium, as it stands, says something else.
type example struct {
	Why          string   `json:"why"`
	Policies     []object `json:"policies"`
	Flow         flow     `json:"flow"`
	Ours, Cilium string
}

func (e *example) check(base []object, known exception) error {
	q := &question{base, e.Policies, []flow{e.Flow}}
	asked := func(name, want string, ask func() ([]answer, error)) error {
		answers, err := ask()
		if err == nil && answers[0].code() != want {
			err = fmt.Errorf("%s says %s and not %s", name, answers[0].code(), want)
		}
		return err
	}
	for _, err := range []error{
		asked("Beeline", e.Ours, func() ([]answer, error) { return q.ours(*beeline) }),
		asked("Cilium", e.Cilium, func() ([]answer, error) { return q.theirs(nil) }),
		asked("Cilium in other words", e.Ours, func() ([]answer, error) { return q.theirs([]exception{known}) }),
	} {
		if err != nil {
			return err
		}
	}
	if e.Ours == e.Cilium {
		return fmt.Errorf("there is no difference")
	}
	return nil
}

// stillMatter tests each exception by its example.
func stillMatter(base []object) (good bool, err error) {
	examples := map[string]example{}
	err = readData("exceptions.yaml", &examples)
	good = err == nil
	for _, known := range exceptions {
		e, ok := examples[known.name]
		wrong := fmt.Errorf("has no example")
		if ok {
			wrong = e.check(base, known)
		}
		if wrong != nil {
			fmt.Printf("not ok oracle/exception-%s: %v; it is there because: %s\n", known.name, wrong, e.Why)
			good = false
			continue
		}
		fmt.Printf("ok oracle/exception-%s\n", known.name)
	}
	return good, err
}
