package source

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	v1 "github.com/kubectl-oci/kubectl-oci/pkg/api/source/v1"
	"github.com/kubectl-oci/kubectl-oci/pkg/signature"
)

// holder has a key and signs with it.
type holder struct {
	signer *signature.Signer
	public []byte
}

func newHolder(t *testing.T) holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // a pair of files takes a second
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	signer, err := signature.NewSigner(signature.SignerOptions{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return holder{signer, public}
}

// signers are those of whom any may have signed.
func signers(t *testing.T, all ...holder) *signature.Policy {
	t.Helper()
	trust := signature.Trust{Keys: map[string][]byte{}}
	for i, h := range all {
		trust.Keys[string(rune('a'+i))+".pub"] = h.public
	}
	policy, err := signature.NewPolicy(trust)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// require asks for a signature; nil: of nobody.
func require(by *signature.Policy) []signature.Requirement {
	if by == nil {
		return nil
	}
	return []signature.Requirement{{Name: "spec.verify", By: by}}
}

// signing is a bench with an artifact v1 that the first of two signed.
type signing struct {
	*bench

	me, you holder
	v1      ocispec.Descriptor
}

func newSigning(t *testing.T) *signing {
	t.Helper()
	b := newBench(t)
	b.Verifier = signature.NewVerifier(signature.Options{})
	s := &signing{bench: b, me: newHolder(t), you: newHolder(t)}
	s.v1, _ = b.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil)
	s.sign(s.me, s.v1, "")
	return s
}

func (s *signing) sign(by holder, d ocispec.Descriptor, form signature.Form) {
	s.t.Helper()
	if _, err := by.signer.Sign(s.t.Context(), s.repository(), d, signature.AttachOptions{Form: form}); err != nil {
		s.t.Fatal(err)
	}
}

// tag runs with what a tag names.
func (s *signing) tag(tag string, a Advertised, policy *signature.Policy, change ...func(*Request)) (Result, *Error) {
	s.t.Helper()
	req := Request{Key: key, Spec: byTag(tag), Advertised: a, Requirements: require(policy)}
	req.Spec.URL = s.url()
	for _, c := range change {
		c(&req)
	}
	result, err := s.Run(s.t.Context(), req)
	if err == nil {
		return result, nil
	}
	return result, s.failure(err)
}

func (s *signing) must(tag string, a Advertised, policy *signature.Policy) Result {
	s.t.Helper()
	result, failure := s.tag(tag, a, policy)
	if failure != nil {
		s.t.Fatal(failure)
	}
	return result
}

// refused is a definite verdict; what it says has to be in the message.
func refused(t *testing.T, failure *Error, withdraws bool, says string) {
	t.Helper()
	if failure == nil || failure.Condition != v1.ConditionSourceVerified || failure.Reason != v1.ReasonVerificationError ||
		failure.Unknown || failure.Terminal || failure.Withdraws != withdraws || !strings.Contains(failure.Error(), says) || strings.Count(failure.Error(), "verify \"") != 1 || !strings.Contains(failure.Error(), " for spec.verify: ") {
		t.Errorf("got %+v", failure)
	}
}

// Only what one of the signers signed is stored, in whichever form, and of what is refused not one byte is fetched.
func TestOnlyWhatIsSignedIsStored(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	older, _ := s.pushLayer("older", pack(t, map[string]string{"a.yaml": "a: 2"}), nil)
	s.sign(s.me, older, signature.FormTag)
	s.pushLayer("unsigned", pack(t, map[string]string{"a.yaml": "a: 3"}), nil)
	for name, tc := range map[string]struct {
		tag    string
		policy *signature.Policy
		says   string // empty: it is good
	}{
		"good":          {"v1", signers(t, s.me), ""},
		"older form":    {"older", signers(t, s.me), ""},
		"any of two":    {"v1", signers(t, s.you, s.me), ""},
		"nobody's":      {"unsigned", nil, ""},
		"another's":     {"v1", signers(t, s.you), "another key"},
		"older another": {"older", signers(t, s.you), "none of the keys"},
		"missing":       {"unsigned", signers(t, s.me), "no signature"},
	} {
		s.lose()
		result, failure := s.tag(tc.tag, Advertised{}, tc.policy)
		if tc.says == "" {
			if failure != nil || result.Entry.Digest == "" {
				t.Errorf("%s: %+v, %v", name, result, failure)
			}
			continue
		}
		refused(t, failure, false, tc.says)
		if result.Revision == "" || len(s.Store.Keys()) != 0 {
			t.Errorf("%s: revision %q, in the store: %v", name, result.Revision, s.Store.Keys())
		}
	}
}

// What was verified is not verified again, before the signers change, or the time is over.
func TestVerificationIsRemembered(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	a := after(s.must("v1", Advertised{}, signers(t, s.me)))
	requests := func(policy *signature.Policy, change ...func(*Request)) int32 {
		before := s.requests.Load()
		if result, failure := s.tag("v1", a, policy, change...); failure != nil || !result.Unchanged {
			t.Errorf("%+v, %v", result, failure)
		}
		return s.requests.Load() - before
	}
	if n := requests(signers(t, s.me)); n != 1 {
		t.Errorf("an unchanged artifact costs %d requests", n)
	}
	if n := requests(signers(t, s.me, s.you)); n < 2 {
		t.Errorf("other signers cost %d requests", n)
	}
	if n := requests(signers(t, s.me), func(r *Request) { r.Spec.Interval.Duration = DefaultVerifyInterval }); n < 2 {
		t.Errorf("what is over before the next poll costs %d requests", n)
	}
	s.VerifyInterval = time.Nanosecond
	if n := requests(signers(t, s.me)); n < 2 {
		t.Errorf("what is over costs %d requests", n)
	}
}

// A copy needs the signature, too, whatever is remembered of the same digest in another repository; and that it has none makes nobody
// forget what that one has.
func TestCopyWithoutSignature(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	original := s.ref
	s.ref.Repository += "/copy"
	if d, _ := s.pushLayer("v1", pack(t, map[string]string{"a.yaml": "a: 1"}), nil); d.Digest != s.v1.Digest {
		t.Fatal("the copy has another digest")
	}
	there := s.url()
	s.ref = original
	copied := func(r *Request) { r.Key.Name, r.Spec.URL = "copy", there }
	a := after(s.must("v1", Advertised{}, mine(s)))
	_, failure := s.tag("v1", Advertised{}, mine(s), copied)
	refused(t, failure, false, "no signature")
	moved := func(r *Request) { r.Spec.URL = there }
	_, failure = s.tag("v1", a, mine(s), moved)
	refused(t, failure, false, "no signature") // what is advertised is remembered
	_, failure = s.tag("v1", a, ours(s), moved)
	refused(t, failure, true, "no signature")
	before := s.requests.Load()
	if again := s.must("v1", a, mine(s)); !again.Unchanged || s.requests.Load()-before != 1 {
		t.Errorf("the original costs %d requests", s.requests.Load()-before)
	}
}

// What is advertised is held against the signers of now, whatever becomes of what the spec asks for.
func TestWithdrawal(t *testing.T) {
	t.Parallel()
	closed := func(r *Request) { r.Hold = true }
	for name, tc := range map[string]struct {
		tag       string
		by        func(*signing) *signature.Policy
		change    func(*Request)
		withdraws bool
		condition string // empty: it is all right
	}{
		"nothing":                     {tag: "v1", by: mine},
		"key removed":                 {tag: "v1", by: yours, withdraws: true, condition: v1.ConditionSourceVerified},
		"next is not signed":          {tag: "v2", by: mine, condition: v1.ConditionSourceVerified},
		"next is not, key removed":    {tag: "v2", by: yours, withdraws: true, condition: v1.ConditionSourceVerified},
		"next is by the new key":      {tag: "v3", by: yours, withdraws: true, condition: v1.ConditionSourceVerified},
		"no next":                     {tag: "none", by: mine, condition: v1.ConditionFetchFailed},
		"no next, key removed":        {tag: "none", by: yours, withdraws: true, condition: v1.ConditionSourceVerified},
		"next waits, is not signed":   {tag: "v2", by: mine, change: closed},
		"next waits, key removed":     {tag: "v2", by: yours, change: closed, withdraws: true, condition: v1.ConditionSourceVerified},
		"the same waits, key removed": {tag: "v1", by: yours, change: closed, withdraws: true, condition: v1.ConditionSourceVerified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			s.pushLayer("v2", pack(t, map[string]string{"a.yaml": "a: 2"}), nil)
			v3, _ := s.pushLayer("v3", pack(t, map[string]string{"a.yaml": "a: 3"}), nil)
			s.sign(s.you, v3, "")
			first := s.must("v1", Advertised{}, mine(s))
			change := tc.change
			if change == nil {
				change = func(*Request) {}
			}
			_, failure := s.tag(tc.tag, after(first), tc.by(s), change)
			switch {
			case tc.condition == "" && failure != nil:
				t.Error(failure)
			case tc.condition != "" && (failure == nil || failure.Condition != tc.condition || failure.Withdraws != tc.withdraws || failure.Unknown):
				t.Errorf("got %+v", failure)
			}
		})
	}
}

