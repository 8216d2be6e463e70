package registry

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/singleflight"
)

func (s *session) token(ctx context.Context, challenge *transport.Challenge, scope string) (string, error) {
	if fresh := s.fresh(scope); fresh != "" {
		return fresh, nil
	}
	return shared(ctx, &s.flight, "token "+scope, func(ctx context.Context) (string, error) {
		if fresh := s.fresh(scope); fresh != "" { // since we looked
			return fresh, nil
		}
		answer, err := transport.Exchange(ctx, s.registry, s.credential.authenticator(), s.gate, strings.Fields(scope), challenge)
		if err != nil {
			s.distrust(challenge) // the token service may have moved
			return "", withoutAnswer(err)
		}
		fresh := newToken(answer, time.Now())
		if len(fresh.value) > maxTokenBytes {
			return "", fmt.Errorf("the token is longer than %d KiB", maxTokenBytes>>10)
		}
		s.keep(scope, fresh)
		return fresh.value, nil
	})
}

// keep notes a token, and drops those that are not used any more.
func (s *session) keep(scope string, fresh token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(s.tokens, func(_ string, known token) bool { return !now.Before(known.refresh) })
	s.tokens[scope] = fresh
}

// withoutAnswer keeps out of an error what the token service answered, which the client library quotes: it may be another secret, or the
// page of somebody who issues no tokens at all.
func withoutAnswer(err error) error {
	if strings.HasPrefix(err.Error(), "no token in bearer response") {
		return errors.New("the token service's answer holds no token")
	}
	return err
}

// fresh is the token for scope, empty when there is none or it is time for the next.
func (s *session) fresh(scope string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.tokens[scope]; time.Now().Before(known.refresh) {
		return known.value
	}
	return ""
}

type token struct {
	value   string
	refresh time.Time // when to ask for the next one, before this one expires
}

const (
	// A token lives for 60 seconds where its issuer does not say, as the token specification has it.
	defaultTokenLife = time.Minute
	// Longer lives are not made use of: whoever issues tokens does not say how long we remember them.
	maxTokenLife = 3600 // seconds
	// Servers take no longer headers.
	maxTokenBytes = 32 << 10
)

func newToken(t *transport.Token, now time.Time) token {
	life := max(time.Duration(min(t.ExpiresIn, maxTokenLife))*time.Second, defaultTokenLife)
	value := t.Token
	if value == "" {
		value = t.AccessToken
	}
	return token{value: value, refresh: now.Add(life * 4 / 5)}
}

// shared runs f once for all who ask for key meanwhile. Each waits as long as its own context allows; f has its own bound.
func shared[T any](ctx context.Context, g *singleflight.Group, key string, f func(context.Context) (T, error)) (T, error) {
	result := g.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), exchangeTimeout)
		defer cancel()
		return safely(func() (any, error) { return f(ctx) })
	})
	var none T
	select {
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case r := <-result:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	}
}
