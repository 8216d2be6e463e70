package controller

import (
	"strings"
	"testing"
	"unicode/utf8"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
)

func TestNewsIsToldOnce(t *testing.T) {
	t.Parallel()
	pullFailed := failed(v1.ConditionFetchFailed, v1.ReasonPullFailed, false)
	loginFailed := failed(v1.ConditionFetchFailed, v1.ReasonAuthenticationFailed, false)
	tests := map[string]struct {
		history []outcome
		found   outcome
		want    string
	}{
		"first artifact":            {nil, stored(1), "Normal NewArtifact"},
		"next artifact":             {[]outcome{stored(1)}, stored(2), "Normal NewArtifact"},
		"nothing new":               {[]outcome{stored(1)}, unchanged(1), ""},
		"first failure":             {[]outcome{stored(1)}, pullFailed, "Warning OCIArtifactPullFailed"},
		"same failure":              {[]outcome{stored(1), pullFailed}, pullFailed, ""},
		"same failure, more known":  {[]outcome{stored(1), pullFailed}, sawButFailed(2), ""},
		"other failure":             {[]outcome{stored(1), pullFailed}, loginFailed, "Warning AuthenticationFailed"},
		"recovery":                  {[]outcome{stored(1), pullFailed}, unchanged(1), "Normal Succeeded"},
		"recovery by a newer one":   {[]outcome{stored(1), pullFailed}, stored(2), "Normal NewArtifact"},
		"withdrawal":                {[]outcome{stored(1)}, verificationFailed, "Warning VerificationError"},
		"first outcome is bad luck": {nil, pullFailed, "Warning OCIArtifactPullFailed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object := after(test.history...)
			kind, reason, note := news(object.Status, answer(object, test.found, address, noon))
			if got := strings.TrimSpace(kind + " " + reason); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if (note != "") != (test.want != "") {
				t.Errorf("note is %q", note)
			}
		})
	}
}

func TestClipFits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"short":           "it broke",
		"long":            strings.Repeat("x", 5000),
		"wide characters": strings.Repeat("ü", 3000),
		"no text at all":  strings.Repeat("\xff\xfe", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := clip(text, maxNote)
			if len(got) > maxNote || !utf8.ValidString(got) {
				t.Errorf("%d bytes, valid UTF-8: %t", len(got), utf8.ValidString(got))
			}
			if len(text) <= maxNote && got != text {
				t.Errorf("%q became %q", text, got)
			}
		})
	}
}
