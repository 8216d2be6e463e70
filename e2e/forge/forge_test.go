package forge_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	ociregistry "github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"

	"github.com/kubectl-oci/kubectl-oci/e2e/forge"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

// Every combination is either made, and judged as the case says, or excused. With -v the table is printed.
func TestCells(t *testing.T) {
	t.Parallel()
	f := forge.New(t)
	with, without := registry.For(t, registry.Options{Referrers: true}), registry.For(t, registry.Options{})
	said := map[string]forge.Cell{} // message of a column, to who has it
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for i, c := range forge.Cells() {
		if excuse := c.Excuse(); excuse != "" {
			fmt.Fprintf(w, "%s\tcannot be: %s\n", c, excuse)
			continue
		}
		reg := without
		if c.Place == forge.Referrer {
			reg = with
		}
		at := forge.Repository{Host: reg.Direct, Name: fmt.Sprintf("cells/%d", i)}
		repo, d := artifact(t, at)
		made := f.Make(t, c, at, d)
		fmt.Fprintf(w, "%s\t%s\t%s\n", c, made.Reason, made.Message)
		check(t, made, repo, d)
		distinct(t, said, made)
	}
	w.Flush()
	t.Log("\n" + table.String())
}

func check(t *testing.T, made forge.Case, repo *ociregistry.Repository, d digest.Digest) {
	t.Helper()
	trust := signature.Trust{Keys: made.Trust.Keys, Root: made.Trust.Root}
	for _, i := range made.Trust.Identities {
		trust.Identities = append(trust.Identities, signature.Identity{Issuer: i.Issuer, Subject: i.Subject})
	}
	if n := made.Trust.Notary; n != nil {
		trust.Notation = &signature.Notation{Policy: n.Policy, Certificates: n.Certificates}
	}
	policy, err := signature.NewPolicy(trust)
	if err != nil {
		t.Fatal(err)
	}
	_, err = signature.NewVerifier(signature.Options{}).Verify(t.Context(), repo, d, policy)
	switch failed, ok := errors.AsType[*signature.Error](err); {
	case made.Reason == "" && err != nil:
		t.Errorf("%s: %v", made, err)
	case made.Reason != "" && !ok:
		t.Errorf("%s: %v, want %s", made, err, made.Reason)
	case made.Reason != "":
		if want := fmt.Sprintf("verify %q: %s", repo.Reference().At(d), made.Message); failed.Kind.String() != made.Reason || failed.Error() != want {
			t.Errorf("%s: %s\n%s\nwant %s\n%s", made, failed.Kind, failed, made.Reason, want)
		}
	}
}

// distinct finds messages that do not tell two faults apart, but for an older signature by a key, which names none.
func distinct(t *testing.T, said map[string]forge.Cell, made forge.Case) {
	t.Helper()
	if made.Reason == "" || made.Cell == (forge.Cell{Maker: forge.Key, Place: forge.OlderTag, Fault: forge.Tampered}) {
		return
	}
	column := fmt.Sprintf("%s %s %s", made.Maker, made.Place, regexp.MustCompile("sha256:[0-9a-f]+").ReplaceAllString(made.Message, ""))
	if other, ok := said[column]; ok {
		t.Errorf("%s and %s say the same: %s", other, made, made.Message)
	}
	said[column] = made.Cell
}

// artifact pushes one that is like no other.
func artifact(t *testing.T, at forge.Repository) (*ociregistry.Repository, digest.Digest) {
	t.Helper()
	repo, err := ociregistry.NewClient(ociregistry.Options{}).Repository(
		ociregistry.Reference{Registry: at.Host, Repository: at.Name}, ociregistry.Access{Push: true})
	if err != nil {
		t.Fatal(err)
	}
	raw := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[],"annotations":{"place":%q}}`, ocispec.MediaTypeImageIndex, at.Name)
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := repo.PushManifest(t.Context(), "v1", d, raw); err != nil {
		t.Fatal(err)
	}
	return repo, d.Digest
}

// Of thousands, so many are looked at that a search ends.
func TestFlood(t *testing.T) {
	t.Parallel()
	f, reg := forge.New(t), registry.For(t, registry.Options{})
	for name, place := range map[string]forge.Place{"fallback": forge.FallbackTag, "older": forge.OlderTag} {
		at := forge.Repository{Host: reg.Direct, Name: "flood/" + name}
		repo, d := artifact(t, at)
		check(t, f.Flood(t, place, at, d, 3000, 100<<10), repo, d)
	}
}
