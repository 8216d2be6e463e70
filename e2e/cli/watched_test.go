package cli_test

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// watched is the test of a script. It reads everything that the script's commands print, and fails when a secret is among it.
type watched struct {
	*testing.T
	secrets []string
}

// Run runs a script.
func (w *watched) Run(name string, f func(testscript.T)) {
	w.T.Run(name, func(t *testing.T) { f(&watched{T: t}) })
}

// Verbose keeps the script's log whole.
func (w *watched) Verbose() bool { return true }

// Log gets the script's log when the script has ended.
func (w *watched) Log(args ...any) {
	text := fmt.Sprint(args...)
	for _, secret := range append(w.secrets, keyStart) {
		if strings.Contains(text, secret) {
			w.Errorf("the output holds the secret %q", secret)
		}
	}
	if w.Failed() || testing.Verbose() {
		_, script, _ := strings.Cut(text, "\n\n") // the environment comes first
		w.T.Log(script)
	}
}

// hide makes the password, and whatever it may turn into on its way to a registry, a secret.
func (w *watched) hide(user, password string) {
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	w.secrets = append(w.secrets, password, strings.TrimRight(basic, "="), tokenStart)
}

// tokenStart is how tokens begin: a JSON object in base64.
const tokenStart = "eyJ"

// keyStart is in the first line of every private key in PEM.
const keyStart = "PRIVATE KEY-----"

// checkLeftovers fails when a temporary file or folder of kubectl-oci is left below dir.
func checkLeftovers(t *testing.T, dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(strings.TrimPrefix(d.Name(), "."), "kubectl-oci-") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
