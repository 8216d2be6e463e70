package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	pause   = 20 * time.Millisecond // between downloads
	timeout = 5 * time.Second       // for one
	maxKept = 20                    // failures that are told in full
)

// poller downloads one thing again and again. Every download looks the name up and connects anew, as one of another client would.
type poller struct {
	url, sum string
	client   http.Client

	mu     sync.Mutex
	result result
}

type result struct {
	Passed, Failed int
	Slowest        time.Duration
	Failures       []string
}

func newPoller(url, sum string) *poller {
	return &poller{url: url, sum: sum, client: http.Client{Timeout: timeout, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (p *poller) run() {
	for range time.Tick(pause) {
		began := time.Now()
		err := p.download()
		p.record(began, err)
	}
}

func (p *poller) download() error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, p.url, nil) //nolint:gosec // the test says what to download
	if err != nil {
		return err
	}
	resp, err := p.client.Do(req) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	if got := hex.EncodeToString(sum[:]); resp.StatusCode != http.StatusOK || got != p.sum {
		return fmt.Errorf("%s, sha256 %s", resp.Status, got)
	}
	return nil
}

func (p *poller) record(began time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Slowest = max(p.result.Slowest, time.Since(began))
	if err == nil {
		p.result.Passed++
		return
	}
	p.result.Failed++
	if len(p.result.Failures) < maxKept {
		p.result.Failures = append(p.result.Failures, fmt.Sprintf("%s after %v: %v", began.Format(time.TimeOnly), time.Since(began), err))
	}
}

// ServeHTTP answers with the result so far.
func (p *poller) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = json.NewEncoder(w).Encode(p.result)
}
