package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// MaxTags is how many tags of a repository are read; more is an error, not a guess among some of them.
const MaxTags = 100_000

const (
	tagsPerPage = 1_000 // asked for; a registry may give fewer
	maxTagPages = 1_000
	maxTagBytes = 32 << 20 // of all pages
)

// Tags lists the repository's tags, in the registry's order. What can be no tag is left out. The list may be shared with others: it is
// not to be changed.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	tags, err := share(ctx, r.polls, r.question("tags"), r.after, func(ctx context.Context) (tags []string, err error) {
		err = r.persist(ctx, func() error {
			tags, err = r.tags(ctx)
			return err
		})
		return tags, err
	})
	if err != nil {
		return nil, fmt.Errorf("list tags of %q: %w", r.ref.Name(), r.explain(err))
	}
	return tags, nil
}

// tags turns the pages itself: the client library follows links without end, and only where it guesses the session's scheme.
func (r *Repository) tags(ctx context.Context) ([]string, error) {
	page := &url.URL{
		Scheme:   "https", // the session knows better
		Host:     r.repo.RegistryStr(),
		Path:     "/v2/" + r.repo.RepositoryStr() + "/tags/list",
		RawQuery: fmt.Sprintf("n=%d", tagsPerPage),
	}
	var all []string
	size := 0
	for range maxTagPages {
		raw, link, err := r.tagPage(ctx, page)
		if err != nil {
			return nil, err
		}
		if size += len(raw); size > maxTagBytes {
			return nil, fmt.Errorf("more than %d bytes", maxTagBytes)
		}
		if all, err = appendTags(all, raw); err != nil || link == "" {
			return all, err
		}
		if page, err = nextPage(page, link); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("more than %d pages", maxTagPages)
}

// tagPage gives one page, and the link to the next one where there is one.
func (r *Repository) tagPage(ctx context.Context, page *url.URL) (raw []byte, link string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page.String(), nil)
	if err != nil {
		return nil, "", err
	}
	resp, err := (&http.Client{Transport: r.bounded}).Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	if err := transport.CheckError(resp, http.StatusOK); err != nil {
		return nil, "", err
	}
	raw, err = io.ReadAll(resp.Body)
	return raw, resp.Header.Get("Link"), err
}

func appendTags(all []string, raw []byte) ([]string, error) {
	if artifact.Values(raw) > MaxTags+10 { // before memory is spent on them
		return nil, fmt.Errorf("more than %d", MaxTags)
	}
	var page struct{ Tags []string }
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, fmt.Errorf("parse answer: %w", err)
	}
	for _, tag := range page.Tags {
		if ValidateTag(tag) == nil {
			all = append(all, tag)
		}
	}
	if len(all) > MaxTags {
		return nil, fmt.Errorf("more than %d", MaxTags)
	}
	return all, nil
}

// nextPage reads a Link header (RFC 8288): <address>; rel="next". The address is one of the same registry.
func nextPage(page *url.URL, link string) (*url.URL, error) {
	address, _, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
	next, err := page.Parse(address)
	switch {
	case !ok || err != nil:
		return nil, errors.New("the link to the next page is none")
	case next.Host != page.Host:
		return nil, fmt.Errorf("the next page is on another host, %q", next.Host)
	case *next == *page:
		return nil, errors.New("the next page is the same page")
	}
	return next, nil
}
