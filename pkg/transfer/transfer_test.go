package transfer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
	"github.com/kubectl-oci/kubectl-oci/pkg/layout"
	"github.com/kubectl-oci/kubectl-oci/pkg/transfer"
)

func create(t *testing.T) *layout.Layout {
	t.Helper()
	l, err := layout.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// put writes an artifact with one layer.
func put(t *testing.T, l *layout.Layout, tag, text string, subject *ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	m := ocispec.Manifest{MediaType: artifact.ManifestOCI, Subject: subject}
	m.SchemaVersion = 2
	for _, content := range []string{"{}", text} {
		d := describe("text/plain", []byte(content))
		err := l.PushBlob(t.Context(), d, func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil })
		if err != nil {
			t.Fatal(err)
		}
		m.Config, m.Layers = describe("text/plain", []byte("{}")), []ocispec.Descriptor{d}
	}
	raw := encode(t, m)
	d := describe(m.MediaType, raw)
	push := l.PushReferrer
	if subject == nil {
		push = func(ctx context.Context, d ocispec.Descriptor, raw []byte) error {
			return l.PushManifest(ctx, tag, d, raw)
		}
	}
	if err := push(t.Context(), d, raw); err != nil {
		t.Fatal(err)
	}
	return d
}

func putIndex(t *testing.T, l *layout.Layout, tag string, members ...ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	x := ocispec.Index{MediaType: artifact.IndexOCI, Manifests: members}
	x.SchemaVersion = 2
	raw := encode(t, x)
	d := describe(x.MediaType, raw)
	if err := l.PushManifest(t.Context(), tag, d, raw); err != nil {
		t.Fatal(err)
	}
	return d
}

func cosignTag(d ocispec.Descriptor) string {
	return strings.Replace(d.Digest.String(), ":", "-", 1) + ".sig"
}

// recorder notes in which order things are written.
type recorder struct {
	*layout.Layout
	mu    sync.Mutex
	order []string
	fail  func(what string) error // nil: nothing fails
}

func (r *recorder) note(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order = append(r.order, what)
	if r.fail != nil {
		return r.fail(what)
	}
	return nil
}

func (r *recorder) PushBlob(ctx context.Context, d ocispec.Descriptor, open func() (io.ReadCloser, error)) error {
	return errors.Join(r.note("blob"), r.Layout.PushBlob(ctx, d, open))
}

func (r *recorder) PushManifest(ctx context.Context, tag string, d ocispec.Descriptor, raw []byte) error {
	if err := r.note("manifest " + tag); err != nil {
		return err
	}
	return r.Layout.PushManifest(ctx, tag, d, raw)
}

func (r *recorder) PushReferrer(ctx context.Context, d ocispec.Descriptor, raw []byte) error {
	if err := r.note("referrer"); err != nil {
		return err
	}
	return r.Layout.PushReferrer(ctx, d, raw)
}

// What belongs to an artifact comes along, whatever it hangs on, and the tag comes last.
func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := create(t), &recorder{Layout: create(t)}
	member := put(t, from, "", "amd64", nil)
	root := putIndex(t, from, "v1", member, put(t, from, "", "arm64", nil))
	ofRoot := put(t, from, "", "of the index", &root)
	ofMember := put(t, from, "", "of a member", &member)
	signed := put(t, from, cosignTag(ofMember), "of what is of a member", nil)

	copier := transfer.New(from, to, transfer.Options{})
	got, err := copier.Copy(t.Context(), ocispec.Descriptor{Digest: root.Digest}, "v1", "latest")
	if err != nil {
		t.Fatal(err)
	}
	if got.Attachments != 3 || !got.Moved || got.Descriptor.MediaType != artifact.IndexOCI || copier.Sent() == 0 {
		t.Errorf("got %+v, %d bytes", got, copier.Sent())
	}
	for _, d := range []ocispec.Descriptor{root, member, ofRoot, ofMember, signed} {
		if ok, err := to.Exists(t.Context(), d.Digest); !ok || err != nil {
			t.Errorf("%s was not copied: %v", d.Digest, err)
		}
	}
	for _, tag := range []string{"v1", "latest"} {
		if d, err := to.Resolve(tag); err != nil || d.Digest != root.Digest {
			t.Errorf("%s is %v, %v", tag, d.Digest, err)
		}
	}
	last := strings.Join(to.order[len(to.order)-2:], ", ")
	if last != "manifest v1, manifest latest" {
		t.Errorf("what was written last is %s", last)
	}

	again := transfer.New(from, to, transfer.Options{})
	if got, err = again.Copy(t.Context(), root, "v1", "latest"); err != nil || got.Moved || again.Sent() != 0 {
		t.Errorf("again: %+v, %d bytes, %v", got, again.Sent(), err)
	}
}

func TestNoReferrers(t *testing.T) {
	t.Parallel()
	from, to := create(t), create(t)
	root := put(t, from, "v1", "text", nil)
	signature := put(t, from, "", "signature", &root)
	got, err := transfer.New(from, to, transfer.Options{NoReferrers: true}).Copy(t.Context(), root, "v1")
	if err != nil || got.Attachments != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if ok, _ := to.Exists(t.Context(), signature.Digest); ok {
		t.Error("the signature was copied")
	}
}

