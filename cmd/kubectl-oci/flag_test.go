package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// A variable that is not set leaves a flag empty. That never means as much as a flag that is not there: nobody signs as somebody else
// for it, and nothing less is verified.
func TestNoFlagIsEmpty(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, command := range newRootCommand(genericiooptions.IOStreams{}).Commands() {
		command.Flags().VisitAll(func(flag *pflag.Flag) {
			if flag.Name == "ignore" {
				return
			}
			for _, value := range []string{"", " "} {
				fresh, _, err := newRootCommand(genericiooptions.IOStreams{}).Find([]string{command.Name()})
				if err != nil {
					t.Fatal(err)
				}
				if err = fresh.ParseFlags([]string{"--" + flag.Name + "=" + value}); err == nil {
					err = refuseEmpty(fresh, nil)
				}
				if err == nil || !strings.Contains(err.Error(), "--"+flag.Name) {
					t.Errorf("%s --%s=%q: %v", command.Name(), flag.Name, value, err)
				}
				checked++
			}
		})
	}
	if checked < 100 {
		t.Errorf("only %d flags", checked)
	}
}

// Every command asks, and before it does anything.
func TestEmptyFlagsAreUsageErrors(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"sign 127.0.0.1:1/a:b --yes --key=":                              "--key is empty, as with a variable that is not set: give it a value, or leave it out\nhint: kubectl oci sign --help",
		"push 127.0.0.1:1/a:b -f . --sign --identity-token=":             "--identity-token is empty",
		"attest 127.0.0.1:1/a:b --predicate p --type vuln --fulcio-url=": "--fulcio-url is empty",
		"verify 127.0.0.1:1/a:b --key k --attestation= --where=":         "--attestation is empty",
		"verify 127.0.0.1:1/a:b --key k --key=":                          "--key is empty",
		"pull 127.0.0.1:1/a:b --verify --key k --trusted-root=":          "--trusted-root is empty",
		"pull 127.0.0.1:1/a:b --verify=":                                 `--verify "" is neither true nor false`,
		"verify 127.0.0.1:1/a:b --certificate-identity=":                 "it is empty, which would mean anyone",
		"verify 127.0.0.1:1/a:b --key k --timeout=":                      `--timeout "" is no time, such as 90s`,
		"push 127.0.0.1:1/a:b -f a -f b":                                 "--filename is given twice, and takes one value\nhint: kubectl oci push --help",
		"build -f . --to=":                                               "--to is empty",
		"push 127.0.0.1:1/a:b -f nowhere --ignore=":                      "nowhere",
	} {
		var stderr bytes.Buffer
		streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &bytes.Buffer{}, ErrOut: &stderr}
		if code := execute(t.Context(), strings.Fields(line), streams); code != 1 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit %d, %s", line, code, stderr.String())
		}
	}
}
