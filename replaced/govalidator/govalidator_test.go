package govalidator

import "testing"

func TestIsEmail(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"somebody@example.com": true, "first.last+tag@sub.example.com": true,
		"": false, "somebody": false, "@example.com": false, "Some Body <somebody@example.com>": false, "<somebody@example.com>": false,
		"a@b@c": false, "https://example.com/workflow": false, "somebody@example.com\n": false,
	} {
		if got := IsEmail(text); got != want {
			t.Errorf("%q: got %t", text, got)
		}
	}
}
