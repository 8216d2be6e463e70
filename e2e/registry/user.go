package registry

import (
	"slices"
	"strings"
	"sync"
)

// User is somebody the registry knows.
type User struct {
	Name, Password string
	// IdentityToken, where set, gets tokens in place of name and password. Token authentication only.
	IdentityToken string
	// ReadOnly users may pull, not push and not delete.
	ReadOnly bool
	// Repositories that the user may see: each entry is a repository or, ending in a slash, all below it. Empty: all.
	Repositories []string
}

func (u User) sees(repository string) bool {
	return len(u.Repositories) == 0 || slices.ContainsFunc(u.Repositories, func(r string) bool {
		return r == repository || strings.HasSuffix(r, "/") && strings.HasPrefix(repository, r)
	})
}

// may decides on an action as scopes name them: pull, push, delete.
func (u User) may(action, repository string) bool {
	return u.sees(repository) && (action == "pull" || !u.ReadOnly)
}

// users is the list in force. It is safe for concurrent use.
type users struct {
	mu   sync.Mutex
	list []User
}

func (u *users) set(list []User) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.list = slices.Clone(list)
}

func (u *users) find(is func(User) bool) (User, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if i := slices.IndexFunc(u.list, is); i >= 0 {
		return u.list[i], true
	}
	return User{}, false
}

func (u *users) login(name, password string) (User, bool) {
	return u.find(func(x User) bool { return x.Name == name && x.Password == password })
}

func (u *users) identity(token string) (User, bool) {
	return u.find(func(x User) bool { return token != "" && x.IdentityToken == token })
}
