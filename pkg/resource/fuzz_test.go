package resource_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/pkg/resource"
)

// Whatever a file holds is read or refused with the file's name; what was read is JSON, and equals itself.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		deployment, "{\"apiVersion\":\"v1\",\"kind\":\"A\",\"items\":[]}", "a: &a\n  b: *a\n", "--- !x {<<: [*a]}\n...\n%YAML 1.2\n---\n",
		"apiVersion: v1\nkind: SecretList\nitems: [{data: {a: b}}]\n", "a: b: c\n", "\xff\xfea\x00:\x00", "- \n-\t\n", "? [a]\n: b\n", "a: 1e999\nb: 0x_\nc: !!int x\n",
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, yaml bool) {
		file := "a.json"
		if yaml {
			file = "a.yaml"
		}
		var s resource.Set
		if err := s.Read(file, bytes.NewReader(text)); err != nil {
			e, ok := errors.AsType[*resource.Error](err)
			if !ok || e.File != file || e.Line < 1 || e.Line > bytes.Count(text, []byte("\n"))+1 {
				t.Fatalf("%#v", err)
			}
			return
		}
		for _, o := range s.Objects {
			if _, err := json.Marshal(o.Content); err != nil {
				t.Fatal(err)
			}
		}
		s.Images()
		s.Others = nil
		if d := resource.Compare(&s, &s); !d.Same() {
			t.Fatalf("it differs from itself: %+v", d)
		}
		if err := resource.Compare(&resource.Set{}, &s).Unified(io.Discard); err != nil {
			t.Fatal(err)
		}
	})
}
