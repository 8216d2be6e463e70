package registry

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestIsAttachmentTag(t *testing.T) {
	t.Parallel()
	tag := FallbackTag(digest.FromString("x"))
	for text, want := range map[string]bool{
		tag: true, tag + ".sig": true, tag + ".att": true, tag + ".sbom": true,
		tag + "-rc.1": false, strings.ToUpper(tag): false, tag[:20]: false, "sha256-v1.sig": false, "v1.0.0": false,
	} {
		if got := IsAttachmentTag(text); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
}

// Both lists and cosign's tags count; a subject is nobody's attachment of its own.
func TestAttached(t *testing.T) {
	t.Parallel()
	for _, says := range []bool{true, false} {
		h := serve(t, listing(says))
		r := open(t, NewClient(Options{}), h.ref("app"), Access{Push: true})
		subject := push(t, r)
		if all, cut, err := r.Attached(t.Context(), subject.manifest.Digest, 10); len(all) > 0 || cut || err != nil {
			t.Errorf("got %v, %v, %v of nothing", all, cut, err)
		}
		attached := attach(t, r, subject.manifest, "signature")
		tag := FallbackTag(subject.manifest.Digest) + ".att"
		if err := r.PushManifest(t.Context(), tag, subject.manifest, subject.raw); err != nil {
			t.Fatal(err)
		}
		all, cut, err := r.Attached(t.Context(), subject.manifest.Digest, 10)
		if err != nil || cut || len(all) != 2 || all[0].Digest != attached.Digest || all[0].Tag != "" || all[1].Tag != tag {
			t.Errorf("listed %v: got %v, %v, %v", says, all, cut, err)
		}
		attach(t, r, subject.manifest, "another")
		if _, cut, err := r.Attached(t.Context(), subject.manifest.Digest, 1); !cut || err != nil {
			t.Errorf("listed %v: a list that was cut does not say so: %v", says, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	h := serve(t, nil)
	r := open(t, NewClient(Options{}), h.ref("app"), Access{Push: true})
	made := push(t, r)
	for tag, want := range map[string]bool{"v1": true, "v2": false} {
		if got, err := r.Names(t.Context(), tag, made.manifest.Digest); got != want || err != nil {
			t.Errorf("%s: got %v, %v", tag, got, err)
		}
	}
	if got, err := r.Names(t.Context(), "v1", digest.FromString("x")); got || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
