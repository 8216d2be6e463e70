package main

import "testing"

func TestFirstPacked(t *testing.T) {
	t.Parallel()
	skipped := []string{".git/", "logo.png", "docs/", "deploy/tests/"}
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{""}, ""},
		{[]string{"logo.png", "docs/a/b.md", "deploy/tests/x.yaml", ""}, ""},
		{[]string{"logo.png", "deploy/logo.png", ""}, "deploy/logo.png"},
		{[]string{"docs", ""}, "docs"},
		{[]string{"docs/", "nested/", ""}, "nested/"},
	} {
		if got := firstPacked(test.paths, skipped); got != test.want {
			t.Errorf("firstPacked(%q) = %q, want %q", test.paths, got, test.want)
		}
	}
}