func mine(s *signing) *signature.Policy  { return signers(s.t, s.me) }
func yours(s *signing) *signature.Policy { return signers(s.t, s.you) }

// A registry that is away, or has lost everything, is no verdict.
func TestEvidenceOutOfReach(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status int
		pinned bool
	}{
		"a tag":             {http.StatusInternalServerError, false},
		"a digest":          {http.StatusInternalServerError, true},
		"a tag, gone":       {http.StatusNotFound, false},
		"a digest, gone":    {http.StatusNotFound, true},
		"a tag, secret":     {http.StatusForbidden, false},
		"a digest, limited": {http.StatusTooManyRequests, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			pin := func(r *Request) {
				if tc.pinned {
					r.Spec.Reference = &v1.OCIRepositoryRef{Digest: s.v1.Digest.String()}
				}
			}
			first, failure := s.tag("v1", Advertised{}, mine(s), pin)
			if failure != nil {
				t.Fatal(failure)
			}
			s.status.Store(int32(tc.status))
			s.VerifyInterval = time.Nanosecond
			_, failure = s.tag("v1", after(first), mine(s), pin)
			if failure == nil || failure.Withdraws || !failure.Unknown {
				t.Errorf("got %+v", failure)
			}
		})
	}
}

// What is put back is verified, or was.
func TestRestoreVerifies(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	a := after(s.must("v1", Advertised{}, mine(s)))
	restore := func(policy *signature.Policy) error {
		s.lose()
		_, err := s.Restore(t.Context(), Request{Key: key, Spec: v1.OCIRepositorySpec{URL: s.url()}, Advertised: a, Requirements: require(policy)})
		return err
	}
	if err := restore(mine(s)); err != nil {
		t.Error(err)
	}
	err := restore(yours(s))
	if err == nil {
		t.Fatal("what nobody signed is back")
	}
	refused(t, s.failure(err), true, "another key")
	if _, err := s.Store.Stat(key, a.Digest); err == nil {
		t.Error("what nobody signed is in the store")
	}
}

