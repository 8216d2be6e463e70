package resource

import (
	"testing"

	"go.yaml.in/yaml/v3"
)

const manifest = `---
# An app.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels: {app: app, tier: back-end}
  list: [a, b1, 8080]
  annotations:
    example.com/url: https://example.com/?a=b
spec:
  template:
    spec:
      containers:
      - name: app
        image: "registry.example.com/app:v1"
        args:
          - --leader-elect
          - '8080'
        env: []
      - name: other
        emptyDir: {}
data:
  script: |
    #!/bin/sh
      indented: yes

    {{ more }}
  last: -1
`

func TestPlain(t *testing.T) {
	t.Parallel()
	if !isPlain([]byte(manifest)) {
		t.Error("a manifest is for the parser")
	}
	for _, text := range []string{
		"a: 1\na: 2\n", "a: 1\n  b: 2\n", "a:\n  b: 1\n c: 2\n", "a: b: c\n", "a: [1\n", "a: \"b\n", "a:\tb\n", "- a\nb: 1\n", "a: 1\n- b\n",
		"{{ if }}\na: 1\n", "a: &x 1\nb: *y\n", "a\n", "a: |\n    b\n  c\n", "a:\n- b: 1\n   c: 2\n", "a: {b: 1, b: 2}\n", "a: [b\n", "a: [b}\n",
	} {
		if isPlain([]byte(text)) {
			t.Errorf("%q is plain", text)
		}
	}
}

// What is plain to us is right to the parser, too.
func FuzzPlain(f *testing.F) {
	for _, seed := range []string{
		manifest, "a:\n- b\n- c: 1\n  d:\n  - e\nf: |\n  x\n\ng: 1\n", "- a: 1\n  b: 2\n- c\n", "a:\n\n  - - b\n", "---\na: >-\n  b\n# c\n", "  a:\nb: 1\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for d := range documents([]byte(text)) {
			if !isPlain(d.text) {
				continue
			}
			nodes, err := d.parse("a.yaml")
			if err != nil {
				t.Fatalf("%q: %v", d.text, err)
			}
			for _, n := range nodes {
				if err := checkKeys(n, 0); err != nil {
					t.Fatalf("%q: %v", d.text, err)
				}
				if n.Kind != yaml.DocumentNode {
					t.Fatalf("%q: kind %v", d.text, n.Kind)
				}
			}
		}
	})
}
