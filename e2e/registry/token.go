package registry

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
)

const (
	issuer  = "testbed"
	service = "testbed-registry"
	keyID   = "testbed"
)

// tokens is a token server, and the gate in front of the registry that makes its tokens end on time: distribution itself
// accepts them for a minute longer and cannot revoke.
type tokens struct {
	users     *users
	anonymous bool          // anybody may pull
	life      time.Duration // of a token
	silent    bool          // do not tell the client how long it lives
	signer    jose.Signer
	public    jose.JSONWebKeySet

	mu     sync.Mutex
	issued map[string]time.Time // token to its end
}

func newTokens(u *users, o Options) (*tokens, error) {
	key, err := pki.NewKey()
	if err != nil {
		return nil, err
	}
	signer, err := newSigner(key)
	if err != nil {
		return nil, fmt.Errorf("make token signer: %w", err)
	}
	t := &tokens{
		users: u, anonymous: o.AnonymousPull, life: o.TokenLife, silent: o.SilentExpiry,
		signer: signer,
		public: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID, Algorithm: string(jose.ES256)}}},
		issued: map[string]time.Time{},
	}
	if t.life == 0 {
		t.life = 5 * time.Minute
	}
	return t, nil
}

func newSigner(key *ecdsa.PrivateKey) (jose.Signer, error) {
	return jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: keyID}}, nil)
}

// writeKeys writes what distribution needs to check signatures.
func (t *tokens) writeKeys(path string) error {
	content, err := json.Marshal(t.public)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// ServeHTTP issues a token: for GET with or without Basic authentication, and for POST with grant_type password or
// refresh_token. Of the scopes asked for it grants what the user may do; wrong credentials get 401.
func (t *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user, ok := t.authenticate(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="testbed"`)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}`, http.StatusUnauthorized)
		return
	}
	raw, err := t.issue(user.Name, t.grant(user, scopes(r)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := map[string]any{"token": raw, "access_token": raw, "issued_at": time.Now().UTC().Format(time.RFC3339)}
	if !t.silent {
		answer["expires_in"] = int(t.life.Seconds())
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the client has gone
}

// authenticate returns the user that the request names; the zero User is anybody.
func (t *tokens) authenticate(r *http.Request) (User, bool) {
	if r.Method == http.MethodPost {
		switch r.PostFormValue("grant_type") {
		case "password":
			return t.users.login(r.PostFormValue("username"), r.PostFormValue("password"))
		case "refresh_token":
			return t.users.identity(r.PostFormValue("refresh_token"))
		}
		return User{}, false
	}
	if name, password, ok := r.BasicAuth(); ok {
		return t.users.login(name, password)
	}
	return User{}, r.Header.Get("Authorization") == ""
}

// scopes reads "repository:org/app:pull,push", from several parameters or several in one.
func scopes(r *http.Request) []*token.ResourceActions {
	_ = r.ParseForm() // what can be read counts
	var all []*token.ResourceActions
	for scope := range strings.FieldsSeq(strings.Join(r.Form["scope"], " ")) {
		kind, rest, _ := strings.Cut(scope, ":")
		if at := strings.LastIndex(rest, ":"); at > 0 {
			all = append(all, &token.ResourceActions{Type: kind, Name: rest[:at], Actions: strings.Split(rest[at+1:], ",")})
		}
	}
	return all
}

func (t *tokens) grant(user User, asked []*token.ResourceActions) []*token.ResourceActions {
	if user.Name == "" {
		user.ReadOnly = true
	}
	granted := []*token.ResourceActions{}
	for _, scope := range asked {
		scope.Actions = slices.DeleteFunc(scope.Actions, func(action string) bool {
			return user.Name == "" && !t.anonymous || !user.may(action, scope.Name)
		})
		if len(scope.Actions) > 0 {
			granted = append(granted, scope)
		}
	}
	return granted
}

// issue signs a token and remembers it for the gate.
func (t *tokens) issue(subject string, access []*token.ResourceActions) (string, error) {
	raw, err := t.sign(subject, access)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.issued[raw] = time.Now().Add(t.life)
	return raw, nil
}

func (t *tokens) sign(subject string, access []*token.ResourceActions) (string, error) {
	now := time.Now()
	raw, err := jwt.Signed(t.signer).Claims(token.ClaimSet{
		Issuer: issuer, Audience: token.AudienceList{service}, Subject: subject, JWTID: rand.Text(),
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expiration: now.Add(t.life).Unix(),
		Access: access,
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return raw, nil
}

// revoke ends all tokens.
func (t *tokens) revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.issued)
}

func (t *tokens) valid(raw string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.issued[raw])
}

// gate takes tokens that have ended off a request, so that distribution answers with its own challenge.
func (t *tokens) gate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && !t.valid(raw) {
			r.Header.Del("Authorization")
		}
		next.ServeHTTP(w, r)
	})
}
