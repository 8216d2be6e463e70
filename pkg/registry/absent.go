package registry

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// TagExistsError says that a tag, which was not to be moved, names something else already.
type TagExistsError struct {
	Reference Reference // with the tag
	Digest    digest.Digest
}

func (e *TagExistsError) Error() string {
	return fmt.Sprintf("tag %q names %s already", e.Reference, e.Digest)
}

// CheckAbsent fails with a [*TagExistsError] where tag names anything but d, and tells whether it names d: one HEAD.
func (r *Repository) CheckAbsent(ctx context.Context, tag string, d digest.Digest) (named bool, err error) {
	ref := r.Reference()
	ref.Tag = tag
	desc, err := r.head(ctx, r.repo.Tag(tag))
	there, err := r.described(desc, ref.String(), err)
	switch {
	case IsNotFound(err):
		return false, nil
	case err != nil:
		return false, err
	case there.Digest != d:
		return false, &TagExistsError{ref, there.Digest}
	}
	return true, nil
}

// PushAbsent is [Repository.PushManifest] for a tag that [Repository.CheckAbsent] did not find. The registry is told to refuse where somebody
// else was faster, which is then a [*TagExistsError]; but the distribution specification knows no such condition, and a registry
// that does not heed it moves the tag. Only one whose tags are immutable guarantees that it never does.
func (r *Repository) PushAbsent(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) error {
	refused := false
	err := r.persist(ctx, func() (err error) {
		refused, err = r.putAbsent(ctx, tag, d, raw)
		return err
	})
	if err != nil {
		return fmt.Errorf("push manifest %q: %w", r.ref.Name()+":"+tag, r.explain(err))
	}
	if !refused {
		return nil
	}
	named, err := r.CheckAbsent(ctx, tag, d.Digest)
	if err == nil && !named {
		err = fmt.Errorf("push manifest %q: the registry refuses it, for the tag exists; but it does not", r.ref.Name()+":"+tag)
	}
	return err
}

func (r *Repository) putAbsent(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) (refused bool, err error) {
	address := url.URL{Scheme: "https", Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/manifests/" + tag}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address.String(), bytes.NewReader(raw))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", d.MediaType)
	req.Header.Set("If-None-Match", "*") // RFC 9110, 13.1.2
	resp, err := (&http.Client{Transport: r.bounded}).Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusPreconditionFailed {
		return true, nil
	}
	return false, transport.CheckError(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted)
}
