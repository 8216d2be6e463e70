package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

// reception is one request that a receiver of events got.
type reception struct {
	Method, Path, ContentType string
	Event                     map[string]any
}

func receiver(t *testing.T) (url string, received <-chan reception) {
	t.Helper()
	got := make(chan reception, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one := reception{Method: r.Method, Path: r.URL.Path, ContentType: r.Header.Get("Content-Type")}
		if err := json.NewDecoder(r.Body).Decode(&one.Event); err != nil {
			t.Error(err)
		}
		got <- one
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

// The event as Flux's controllers post it: an alert that names this kind and this object takes it for one of source-controller's.
func TestNotifierSpeaksFluxsFormat(t *testing.T) {
	t.Parallel()
	url, received := receiver(t)
	n, err := NewNotifier(url+"/", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Instance: "oci-agent-1", Notifier: n}
	object := after(stored(1))
	object.UID, object.ResourceVersion = "some-uid", "42"
	object.Annotations = map[string]string{"event.toolkit.fluxcd.io/team": "blue", "example.com/secret": "s3cr3t"}
	event := r.newEvent(object, corev1.EventTypeWarning, v1.ReasonPullFailed, "it broke")
	n.notify(event, "it broke, and this is why")
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what waits is sent all the same
	n.Run(ctx)

	want := reception{Method: http.MethodPost, Path: "/", ContentType: "application/json", Event: map[string]any{
		"involvedObject": map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "namespace": "apps", "name": "podinfo",
			"uid": "some-uid", "resourceVersion": "42",
		},
		"severity":  "error",
		"timestamp": event.EventTime.UTC().Format(time.RFC3339),
		"message":   "it broke, and this is why",
		"reason":    "OCIArtifactPullFailed",
		"metadata": map[string]any{
			"source.toolkit.fluxcd.io/revision": revision(1),
			"source.toolkit.fluxcd.io/digest":   object.Status.Artifact.Digest,
			"event.toolkit.fluxcd.io/team":      "blue",
		},
		"reportingController": "oci-agent",
		"reportingInstance":   "oci-agent-1",
	}}
	if diff := cmp.Diff(want, <-received); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// answers is a receiver that gives one answer after the other, 0 for none, and then the last one for good.
type answers struct {
	mu     sync.Mutex
	status []int
	times  []time.Time
	bodies []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	a.times, a.bodies = append(a.times, time.Now()), append(a.bodies, string(body))
	status := a.status[0]
	if len(a.status) > 1 {
		a.status = a.status[1:]
	}
	if status == 0 {
		return nil, fmt.Errorf("no connection to %s", r.URL.Host)
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: http.NoBody}, nil
}

// gaps are the seconds between two tries.
func (a *answers) gaps() []int {
	gaps := []int{}
	for i := 1; i < len(a.times); i++ {
		gaps = append(gaps, int(a.times[i].Sub(a.times[i-1])/time.Second))
	}
	return gaps
}

func newNotifier(t *testing.T, to *answers) (*Notifier, *strings.Builder) {
	t.Helper()
	var logged strings.Builder
	n, err := NewNotifier("http://user:s3cr3t@receiver.example.com/?token=s3cr3t", slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	n.client.Transport = to
	return n, &logged
}

func TestNotifierTriesAgainWhatMayGoBetter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status []int
		gaps   []int
		lost   bool
	}{
		"taken":                {[]int{202}, []int{}, false},
		"had already":          {[]int{429}, []int{}, false},
		"refused":              {[]int{400}, []int{}, true},
		"trouble, for a while": {[]int{503, 0, 502, 200}, []int{1, 2, 4}, false},
		"not there at all":     {[]int{0}, []int{1, 2, 4, 8}, true},
		"not implemented":      {[]int{501}, []int{}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				to := &answers{status: test.status}
				n, logged := newNotifier(t, to)
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { n.Run(ctx) })
				n.notify((&Reconciler{}).newEvent(newObject(1), "Normal", "Succeeded", "all is well"), "all is well")
				<-time.After(time.Minute)
				cancel()
				running.Wait()
				if diff := cmp.Diff(test.gaps, to.gaps()); diff != "" {
					t.Errorf("seconds between two tries (-want +got):\n%s", diff)
				}
				if lost := logged.Len() > 0; lost != test.lost || strings.Contains(logged.String(), "s3cr3t") {
					t.Errorf("lost: %t, the log says %q", lost, logged)
				}
			})
		})
	}
}

// Nobody who tells something waits for a receiver that is down, and the end is not put off for long.
func TestNotifierNeverBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &answers{status: []int{0}}
		n, logged := newNotifier(t, to)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { n.Run(ctx) })
		start := time.Now()
		for i := range 2 * maxNotices {
			n.notify((&Reconciler{}).newEvent(newObject(1), "Normal", "Succeeded", fmt.Sprint(i)), fmt.Sprint(i))
		}
		if spent := time.Since(start); spent > 0 {
			t.Errorf("telling took %s", spent)
		}
		synctest.Wait()
		<-time.After(time.Second / 2)
		cancel()
		running.Wait()
		if spent := time.Since(start); spent > drainTime+time.Second {
			t.Errorf("the end came after %s", spent)
		}
		if len(to.times) < maxNotices || !strings.Contains(logged.String(), "does not keep up") {
			t.Errorf("%d tries; the log says %q", len(to.times), logged)
		}
	})
}

// mute is a receiver that takes what it is sent, and never answers.
type mute struct{}

func (mute) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// One bound holds from the moment it is told to stop: for what is under way then, and for all that waits.
func TestNotifierEndsInTime(t *testing.T) {
	t.Parallel()
	for _, early := range []time.Duration{0, time.Second, 4 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n, _ := newNotifier(t, &answers{})
			n.client.Transport = mute{}
			for range 10 {
				n.notify((&Reconciler{}).newEvent(newObject(1), "Normal", "Succeeded", "x"), "x")
			}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { n.Run(ctx) })
			<-time.After(early)
			cancel()
			start := time.Now()
			running.Wait()
			if spent := time.Since(start); spent > drainTime {
				t.Errorf("after %s: the end took %s", early, spent)
			}
		})
	}
}

func TestNotifierSendsInOrderWhatWaitsAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &answers{status: []int{200}}
		n, _ := newNotifier(t, to)
		for i := range 5 {
			n.notify((&Reconciler{}).newEvent(newObject(1), "Normal", "Succeeded", "x"), fmt.Sprint("number ", i))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n.Run(ctx)
		for i, body := range to.bodies {
			if !strings.Contains(body, fmt.Sprintf(`"number %d"`, i)) {
				t.Errorf("number %d is %s", i, body)
			}
		}
		if len(to.bodies) != 5 {
			t.Errorf("%d are sent", len(to.bodies))
		}
	})
}

func TestNotifierNeedsAnAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "notification-controller", "ftp://receiver.example.com", "http://", "http://us er:s3cr3t@x"} {
		if _, err := NewNotifier(address, slog.New(slog.DiscardHandler)); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestRemarksAreBounded(t *testing.T) {
	t.Parallel()
	if got := remarks(map[string]string{notifyPrefix + "long": strings.Repeat("x", maxRemarks)}); len(got) != 0 {
		t.Errorf("%d are kept", len(got))
	}
}
