package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTagFilter(t *testing.T) {
	t.Parallel()
	const tags = "v1.0.0 1.2.0 v1.10.0 v2.0.0-rc.1 v1.2 latest main-1 main-2 v1.0.0_build v1.0.0"
	attachment := "sha256-" + strings.Repeat("0", 64)
	for name, test := range map[string]struct {
		filter   tagFilter
		want     string
		versions int
	}{
		"all":         {tagFilter{}, "v2.0.0-rc.1 v1.10.0 1.2.0 v1.0.0 v1.0.0 v1.0.0_build latest main-1 main-2 v1.2", 6},
		"a range":     {tagFilter{semver: "1.x"}, "v1.10.0 1.2.0 v1.0.0 v1.0.0 v1.0.0_build", 5},
		"prereleases": {tagFilter{semver: ">=1.10.0-0"}, "v2.0.0-rc.1 v1.10.0", 2},
		"a pattern":   {tagFilter{regex: "^main-"}, "main-1 main-2", 0},
		"both":        {tagFilter{semver: "*", regex: "^v"}, "v1.10.0 v1.0.0 v1.0.0 v1.0.0_build", 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.filter.compile(); err != nil {
				t.Fatal(err)
			}
			rows, versions := test.filter.apply(append(strings.Fields(tags), attachment, attachment+".sig"))
			var got []string
			for _, r := range rows {
				got = append(got, r.Tag)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" || versions != test.versions {
				t.Errorf("%d versions\n%s", versions, diff)
			}
		})
	}
}

// Sigstore's bundles hold signatures and attestations; only the annotation tells.
func TestSigns(t *testing.T) {
	t.Parallel()
	const bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
	for _, test := range []struct {
		mediaType, predicate string
		want                 bool
	}{
		{"application/vnd.cncf.notary.signature", "", true},
		{bundle, "", true},
		{bundle, "https://sigstore.dev/cosign/sign/v1", true},
		{bundle, "https://slsa.dev/provenance/v1", false},
		{"application/spdx+json", "", false},
	} {
		annotations := map[string]string{}
		if test.predicate != "" {
			annotations[annotationPredicate] = test.predicate
		}
		if got := signs(test.mediaType, annotations); got != test.want {
			t.Errorf("%s %s: got %v", test.mediaType, test.predicate, got)
		}
	}
}
