// SPDX-License-Identifier: Apache-2.0

// Oracle holds Beeline's policy engine to Cilium's own code: it draws policies, asks pkg/policy of Cilium
// and `beeline policy simulate` about the same flows, and tells where they differ.
//
//	policies --exceptions--> Cilium's --agent--> entries --verdict--> answers \
//	   |                                                                       compare --> shrink --> a folder
//	   +------------------> beeline policy simulate ----------------> answers /
//
// What is asked is the first packet of a connection, at both of its ends. Replies, ICMP errors and
// fragments are packets, which Cilium judges in its BPF programs and not in the code that is asked here.
package main

import (
	"embed"
	"flag"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

//go:embed grammar.yaml exceptions.yaml
var data embed.FS

var (
	rules   map[string][]any // of grammar.yaml
	beeline = flag.String("beeline", "beeline", "the program under test")
	engine  = flag.String("engine", "compiled", "what of it answers: compiled or reference")
	people  = flag.String("people", "people.yaml", "who is there")
	out     = flag.String("out", ".", "where mismatches are written")
	seed    = flag.Uint64("seed", 1, "of the random cases")
	cases   = flag.Int("cases", 2000, "how many")
	perCase = flag.Int("flows", 100, "of each case")
	golden  = flag.String("golden", "", "write cases with Cilium's answers to this file instead")
)

func readData(name string, ret any) error {
	text, err := data.ReadFile(name)
	if err == nil {
		err = yaml.UnmarshalStrict(text, ret)
	}
	return err
}

func run() (good bool, err error) {
	base, err := readObjects(*people)
	if err != nil {
		return false, err
	}
	if err := readData("grammar.yaml", &rules); err != nil {
		return false, err
	}
	if *golden != "" {
		return true, writeGolden(base, *golden)
	}
	good, err = stillMatter(base)
	return search(base) && good, err
}

func main() {
	flag.Parse()
	configure()
	good, err := run()
	if err != nil {
		fmt.Println("not ok oracle:", err)
	}
	if !good || err != nil {
		os.Exit(1)
	}
}
