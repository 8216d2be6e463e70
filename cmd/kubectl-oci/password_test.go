package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestPasswordFromStandardInput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\n":                "",
		"secret":            "secret",
		"secret\n":          "secret",
		"secret\r\n":        "secret",
		"two\nlines\n\n":    "two\nlines\n",
		" spaces belong \n": " spaces belong ",
	} {
		p := password{stdin: true}
		got, err := p.read(t.Context(), genericiooptions.IOStreams{In: strings.NewReader(text)}, true)
		if err != nil || string(got) != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	if _, err := readPassword(strings.NewReader(strings.Repeat("x", maxPassword+1)), false); err == nil {
		t.Error("a password without end was read")
	}
	if _, err := readPassword(strings.NewReader(""), true); err == nil {
		t.Error("a new key got an empty password from nowhere")
	}
	if _, err := readPassword(strings.NewReader(""), false); err != nil {
		t.Errorf("an old key may have an empty password: %v", err)
	}
}

func TestSilentInputCanBeInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent, w := io.Pipe()
	defer w.Close()
	p := password{stdin: true}
	if _, err := p.read(ctx, genericiooptions.IOStreams{In: silent}, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
