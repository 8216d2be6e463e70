package layout

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

// Resolve gives the descriptor that the index has under a tag; without a tag the only artifact that it holds at all, whatever belongs to
// that.
func (l *Layout) Resolve(tag string) (ocispec.Descriptor, error) {
	if tag == "" {
		return l.only()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []ocispec.Descriptor
	for _, d := range l.index.Manifests {
		if isNamed(d, tag) {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		return ocispec.Descriptor{}, fmt.Errorf("resolve %q in layout %q: %w", tag, l.path, fs.ErrNotExist)
	case 1:
		return found[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("resolve %q in layout %q: it names %d artifacts", tag, l.path, len(found))
}

func (l *Layout) only() (ocispec.Descriptor, error) {
	all, err := l.Artifacts()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	all = slices.CompactFunc(all, func(a, b ocispec.Descriptor) bool { return a.Digest == b.Digest })
	switch len(all) {
	case 0:
		return ocispec.Descriptor{}, fmt.Errorf("resolve \"\" in layout %q: %w", l.path, fs.ErrNotExist)
	case 1:
		return all[0], nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("layout %q holds %d artifacts: say which, as in %s:TAG", l.path, len(all), l.path)
}

// Artifacts lists what the index has, in its order, without what belongs to something else: referrers, and what lies under tags that are
// made of digests. [Tag] tells their tags.
func (l *Layout) Artifacts() ([]ocispec.Descriptor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.searchSubjects(); err != nil {
		return nil, err
	}
	attached := map[digest.Digest]bool{}
	for _, list := range l.subjects {
		for _, d := range list {
			attached[d.Digest] = true
		}
	}
	var all []ocispec.Descriptor
	for _, d := range l.index.Manifests {
		tag := Tag(d)
		if !artifact.IsAttachmentTag(tag) && (tag != "" || !attached[d.Digest]) {
			all = append(all, d)
		}
	}
	return all, nil
}

// Tag is the tag by which the index has d, empty where it has none. Some write a whole reference where the specification has the tag.
func Tag(d ocispec.Descriptor) string {
	name := d.Annotations[ocispec.AnnotationRefName]
	if i := strings.LastIndexAny(name, ":/"); i >= 0 && name[i] == ':' {
		return name[i+1:]
	}
	return name
}

func isNamed(d ocispec.Descriptor, tag string) bool {
	return d.Annotations[ocispec.AnnotationRefName] == tag || Tag(d) == tag
}

// Attached lists what belongs to subject: what is in the index and names it as its subject, at most limit of them, and what lies under
// tags that are made of its digest. cut says that there is more.
func (l *Layout) Attached(_ context.Context, subject digest.Digest, limit int) (all []artifact.Attachment, cut bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.searchSubjects(); err != nil {
		return nil, false, err
	}
	list := l.subjects[subject]
	for _, d := range list[:min(limit, len(list))] {
		all = append(all, artifact.Attachment{Descriptor: d})
	}
	prefix := strings.Replace(subject.String(), ":", "-", 1) + "."
	for _, d := range l.index.Manifests {
		if tag := Tag(d); strings.HasPrefix(tag, prefix) && artifact.IsAttachmentTag(tag) {
			all = append(all, artifact.Attachment{Descriptor: d, Tag: tag})
		}
	}
	return all, len(list) > limit, nil
}

// searchSubjects reads every manifest in the index once: no descriptor says what its manifest refers to. What the index has and the layout
// does not, refers to nothing.
func (l *Layout) searchSubjects() error {
	if l.subjects != nil {
		return nil
	}
	subjects, seen := map[digest.Digest][]ocispec.Descriptor{}, map[digest.Digest]bool{}
	for _, d := range l.index.Manifests {
		if seen[d.Digest] || !artifact.IsManifest(d.MediaType) && !artifact.IsIndex(d.MediaType) {
			continue
		}
		seen[d.Digest] = true
		raw, _, err := l.Manifest(context.Background(), d)
		if err != nil {
			return fmt.Errorf("search what refers to what: %w", err)
		}
		listed, subject, err := artifact.ParseReferrer(raw)
		if err != nil || subject == nil || subject.Digest == d.Digest {
			continue
		}
		listed.MediaType, listed.Digest, listed.Size = d.MediaType, d.Digest, d.Size
		subjects[subject.Digest] = append(subjects[subject.Digest], listed)
	}
	l.subjects = subjects
	return nil
}
