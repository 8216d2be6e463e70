package main

import (
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// A flag for a test registry opens no other: of several registries the one has to be named, and the others are held to their certificates.
func TestInsecureIsForOneRegistry(t *testing.T) {
	t.Parallel()
	one, two, layout := registry.Reference{Registry: "one.example"}, registry.Reference{Registry: "two.example"}, registry.Reference{}
	for name, test := range map[string]struct {
		refs  []registry.Reference
		host  string
		wrong bool
		for1  bool
		for2  bool
	}{
		"one":                   {refs: []registry.Reference{one}, for1: true},
		"one, twice":            {refs: []registry.Reference{one, one}, for1: true},
		"one and a layout":      {refs: []registry.Reference{one, layout}, for1: true},
		"two":                   {refs: []registry.Reference{one, two}, wrong: true},
		"two, one is named":     {refs: []registry.Reference{one, two}, host: "two.example", for2: true},
		"two, none is named":    {refs: []registry.Reference{one, two}, host: "three.example", wrong: true},
		"those of files":        {wrong: true},
		"one of those of files": {host: "one.example", for1: true},
		"no registry":           {refs: []registry.Reference{layout, layout}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &remote{insecure: true, timeout: time.Minute}
			r.pass.host = test.host
			if err := r.validate(test.refs...); (err != nil) != test.wrong {
				t.Fatalf("got %v", err)
			}
			for ref, want := range map[registry.Reference]bool{one: test.for1, two: test.for2} {
				var a registry.Access
				if err := r.reach(&a, r.pass.isFor(ref)); !test.wrong && (err != nil || a.Insecure != want) {
					t.Errorf("%s: insecure is %t, %v", ref.Registry, a.Insecure, err)
				}
			}
		})
	}
}
