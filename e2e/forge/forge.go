package forge

import (
	"crypto"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/signature"

	"github.com/kubectl-oci/kubectl-oci/e2e/notation"
	"github.com/kubectl-oci/kubectl-oci/e2e/pki"
	"github.com/kubectl-oci/kubectl-oci/e2e/sigstore"
)

// Who signs without a key of their own: alice is the one who should.
const (
	alice   = "alice@example.com"
	bob     = "bob@example.com"
	mallory = "mallory@example.com"
)

// PublicKey is the name of the file with the key that is trusted, as messages have it.
const PublicKey = "cosign.pub"

// Forge has the keys and the Sigstore that signatures are made with. It is safe for concurrent use.
type Forge struct {
	sigstore *sigstore.Sigstore
	keys     map[string]crypto.Signer
	public   map[string][]byte // PEM

	began, late time.Time          // of certificates that have ended, and of timestamps that came too late
	inTime      *sigstore.Sigstore // all that was done in the time of those
	tooLate     *sigstore.Sigstore
	stampsOnly  []byte // the trusted root without its log

	acme, strangers *notation.Authority
}

// New makes keys and starts a Sigstore, until the end of the test.
func New(t testing.TB) *Forge {
	t.Helper()
	f := &Forge{sigstore: sigstore.For(t), keys: map[string]crypto.Signer{}, public: map[string][]byte{}}
	for _, name := range []string{alice, bob, mallory} {
		key, err := pki.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		f.keys[name] = key
		if f.public[name], err = signature.PublicKey(key); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now().Truncate(time.Second)
	f.began, f.late = now.Add(-time.Hour), now.Add(-time.Minute)
	within := f.began.Add(time.Minute)
	f.inTime = f.sigstore.With(t, sigstore.Clock{Issued: f.began, Logged: within, Stamped: within})
	f.tooLate = f.sigstore.With(t, sigstore.Clock{Issued: f.began, Logged: within, Stamped: f.late})
	f.stampsOnly = withoutLogs(t, f.sigstore.TrustedRoot())
	for name, authority := range map[string]**notation.Authority{"acme": &f.acme, "strangers": &f.strangers} {
		var err error
		if *authority, err = notation.NewAuthority(name); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func withoutLogs(t testing.TB, root []byte) []byte {
	t.Helper()
	return edit(t, root, func(fields map[string]any) { delete(fields, "tlogs") })
}

// Identity is somebody who is trusted.
type Identity struct{ Issuer, Subject string }

// Trust is whom a verifier is told to trust.
type Trust struct {
	Keys       map[string][]byte // PEM, by the name of the file
	Identities []Identity
	Root       []byte  // trusted_root.json; nil: none is needed
	Notary     *Notary // nil: nobody of the Notary Project
}

// Case is a cell that was made. Reason and Message are empty where the signature is good.
type Case struct {
	Cell
	Trust   Trust
	Reason  string // as in -o json
	Message string // after what was verified
}

// Repository is a host:port, reached by plain HTTP and by nobody's leave, and a repository's name there.
type Repository struct{ Host, Name string }

// Make attaches to an artifact what the cell is about.
func (f *Forge) Make(t testing.TB, c Cell, at Repository, artifact digest.Digest) Case {
	t.Helper()
	if excuse := c.Excuse(); excuse != "" {
		t.Fatalf("%s: %s", c, excuse)
	}
	j := f.job(t, c, at, artifact)
	evidence := j.attach()
	made := Case{Cell: c, Trust: f.trust(c), Reason: c.expected().reason}
	made.Message = strings.NewReplacer(
		"{evidence}", evidence.String(), "{other}", j.other.Digest.String(), "{issuer}", f.sigstore.IssuerURL,
		"{began}", moment(f.began), "{ended}", moment(j.ended), "{late}", moment(f.late),
	).Replace(c.expected().message)
	return made
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// trust is alice's key or alice; bob's too where two are trusted.
func (f *Forge) trust(c Cell) Trust {
	if c.Maker == Notation {
		return Trust{Notary: f.notary(c)}
	}
	asked := c.Maker
	switch c.Fault {
	case WrongKey:
		asked = Key
	case WrongIdentity:
		asked = Keyless
	}
	if asked == Key {
		trust := Trust{Keys: map[string][]byte{PublicKey: f.public[alice]}}
		if c.Fault == Crowd {
			trust.Keys["bob.pub"] = f.public[bob]
		}
		return trust
	}
	trust := Trust{Identities: []Identity{{f.sigstore.IssuerURL, alice}}, Root: f.sigstore.TrustedRoot()}
	switch c.Fault {
	case Crowd:
		trust.Identities = append(trust.Identities, Identity{f.sigstore.IssuerURL, bob})
	case Expired, ExpiredStamped, ExpiredLate:
		trust.Root = f.stampsOnly
	}
	return trust
}

// signer signs as somebody, with the services of a time.
func (f *Forge) signer(t testing.TB, maker Maker, who string, s *sigstore.Sigstore, stamps bool) *signature.Signer {
	t.Helper()
	o := signature.SignerOptions{Key: f.keys[who]}
	if maker == Keyless {
		o = signature.SignerOptions{Token: s.Token(t, who), Fulcio: s.FulcioURL, Log: s.RekorURL}
	}
	if stamps {
		o.Timestamp = s.TimestampURL
	}
	made, err := signature.NewSigner(o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
