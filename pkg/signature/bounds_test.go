package signature

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

// empties is a JSON list of so many empty objects.
func empties(n int) string { return "[" + strings.Repeat("{},", n-1) + "{}]" }

// allocated is how many bytes a function takes from the heap, kept or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever is in evidence, it takes no more memory than a few times its size. No other test may run meanwhile.
func TestEvidenceOfManyValues(t *testing.T) { //nolint:paralleltest // memory is counted for all
	const n = maxAttestation / 3
	envelope := func(payload string) string {
		return `{"payloadType":"` + mediaTypeInToto + `","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) + `","signatures":[{"sig":"AAAA"}]}`
	}
	const statement = `{"_type":"https://in-toto.io/Statement/v1","predicateType":"a",`
	for name, c := range map[string]candidate{
		"log entries": {mediaType: mediaTypeBundle, raw: []byte(`{"mediaType":"` + mediaTypeBundle + `","verificationMaterial":{"tlogEntries":` + empties(n) + `}}`)},
		"signatures":  {mediaType: mediaTypeBundle, raw: []byte(`{"mediaType":"` + mediaTypeBundle + `","dsseEnvelope":{"signatures":` + empties(n) + `}}`)},
		"of envelope": {mediaType: mediaTypeEnvelope, raw: []byte(`{"signatures":` + empties(n) + `}`)},
		"annotations": {mediaType: mediaTypeSimple, raw: []byte(`{"optional":{"a":` + empties(n) + `}}`)},
		"predicate":   {mediaType: mediaTypeEnvelope, raw: []byte(envelope(statement + `"predicate":` + empties(n/2) + `}`))},
		"subjects":    {mediaType: mediaTypeEnvelope, raw: []byte(envelope(statement + `"subject":` + empties(maxSubjectValues) + `}`))},
	} {
		var err error
		took := allocated(func() { _, err = parse(c) })
		if err == nil || !strings.Contains(err.Error(), "values") {
			t.Errorf("%s: %v", name, err)
		}
		if took > 8*maxAttestation {
			t.Errorf("%s: took %d MiB", name, took>>20)
		}
	}
}

