package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var (
	anyBlock = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	command  = regexp.MustCompile(`(?m)^(\$ )?(kubectl|make|curl|helm|flux|cosign|docker|podman|openssl) .*$`)
)

// shown are commands that pages show together with what they print, and the file of a test that has them run.
var shown = map[string]string{
	"$ make release VERSION=v0.1.0":       "release",
	"$ make release-check VERSION=v0.1.0": "release",
	"$ make release VERSION=v0.1.0 PUBLISH=registry.example.com/kubectl-oci/release SIGN_KEY=cosign.key":             "release",
	"$ make image IMAGE=registry.example.com/kubectl-oci/agent VERSION=v0.1.0 SIGN_KEY=cosign.key":                   "release",
	"$ make image TO=./agent.tar VERSION=v0.1.0":                                                                     "release",
	"$ kubectl oci sign docker.io/org/app-config:v1.0.0 --yes":                                                       "cli/testdata/keyless.txtar",
	"$ kubectl oci verify docker.io/org/app-config:v1.0.0 \\":                                                        "cli/testdata/keyless.txtar",
	"$ kubectl oci verify docker.io/org/signed-config:v1.0.0 --trust-policy trustpolicy.json --certificate acme.crt": "cli/testdata/notation.txtar",
}

// No command hides from the tests in a block that none of them runs. Blocks marked bash are those of install.md, which e2e/release runs.
func TestNoCommandIsForgotten(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for page, text := range pages(t) {
		for _, match := range anyBlock.FindAllStringSubmatch(text, -1) {
			if match[1] == "sh" || match[1] == "bash" && page == "docs/install.md" {
				continue
			}
			for _, line := range command.FindAllString(match[2], -1) {
				seen[line] = true
				if _, ok := shown[line]; !ok {
					t.Errorf("%s: no test runs %q", page, line)
				}
			}
		}
	}
	for line, where := range shown {
		if _, err := os.Stat(filepath.Join("..", where)); err != nil || !seen[line] {
			t.Errorf("%q is shown: %t; %v", line, seen[line], err)
		}
	}
}
