package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/proxy"
	"github.com/kubectl-oci/kubectl-oci/e2e/registry"
	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

// script is what the commands of one script share.
type script struct {
	t        *watched
	registry *registry.Registry
	sigstore *sigstore.Sigstore
	counted  proxy.Counts // what requests has seen

	authority *notation.Authority // nil: nothing was notarized yet
}

type scriptKey struct{}

// commands are documented in doc.go.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){"cmptree": compareTrees}
	for name, run := range map[string]func(*script, *testscript.TestScript, []string) error{
		"registry":     (*script).startRegistry,
		"gateway":      (*script).startGateway,
		"login":        (*script).login,
		"fault":        (*script).fault,
		"requests":     (*script).requests,
		"await":        (*script).await,
		"manifest":     (*script).manifest,
		"layer":        (*script).layer,
		"tags":         (*script).tags,
		"put-blob":     (*script).putBlob,
		"put-manifest": (*script).putManifest,
		"expand":       (*script).expand,
		"grow":         (*script).grow,
		"sigstore":     (*script).startSigstore,
		"token":        (*script).token,
		"cosign":       (*script).cosign,
		"keypair":      (*script).keypair,
		"notarize":     (*script).notarize,
		"unprivileged": (*script).unprivileged,
		"vault":        (*script).startVault,
		"secret":       (*script).secret,
		"person":       (*script).person,
		"pipeline":     (*script).pipeline,
	} {
		all[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			err := run(ts.Value(scriptKey{}).(*script), ts, args)
			switch {
			case neg && err == nil:
				ts.Fatalf("unexpected success")
			case !neg && err != nil:
				ts.Fatalf("%s: %v", name, err)
			}
		}
	}
	return all
}

var errUsage = errors.New("wrong arguments: see the package's documentation")

// expand replaces $VARIABLE and ${VARIABLE}.
func (s *script) expand(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	return writeFile(ts.MkAbs(args[1]), []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)))
}

// writeFile makes the folders that are missing, too.
func writeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// send is one request with a textual body, whose answer must be a success.
func (s *script) send(method, address, mediaType, body string) ([]byte, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", mediaType)
	for _, t := range manifestTypes() {
		req.Header.Add("Accept", t)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, answer)
	}
	return answer, err
}