// A verification that is called off says nothing.
func TestVerificationCalledOff(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("over")
	cancel(over)
	req := Request{Key: key, Advertised: Advertised{Revision: "v1@" + s.v1.Digest.String()}, Requirements: require(mine(s))}
	failure := s.failure(s.verify(ctx, s.repository(), s.v1.Digest, req))
	if !failure.Unknown || failure.Withdraws || !errors.Is(failure, over) {
		t.Errorf("got %+v", failure)
	}
}

func TestRevisionDigest(t *testing.T) {
	t.Parallel()
	d := digest.FromString("x")
	for revision, want := range map[string]digest.Digest{"": "", d.String(): d, "v1@" + d.String(): d} {
		if got := revisionDigest(revision); got != want {
			t.Errorf("%q: %q", revision, got)
		}
	}
}

// Before a registry is asked nothing can be verified: what is advertised counts as verified where that is known, and stays in any case.
func TestNothingIsAsked(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	a := after(s.must("v1", Advertised{}, mine(s)))
	barred := func(r *Request) {
		r.Barred = &Error{Condition: v1.ConditionFetchFailed, Reason: v1.ReasonAuthenticationFailed, Err: errors.New("no password")}
	}
	wrong := func(r *Request) { r.Spec.URL = "oci://" + s.ref.Name() + ":v1" }
	before := s.requests.Load()
	for name, tc := range map[string]struct {
		policy     *signature.Policy
		advertised Advertised
		change     func(*Request)
		reason     string
		unknown    bool
	}{
		"known":              {mine(s), a, barred, v1.ReasonAuthenticationFailed, false},
		"other signers":      {yours(s), a, barred, v1.ReasonAuthenticationFailed, true},
		"nobody has to sign": {nil, a, barred, v1.ReasonAuthenticationFailed, false},
		"nothing is there":   {yours(s), Advertised{}, barred, v1.ReasonAuthenticationFailed, false},
		"wrong URL":          {mine(s), a, wrong, v1.ReasonURLInvalid, false},
		"wrong URL, others":  {yours(s), a, wrong, v1.ReasonURLInvalid, true},
	} {
		result, failure := s.tag("v1", tc.advertised, tc.policy, tc.change)
		if failure == nil || failure.Reason != tc.reason || failure.Unknown != tc.unknown || failure.Withdraws || result.Required != (tc.policy != nil) {
			t.Errorf("%s: %+v, %+v", name, result, failure)
		}
	}
	if n := s.requests.Load() - before; n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
}

