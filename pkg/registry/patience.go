package registry

import (
	"errors"
	"net/http"
	"sync"
	"time"
)

// patientTransport waits where a registry asks for fewer requests and all waits of a request together are short enough. It lies outside of everything that
// takes a pause for a failure.
type patientTransport struct {
	next     http.RoundTripper
	patience time.Duration
	waiting  func(*RateLimitError) // may be nil

	mu   sync.Mutex
	told time.Time // the latest end of a wait that waiting knows of
}

func (t *patientTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	for left := t.patience; ; {
		resp, err := t.next.RoundTrip(req)
		limited, ok := errors.AsType[*RateLimitError](err)
		if !ok || !replayable(req) {
			return resp, err
		}
		wait := time.Until(limited.Until)
		if left -= wait; left < 0 {
			return resp, err
		}
		t.tell(limited)
		if err := sleep(req.Context(), wait); err != nil {
			return nil, err
		}
		if err := rewind(req); err != nil {
			return nil, err
		}
	}
}

// tell says once what several requests may wait for.
func (t *patientTransport) tell(limited *RateLimitError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting != nil && limited.Until.After(t.told) {
		t.told = limited.Until
		t.waiting(limited)
	}
}
