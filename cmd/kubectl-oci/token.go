package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// Where pipelines keep their tokens, as cosign finds them.
//
//nolint:gosec // names of places, and nothing that is in them
const (
	tokenVariable         = "SIGSTORE_ID_TOKEN" // GitLab's
	tokenFile             = "/var/run/sigstore/cosign/oidc-token"
	githubAddressVariable = "ACTIONS_ID_TOKEN_REQUEST_URL"
	githubSecretVariable  = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// pipelineToken gives the token of the pipeline that this runs in, and where it was; empty: there is none.
func pipelineToken(ctx context.Context, audience string) (raw, place string, err error) {
	if raw = os.Getenv(tokenVariable); raw != "" {
		return strings.TrimSpace(raw), "env://" + tokenVariable, nil
	}
	if address, secret := os.Getenv(githubAddressVariable), os.Getenv(githubSecretVariable); address != "" && secret != "" {
		raw, err = githubToken(ctx, address, secret, audience)
		if err != nil {
			return "", "", fmt.Errorf("ask GitHub Actions for a token: %w", err)
		}
		return raw, "GitHub Actions", nil
	}
	text, err := readBounded(tokenFile, maxSmallFile)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read identity token %q: %w", tokenFile, err)
	}
	return strings.TrimSpace(string(text)), tokenFile, nil
}

// githubToken tries three times, for this service often fails once.
func githubToken(ctx context.Context, address, secret, audience string) (raw string, err error) {
	where, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("%s is no address", githubAddressVariable)
	}
	if !confidential(where) {
		return "", fmt.Errorf("%s is without TLS: others could read the token on the way", githubAddressVariable)
	}
	query := where.Query()
	query.Set("audience", audience)
	where.RawQuery = query.Encode()
	for try := range 3 {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(time.Duration(try) * time.Second):
		}
		var again bool
		if raw, again, err = askGitHub(ctx, where.String(), secret); err == nil || !again {
			break
		}
	}
	return raw, err
}

// askGitHub asks once, and tells whether another try may help.
func askGitHub(ctx context.Context, address, secret string) (raw string, again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil) //nolint:gosec // the pipeline's own address
	if err != nil {
		return "", false, err
	}
	req.Header.Set("Authorization", "bearer "+secret)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }} // to where others listen
	resp, err := client.Do(req)                                                                                          //nolint:gosec // the pipeline's own address
	if err != nil {
		return "", true, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", resp.StatusCode >= http.StatusInternalServerError, fmt.Errorf("HTTP %d", resp.StatusCode)
	}
	var answer struct {
		Value string `json:"value"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxSmallFile)).Decode(&answer); err != nil || answer.Value == "" {
		return "", true, errors.New("the answer holds none")
	}
	return answer.Value, false, nil
}

// claims are what a token says. Nobody has verified it: the certificate authority will.
type claims struct {
	Issuer   string    `json:"iss"`
	Subject  string    `json:"sub"`
	Email    string    `json:"email"`
	Audience audiences `json:"aud"`
	Expiry   float64   `json:"exp"` // seconds since 1970
}

// audiences are written as one, or as a list.
type audiences []string

func (a *audiences) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audiences{one}
		return nil
	}
	var list []string
	err := json.Unmarshal(raw, &list)
	*a = list
	return err
}

// String says whose token it is. A certificate names the mail address, where there is one.
func (c claims) String() string {
	who := c.Subject
	if c.Email != "" {
		who = c.Email
	}
	return fmt.Sprintf("%.200q, vouched for by %.200q", who, c.Issuer)
}

// parseToken looks for what would be refused later, and says so in fewer words. The error has nothing of the token's signature.
func parseToken(raw, audience string) (claims, error) {
	var c claims
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return c, errors.New("it is no OpenID token, which has three parts with a dot between them")
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, errors.New("it is no OpenID token: its middle part is no JSON in base64")
	}
	expiry := time.Unix(int64(c.Expiry), 0)
	switch {
	case len(c.Audience) > 0 && !slices.Contains(c.Audience, audience):
		return c, fmt.Errorf("it is made for %.200q, not for %q: --oidc-client-id names another", strings.Join(c.Audience, ", "), audience)
	case c.Expiry > 0 && time.Now().After(expiry):
		return c, fmt.Errorf("it was valid until %s", expiry.UTC().Format(time.RFC3339))
	}
	return c, nil
}
