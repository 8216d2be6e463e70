package status

import (
	"strings"
	"time"
)

// Agent is what an agent knows of itself at one moment. Only the one that leads polls.
type Agent struct {
	Instance   string // the Pod or machine
	Version    string
	Leads      bool
	Leader     string // who has the lease; empty: unknown, or there is no election
	Store      Store
	Registries []Registry // those in trouble
	Objects    []Object   // all, in no order
}

// Store is what the agent holds on its disk.
type Store struct {
	Artifacts int   `json:"artifacts"` // superseded ones too
	Bytes     int64 `json:"bytes"`     // equal ones once
}

// Registry is one that the agent leaves alone for a while, or that has all the requests to answer that it may have at once.
type Registry struct {
	Host  string    `json:"host"`
	Until time.Time `json:"until,omitzero"` // no request is sent before
	Pulls time.Time `json:"pulls,omitzero"` // no artifact is fetched before; polls go on
	Busy  int       `json:"busy"`           // requests under way with the credential that has the most
	Room  int       `json:"room"`           // how many of them there may be
}

// State is how an object is, in a word.
type State string

// The states, the worst first.
const (
	Failing   State = "failing"   // tried again
	Stalled   State = "stalled"   // not tried again before somebody changes something
	Elsewhere State = "elsewhere" // left to another controller
	Waiting   State = "waiting"   // for a first answer, or for a window
	Suspended State = "suspended"
	Ready     State = "ready"
)

// States are all there are, in this order.
func States() []State { return []State{Failing, Stalled, Elsewhere, Waiting, Suspended, Ready} }

// Trust is what is known of the signatures that an object needs.
type Trust string

// What may be known.
const (
	NotRequired  Trust = "not required"
	Verified     Trust = "verified"
	Refused      Trust = "refused"
	Undetermined Trust = "unknown" // nobody has looked for them yet, or it could not be asked
)

// Object is one that the agent has in its care.
type Object struct {
	Namespace string        `json:"namespace"`
	Name      string        `json:"name"`
	URL       string        `json:"url"`
	Reference string        `json:"reference"` // such as "tag v1"
	Interval  time.Duration `json:"-"`
	State     State         `json:"state"`
	Revision  string        `json:"revision,omitempty"` // advertised; empty: nothing is
	Updated   time.Time     `json:"updated,omitzero"`   // when that became another one
	LastPoll  time.Time     `json:"lastPoll,omitzero"`  // zero: not since this agent leads
	NextPoll  time.Time     `json:"nextPoll,omitzero"`  // at the latest; zero: not before something changes
	Signature Trust         `json:"signature"`
	Reason    string        `json:"reason,omitempty"`
	Message   string        `json:"message,omitempty"` // of the last error, or what it waits for
}

func (o Object) key() string { return o.Namespace + "/" + o.Name }

// maxText is how many bytes of a text an answer has.
const maxText = 1 << 10

// tidy has no text that is longer than that, and no password in the URL.
func (o Object) tidy() Object {
	o.URL = withoutUser(o.URL)
	for _, text := range []*string{&o.URL, &o.Reference, &o.Revision, &o.Reason, &o.Message} {
		*text = clip(*text)
	}
	return o
}

// withoutUser leaves out what comes before the host, also where the rest is no URL at all.
func withoutUser(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		return scheme + strings.TrimSuffix(host[at+1:]+"/"+path, "/")
	}
	return address
}

func clip(text string) string {
	const more = "…"
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText-len(more)], "") + more
}
