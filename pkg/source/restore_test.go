package source

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opencontainers/go-digest"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

// shelf is another replica: what it sends under each digest.
type shelf map[digest.Digest]string

func (s shelf) Fetch(_ context.Context, _ store.Key, d digest.Digest) (io.ReadCloser, error) {
	body, ok := s[d]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(body)), nil
}

// advertise runs the pipeline and then loses the disk.
func (b *bench) advertise(spec v1.OCIRepositorySpec) (Advertised, []byte) {
	b.t.Helper()
	found, failure := b.run(spec, Advertised{})
	if failure != nil {
		b.t.Fatal(failure)
	}
	bytes := b.served(found.Entry)
	b.lose()
	a := after(found)
	a.Ignore, a.LayerSelector = spec.Ignore, spec.LayerSelector
	return a, bytes
}

func (b *bench) lose() {
	b.t.Helper()
	if err := b.Store.Remove(key); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) restore(spec v1.OCIRepositorySpec, a Advertised) (store.Entry, error) {
	b.t.Helper()
	if spec.URL == "" {
		spec.URL = b.url()
	}
	return b.Restore(b.t.Context(), Request{Key: key, Spec: spec, Advertised: a})
}

func TestMirrorAsksReplicasOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	good := Advertised{Digest: digest.FromString("good"), Size: 4}
	for name, tc := range map[string]struct {
		replicas Replicas
		size     int64
		want     error
	}{
		"no replicas":       {nil, 4, fs.ErrNotExist},
		"nobody has it":     {shelf{}, 4, fs.ErrNotExist},
		"other bytes":       {shelf{good.Digest: "evil"}, 4, new(store.OtherBytesError)},
		"more bytes":        {shelf{good.Digest: "good and more"}, 4, errors.New("more than 4 bytes")},
		"there":             {shelf{good.Digest: "good"}, 4, nil},
		"size not known":    {shelf{good.Digest: "good"}, 0, nil},
		"size is not right": {shelf{good.Digest: "good"}, 3, errors.New("more than 3 bytes")},
	} {
		b.Replicas, good.Size = tc.replicas, tc.size
		entry, err := b.Mirror(t.Context(), key, good)
		other, _ := errors.AsType[*store.OtherBytesError](tc.want)
		switch {
		case tc.want == nil && (err != nil || string(b.served(entry)) != "good"):
			t.Errorf("%s: %v", name, err)
		case other != nil && !errors.As(err, &other):
			t.Errorf("%s: %v", name, err)
		case tc.want != nil && other == nil && !errors.Is(err, tc.want) && !strings.Contains(err.Error(), tc.want.Error()):
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
		if latest, err := b.Store.Latest(key); tc.want != nil && err == nil {
			t.Errorf("%s: an entry stays: %v", name, latest)
		}
		b.lose()
	}
	if n := b.requests.Load(); n > 0 {
		t.Errorf("%d requests to the registry", n)
	}
}

// What was packed anew is packed anew by the rules it was made by, whatever the spec says by now, and no tag is asked for.
func TestRestoreMakesTheSameBytes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	content := pack(t, map[string]string{"a.yaml": "a: 1", "b.yaml": "b: 1", "c.txt": "c"})
	b.pushLayer("v1", content, nil)
	for name, spec := range map[string]v1.OCIRepositorySpec{
		"as it is": byTag("v1"),
		"repacked": {Reference: &v1.OCIRepositoryRef{Tag: "v1"}, Ignore: new("*.txt")},
		"copied":   {Reference: &v1.OCIRepositoryRef{Tag: "v1"}, LayerSelector: &v1.OCILayerSelector{Operation: v1.LayerCopy}},
	} {
		a, want := b.advertise(spec)
		b.pushLayer("v1", pack(t, map[string]string{"moved.yaml": name}), nil)
		entry, err := b.restore(v1.OCIRepositorySpec{Reference: &v1.OCIRepositoryRef{Tag: "v2"}, Ignore: new("a.yaml")}, a)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if entry.Digest != a.Digest || string(b.served(entry)) != string(want) {
			t.Errorf("%s: other bytes are back", name)
		}
		b.lose()
		b.pushLayer("v1", content, nil)
	}
}

