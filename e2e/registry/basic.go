package registry

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
)

// basic is what distribution's htpasswd authentication lacks: users that may not do everything. Who somebody is,
// distribution itself decides, from the file.
type basic struct {
	next  http.Handler
	users *users
}

// ServeHTTP refuses what a user that is known may not do; all else goes on to distribution.
func (b *basic) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, password, ok := r.BasicAuth(); ok {
		user, known := b.users.login(name, password)
		repository := proxy.RouteOf(r).Repository
		if known && repository != "" && !user.may(actionOf(r.Method), repository) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`+"\n")
			return
		}
	}
	b.next.ServeHTTP(w, r)
}

func actionOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "pull"
	case http.MethodDelete:
		return "delete"
	}
	return "push"
}

// writeHtpasswd replaces the file. Distribution reads it again when its time differs, so the time is one it never had.
func writeHtpasswd(path string, list []User, generation int) error {
	var content bytes.Buffer
	for _, u := range list {
		hash, err := bcrypt.GenerateFromPassword([]byte(u.Password), bcrypt.MinCost)
		if err != nil {
			return fmt.Errorf("hash password of user %q: %w", u.Name, err)
		}
		fmt.Fprintf(&content, "%s:%s\n", u.Name, hash)
	}
	next := filepath.Join(filepath.Dir(path), "htpasswd.next")
	if err := os.WriteFile(next, content.Bytes(), 0o600); err != nil {
		return err
	}
	if err := os.Chtimes(next, time.Time{}, time.Unix(int64(generation), 0)); err != nil {
		return err
	}
	return os.Rename(next, path)
}