func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	subjects := func(n int) string {
		return "[" + strings.Repeat(`{},`, n-1) + `{"digest":{"sha256":"` + hexOfA + `"}}]`
	}
	var fields []string
	for i := range maxFields {
		fields = append(fields, fmt.Sprintf(`"%d":1`, i))
	}
	for name, test := range map[string]struct{ rest, want string }{
		"as many subjects as may be": {`"subject":` + subjects(maxSubjects), ""},
		"one more":                   {`"subject":` + subjects(maxSubjects+1), "more than 1024 subjects"},
		"many fields":                {strings.Join(fields, ","), "more than 64 fields"},
	} {
		e := &entity{}
		err := e.read([]byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"a",` + test.rest + `}`))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if test.want == "" && !e.covers("sha256:"+hexOfA) {
			t.Errorf("%s: the last subject is forgotten", name)
		}
	}
}

func TestAnnotationsAreBounded(t *testing.T) {
	t.Parallel()
	f := readFixture(t)
	for _, c := range f.candidates() {
		if c.mediaType != mediaTypeSimple || c.annotations[annotationLog] == "" {
			continue
		}
		for _, name := range []string{annotationCertificate, annotationLog, annotationTimestamp} {
			longer := map[string]string{annotationSignature: c.annotations[annotationSignature], name: c.annotations[name]}
			longer[name] += strings.Repeat(" ", maxAnnotation+1)
			_, err := parse(candidate{c.name, c.mediaType, c.raw, longer})
			if err == nil || !strings.Contains(err.Error(), "it is too long") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestPoliciesAreBounded(t *testing.T) {
	t.Parallel()
	key := newHolder(t, newKey(t)).public
	keys := map[string][]byte{}
	for i := range maxKeys {
		keys[fmt.Sprint(i)] = key
	}
	identities := slices.Repeat([]Identity{{Issuer: issuer, Subject: alice}}, maxIdentities)
	if _, err := NewPolicy(Trust{Keys: keys, Identities: identities}); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	if _, err := NewPolicy(Trust{Identities: append(identities, identities[0])}); err == nil || !strings.Contains(err.Error(), "64 identities") {
		t.Errorf("identities: %v", err)
	}
	keys["another"] = key
	if _, err := NewPolicy(Trust{Keys: keys}); err == nil || !strings.Contains(err.Error(), "64 keys") {
		t.Errorf("keys: %v", err)
	}
}

// Large pieces are decoded one by one; small ones wait for nobody.
func TestLargeEvidenceWaitsItsTurn(t *testing.T) {
	t.Parallel()
	v := NewVerifier(Options{})
	leave, err := v.enter(t.Context(), maxSignature+1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.enter(t.Context(), maxSignature); err != nil {
		t.Errorf("a small one: %v", err)
	}
	over := errors.New("over")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(over)
	if _, err := v.enter(ctx, maxSignature+1); !errors.Is(err, over) {
		t.Errorf("a second large one: %v", err)
	}
	leave()
	if leave, err = v.enter(t.Context(), maxSignature+1); err != nil {
		t.Fatalf("after the first left: %v", err)
	}
	leave()
}

// While a large attestation is looked at no other one is, and a small one does not count as one.
func TestLargeAttestationsTakeTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	b.attest(b.right, predicateProvenance, `"small"`)
	b.attest(b.wrong, predicateProvenance, `"`+strings.Repeat("a", maxSignature)+`"`)
	b.attest(b.right, predicateProvenance, `"`+strings.Repeat("a", maxSignature)+`"`)
	v := NewVerifier(Options{})
	seen := map[int]int{} // pieces that count, by how many large ones there were meanwhile
	err := v.search(t.Context(), newSearch(b.repo, b.subject.Digest, predicateProvenance), b.policy, func(*entity, Verified) (bool, error) {
		seen[len(v.large)]++
		return false, nil
	})
	if err != nil || seen[0] != 1 || seen[1] != 1 || len(v.large) != 0 {
		t.Errorf("%v, %v, and %d left", err, seen, len(v.large))
	}
}

// What would not be read is not made.
func TestAttestationsThatAreTooMuch(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	for want, predicate := range map[string]string{
		"more than 4 MiB":         `"` + strings.Repeat("a", maxAttestation/2) + `"`,
		"more than 283616 values": empties(maxValues),
	} {
		_, err := b.right.Attest(t.Context(), b.repo, b.subject, predicateProvenance, json.RawMessage(predicate), AttachOptions{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestEnvelopesAndRootsAreBounded(t *testing.T) {
	t.Parallel()
	if _, err := chainOfJWS([]byte(`{"header":{"a":` + empties(maxParts) + `}}`)); err == nil || !strings.Contains(err.Error(), "values") {
		t.Errorf("JWS: %v", err)
	}
	root := readFixture(t).Root
	if err := CheckTrustedRoot(root); err != nil {
		t.Error(err)
	}
	if err := CheckTrustedRoot(append(root, strings.Repeat(" ", maxRoot)...)); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("root: %v", err)
	}
}

// Several large attestations are no trouble to each other, and all of them together have a bound.
func TestLargeAttestationsOneByOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, false, "referrer", nil)
	large := `"` + strings.Repeat("a", maxAttestation/2-2) + `"`
	for _, s := range append([]*Signer{b.wrong}, slices.Repeat([]*Signer{b.right}, 6)...) {
		b.attest(s, predicateProvenance, large)
	}
	all, err := NewVerifier(Options{}).Attestations(t.Context(), b.repo, b.subject.Digest, predicateProvenance, b.policy)
	if err != nil || len(all) != maxAttestationsBytes/(maxAttestation/2)+1 { // the last one is beyond the bound
		t.Errorf("%d attestations, %v", len(all), err)
	}
	for _, a := range all {
		var text string
		if err := json.Unmarshal(a.Predicate, &text); err != nil || len(text) != maxAttestation/2-2 {
			t.Errorf("%d bytes, %v", len(text), err)
		}
	}
}

// What may be fetched is bounded by number and by bytes, and some of it is left for the older tag.
func TestSearchIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		search search
		size   int64
		taken  bool
	}{
		"nothing yet":                {search{}, maxAttestation, true},
		"all candidates":             {search{misses: make([]*Error, maxCandidates)}, 1, false},
		"all but the last candidate": {search{misses: make([]*Error, maxCandidates-1)}, 1, true},
		"all but those for the tag":  {search{misses: make([]*Error, maxCandidates-maxTagged), reserved: maxTagged}, 1, false},
		"all that may be fetched":    {search{fetched: maxFetched}, 1, false},
		"all but the last of them":   {search{fetched: maxFetched - 1}, 1, true},
		"as many bytes as may be":    {search{bytes: maxEvidence - 1}, 1, true},
		"one byte more than may be":  {search{bytes: maxEvidence - 1}, 2, false},
	} {
		d := descriptor(mediaTypeBundle, nil)
		d.Size = test.size
		if taken := test.search.take(d); taken != test.taken || taken == (test.search.beyond != "") {
			t.Errorf("%s: %v, %q", name, taken, test.search.beyond)
		}
	}
}

// A panic of a library is a miss of that one piece of evidence.
func TestPanicsAreMisses(t *testing.T) {
	t.Parallel()
	j := &judge{policy: nil, subject: digest.FromString("x"), predicate: predicateSign} // nobody to ask
	f := readFixture(t)
	_, _, err := j.candidate(t.Context(), f.candidates()[0])
	if failed, ok := errors.AsType[*Error](err); !ok || failed.Kind != KindMalformed {
		t.Errorf("got %v", err)
	}
}