// What another version packed is not downloaded again and again, and nothing of it stays.
func TestRestoreOfOtherBytes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	a, _ := b.advertise(byTag("v1"))
	right := a.Digest
	a.Digest = digest.FromString("another packer")
	for range 2 {
		_, err := b.restore(byTag("v1"), a)
		if other, ok := errors.AsType[*IrreproducibleError](err); !ok || other.Want != a.Digest || other.Got != right {
			t.Fatalf("got %v", err)
		}
		if _, err := b.Store.Latest(key); err == nil {
			t.Error("an entry stays")
		}
		b.status.Store(http.StatusInternalServerError) // nobody asks again
	}
	b.status.Store(0)
	a.Digest = right
	if _, err := b.restore(byTag("v1"), a); err != nil {
		t.Error(err)
	}
}

// What turns out to be of no use, as when a limit was lowered, is downloaded once, however many clients ask for it.
func TestRestoreOfWhatIsUnusable(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1", "b.yaml": "b: 1"}), nil)
	a, _ := b.advertise(byTag("v1"))
	b.Limits.Entries = 1
	_, first := b.restore(byTag("v1"), a)
	before := b.requests.Load()
	_, again := b.restore(byTag("v1"), a)
	if first == nil || again == nil || first.Error() != again.Error() || b.failure(again).Reason != v1.ReasonLayerOperationFailed {
		t.Errorf("got %v, then %v", first, again)
	}
	if n := b.requests.Load() - before; n > 0 {
		t.Errorf("%d more requests", n)
	}
}

// The object's credentials go to the repository of its spec and nowhere else, whatever a status says.
func TestRestoreAsksTheSpecsRepositoryOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	a, _ := b.advertise(byTag("v1"))
	requests := b.requests.Load()
	d := digest.Digest(a.Place[strings.Index(a.Place, "@")+1:])
	for _, place := range []string{
		"", "v1", b.ref.Name(), b.ref.Name() + ":v1", b.ref.Registry + "/org/other@" + d.String(),
		"registry.example.com/org/app@" + d.String(), b.ref.Name() + ":v1@" + d.String(), "user@" + a.Place,
	} {
		elsewhere := a
		elsewhere.Place = place
		if _, err := b.restore(byTag("v1"), elsewhere); err == nil {
			t.Errorf("restored from %q", place)
		}
	}
	if _, err := b.restore(v1.OCIRepositorySpec{URL: b.ref.Registry + "/org/other"}, a); err == nil {
		t.Error("restored from the repository of an earlier spec")
	}
	if n := b.requests.Load() - requests; n > 0 {
		t.Errorf("%d requests", n)
	}
	b.status.Store(http.StatusUnauthorized)
	if _, err := b.restore(byTag("v1"), a); err == nil || b.failure(err).Reason != v1.ReasonAuthenticationFailed {
		t.Errorf("a registry that refuses: %v", err)
	}
}

// Equal misses at the same time cost one download.
func TestOneRestoreAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lanes
		leave, err := l.take(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := l.take(t.Context(), store.Key{Namespace: "other", Name: "app"}); err != nil {
			t.Error(err)
		} else {
			other()
		}
		impatient, cancel := context.WithCancel(t.Context())
		gaveUp, entered := make(chan error), make(chan error)
		go func() {
			_, err := l.take(impatient, key)
			gaveUp <- err
		}()
		go func() {
			leave, err := l.take(t.Context(), key)
			if err == nil {
				defer leave()
			}
			entered <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		select {
		case <-entered:
			t.Error("two at a time")
		default:
		}
		leave()
		if err := <-entered; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if len(l.taken) > 0 {
			t.Errorf("%d lanes are left", len(l.taken))
		}
	})
}

// A reconcile does not download what a client's request is putting back at the same time.
func TestRunWaitsForARestore(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	a, bytes := b.advertise(byTag("v1"))
	before := b.requests.Load()
	leave, err := b.restoring.take(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	found := make(chan Result, 1)
	go func() {
		result, _ := b.run(byTag("v1"), a)
		found <- result
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for b.requests.Load() == before {
		<-tick.C
	}
	if _, err := b.Store.Restore(key, a.Digest, func(w io.Writer) error { _, err := w.Write(bytes); return err }); err != nil {
		t.Fatal(err)
	}
	leave()
	if result := <-found; !result.Unchanged || b.requests.Load() != before+1 {
		t.Errorf("unchanged %t after %d requests", result.Unchanged, b.requests.Load()-before)
	}
}
