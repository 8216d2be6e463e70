package registry_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
)

var people = []registry.User{
	{Name: "alice", Password: "wonder"},
	{Name: "bob", Password: "builder", ReadOnly: true},
	{Name: "carol", Password: "singer", Repositories: []string{"team-c/", "shared/app"}, IdentityToken: "carol-identity"},
}

// What a user may do is the same with either authentication; only the refusal's status differs.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for _, auth := range []registry.Auth{registry.Basic, registry.Token} {
		r := registry.For(t, registry.Options{Auth: auth, Users: people})
		denied := map[registry.Auth]int{registry.Basic: http.StatusForbidden, registry.Token: http.StatusUnauthorized}[auth]
		for _, repository := range []string{"team-c/app", "shared/app", "team-d/app"} {
			client(t, r).at("http://"+r.Direct).push(t, repository, "v1")
		}
		for _, test := range []struct {
			user               int
			repository         string
			mayPull, mayChange bool
		}{
			{0, "team-c/app", true, true},
			{1, "team-c/app", true, false},
			{2, "team-c/app", true, true},
			{2, "shared/app", true, true},
			{2, "team-d/app", false, false},
		} {
			u := people[test.user]
			c := login(t, r, auth, u, test.repository)
			path := "/v2/" + test.repository + "/"
			c.expect(t, either(test.mayPull, http.StatusOK, denied), "HEAD", path+"manifests/v1", "")
			c.expect(t, either(test.mayPull, http.StatusOK, denied), "GET", path+"blobs/"+digest(layer), "")
			c.expect(t, either(test.mayPull, http.StatusOK, denied), "GET", path+"tags/list", "")
			c.expect(t, either(test.mayChange, http.StatusCreated, denied), "PUT", path+"manifests/"+u.Name, manifest())
			c.expect(t, either(test.mayChange, http.StatusAccepted, denied), "POST", path+"blobs/uploads/", "")
		}
	}
}

func either(is bool, yes, no int) int {
	if is {
		return yes
	}
	return no
}

// login returns a caller that does all that the user may do in the repository.
func login(t *testing.T, r *registry.Registry, auth registry.Auth, u registry.User, repository string) *caller {
	t.Helper()
	c := client(t, r)
	if auth == registry.Basic {
		return c.basic(u.Name, u.Password)
	}
	return c.bearer(tokenOf(t, c.basic(u.Name, u.Password), "repository:"+repository+":pull,push,delete"))
}

// tokenOf asks for a token the usual way.
func tokenOf(t *testing.T, c *caller, scope string) string {
	t.Helper()
	_, body := c.expect(t, http.StatusOK, "GET", "/auth/token?service=testbed-registry&scope="+url.QueryEscape(scope), "")
	return parse(t, body)["token"].(string)
}

func parse(t *testing.T, body string) map[string]any {
	t.Helper()
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return answer
}

func TestBasicChallenge(t *testing.T) {
	t.Parallel()
	r := registry.For(t, registry.Options{Auth: registry.Basic, Users: people})
	for name, c := range map[string]*caller{
		"nobody": client(t, r), "wrong password": client(t, r).basic("alice", "x"), "unknown": client(t, r).basic("eve", "x"),
	} {
		response, _ := c.expect(t, http.StatusUnauthorized, "GET", "/v2/", "")
		if got := response.Header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Basic ") {
			t.Errorf("%s: challenge %q", name, got)
		}
	}
}

