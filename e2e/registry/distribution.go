package registry

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/distribution/distribution/v3/configuration"
	_ "github.com/distribution/distribution/v3/registry/auth/htpasswd" // registers itself
	"github.com/distribution/distribution/v3/registry/auth/token"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // registers itself
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"   // registers itself
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// handlers makes distribution's handler and wraps it: back for the back door, front for clients.
func (r *Registry) handlers(ctx context.Context) (back, front http.Handler, err error) {
	auth, err := r.auth()
	if err != nil {
		return nil, nil, err
	}
	logrus.SetOutput(io.Discard) // distribution logs every refused request there, as a warning
	r.app = handlers.NewApp(context.WithoutCancel(ctx), &configuration.Configuration{
		Storage: r.storage(),
		Auth:    auth,
		HTTP:    configuration.HTTP{Secret: rand.Text()},
		// Manifests may say that a layer lies elsewhere.
		Validation: configuration.Validation{Manifests: configuration.ValidationManifests{URLs: configuration.URLs{Allow: []string{"^https://"}}}},
	})
	var app http.Handler = r.app
	if r.options.Referrers {
		app = &referrers{next: app, list: map[place][]ocispec.Descriptor{}}
	}
	switch r.options.Auth {
	case Basic:
		return r.asRoot(app), &basic{next: app, users: &r.users}, nil
	case Token:
		mux := http.NewServeMux()
		mux.Handle(proxy.TokenPath, r.tokens)
		mux.Handle("/", r.tokens.gate(app))
		return r.asRoot(app), r.sayScheme(mux), nil
	}
	return app, app, nil
}

func (r *Registry) storage() configuration.Storage {
	s := configuration.Storage{
		"inmemory":    nil,
		"delete":      {"enabled": true},
		"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}
	if r.options.Dir != "" {
		delete(s, "inmemory")
		s["filesystem"] = configuration.Parameters{"rootdirectory": r.options.Dir}
	}
	return s
}

func (r *Registry) auth() (configuration.Auth, error) {
	switch r.options.Auth {
	case None:
		return nil, nil
	case Basic, Token:
	default:
		return nil, fmt.Errorf("unknown authentication %q", r.options.Auth)
	}
	state, err := os.MkdirTemp("", "registry-")
	if err != nil {
		return nil, err
	}
	r.state = state
	if err := r.SetUsers(r.options.Users); err != nil {
		return nil, err
	}
	if r.options.Auth == Basic {
		return configuration.Auth{"htpasswd": {"realm": "testbed", "path": r.passwords()}}, nil
	}
	return r.tokenAuth()
}

func (r *Registry) passwords() string { return filepath.Join(r.state, "htpasswd") }

func (r *Registry) tokenAuth() (_ configuration.Auth, err error) {
	if r.tokens, err = newTokens(&r.users, r.options); err != nil {
		return nil, err
	}
	path := filepath.Join(r.state, "jwks.json")
	if err := r.tokens.writeKeys(path); err != nil {
		return nil, err
	}
	return configuration.Auth{"token": {
		"issuer": issuer, "service": service, "jwks": path,
		"realm": "", "autoredirect": true, "autoredirectpath": proxy.TokenPath, // on the host that the client used
	}}, nil
}

// sayScheme tells distribution how the client came, for the token realm.
func (r *Registry) sayScheme(next http.Handler) http.Handler {
	scheme := "http"
	if r.options.TLS {
		scheme = "https"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Header.Set("X-Forwarded-Proto", scheme)
		next.ServeHTTP(w, req)
	})
}

func newRoot() User { return User{Name: "root-" + rand.Text(), Password: rand.Text()} }

// asRoot gives every request the credentials that it needs.
func (r *Registry) asRoot(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.options.Auth == Basic {
			req.SetBasicAuth(r.root.Name, r.root.Password)
			next.ServeHTTP(w, req)
			return
		}
		raw, err := r.tokens.sign(r.root.Name, everything(req))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		req.Header.Set("Authorization", "Bearer "+raw)
		next.ServeHTTP(w, req)
	})
}

// everything grants what distribution could ask for to serve this request.
func everything(r *http.Request) []*token.ResourceActions {
	actions := []string{"pull", "push", "delete", "*"}
	granted := []*token.ResourceActions{{Type: "registry", Name: "catalog", Actions: actions}}
	for _, repository := range []string{proxy.RouteOf(r).Repository, r.URL.Query().Get("from")} {
		granted = append(granted, &token.ResourceActions{Type: "repository", Name: repository, Actions: actions})
	}
	return granted
}
