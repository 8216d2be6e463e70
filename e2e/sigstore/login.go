package sigstore

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"sync"
)

// desk is where people log in, and pipelines ask who they are: what a provider does before there is a token.
type desk struct {
	mu      sync.Mutex
	person  string             // who logs in; nobody does when it is empty
	waiting map[string]attempt // by the code that ends it
	secret  string             // of the pipeline
	job     string             // who the pipeline is
}

// attempt is a login under way.
type attempt struct {
	client    string
	challenge string // of RFC 7636
	redirect  string // where to; empty: on another device
	nonce     string
	person    string
}

func newDesk() *desk { return &desk{waiting: map[string]attempt{}} }

// LogIn says who logs in from now on, without being asked for more. Nobody does as long as it is not said.
func (s *Sigstore) LogIn(person string) {
	d := s.house.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	d.person = person
}

// Pipeline gives what a job of GitHub Actions has in ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN to ask for its token.
func (s *Sigstore) Pipeline(job string) (address, secret string) {
	d := s.house.desk
	d.mu.Lock()
	defer d.mu.Unlock()
	d.job, d.secret = job, rand.Text()
	return s.IssuerURL + "/actions?api-version=2.0", d.secret
}

// begin keeps an attempt and gives its code.
func (d *desk) begin(query url.Values, redirect string) (code string, err error) {
	if query.Get("code_challenge_method") != "S256" || query.Get("code_challenge") == "" {
		return "", errors.New("there is no code challenge")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	code = rand.Text()
	d.waiting[code] = attempt{query.Get("client_id"), query.Get("code_challenge"), redirect, query.Get("nonce"), d.person}
	return code, nil
}

// end gives the attempt of a code, once.
func (d *desk) end(code, verifier, redirect string) (attempt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.waiting[code]
	sum := sha256.Sum256([]byte(verifier))
	switch {
	case !ok || a.redirect != redirect || a.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return a, errors.New("invalid_grant")
	case a.person == "":
		a.person = d.person // on the other device, in the meantime
		if a.person == "" {
			return a, errors.New("authorization_pending")
		}
	}
	delete(d.waiting, code)
	return a, nil
}

// authorize is the page that a browser opens.
func (s *Sigstore) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	back, err := url.Parse(query.Get("redirect_uri"))
	if err != nil || back.Hostname() != "localhost" {
		refuse(w, http.StatusBadRequest, errors.New("the way back leads nowhere"))
		return
	}
	code, err := s.house.desk.begin(query, back.String())
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	back.RawQuery = url.Values{"code": {code}, "state": {query.Get("state")}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound) //nolint:gosec // to whoever asked, on this machine
}

// device begins a login on another device.
func (s *Sigstore) device(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	code, err := s.house.desk.begin(r.PostForm, "")
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	send(w, http.StatusOK, map[string]any{
		"device_code": code, "user_code": "ABCD-EFGH", "verification_uri": s.IssuerURL + "/device", "expires_in": 300, "interval": 0,
	})
}

// exchange gives a token for a code.
func (s *Sigstore) exchange(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	code := r.PostForm.Get("code") + r.PostForm.Get("device_code")
	a, err := s.house.desk.end(code, r.PostForm.Get("code_verifier"), r.PostForm.Get("redirect_uri"))
	if err != nil {
		send(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
		return
	}
	s.hand(w, "id_token", a.person, a.client, a.nonce)
}

// actions is what GitHub's pipelines ask.
func (s *Sigstore) actions(w http.ResponseWriter, r *http.Request) {
	d := s.house.desk
	d.mu.Lock()
	secret, job := d.secret, d.job
	d.mu.Unlock()
	if secret == "" || r.Header.Get("Authorization") != "bearer "+secret {
		refuse(w, http.StatusForbidden, errors.New("no such pipeline"))
		return
	}
	s.hand(w, "value", job, r.URL.Query().Get("audience"), "")
}

func (s *Sigstore) hand(w http.ResponseWriter, field, subject, audience, nonce string) {
	raw, err := s.house.provider.mint(subject, audience, nonce)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	send(w, http.StatusOK, map[string]string{field: raw, "access_token": rand.Text(), "token_type": "Bearer"})
}
