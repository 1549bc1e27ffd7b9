package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// keyNames are the names of the keys that emblem key list tells.
func (d *desk) keyNames() map[string]bool {
	d.t.Helper()
	var listed struct{ Keys []struct{ Name string } }
	if err := json.Unmarshal([]byte(d.must("key", "list", "--json").stdout), &listed); err != nil {
		d.t.Fatal(err)
	}
	names := map[string]bool{}
	for _, k := range listed.Keys {
		names[k.Name] = true
	}
	return names
}

// Processes that make and remove keys at the same time lose none of them.
func TestKeysOfManyProcesses(t *testing.T) {
	const rounds, processes = 4, 6
	d := newDesk(t)
	for round := range rounds {
		var started []*process
		for i := range processes {
			started = append(started, d.start(many, "key", "add", fmt.Sprintf("%d-%d", round, i)))
		}
		if round > 0 {
			started = append(started, d.start(many, "key", "rm", fmt.Sprintf("%d-0", round-1)))
		}
		for _, p := range started {
			if r := p.result(); r.code != 0 {
				t.Fatalf("%v: %+v", p.Args[1:], r)
			}
		}
	}
	names := d.keyNames()
	for round := range rounds {
		for i := range processes {
			name, want := fmt.Sprintf("%d-%d", round, i), i > 0 || round == rounds-1
			if names[name] != want {
				t.Errorf("key %s: there %v, want %v", name, names[name], want)
			}
		}
	}
}
