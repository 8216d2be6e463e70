package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds of what is spent on telling.
const (
	maxNotices  = 256 // that wait
	maxTries    = 5
	firstPause  = time.Second // between two tries; it doubles
	postTimeout = 5 * time.Second
	drainTime   = 5 * time.Second // at the end
	maxRemarks  = 16 << 10        // bytes of an object's annotations that go with its events
)

// notifyPrefix of an object's annotations that are for whoever is notified.
const notifyPrefix = "event.toolkit.fluxcd.io/"

// Notifier posts events to a receiver such as Flux's notification-controller, in its format and in order. Whoever has something to
// tell never waits: when too much is waiting already, or the receiver does not take it after some tries, an event is lost, and the log
// says so. It exists in the cluster as well.
type Notifier struct {
	address string
	log     *slog.Logger
	client  *http.Client
	queue   chan []byte
}

// NewNotifier makes one for the receiver at an http(s) URL. Nothing is sent before Run.
func NewNotifier(address string, log *slog.Logger) (*Notifier, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("the address of the events receiver is no URL http://… or https://…") // which may hold a password
	}
	return &Notifier{address: address, log: log, client: &http.Client{Timeout: postTimeout}, queue: make(chan []byte, maxNotices)}, nil
}

// Run sends until ctx is done, and then what is waiting still: all of that, and what it is at by then, for a few seconds more.
func (n *Notifier) Run(ctx context.Context) {
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drainTime, cancel) })()
	for ctx.Err() == nil {
		select {
		case body := <-n.queue:
			n.deliver(base, ctx.Done(), body)
		case <-ctx.Done():
		}
	}
	n.drain(base, ctx.Done())
}

func (n *Notifier) drain(ctx context.Context, hurry <-chan struct{}) {
	for {
		select {
		case body := <-n.queue:
			n.deliver(ctx, hurry, body)
		default:
			return
		}
	}
}

// deliver tries again what may go better later. In a hurry it does so once, and at once.
func (n *Notifier) deliver(ctx context.Context, hurry <-chan struct{}, body []byte) {
	pause := firstPause
	for try := 1; ; try++ {
		again, err := n.post(ctx, body)
		if err == nil {
			return
		}
		if !again || try >= maxTries {
			n.log.Error("the receiver of events does not take one", "error", err)
			return
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-hurry:
			try = maxTries - 1
		}
	}
}

// post sends one event. The receiver answers 429 to one that it has had already: it is as good as taken.
func (n *Notifier) post(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.address, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("its address is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := n.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the address, which may hold a password
		}
		return true, err
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)) //nolint:errcheck // for the connection's sake
	switch {
	case resp.StatusCode < 300, resp.StatusCode == http.StatusTooManyRequests:
		return false, nil
	default:
		return resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented, fmt.Errorf("it answers %s", resp.Status)
	}
}

// notice is an event as Flux's controllers post it.
type notice struct {
	InvolvedObject      corev1.ObjectReference `json:"involvedObject"`
	Severity            string                 `json:"severity"` // info or error
	Timestamp           metav1.Time            `json:"timestamp"`
	Message             string                 `json:"message"`
	Reason              string                 `json:"reason"`
	Metadata            map[string]string      `json:"metadata,omitempty"`
	ReportingController string                 `json:"reportingController"`
	ReportingInstance   string                 `json:"reportingInstance,omitempty"`
}

// notify has an event sent, with a message that may be longer than the event's own. A nil Notifier sends nothing.
func (n *Notifier) notify(event *eventsv1.Event, message string) {
	if n == nil {
		return
	}
	severity := "info"
	if event.Type == corev1.EventTypeWarning {
		severity = "error"
	}
	body, err := json.Marshal(notice{
		InvolvedObject:      event.Regarding,
		Severity:            severity,
		Timestamp:           metav1.NewTime(event.EventTime.Time),
		Message:             clip(message, maxMessage),
		Reason:              event.Reason,
		Metadata:            event.Annotations,
		ReportingController: event.ReportingController,
		ReportingInstance:   event.ReportingInstance,
	})
	if err != nil {
		panic("controller: an event that JSON cannot hold: " + err.Error())
	}
	select {
	case n.queue <- body:
	default:
		n.log.Error("the receiver of events does not keep up: one is lost")
	}
}

// remarks are the annotations of an object that go with its events, for whoever is notified, unless they are too much.
func remarks(annotations map[string]string) map[string]string {
	found, size := map[string]string{}, 0
	for key, value := range annotations {
		if strings.HasPrefix(key, notifyPrefix) {
			found[key] = value
			size += len(key) + len(value)
		}
	}
	if size > maxRemarks {
		return map[string]string{}
	}
	return found
}
