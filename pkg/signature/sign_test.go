package signature

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/registry"
)

// What cosign expects of a bundle's manifest, of an older signature and of an older attestation.
func TestWireFormat(t *testing.T) {
	t.Parallel()
	h := newHolder(t, newKey(t))
	repo := open(t, host(t, false, nil))
	subject := pushArtifact(t, repo)
	d, err := h.signer.Sign(t.Context(), repo, subject, AttachOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := manifestAt(t, repo, d)
	switch {
	case m.ArtifactType != mediaTypeBundle || m.Config.MediaType != "application/vnd.oci.empty.v1+json" || m.Subject.Digest != subject.Digest:
		t.Errorf("manifest of a bundle: %+v", m)
	case len(m.Layers) != 1 || m.Layers[0].MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json":
		t.Errorf("layers of a bundle: %+v", m.Layers)
	case m.Annotations["dev.sigstore.bundle.content"] != "dsse-envelope" || m.Annotations["dev.sigstore.bundle.predicateType"] != predicateSign:
		t.Errorf("annotations of a bundle: %v", m.Annotations)
	}
	for range 2 {
		if d, err = h.signer.Sign(t.Context(), repo, subject, AttachOptions{Form: FormTag}); err != nil {
			t.Fatal(err)
		}
	}
	m = manifestAt(t, repo, d)
	named, err := repo.Resolve(t.Context(), "sha256-"+subject.Digest.Encoded()+".sig")
	if err != nil || named.Digest != d || len(m.Layers) != 2 {
		t.Errorf("the tag names %v, %v; want %v with two layers", named, err, d)
	}
	want := `{"critical":{"identity":{"docker-reference":"` + repo.Reference().Name() + `"},"image":{"docker-manifest-digest":"` +
		subject.Digest.String() + `"},"type":"cosign container image signature"},"optional":null}`
	for _, l := range m.Layers {
		if got := string(blobOf(t, repo, l)); got != want || l.MediaType != mediaTypeSimple || l.Annotations[annotationSignature] == "" {
			t.Errorf("layer %+v holds %s, want %s", l, got, want)
		}
	}
	var config ocispec.Image
	if err := json.Unmarshal(blobOf(t, repo, m.Config), &config); err != nil || len(config.RootFS.DiffIDs) != 2 {
		t.Errorf("config %+v, %v", config, err)
	}
}

// An older attestation is the very bytes that the log has the hash of: cosign compares them.
func TestLogKnowsTheEnvelope(t *testing.T) {
	t.Parallel()
	p := newPrivate(t)
	repo := open(t, host(t, false, nil))
	d, err := p.signer(t, alice).Attest(t.Context(), repo, pushArtifact(t, repo), predicateProvenance, json.RawMessage(`{"a":1}`), AttachOptions{Form: FormTag})
	if err != nil {
		t.Fatal(err)
	}
	layer := manifestAt(t, repo, d).Layers[0]
	var logged logEntry
	if err := json.Unmarshal([]byte(layer.Annotations[annotationLog]), &logged); err != nil {
		t.Fatal(err)
	}
	var entry struct {
		Spec struct {
			EnvelopeHash struct{ Algorithm, Value string }
		}
	}
	if err := json.Unmarshal(logged.Payload.Body, &entry); err != nil {
		t.Fatal(err)
	}
	if of := entry.Spec.EnvelopeHash; of.Algorithm+":"+of.Value != layer.Digest.String() {
		t.Errorf("the log knows %+v, kept is %s", of, layer.Digest)
	}
}

// Services that fail, hang or are no services are named, and the token stays where it is.
func TestServicesThatFail(t *testing.T) {
	t.Parallel()
	secret := token("alice@example.com")
	for name, handler := range map[string]http.HandlerFunc{
		"refuses": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"echoes": func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, strings.Repeat("x", 200)+r.Header.Get("Authorization"), http.StatusForbidden)
		},
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("garbage")) },
		"hangs":   hang,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			t.Cleanup(server.Close)
			repo := open(t, host(t, true, nil))
			subject := pushArtifact(t, repo)
			s, err := NewSigner(SignerOptions{Token: secret, Fulcio: server.URL, Log: server.URL, Timeout: 300 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Sign(t.Context(), repo, subject, AttachOptions{})
			if err == nil || !strings.HasPrefix(err.Error(), "sign \""+repo.Reference().At(subject.Digest).String()+"\": ") {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), secret[:20]) {
				t.Errorf("the token is in %q", err)
			}
			named, ok := errors.AsType[*ServiceError](err)
			if !ok || !strings.Contains(err.Error(), `: ask certificate authority "`+server.URL+`": `) || named.Address != server.URL {
				t.Errorf("%q does not say which service failed", err)
			}
		})
	}
	t.Run("called off", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			hang(nil, r)
		}))
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
		repo := open(t, host(t, true, nil))
		s, err := NewSigner(SignerOptions{Token: secret, Fulcio: server.URL, Log: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Sign(ctx, repo, pushArtifact(t, repo), AttachOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// hang answers nothing until the client is gone, which a server notices only when it has read what was sent.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// What a tag names already, and is no list of signatures, is not overwritten.
func TestForeignTag(t *testing.T) {
	t.Parallel()
	h := newHolder(t, newKey(t))
	repo := open(t, host(t, false, nil))
	subject := pushArtifact(t, repo)
	raw := []byte(`{"schemaVersion":2,"manifests":[]}`)
	d := descriptor(ocispec.MediaTypeImageIndex, raw)
	if err := repo.PushManifest(t.Context(), registry.FallbackTag(subject.Digest)+".sig", d, raw); err != nil {
		t.Fatal(err)
	}
	if _, err := h.signer.Sign(t.Context(), repo, subject, AttachOptions{Form: FormTag}); err == nil {
		t.Error("an index is taken for signatures")
	}
}
