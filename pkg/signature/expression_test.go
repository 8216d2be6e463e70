package signature

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-oci/kubectl-oci/pkg/artifact"
)

func mustExpression(t testing.TB, text string) *Expression {
	t.Helper()
	x, err := ParseExpression(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// holds evaluates against a statement in JSON.
func (x *Expression) holdsFor(t testing.TB, statement string) (bool, error) {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal([]byte(statement), &s); err != nil {
		t.Fatal(err)
	}
	return x.evaluate(t.Context(), time.Hour, s)
}

const aStatement = `{"predicateType": "https://slsa.dev/provenance/v1", "subject": [{"name": "app", "digest": {"sha256": "00"}}],
	"predicate": {"n": 3, "f": 2.5, "ok": true, "text": "abc", "at": "2026-01-02T03:04:05Z", "list": [{"id": "a"}, {"id": "b"}], "none": null}}`

func TestExpression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		holds bool
		says  string // of an error
	}{
		`true`:  {true, ""},
		`false`: {},
		`predicateType == "https://slsa.dev/provenance/v1"`:                             {true, ""},
		`subject[0].name == "app" && subject.size() == 1`:                               {true, ""},
		`predicate.n == 3 && predicate.n < 4 && predicate.f > 2`:                        {true, ""},
		`predicate.ok == true && predicate.text.startsWith("a")`:                        {true, ""},
		`predicate.text.matches("^a.c$")`:                                               {true, ""},
		`predicate.list.exists(x, x.id == "b")`:                                         {true, ""},
		`predicate.list.all(x, x.id == "b")`:                                            {},
		`predicate["list"][1].id == "b"`:                                                {true, ""},
		`has(predicate.other) && predicate.other == 1`:                                  {},
		`predicate.n + 1.0 == 4.0`:                                                      {true, ""},
		`timestamp(predicate.at) + duration("24h") > timestamp("2026-01-03T00:00:00Z")`: {true, ""},
		`predicate.list.map(x, x.id) == ["a", "b"]`:                                     {true, ""},
		`predicate.list.filter(x, x.id != "a").size() == 1`:                             {true, ""},
		`predicate.none == null`:                                                        {true, ""},
		`timestamp(predicate.at) > timestamp("2026-01-01T00:00:00Z")`:                   {true, ""},
		`predicate.other == 1`:                                                          {false, "no such key: other"},
		`predicate.text.id == 1`:                                                        {false, "no such"},
		`predicate.text ? true : false`:                                                 {false, "no such overload"},
		`predicate.list[7].id == "x"`:                                                   {false, "index out of bounds: 7"},
		`timestamp(predicate.text) > timestamp("2026-01-01T00:00:00Z")`:                 {false, "type conversion"},
	} {
		holds, err := mustExpression(t, text).holdsFor(t, aStatement)
		if holds != want.holds || (err != nil) != (want.says != "") || err != nil && !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
	}
}

func TestExpressionsThatAreNone(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		``:                                      ": it ends too early",
		`predicate.x ==`:                        ": at its end: it ends too early",
		"predicate.x == 1 &&\n\n":               ": at its end: it ends too early",
		`predicate.`:                            ": at its end: it cannot go on after '.'",
		`predicate.x = 1`:                       ": at character 13: '= ' means nothing",
		`true false`:                            ": at character 6: 'false' cannot stand there",
		"true &&\n  x":                          ": at character 3 of line 2: there is no 'x', but predicate, predicateType and subject",
		`builder == "x"`:                        ": at character 1: there is no 'builder'",
		`predicateType == 1`:                    ": at character 15: _==_ does not go with (string, int)",
		`predicate.matches("a", "b")`:           "matches does not go with",
		`predicate.ok`:                          "it is not known to be true or false, but dyn",
		`"true"`:                                "but string",
		`1`:                                     "but int",
		`predicate.a + predicate.b == 1`:        "joins texts or lists",
		`predicate.a + "b" == "ab"`:             "joins texts or lists",
		`subject.map(s, s.name + "x") == ["y"]`: "joins texts or lists",
		`[1] + [2] == [1, 2]`:                   "joins texts or lists",
		strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100): "recursion",
		"true" + strings.Repeat(" ", maxExpression):                  "more than 8192 bytes",
	} {
		_, err := ParseExpression(text)
		if err == nil || !strings.HasPrefix(err.Error(), "parse expression ") || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "^") || len(err.Error()) > 1000 {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

// statementOfMany is as large as a statement may be.
func statementOfMany(t *testing.T) map[string]any {
	t.Helper()
	many := `[` + strings.Repeat(`1,`, maxValues-20) + `1]`
	text := `{"predicateType": "t", "predicate": {"many": ` + many + `, "text": "` + strings.Repeat("a", 4<<20) + `"}}`
	var statement map[string]any
	if err := json.Unmarshal([]byte(text), &statement); err != nil {
		t.Fatal(err)
	}
	return statement
}

// What takes a while of a statement of any size comes to an end by itself.
func TestExpressionsAboutMuch(t *testing.T) {
	t.Parallel()
	statement := statementOfMany(t)
	for _, text := range []string{
		`predicate.many.map(a, [predicate.text, predicate.text]).size() == 3`,
		`predicate.many.exists(a, a == 2)`,
		`predicate.many.filter(a, a == 2).size() > 0`,
		`predicate.text.contains("b")`,
		`predicate.text.matches("(a*)*b")`,
	} {
		if holds, err := mustExpression(t, text).evaluate(t.Context(), time.Hour, statement); holds || err != nil {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
	}
}

// What would take hours ends with its time, or with the context. The one says nothing about the attestation, nor does the other.
func TestExpressionsAreEnded(t *testing.T) {
	t.Parallel()
	statement := statementOfMany(t)
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	for _, text := range []string{
		`predicate.many.all(a, predicate.text.matches("(a*)*b") == false)`,
		`predicate.many.all(a, predicate.many.map(b, [a, b]).size() > 0)`,
		`predicate.many.all(a, predicate.many.all(b, a == b))`,
	} {
		x := mustExpression(t, text)
		if _, err := x.evaluate(t.Context(), time.Nanosecond, statement); !errors.Is(err, errEvaluation) {
			t.Errorf("%s: out of time: %v", text, err)
		}
		if _, err := x.evaluate(ctx, time.Hour, statement); !errors.Is(err, over) {
			t.Errorf("%s: called off: %v", text, err)
		}
	}
}

// Whatever is written, and whatever it is held against, it holds or does not.
func FuzzExpression(f *testing.F) {
	f.Add(`predicate.list.exists(x, x.id == "b")`, aStatement)
	f.Add(`predicate.a[predicate.b] + int(predicate.c) == 1`, `{"predicate": {"a": [1], "b": 0, "c": 1e400}}`)
	f.Add(`has(predicate.x) ? predicate.x < predicate : duration(predicate.y) > duration("1s")`, `{"predicate": []}`)
	f.Add(`subject.all(s, s.digest.sha256.matches(predicateType))`, `{"subject": null, "predicateType": "("}`)
	f.Fuzz(func(t *testing.T, text, statement string) {
		x, err := ParseExpression(text)
		if err != nil {
			if x != nil {
				t.Error("an expression and an error")
			}
			return
		}
		var s map[string]any
		if json.Unmarshal([]byte(statement), &s) != nil || artifact.Values([]byte(statement)) > maxValues {
			return
		}
		if holds, err := x.evaluate(t.Context(), maxEvaluation, s); holds && err != nil {
			t.Errorf("%v, %v", holds, err)
		}
	})
}
