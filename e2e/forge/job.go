package forge

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"

	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

// job is the making of a cell.
type job struct {
	*Forge
	t      testing.TB
	cell   Cell
	repo   *registry.Repository
	aside  *registry.Repository // where signatures are made that are changed before anybody sees them
	signed ocispec.Descriptor   // the artifact
	other  ocispec.Descriptor   // another one
	ended  time.Time            // when the certificate that it was signed with did
}

func (f *Forge) job(t testing.TB, c Cell, at Repository, artifact digest.Digest) *job {
	t.Helper()
	j := &job{Forge: f, t: t, cell: c, ended: f.began.Add(sigstore.Life), repo: open(t, at), aside: open(t, Repository{at.Host, at.Name + "-aside"})}
	raw, mediaType, err := j.repo.Manifest(t.Context(), ocispec.Descriptor{Digest: artifact})
	if err != nil {
		t.Fatal(err)
	}
	j.signed = ocispec.Descriptor{MediaType: mediaType, Digest: artifact, Size: int64(len(raw))}
	j.other = ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromString("another " + artifact.String()), Size: int64(len(raw))}
	return j
}

func open(t testing.TB, at Repository) *registry.Repository {
	t.Helper()
	ref := registry.Reference{Registry: at.Host, Repository: at.Name}
	r, err := registry.NewClient(registry.Options{}).Repository(ref, registry.Access{Push: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// attach returns the digest of the layer with the signature that a verifier will speak of, where there is one.
func (j *job) attach() digest.Digest {
	j.t.Helper()
	maker := j.cell.Maker
	if maker == Notation {
		return j.notarize()
	}
	by := func(who string) *signature.Signer { return j.signer(j.t, maker, who, j.sigstore, false) }
	switch j.cell.Fault {
	case Good:
		return j.sign(j.repo, by(alice), j.signed)
	case Crowd:
		j.sign(j.repo, by(mallory), j.signed)
		return j.sign(j.repo, by(bob), j.signed)
	case WrongKey:
		if maker == Keyless {
			return j.sign(j.repo, by(alice), j.signed)
		}
		return j.sign(j.repo, by(mallory), j.signed)
	case WrongIdentity:
		if maker == Key {
			return j.sign(j.repo, by(alice), j.signed)
		}
		return j.sign(j.repo, by(mallory), j.signed)
	case OtherDigest:
		return j.graft(j.made(by(alice), j.other))
	case AttestationOnly:
		j.attest(by(alice))
	case Expired, ExpiredLogged:
		return j.sign(j.repo, j.signer(j.t, maker, alice, j.inTime, false), j.signed)
	case ExpiredStamped:
		return j.sign(j.repo, j.signer(j.t, maker, alice, j.inTime, true), j.signed)
	case ExpiredLate:
		return j.sign(j.repo, j.signer(j.t, maker, alice, j.tooLate, true), j.signed)
	case Tampered:
		e := j.made(by(alice), j.signed)
		e.tamper(j.t)
		return j.graft(e)
	case LogMismatch:
		e, others := j.made(by(alice), j.signed), j.made(by(alice), j.other)
		e.takeLog(j.t, others)
		return j.graft(e)
	}
	return ""
}

func (j *job) form() signature.Form {
	if j.cell.Place == OlderTag {
		return signature.FormTag
	}
	return signature.FormBundle
}

// sign gives the digest of the last layer, which is the one that was added.
func (j *job) sign(repo *registry.Repository, s *signature.Signer, what ocispec.Descriptor) digest.Digest {
	j.t.Helper()
	d, err := s.Sign(j.t.Context(), repo, what, signature.AttachOptions{Form: j.form()})
	if err != nil {
		j.t.Fatal(err)
	}
	m := j.manifest(repo, d)
	return m.Layers[len(m.Layers)-1].Digest
}

func (j *job) attest(s *signature.Signer) {
	j.t.Helper()
	o := signature.AttachOptions{Form: j.form()}
	_, err := s.Attest(j.t.Context(), j.repo, j.signed, "https://slsa.dev/provenance/v1", json.RawMessage(`{"builder":"ours"}`), o)
	if err != nil {
		j.t.Fatal(err)
	}
}

func (j *job) manifest(repo *registry.Repository, d digest.Digest) ocispec.Manifest {
	j.t.Helper()
	raw, _, err := repo.Manifest(j.t.Context(), ocispec.Descriptor{Digest: d})
	if err != nil {
		j.t.Fatal(err)
	}
	var m ocispec.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		j.t.Fatal(err)
	}
	return m
}

// made signs aside, where nothing but what is made is attached to what is signed.
func (j *job) made(s *signature.Signer, what ocispec.Descriptor) *evidence {
	j.t.Helper()
	d, err := s.Sign(j.t.Context(), j.aside, what, signature.AttachOptions{Form: j.form()})
	if err != nil {
		j.t.Fatal(err)
	}
	e := &evidence{manifest: j.manifest(j.aside, d)}
	body, err := j.aside.Blob(j.t.Context(), e.manifest.Layers[0])
	if err != nil {
		j.t.Fatal(err)
	}
	defer body.Close()
	if e.layer, err = io.ReadAll(body); err != nil {
		j.t.Fatal(err)
	}
	return e
}

// graft attaches evidence to the artifact, and returns the digest of its layer.
func (j *job) graft(e *evidence) digest.Digest {
	j.t.Helper()
	layer := j.blob(e.manifest.Layers[0].MediaType, e.layer)
	layer.Annotations = e.manifest.Layers[0].Annotations
	e.manifest.Layers = []ocispec.Descriptor{layer}
	e.manifest.Config = j.blob(e.manifest.Config.MediaType, []byte("{}"))
	if e.manifest.Subject != nil {
		e.manifest.Subject = &j.signed
	}
	raw, err := json.Marshal(e.manifest)
	if err != nil {
		j.t.Fatal(err)
	}
	d := describe(e.manifest.MediaType, raw)
	if e.manifest.Subject != nil {
		err = j.repo.PushReferrer(j.t.Context(), d, raw)
	} else {
		err = j.repo.PushManifest(j.t.Context(), registry.FallbackTag(j.signed.Digest)+".sig", d, raw)
	}
	if err != nil {
		j.t.Fatal(err)
	}
	return layer.Digest
}

func (j *job) blob(mediaType string, raw []byte) ocispec.Descriptor {
	j.t.Helper()
	d := describe(mediaType, raw)
	err := j.repo.PushBlob(j.t.Context(), d, func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil })
	if err != nil {
		j.t.Fatal(err)
	}
	return d
}

func describe(mediaType string, raw []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
}
