package cli_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

func (s *script) fault(_ *testscript.TestScript, args []string) error {
	if len(args) == 0 {
		s.registry.Proxy.Clear()
		return nil
	}
	form := url.Values{}
	for _, arg := range args {
		field, value, _ := strings.Cut(arg, "=")
		form.Add(field, value)
	}
	_, err := s.send(http.MethodPost, s.registry.Admin+"/faults", "application/x-www-form-urlencoded", form.Encode())
	return err
}

func (s *script) requests(_ *testscript.TestScript, args []string) error {
	now := s.registry.Proxy.Counts()
	got := now.Sub(s.counted).Requests
	s.counted = now
	if slices.Equal(args, []string{"any"}) {
		return nil
	}
	want, err := parseRequests(args)
	if err != nil {
		return err
	}
	if wrong := differences(got, want); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, ", "))
	}
	return nil
}

// parseRequests reads "METHOD KIND", once, and "N METHOD KIND".
func parseRequests(args []string) (map[string]int, error) {
	want := map[string]int{}
	for _, arg := range args {
		words := strings.Fields(arg)
		n := 1
		if len(words) == 3 {
			var err error
			if n, err = strconv.Atoi(words[0]); err != nil {
				return nil, errUsage
			}
			words = words[1:]
		}
		want[strings.Join(words, " ")] = n
	}
	return want, nil
}

// differences says which numbers are others than wanted, in order.
func differences(got, want map[string]int) []string {
	all := maps.Clone(want)
	maps.Copy(all, got)
	var wrong []string
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if got[what] != want[what] {
			wrong = append(wrong, fmt.Sprintf("%q: %d instead of %d", what, got[what], want[what]))
		}
	}
	return wrong
}

// A script that waits this long waits for something that does not come.
const patience = 30 * time.Second

func (s *script) await(_ *testscript.TestScript, args []string) error {
	want, err := parseRequests(args)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	_, err = s.registry.Proxy.Wait(ctx, func(c proxy.Counts) bool { return reached(c.Sub(s.counted).Requests, want) })
	return err
}

func reached(got, want map[string]int) bool {
	for what, n := range want {
		if got[what] < n {
			return false
		}
	}
	return true
}
