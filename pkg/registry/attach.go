package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Reference names the repository, as it was written, without tag and digest.
func (r *Repository) Reference() Reference {
	return Reference{Registry: r.ref.Registry, Repository: r.ref.Repository}
}

// PushReferrer pushes a manifest that has a subject, whose blobs the repository must have, so that [Repository.Referrers] of the subject
// finds it: where the registry does not say that it keeps such a list, the index under the fallback tag gets another member.
func (r *Repository) PushReferrer(ctx context.Context, d ocispec.Descriptor, raw []byte) error {
	member, subject, err := artifact.ParseReferrer(raw)
	if err == nil && subject == nil {
		err = errors.New("it has no subject")
	}
	if err != nil {
		return fmt.Errorf("push referrer %q: %w", r.ref.At(d.Digest), err)
	}
	var listed bool
	err = r.persist(ctx, func() (err error) {
		listed, err = r.putReferrer(ctx, d, raw)
		return err
	})
	if err != nil {
		return fmt.Errorf("push referrer %q: %w", r.ref.At(d.Digest), r.explain(err))
	}
	if listed {
		return nil
	}
	member.MediaType, member.Digest, member.Size = d.MediaType, d.Digest, d.Size
	return r.Amend(ctx, FallbackTag(subject.Digest), func(raw []byte) (ocispec.Descriptor, []byte, error) {
		if digest.FromBytes(raw) == subject.Digest {
			raw = nil // "cosign copy" gives the copy this tag, too
		}
		return include(raw, member)
	})
}

// putReferrer tells whether the registry lists what was pushed.
func (r *Repository) putReferrer(ctx context.Context, d ocispec.Descriptor, raw []byte) (listed bool, err error) {
	address := url.URL{Scheme: "https", Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/manifests/" + d.Digest.String()}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, address.String(), bytes.NewReader(raw))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", d.MediaType)
	resp, err := (&http.Client{Transport: r.bounded}).Do(req)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	return resp.Header.Get("OCI-Subject") != "", transport.CheckError(resp, http.StatusOK, http.StatusCreated, http.StatusAccepted)
}

// include gives the index with one member more; nil when it has it. Anything else under its tag is somebody's, and is let be.
func include(raw []byte, member ocispec.Descriptor) (ocispec.Descriptor, []byte, error) {
	index := &ocispec.Index{}
	if raw != nil {
		var err error
		if index, err = artifact.DecodeIndex(raw); err != nil {
			return ocispec.Descriptor{}, nil, fmt.Errorf("it holds no index of referrers: %w", err)
		}
	}
	index.SchemaVersion, index.MediaType = 2, ocispec.MediaTypeImageIndex
	if slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool { return d.Digest == member.Digest }) {
		return ocispec.Descriptor{}, nil, nil
	}
	index.Manifests = append(index.Manifests, member)
	raw, err := json.Marshal(index)
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: digest.FromBytes(raw), Size: int64(len(raw))}, raw, err
}
