package proxy

import (
	"fmt"
	"net/http"
	"regexp"
	"sync/atomic"
	"time"
)

// Action is what goes wrong with a request beside its status.
type Action string

// The actions. All but Hang look at Fault.At.
const (
	// Hang never sends a header. It lasts until the client leaves or the fault is removed.
	Hang Action = "hang"
	// Stall sends the header and At bytes of the body, then nothing more, for as long as Hang.
	Stall Action = "stall"
	// Reset sends the header and At bytes of the body, then resets the connection; with At 0 not even the header.
	Reset Action = "reset"
	// ResetUpload resets the connection after At bytes of the request's body were passed on.
	ResetUpload Action = "reset-upload"
	// Flip inverts one bit of the body's byte At (from 0); headers stay as they were.
	Flip Action = "flip"
)

// Fault says which requests fail and how. What it leaves zero does not happen.
type Fault struct {
	Method string         `json:"method,omitempty"` // empty: any
	Path   *regexp.Regexp `json:"path,omitempty"`   // matched anywhere in the URL's path; nil: any
	Times  int            `json:"times,omitempty"`  // so many requests and no more; 0: until removed

	Delay  time.Duration `json:"delay,omitempty"`  // before anything else, in nanoseconds where JSON
	Status int           `json:"status,omitempty"` // answer this instead of asking the registry
	Header http.Header   `json:"header,omitempty"` // replaces that of the answer; with Status or Instead only
	// Instead is the path that the registry is asked for in place of the request's.
	Instead string `json:"instead,omitempty"`
	Action  Action `json:"action,omitempty"`
	At      int64  `json:"at,omitempty"` // byte of a body
}

// Injection is a fault in place.
type Injection struct {
	ID    int
	Fault Fault

	proxy   *Proxy
	hits    atomic.Int64
	removed chan struct{} // closed by Remove
}

// Hits returns how many requests met the fault.
func (i *Injection) Hits() int { return int(i.hits.Load()) }

// Remove ends the fault, for requests that hang in it too; those end without an answer. It may be called again.
func (i *Injection) Remove() { i.proxy.remove(i) }

// take reports whether the request meets the fault, and counts it. Callers hold the proxy's lock.
func (i *Injection) take(r *http.Request) bool {
	f := i.Fault
	if f.Method != "" && f.Method != r.Method || f.Path != nil && !f.Path.MatchString(r.URL.Path) {
		return false
	}
	if f.Times > 0 && i.Hits() >= f.Times {
		return false
	}
	i.hits.Add(1)
	return true
}

// check refuses what could not have been meant.
func (f Fault) check() error {
	switch f.Action {
	case "", Hang, Stall, Reset, ResetUpload, Flip:
	default:
		return fmt.Errorf("unknown action %q", f.Action)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status %d is not between 200 and 599", f.Status)
	}
	if f.Status != 0 && f.Action != "" {
		return fmt.Errorf("a fault has a status or an action, not both")
	}
	if f.Instead != "" && f.Status != 0 {
		return fmt.Errorf("a fault has a status or asks for something instead, not both")
	}
	if f.At < 0 || f.Times < 0 || f.Delay < 0 {
		return fmt.Errorf("at, times and delay are not negative")
	}
	return nil
}
