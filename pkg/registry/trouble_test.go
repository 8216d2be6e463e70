package registry

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A registry is in trouble as long as it is left alone, with whichever of its credentials, and no longer.
func TestTroubles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(Options{Concurrent: 2})
		add := func(host, user string) *governor {
			g := newGovernor(host, 2)
			c.governors.add(governorKey(routeKey{host: host}, Credential{Username: user}), g, 1)
			return g
		}
		first, second, other := add("b.example", "one"), add("b.example", "two"), add("a.example", "")
		if found, all := c.Troubles(10); all != 0 {
			t.Errorf("nothing happened: %v", found)
		}
		refuse(first, "b.example", "60")
		refuse(second, "b.example", "120")
		other.places <- struct{}{}
		other.places <- struct{}{}
		now := time.Now()
		want := []Trouble{{Host: "a.example", Busy: 2, Room: 2}, {Host: "b.example", Until: now.Add(2 * time.Minute), Room: 2}}
		if found, all := c.Troubles(10); all != 2 || !cmp.Equal(want, found) {
			t.Errorf("%d: %s", all, cmp.Diff(want, found))
		}
		if found, all := c.Troubles(1); all != 2 || len(found) != 1 {
			t.Errorf("%d of %d", len(found), all)
		}
		<-other.places
		time.Sleep(2 * time.Minute) //nolint:forbidigo // simulated time
		if found, all := c.Troubles(10); all != 0 {
			t.Errorf("it is over: %v", found)
		}
	})
}

// refuse has the registry ask to be left alone for so many seconds.
func refuse(g *governor, host, seconds string) {
	req := &http.Request{Method: http.MethodHead, URL: &url.URL{Host: host, Path: "/v2/app/manifests/v1"}}
	g.note(req, &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {seconds}}})
}
