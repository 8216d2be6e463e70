package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

const (
	maxReferrerPages = 50
	maxReferrerBytes = artifact.MaxManifest // of all pages
)

// FallbackTag is the tag under which a registry without a list of its own keeps what refers to subject: an index (OCI distribution
// specification, "Referrers Tag Schema").
func FallbackTag(subject digest.Digest) string { return strings.Replace(subject.String(), ":", "-", 1) }

// Referrers lists the manifests that name subject as theirs, at most limit of them; cut says that there are more, or that the list is
// larger than 4 MiB. The registry is asked for them; where it has no such list, or an empty one, the fallback tag is. Nobody vouches
// for the list: a descriptor's artifact type and annotations are what the registry or the last writer of the tag says. A subject that
// does not exist has no referrers.
func (r *Repository) Referrers(ctx context.Context, subject digest.Digest, limit int) (list []ocispec.Descriptor, cut bool, err error) {
	err = r.persist(ctx, func() error {
		list, cut, err = r.referrers(ctx, subject, limit)
		return err
	})
	if err == nil && len(list) == 0 {
		list, cut, err = r.taggedReferrers(ctx, subject, limit)
	}
	if err != nil {
		return nil, false, fmt.Errorf("list referrers of %q: %w", r.ref.At(subject), r.explain(err))
	}
	return list, cut, nil
}

// referrers turns the pages of the registry's own list. It is empty where there is no such list.
func (r *Repository) referrers(ctx context.Context, subject digest.Digest, limit int) (list []ocispec.Descriptor, cut bool, err error) {
	next := &url.URL{
		Scheme: "https", // the session knows better
		Host:   r.repo.RegistryStr(),
		Path:   "/v2/" + r.repo.RepositoryStr() + "/referrers/" + subject.String(),
	}
	size := 0
	for range maxReferrerPages {
		page, err := r.referrerPage(ctx, next)
		if err != nil || page.raw == nil {
			return list, false, err
		}
		members, err := parseReferrers(page.raw)
		if err != nil {
			return nil, false, err
		}
		list = append(list, members...)
		if size += len(page.raw); len(list) > limit || size > maxReferrerBytes {
			return list[:min(limit, len(list))], true, nil
		}
		if page.link == "" {
			return list, false, nil
		}
		if next, err = nextPage(next, page.link); err != nil {
			return nil, false, err
		}
	}
	return list, true, nil
}

// referrerPage is one page, and the link to the next one where there is one. raw is nil where the registry knows no such list.
type referrerPage struct {
	raw  []byte
	link string
}

func (r *Repository) referrerPage(ctx context.Context, address *url.URL) (referrerPage, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return referrerPage{}, err
	}
	req.Header.Set("Accept", ocispec.MediaTypeImageIndex)
	resp, err := (&http.Client{Transport: r.bounded}).Do(req)
	if err != nil {
		return referrerPage{}, err
	}
	defer resp.Body.Close()
	if unlisted(resp) {
		return referrerPage{}, nil
	}
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return referrerPage{}, err
	}
	raw, err := io.ReadAll(resp.Body)
	return referrerPage{raw, resp.Header.Get("Link")}, err
}

// unlisted tells a registry that does not list referrers from one that fails: it does not know the address, or answers with something
// else than an index.
func unlisted(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusNotImplemented:
		return true
	case http.StatusOK:
		mediaType, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		return err != nil || mediaType != ocispec.MediaTypeImageIndex
	}
	return false
}

// parseReferrers reads an index of referrers. Members that nobody could fetch are left out: one of them is no reason to see none.
func parseReferrers(raw []byte) ([]ocispec.Descriptor, error) {
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("parse index of referrers: %w", err)
	}
	return slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		return d.Digest.Validate() != nil || d.Digest.Algorithm() != digest.SHA256 || d.Size < 0
	}), nil
}

// taggedReferrers lists what the fallback tag names.
func (r *Repository) taggedReferrers(ctx context.Context, subject digest.Digest, limit int) ([]ocispec.Descriptor, bool, error) {
	raw, err := r.tagged(ctx, FallbackTag(subject))
	if err != nil || raw == nil {
		return nil, false, err
	}
	list, err := parseReferrers(raw)
	if err != nil {
		return nil, false, &UnusableError{err}
	}
	return list[:min(limit, len(list))], len(list) > limit, nil
}

// tagged gives the manifest that tag names now; nil when there is none.
func (r *Repository) tagged(ctx context.Context, tag string) ([]byte, error) {
	desc, err := r.head(ctx, r.repo.Tag(tag))
	d, err := r.described(desc, r.ref.Name()+":"+tag, err)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, _, err := r.Manifest(ctx, d)
	return raw, err
}
