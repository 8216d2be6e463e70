package signature

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"
)

// fixture is evidence that was made once, by a key and by an identity, in both forms: of Subject, whom Key and Root vouch for.
type fixture struct {
	Subject  digest.Digest
	Key      []byte
	Root     []byte
	Evidence []struct {
		MediaType   string
		Raw         []byte
		Annotations map[string]string
	}
}

func readFixture(t testing.TB) fixture {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "evidence.json"))
	if err != nil {
		t.Fatal(err)
	}
	var f fixture
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// judge holds evidence against the fixture's policy.
func (f fixture) judge(t testing.TB, subject digest.Digest) *judge {
	t.Helper()
	p := policyOf(t, Trust{Keys: map[string][]byte{"a": f.Key}, Identities: []Identity{{Issuer: issuer, Subject: alice}}, Root: f.Root})
	return &judge{policy: p, public: newPublic(Options{}), root: p.root, subject: subject, predicate: predicateSign}
}

func (f fixture) candidates() (all []candidate) {
	for _, e := range f.Evidence {
		all = append(all, candidate{"x", e.MediaType, e.Raw, e.Annotations})
	}
	return all
}

// What was signed stays signed: its certificates ended long ago. With KUBECTL_OCI_UPDATE set, the fixture is made anew.
func TestEvidenceOfOldStaysGood(t *testing.T) {
	t.Parallel()
	if os.Getenv("KUBECTL_OCI_UPDATE") != "" {
		writeFixture(t)
	}
	f := readFixture(t)
	if len(f.Evidence) != 4 {
		t.Errorf("%d pieces of evidence", len(f.Evidence))
	}
	synctest.Test(t, func(t *testing.T) { // whose clock begins in the year 2000
		stays(t, f)
		time.Sleep(100 * 365 * 24 * time.Hour) //nolint:forbidigo // of synctest's clock
		stays(t, f)
	})
}

func stays(t *testing.T, f fixture) {
	t.Helper()
	for _, c := range f.candidates() {
		if _, by, err := f.judge(t, f.Subject).candidate(t.Context(), c); err != nil || by.Key == "" && by.Subject != alice {
			t.Errorf("%s: %+v, %v", c.mediaType, by, err)
		}
		if _, _, err := f.judge(t, digest.FromString("x")).candidate(t.Context(), c); err == nil {
			t.Errorf("%s is good for another digest", c.mediaType)
		}
	}
}

func writeFixture(t *testing.T) {
	t.Helper()
	p := newPrivate(t)
	h := newHolder(t, newKey(t))
	f := fixture{Key: h.public, Root: p.root}
	repo := open(t, host(t, true, nil))
	subject := pushArtifact(t, repo)
	f.Subject = subject.Digest
	for _, s := range []*Signer{h.signer, p.signer(t, alice)} {
		for _, form := range []Form{FormBundle, FormTag} {
			d, err := s.Sign(t.Context(), repo, subject, AttachOptions{Form: form})
			if err != nil {
				t.Fatal(err)
			}
			layers := manifestAt(t, repo, d).Layers
			l := layers[len(layers)-1]
			f.Evidence = append(f.Evidence, struct {
				MediaType   string
				Raw         []byte
				Annotations map[string]string
			}{l.MediaType, blobOf(t, repo, l), l.Annotations})
		}
	}
	raw, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", "evidence.json"), append(raw, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
