package status

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds of what one answer lists.
const (
	defaultLimit = 100
	maxLimit     = 500
)

// query is what a reader asks to see. It is all in the URL, so that a view can be kept and sent to somebody.
type query struct {
	namespace string
	state     State
	after     string // namespace/name that the list goes on after
	limit     int
	refresh   int // seconds until the page is loaded again; zero: it is not
}

// refreshes are the choices of a page, in seconds.
func refreshes() []int { return []int{0, 10, 60} }

func parseQuery(values url.Values) (query, error) {
	q := query{
		namespace: values.Get("namespace"),
		state:     State(values.Get("state")),
		after:     values.Get("after"),
		limit:     defaultLimit,
	}
	if q.state != "" && !slices.Contains(States(), q.state) {
		return query{}, fmt.Errorf("there is no state %q, but %s", clip(string(q.state)), strings.Join(stateNames(), ", "))
	}
	var err error
	if text := values.Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > maxLimit {
			return query{}, fmt.Errorf("the limit %q is not 1 to %d", clip(text), maxLimit)
		}
	}
	if text := values.Get("refresh"); text != "" {
		if q.refresh, err = strconv.Atoi(text); err != nil || !slices.Contains(refreshes(), q.refresh) {
			return query{}, fmt.Errorf("refresh %q is not one of %v seconds", clip(text), refreshes())
		}
	}
	return q, nil
}

func stateNames() (names []string) {
	for _, s := range States() {
		names = append(names, string(s))
	}
	return names
}

// link is the page's own address for the query.
func (q query) link() string {
	values := url.Values{}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("namespace", q.namespace)
	set("state", string(q.state))
	set("after", q.after)
	if q.limit != defaultLimit {
		values.Set("limit", strconv.Itoa(q.limit))
	}
	if q.refresh > 0 {
		values.Set("refresh", strconv.Itoa(q.refresh))
	}
	return "?" + values.Encode()
}

func (q query) of(state State) query {
	q.state, q.after = state, ""
	return q
}

func (q query) from(key string) query {
	q.after = key
	return q
}