func TestSetUsers(t *testing.T) {
	t.Parallel()
	for _, auth := range []registry.Auth{registry.Basic, registry.Token} {
		r := registry.For(t, registry.Options{Auth: auth, Users: people})
		path := either2(auth == registry.Basic, "/v2/", "/auth/token")
		old, renewed := client(t, r).basic("alice", "wonder"), client(t, r).basic("alice", "changed")
		for range 3 { // the password file is read again each time
			old.expect(t, http.StatusOK, "GET", path, "")
			renewed.expect(t, http.StatusUnauthorized, "GET", path, "")
			if err := r.SetUsers([]registry.User{{Name: "alice", Password: "changed"}}); err != nil {
				t.Fatal(err)
			}
			old.expect(t, http.StatusUnauthorized, "GET", path, "")
			renewed.expect(t, http.StatusOK, "GET", path, "")
			if err := r.SetUsers(people); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func either2(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// The challenge leads to where the client came from, so that a fault or a count there meets the token request too.
func TestTokenChallenge(t *testing.T) {
	t.Parallel()
	for _, o := range []registry.Options{{Auth: registry.Token}, {Auth: registry.Token, TLS: true}} {
		r := registry.For(t, o)
		response, _ := client(t, r).expect(t, http.StatusUnauthorized, "HEAD", "/v2/org/app/manifests/v1", "")
		got := response.Header.Get("WWW-Authenticate")
		want := `^Bearer realm="` + regexp.QuoteMeta(r.URL()) + `/auth/token",service="testbed-registry",scope="repository:org/app:pull"`
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("challenge %s, want %s", got, want)
		}
	}
}

func TestTokenRequests(t *testing.T) {
	t.Parallel()
	r := registry.For(t, registry.Options{Auth: registry.Token, Users: people})
	c := client(t, r)
	c.authorization = func(q *http.Request) { q.Header.Set("Content-Type", "application/x-www-form-urlencoded") }
	for name, test := range map[string]struct {
		form string
		want int
	}{
		"password":         {"grant_type=password&username=carol&password=singer", http.StatusOK},
		"wrong password":   {"grant_type=password&username=carol&password=x", http.StatusUnauthorized},
		"identity token":   {"grant_type=refresh_token&refresh_token=carol-identity", http.StatusOK},
		"unknown identity": {"grant_type=refresh_token&refresh_token=x", http.StatusUnauthorized},
		"no identity":      {"grant_type=refresh_token&refresh_token=", http.StatusUnauthorized},
		"no grant type":    {"username=carol&password=singer", http.StatusUnauthorized},
	} {
		_, body := c.expect(t, test.want, "POST", "/auth/token", test.form+"&service=testbed-registry&scope=repository:team-c/app:pull,push")
		if test.want != http.StatusOK {
			continue
		}
		token := parse(t, body)["access_token"].(string)
		response, _ := c.bearer(token).do(t, "HEAD", "/v2/team-c/app/manifests/v1", "")
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: the token got %s, want not found", name, response.Status)
		}
	}
	c.basic("alice", "x").expect(t, http.StatusUnauthorized, "GET", "/auth/token", "")
}

// A token is good for its scopes alone.
func TestTokenScope(t *testing.T) {
	t.Parallel()
	r := registry.For(t, registry.Options{Auth: registry.Token, Users: people})
	alice := client(t, r).basic("alice", "wonder")
	c := alice.bearer(tokenOf(t, alice, "repository:org/a:pull repository:org/b:pull"))
	c.expect(t, http.StatusNotFound, "HEAD", "/v2/org/a/manifests/v1", "")
	c.expect(t, http.StatusNotFound, "HEAD", "/v2/org/b/manifests/v1", "")
	response, _ := c.expect(t, http.StatusUnauthorized, "HEAD", "/v2/org/c/manifests/v1", "")
	if got := response.Header.Get("WWW-Authenticate"); !strings.Contains(got, "insufficient_scope") {
		t.Errorf("challenge %s", got)
	}
	c.expect(t, http.StatusUnauthorized, "POST", "/v2/org/a/blobs/uploads/", "")
}

func TestAnonymous(t *testing.T) {
	t.Parallel()
	for _, open := range []bool{false, true} {
		r := registry.For(t, registry.Options{Auth: registry.Token, AnonymousPull: open})
		client(t, r).at("http://"+r.Direct).push(t, "org/app", "v1")
		c := client(t, r)
		c = c.bearer(tokenOf(t, c, "repository:org/app:pull,push"))
		c.expect(t, either(open, http.StatusOK, http.StatusUnauthorized), "HEAD", "/v2/org/app/manifests/v1", "")
		c.expect(t, http.StatusUnauthorized, "POST", "/v2/org/app/blobs/uploads/", "")
	}
}

func TestTokenEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		life time.Duration
		end  func(*registry.Registry)
		want int
	}{
		"lives":   {0, func(*registry.Registry) {}, http.StatusNotFound},
		"revoked": {0, (*registry.Registry).RevokeTokens, http.StatusUnauthorized},
		"expired": {time.Nanosecond, func(*registry.Registry) {}, http.StatusUnauthorized},
	} {
		r := registry.For(t, registry.Options{Auth: registry.Token, TokenLife: test.life, Users: people})
		c := login(t, r, registry.Token, people[0], "org/app")
		test.end(r)
		if response, _ := c.do(t, "HEAD", "/v2/org/app/manifests/v1", ""); response.StatusCode != test.want {
			t.Errorf("%s: got %s, want %d", name, response.Status, test.want)
		}
	}
}

func TestTokenAnswer(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		r := registry.For(t, registry.Options{Auth: registry.Token, SilentExpiry: silent, TokenLife: time.Minute})
		_, body := client(t, r).expect(t, http.StatusOK, "GET", "/auth/token", "")
		answer := parse(t, body)
		if _, told := answer["expires_in"]; told == silent || answer["token"] != answer["access_token"] {
			t.Errorf("silent %v: %s", silent, body)
		}
	}
}