// Whatever fails on the way, no tag names the artifact, and the next copy goes on.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	errStop := errors.New("stop")
	for _, what := range []string{"blob", "manifest ", "referrer", "manifest v1"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			from := create(t)
			root := put(t, from, "v1", "text", nil)
			put(t, from, "", "signature", &root)
			to := &recorder{Layout: create(t), fail: func(now string) error {
				if now == what {
					return errStop
				}
				return nil
			}}
			if _, err := transfer.New(from, to, transfer.Options{}).Copy(t.Context(), root, "v1"); !errors.Is(err, errStop) {
				t.Errorf("got %v", err)
			}
			if d, err := to.Resolve("v1"); err == nil {
				t.Errorf("v1 is %v", d.Digest)
			}
			to.fail = nil
			got, err := transfer.New(from, to, transfer.Options{}).Copy(t.Context(), root, "v1")
			if err != nil || got.Attachments != 1 {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// liar is a source whose lists say what is not so.
type liar struct {
	*layout.Layout
	attached func(d digest.Digest, limit int) ([]artifact.Attachment, bool, error)
}

func (l *liar) Attached(_ context.Context, d digest.Digest, limit int) ([]artifact.Attachment, bool, error) {
	return l.attached(d, limit)
}

// What a list names and is not there, or belongs to something else, is passed over, and said.
func TestMissed(t *testing.T) {
	t.Parallel()
	from, to := create(t), create(t)
	root := put(t, from, "v1", "text", nil)
	other := put(t, from, "v2", "other", nil)
	ofOther := put(t, from, "", "signature", &other)
	gone := describe(artifact.ManifestOCI, []byte("gone"))
	source := &liar{from, func(d digest.Digest, _ int) ([]artifact.Attachment, bool, error) {
		if d != root.Digest {
			return nil, false, nil
		}
		return []artifact.Attachment{{Descriptor: gone}, {Descriptor: ofOther}, {Descriptor: other}}, false, nil
	}}
	var mu sync.Mutex
	missed := map[digest.Digest]string{}
	o := transfer.Options{Missed: func(d digest.Digest, why error) {
		mu.Lock()
		defer mu.Unlock()
		missed[d] = why.Error()
	}}
	got, err := transfer.New(source, to, o).Copy(t.Context(), root, "v1")
	if err != nil || got.Attachments != 0 || len(missed) != 3 {
		t.Errorf("got %+v, %v, %v", got, missed, err)
	}
	if ok, _ := to.Exists(t.Context(), ofOther.Digest); ok {
		t.Error("what belongs to something else was copied")
	}
}

// More than is copied is an error, rather than a copy without some of it.
func TestTooMany(t *testing.T) {
	t.Parallel()
	for name, attached := range map[string]func(*testing.T, *layout.Layout) func(digest.Digest, int) ([]artifact.Attachment, bool, error){
		"cut": func(*testing.T, *layout.Layout) func(digest.Digest, int) ([]artifact.Attachment, bool, error) {
			return func(digest.Digest, int) ([]artifact.Attachment, bool, error) { return nil, true, nil }
		},
		"deep": func(t *testing.T, l *layout.Layout) func(digest.Digest, int) ([]artifact.Attachment, bool, error) {
			n := 0
			return func(digest.Digest, int) ([]artifact.Attachment, bool, error) {
				n++
				d := put(t, l, "", fmt.Sprint("level ", n), nil)
				return []artifact.Attachment{{Descriptor: d, Tag: cosignTag(d)}}, false, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := create(t), create(t)
			root := put(t, from, "v1", "text", nil)
			source := &liar{from, attached(t, from)}
			_, err := transfer.New(source, to, transfer.Options{}).Copy(t.Context(), root, "v1")
			if !errors.Is(err, transfer.ErrTooMany) {
				t.Errorf("got %v", err)
			}
			if _, err := to.Resolve("v1"); err == nil {
				t.Error("the tag is there")
			}
		})
	}
}

func TestForeignType(t *testing.T) {
	t.Parallel()
	from, to := create(t), create(t)
	raw := []byte(`{"schemaVersion":1}`)
	d := describe("application/vnd.docker.distribution.manifest.v1+json", raw)
	if err := from.PushManifest(t.Context(), "v1", d, raw); err != nil {
		t.Fatal(err)
	}
	_, err := transfer.New(from, to, transfer.Options{}).Copy(t.Context(), d, "v1")
	if err == nil || !strings.Contains(err.Error(), "is neither that of an image manifest nor that of an index") {
		t.Errorf("got %v", err)
	}
}

// Blobs are read as streams, and so many at a time.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	from, to := create(t), create(t)
	var members []ocispec.Descriptor
	for i := range 12 {
		members = append(members, put(t, from, "", strings.Repeat(fmt.Sprint(i), 1000), nil))
	}
	root := putIndex(t, from, "v1", members...)
	source := &meter{Layout: from}
	if _, err := transfer.New(source, to, transfer.Options{Concurrent: 3}).Copy(t.Context(), root, "v1"); err != nil {
		t.Fatal(err)
	}
	if source.most > 3 || source.all != 13 { // the config is the same
		t.Errorf("%d blobs were opened, %d at a time", source.all, source.most)
	}
}

type meter struct {
	*layout.Layout
	mu             sync.Mutex
	now, most, all int
}

func (m *meter) Blob(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now++
	m.all++
	m.most = max(m.most, m.now)
	blob, err := m.Layout.Blob(ctx, d)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	raw, err := io.ReadAll(blob)
	return &metered{bytes.NewReader(raw), m}, err
}

type metered struct {
	*bytes.Reader
	meter *meter
}

func (m *metered) Close() error {
	m.meter.mu.Lock()
	defer m.meter.mu.Unlock()
	m.meter.now--
	return nil
}
