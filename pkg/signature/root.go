package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/theupdateframework/go-tuf/v2/metadata/fetcher"
)

// root is what identities are held against, and what it asks of evidence.
type root struct {
	sigroot.TrustedMaterial
	verifier *verify.Verifier
}

const maxRoot = 1 << 20 // bytes

// parseRoot reads a trusted_root.json.
func parseRoot(raw []byte) (*root, error) {
	switch {
	case len(raw) > maxRoot:
		return nil, fmt.Errorf("it has more than %d bytes", maxRoot)
	case !json.Valid(raw):
		return nil, errors.New("it is no JSON")
	}
	material, err := sigroot.NewTrustedRootFromJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("it is no trusted_root.json: %s", rootMistake(err))
	}
	return newRoot(material)
}

// positionInRoot is where the library for trusted roots begins to speak of them, and not of itself.
var positionInRoot = regexp.MustCompile(`^.*\(line (\d+):\d+\): `)

func rootMistake(err error) string {
	text := readable(err)
	if strings.HasSuffix(strings.TrimSpace(text), "media type:") {
		return "it has no mediaType"
	}
	return positionInRoot.ReplaceAllString(text, "line $1: ")
}

// newRoot asks for all that the root can check: an entry in a log and a certificate that was published, where it names such logs, and
// always a time by somebody it names.
func newRoot(material sigroot.TrustedMaterial) (*root, error) {
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1), verify.WithoutStatementPredicate()}
	switch logs, stamps := len(material.RekorLogs()), len(material.TimestampingAuthorities()); {
	case len(material.FulcioCertificateAuthorities()) == 0:
		return nil, errors.New("it names no certificate authority")
	case logs > 0:
		options = append(options, verify.WithTransparencyLog(1))
	case stamps == 0:
		return nil, errors.New("it names neither a transparency log nor a timestamp authority: nothing could prove when a signature was made")
	}
	if len(material.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(material, options...)
	return &root{material, verifier}, err
}

// Options configure a [Verifier]. The zero value is sigstore's public good instance.
type Options struct {
	TrustedRoot []byte        // a trusted_root.json in place of the public one, which is never fetched then; see [CheckTrustedRoot]
	Mirror      string        // address of the TUF repository of the public trusted root; empty: sigstore's own
	Root        []byte        // root.json that the repository is held against; nil: the one that is built in
	Timeout     time.Duration // for each file from there; zero: 30 seconds
	Patience    time.Duration // for which a verification waits while the root is fetched; zero: as long as its context allows
}

// CheckTrustedRoot says whether a trusted_root.json is of use.
func CheckTrustedRoot(raw []byte) error {
	_, err := parseRoot(raw)
	return err
}

// The public root is fetched once a day, each time from what is built in: nothing is kept on a disk. One that cannot be fetched anew counts
// for a week.
const (
	refreshRoot = 24 * time.Hour
	keepRoot    = 7 * 24 * time.Hour
	retryRoot   = time.Minute
	rootTimeout = 30 * time.Second
)

// public is the root of sigstore's public good instance, fetched when it is needed first, or the one that stands in for it. It is safe for
// concurrent use: all wait for one fetch, for as long as their contexts allow, which goes on when nobody waits any more.
type public struct {
	options Options

	mu      sync.Mutex
	root    *root
	fixed   bool // it is never fetched
	fetched time.Time
	failed  time.Time
	err     error
	current *fetching // nil: nobody fetches
}

type fetching struct {
	began time.Time
	done  chan struct{} // closed at its end, when what follows is there
	root  *root
	err   error
}

func newPublic(o Options) *public {
	if o.Timeout <= 0 {
		o.Timeout = rootTimeout
	}
	p := &public{options: o}
	if o.TrustedRoot != nil {
		p.fixed = true
		if p.root, p.err = parseRoot(o.TrustedRoot); p.err != nil {
			p.err = fmt.Errorf("read trusted root: %w", p.err)
		}
	}
	return p
}

var errSlowRoot = errors.New("sigstore's trusted root is being fetched still")

// get waits for the root. Where that takes too long, one of before serves as long as it may.
func (p *public) get(ctx context.Context) (*root, error) {
	if r, err, known := p.known(time.Now()); known {
		return r, err
	}
	current := p.fetchOnce()
	if p.options.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, current.began.Add(p.options.Patience), errSlowRoot)
		defer cancel()
	}
	select {
	case <-current.done:
		if r := p.former(time.Now()); current.err != nil && r != nil {
			return r, nil
		}
		return current.root, current.err
	case <-ctx.Done():
	}
	if r := p.former(time.Now()); r != nil && context.Cause(ctx) == errSlowRoot { //nolint:errorlint // that very one
		return r, nil
	}
	return nil, context.Cause(ctx)
}

// fetchOnce begins to fetch, unless that goes on already.
func (p *public) fetchOnce() *fetching {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		return p.current
	}
	current := &fetching{began: time.Now(), done: make(chan struct{})}
	p.current = current
	go func() { // the library knows no context
		defer close(current.done)
		current.root, current.err = p.fetch()
		p.note(current.root, current.err)
	}()
	return current
}

// former is a root that may serve where there is none that is fresh; nil: there is none.
func (p *public) former(now time.Time) *root {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.fetched) < keepRoot {
		return p.root
	}
	return nil
}

// known gives what need not be fetched: a root that is fresh, or the outcome of a try that failed just now.
func (p *public) known(now time.Time) (*root, error, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch age := now.Sub(p.fetched); {
	case p.fixed:
		return p.root, p.err, true
	case p.root != nil && age < refreshRoot:
		return p.root, nil, true
	case now.Sub(p.failed) >= retryRoot:
		return nil, nil, false
	case p.root != nil && age < keepRoot:
		return p.root, nil, true
	}
	return nil, p.err, true
}

func (p *public) note(r *root, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = nil
	if err != nil {
		p.failed, p.err = time.Now(), err
		return
	}
	p.root, p.fetched = r, time.Now()
}

// fetch asks the TUF repository. What libraries make of its answers must not end an agent, even where it is a panic.
func (p *public) fetch() (r *root, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("fetch sigstore's trusted root: %s", readable(fmt.Errorf("%v", panicked)))
		}
	}()
	get := fetcher.NewDefaultFetcher()
	get.SetHTTPClient(&http.Client{Timeout: p.options.Timeout})
	options := tuf.DefaultOptions().WithDisableLocalCache().WithFetcher(get)
	if p.options.Mirror != "" {
		options = options.WithRepositoryBaseURL(p.options.Mirror)
	}
	if p.options.Root != nil {
		options = options.WithRoot(p.options.Root)
	}
	client, err := tuf.New(options)
	if err != nil {
		return nil, fmt.Errorf("fetch sigstore's trusted root: %w", err)
	}
	raw, err := client.GetTarget("trusted_root.json")
	if err != nil {
		return nil, fmt.Errorf("fetch sigstore's trusted root: %w", err)
	}
	if r, err = parseRoot(raw); err != nil {
		return nil, fmt.Errorf("fetch sigstore's trusted root: %w", err)
	}
	return r, nil
}
