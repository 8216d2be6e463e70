package signature

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestStatementsAreReadOneWayOnly(t *testing.T) {
	t.Parallel()
	const rest = `"subject":[{"digest":{"sha256":"` + hexOfA + `"}}],"predicate":{}`
	tests := map[string]struct{ payload, want string }{
		"good":          {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a",` + rest + `}`, ""},
		"older":         {`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"a",` + rest + `}`, ""},
		"two types":     {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","predicateType":"b",` + rest + `}`, `two fields "predicateType"`},
		"another case":  {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","PredicateType":"b",` + rest + `}`, `two fields "PredicateType"`},
		"no type":       {`{"predicateType":"a",` + rest + `}`, `_type is ""`},
		"another _type": {`{"_type":"https://example.com","predicateType":"a",` + rest + `}`, `_type is "https://example.com"`},
		"a list":        {`[]`, "no JSON object"},
		"cut":           {`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a",` + rest, "EOF"},
	}
	for name, test := range tests {
		e := &entity{}
		err := e.read([]byte(test.payload))
		switch {
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error is %v, want %q in it", name, err, test.want)
		case test.want == "" && (err != nil || e.predicate != "a" || !e.covers("sha256:"+hexOfA)):
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
}

const hexOfA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"

// A statement about several digests says something else of each.
func TestAnnotationsAreOfTheSubject(t *testing.T) {
	t.Parallel()
	other := digest.FromString("b")
	e := &entity{}
	err := e.read([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a","predicate":{},"subject":[
		{"digest":{"sha256":"` + other.Encoded() + `"},"annotations":{"reviewed":"no"}},
		{"digest":{"sha256":"` + hexOfA + `"},"annotations":{"reviewed":"yes"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for d, want := range map[digest.Digest]string{other: "no", "sha256:" + hexOfA: "yes"} {
		if got := e.subject(d).annotations["reviewed"]; got != want {
			t.Errorf("%s: got %q, want %q", d, got, want)
		}
	}
}
