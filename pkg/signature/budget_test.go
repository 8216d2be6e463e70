package signature

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// junk attaches that many signatures by somebody else, all at once.
func (b *bench) junk(n int) {
	b.t.Helper()
	m := manifestAt(b.t, b.repo, b.sign(b.wrong, b.subject))
	if b.form == FormTag {
		m.Layers = append(m.Layers, slices.Repeat(m.Layers[len(m.Layers)-1:], n-1)...)
		pushManifest(b.t, b.repo, tagOf(b.subject.Digest), m)
		return
	}
	members := []ocispec.Descriptor{}
	for i := range n - 1 {
		m.Annotations["n"] = strconv.Itoa(i)
		d, raw, err := marshal(m)
		if err == nil {
			err = b.repo.PushManifest(b.t.Context(), "", d, raw)
		}
		if err != nil {
			b.t.Fatal(err)
		}
		d.ArtifactType, d.Annotations = m.ArtifactType, map[string]string{annotationPredicate: predicateSign}
		members = append(members, d)
	}
	listed, _, err := b.repo.Referrers(b.t.Context(), b.subject.Digest, maxListed)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(listed) < n { // the registry keeps no list
		b.list(append(listed, members...))
	}
}

// list writes the index under the fallback tag.
func (b *bench) list(members []ocispec.Descriptor) {
	b.t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: members}
	index.SchemaVersion = 2
	raw, err := json.Marshal(index)
	if err == nil {
		err = b.repo.PushManifest(b.t.Context(), registry.FallbackTag(b.subject.Digest), descriptor(index.MediaType, raw), raw)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Whoever may push may attach what does not count, and must not gain anything by it.
func TestWhatIsAttachedByOthersHidesNothing(t *testing.T) {
	t.Parallel()
	t.Run("an older signature", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, false, "tag", nil)
		b.sign(b.right, b.subject)
		referrers := *b
		referrers.form = FormBundle
		referrers.junk(maxCandidates + 1)
		verified, err := b.verify()
		check(t, b, verified, err, 0, "")
	})
	for _, storage := range []string{"fallback tag", "tag"} {
		t.Run("the newest signature/"+storage, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, false, storage, nil)
			b.junk(maxCandidates + 1)
			b.sign(b.right, b.subject)
			verified, err := b.verify()
			check(t, b, verified, err, 0, "")
		})
	}
	for _, storage := range []string{"referrer", "fallback tag", "tag"} {
		t.Run("what counted before/"+storage, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, false, storage, nil)
			b.sign(b.right, b.subject)
			verifier := NewVerifier(Options{})
			if _, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, b.policy); err != nil {
				t.Fatal(err)
			}
			b.junk(maxCandidates + 1)
			if _, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, b.policy); err != nil {
				t.Error(err)
			}
		})
	}
}

// A key that is not trusted any more is not trusted either where others attached a lot.
func TestWhatCountedBeforeIsNoProof(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "fallback tag", nil)
	b.sign(b.right, b.subject)
	verifier := NewVerifier(Options{})
	if _, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, b.policy); err != nil {
		t.Fatal(err)
	}
	b.junk(maxCandidates + 1)
	other := newBench(t, false, "fallback tag", nil)
	_, err := verifier.Verify(t.Context(), b.repo, b.subject.Digest, other.policy)
	checkKind(t, err, KindTooMany, "there are more")
}

func TestMemoryOfWhatCountedIsBounded(t *testing.T) {
	t.Parallel()
	var c counted
	for i := range maxCounted + 10 {
		c.set(question{repository: fmt.Sprint(i)}, whereabouts{"a", "b", ""})
	}
	if len(c.where) != maxCounted {
		t.Errorf("%d", len(c.where))
	}
	if last := c.of(question{repository: fmt.Sprint(maxCounted + 9)}); last.layer != "b" {
		t.Errorf("the last one is forgotten: %v", last)
	}
}
