package signature

import (
	"fmt"
	"testing"
)

// junk attaches that many bundles by somebody else.
func (b *bench) junk(n int) {
	b.t.Helper()
	for range n {
		b.sign(b.wrong, b.subject)
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
	t.Run("the newest signature", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, false, "fallback tag", nil)
		b.junk(maxCandidates + 1)
		b.sign(b.right, b.subject)
		verified, err := b.verify()
		check(t, b, verified, err, 0, "")
	})
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