// What lost its signature is withdrawn before its successor is fetched, however long that takes; what did not may be downloaded for a
// while after it is replaced.
func TestWithdrawnBeforeItsSuccessor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		by        func(*signing) *signature.Policy
		forget    bool
		withdrawn bool
	}{
		"both signed":         {by: ours},
		"both signed, forgot": {by: ours, forget: true},
		"key replaced":        {by: yours, withdrawn: true},
		"nobody has to sign":  {by: func(*signing) *signature.Policy { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			next, layer := s.pushLayer("next", pack(t, map[string]string{"a.yaml": "a: 2"}), nil)
			s.sign(s.you, next, "")
			a := after(s.must("v1", Advertised{}, mine(s)))
			if tc.forget {
				s.VerifyInterval = time.Nanosecond
			}
			if tc.withdrawn {
				_, failure := s.tag("next", a, tc.by(s))
				refused(t, failure, true, "another key")
				if _, err := s.Store.Stat(key, layer.Digest); err == nil || failure == nil || time.Until(failure.RetryAt) > 0 || failure.RetryAt.IsZero() {
					t.Errorf("the successor is there: %t; it is fetched at the next try: %+v", err == nil, failure)
				}
				a = Advertised{}
			}
			if result := s.must("next", a, tc.by(s)); result.Entry.Digest != layer.Digest {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// What is advertised is looked at also where a run's time is over, but not where it was called off.
func TestTimeIsOver(t *testing.T) {
	t.Parallel()
	s := newSigning(t)
	req := Request{Key: key, Spec: byTag("v1"), Advertised: after(s.must("v1", Advertised{}, mine(s))), Requirements: require(yours(s))}
	req.Spec.URL = s.url()
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if _, err := s.Run(late, req); !s.failure(err).Withdraws || s.failure(err).Unknown {
		t.Errorf("time is over: %+v", err)
	}
	off, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Run(off, req); s.failure(err).Withdraws || !s.failure(err).Unknown {
		t.Errorf("called off: %+v", err)
	}
}

func ours(s *signing) *signature.Policy { return signers(s.t, s.me, s.you) }

// Where the spec names another repository, what is advertised counts as long as it is known to be signed. Then that repository has to
// have it, for no other is asked.
func TestAnotherRepository(t *testing.T) {
	t.Parallel()
	elsewhere := func(r *Request) { r.Spec.URL += "/elsewhere" }
	for name, tc := range map[string]struct {
		by        func(*signing) *signature.Policy
		status    int
		withdraws bool
		unknown   bool
	}{
		"known":                {by: mine},
		"key replaced":         {by: yours, withdraws: true},
		"key replaced, away":   {by: yours, status: http.StatusInternalServerError, unknown: true},
		"verified from now on": {by: ours, withdraws: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSigning(t)
			first := s.must("v1", Advertised{}, mine(s))
			s.status.Store(int32(tc.status))
			_, failure := s.tag("v1", after(first), tc.by(s), elsewhere)
			if failure == nil || failure.Withdraws != tc.withdraws || failure.Unknown != tc.unknown {
				t.Errorf("got %+v", failure)
			}
			if tc.withdraws && !strings.Contains(failure.Error(), "/elsewhere, which spec.url names, has neither it nor a signature of it") {
				t.Errorf("it says %q", failure)
			}
		})
	}
}
