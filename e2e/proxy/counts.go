package proxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Counts is what a proxy has seen since it began.
type Counts struct {
	// Requests by method and kind, as in "HEAD manifest"; a request counts when its header has arrived.
	Requests map[string]int `json:"requests"`
	// Responses by status, counted when the status is written; a connection that was cut before is not among them.
	Responses map[int]int `json:"responses"`
	// Connections accepted, and TLS handshakes answered on them; one that the client broke off then, for instance because
	// it does not trust the certificate, is among these.
	Connections int `json:"connections"`
	Handshakes  int `json:"handshakes"`
	// Bytes of bodies, as read from clients and as given to the network for them.
	Received int64 `json:"received"`
	Sent     int64 `json:"sent"`
}

// Sub returns what was added since before. Keys with nothing added are absent, so that two differences compare.
func (c Counts) Sub(before Counts) Counts {
	return Counts{
		Requests:    subtract(c.Requests, before.Requests),
		Responses:   subtract(c.Responses, before.Responses),
		Connections: c.Connections - before.Connections,
		Handshakes:  c.Handshakes - before.Handshakes,
		Received:    c.Received - before.Received,
		Sent:        c.Sent - before.Sent,
	}
}

// Of returns the number of requests of a method and kind; an empty one stands for any.
func (c Counts) Of(method string, kind Kind) int {
	n := 0
	for key, count := range c.Requests {
		m, k, _ := strings.Cut(key, " ")
		if (method == "" || method == m) && (kind == "" || kind == Kind(k)) {
			n += count
		}
	}
	return n
}

// String is one line for a person.
func (c Counts) String() string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(c.Requests)) {
		parts = append(parts, fmt.Sprintf("%s %d", key, c.Requests[key]))
	}
	for _, status := range slices.Sorted(maps.Keys(c.Responses)) {
		parts = append(parts, fmt.Sprintf("%d: %d", status, c.Responses[status]))
	}
	return fmt.Sprintf("%s, connections %d, handshakes %d, received %d bytes, sent %d bytes",
		strings.Join(parts, ", "), c.Connections, c.Handshakes, c.Received, c.Sent)
}

func (c Counts) clone() Counts {
	c.Requests, c.Responses = maps.Clone(c.Requests), maps.Clone(c.Responses)
	return c
}

func subtract[K comparable](now, before map[K]int) map[K]int {
	rest := map[K]int{}
	for key, n := range now {
		if d := n - before[key]; d != 0 {
			rest[key] = d
		}
	}
	return rest
}
