package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
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
// larger than 4 MiB. The registry is asked for them; where it has no such list, or an empty one, the fallback tag is: what was added to it
// last comes last, and what is cut is the oldest. Nobody vouches for the list: a descriptor's artifact type and annotations are what the
// registry or the last writer of the tag says. A subject that does not exist has no referrers.
func (r *Repository) Referrers(ctx context.Context, subject digest.Digest, limit int) (list []ocispec.Descriptor, cut bool, err error) {
	err = r.persist(ctx, func() error {
		list, cut, err = r.referrers(ctx, subject, limit)
		return err
	})
	if err == nil && len(list) == 0 {
		var more bool
		list, more, err = r.taggedReferrers(ctx, subject, limit)
		cut = cut || more
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
		more, err := eachMember(page.raw, func(d ocispec.Descriptor) bool {
			if len(list) == limit {
				return false
			}
			list = append(list, d)
			return true
		})
		if err != nil && !page.cut {
			return nil, false, err
		}
		if size += len(page.raw); more || page.cut || size > maxReferrerBytes {
			return list, true, nil
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
	cut  bool // raw is only how it begins
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
	page := referrerPage{link: resp.Header.Get("Link")}
	page.raw, err = io.ReadAll(resp.Body)
	if errors.Is(err, errTooLarge) { // registries repeat annotations, so that whoever pushes makes the list long
		page.cut, err = true, nil
	}
	return page, err
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

// taggedReferrers lists what the fallback tag names, the newest where there are more.
func (r *Repository) taggedReferrers(ctx context.Context, subject digest.Digest, limit int) ([]ocispec.Descriptor, bool, error) {
	raw, err := r.tagged(ctx, FallbackTag(subject))
	if err != nil || raw == nil {
		return nil, false, err
	}
	last, n := make([]ocispec.Descriptor, 0, limit), 0
	more, err := eachMember(raw, func(d ocispec.Descriptor) bool {
		if n++; n <= limit {
			last = append(last, d)
		} else {
			last[(n-1)%limit] = d
		}
		return true
	})
	if err != nil {
		return nil, false, &UnusableError{err}
	}
	list := make([]ocispec.Descriptor, 0, len(last))
	for i := n - len(last); i < n; i++ {
		list = append(list, last[i%limit])
	}
	return list, more || n > limit, nil
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
