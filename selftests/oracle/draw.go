// SPDX-License-Identifier: Apache-2.0

// Random values by a grammar.

package main

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
)

type object = map[string]any

// A grammar holds what may be drawn, as grammar.yaml tells. One seed always draws the same.
type grammar struct {
	rules map[string][]any
	*rand.Rand
}

func (g *grammar) chance(percent int) bool { return g.IntN(100) < percent }

// one draws a production, and hands it another one, which it knows as "_".
func (g *grammar) one(name, handed string) any {
	alternatives, ok := g.rules[name]
	if !ok {
		panic("grammar: no production is called " + name)
	}
	return g.draw(alternatives[g.IntN(len(alternatives))], handed)
}

var (
	whole = regexp.MustCompile(`^\$([\w-]+)(?: (\w+))?$`)
	part  = regexp.MustCompile(`\$\{(\w+)\}`)
	entry = regexp.MustCompile(`^(.*?)(?:\?(\d+))?(?:\*(\d+))?$`)
)

func resolve(name, handed string) string {
	if name == "_" {
		return handed
	}
	return name
}

func (g *grammar) text(text, handed string) any {
	if found := whole.FindStringSubmatch(text); found != nil {
		return g.one(resolve(found[1], handed), resolve(found[2], handed))
	}
	return part.ReplaceAllStringFunc(text, func(found string) string {
		return g.one(resolve(found[2:len(found)-1], handed), handed).(string)
	})
}

func (g *grammar) draw(template any, handed string) any {
	switch t := template.(type) {
	case string:
		return g.text(t, handed)
	case []any:
		all := make([]any, 0, len(t))
		for _, item := range t {
			all = append(all, g.draw(item, handed))
		}
		return all
	case object:
		made := object{}
		for _, key := range slices.Sorted(maps.Keys(t)) {
			g.member(made, key, t[key], handed)
		}
		return made
	}
	return template
}

func (g *grammar) member(made object, key string, template any, handed string) {
	found := entry.FindStringSubmatch(key)
	percent, _ := strconv.Atoi(found[2])
	if found[2] != "" && !g.chance(percent) {
		return
	}
	name := g.text(found[1], handed).(string)
	most, _ := strconv.Atoi(found[3])
	drawn := []any{}
	for range 1 + g.IntN(max(most, 1)) {
		drawn = append(drawn, g.draw(template, handed))
	}
	switch {
	case name == "+":
		for _, each := range drawn {
			maps.Copy(made, each.(object))
		}
	case most > 0:
		made[name] = drawn
	default:
		made[name] = drawn[0]
	}
}

// changed is RFC 7386's merge of a patch, into a copy.
func changed(whole object, patch object) object {
	made := copied(whole)
	for key, value := range patch {
		inner, isObject := value.(object)
		if old, ok := made[key].(object); ok && isObject {
			value = changed(old, inner)
		}
		made[key] = value
	}
	return made
}

// copied is deep, with numbers and lists as JSON has them.
func copied[T any](value T) T {
	var made T
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		panic(err)
	}
	return made
}
