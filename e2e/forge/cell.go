package forge

import "fmt"

// Maker is who signs.
type Maker string

// The makers.
const (
	Key     Maker = "key"     // a key pair of cosign's
	Keyless Maker = "keyless" // somebody whom an OpenID provider vouches for

	Notation Maker = "notation" // the Notary Project's tools
)

// Place is where a signature is kept.
type Place string

// The places.
const (
	Referrer    Place = "referrer"     // a manifest that refers to the artifact, listed by the registry
	FallbackTag Place = "fallback tag" // the same, listed under the tag sha256-<hex>
	OlderTag    Place = "older tag"    // the manifest under the tag sha256-<hex>.sig
)

// Fault is what is wrong with a signature.
type Fault string

// The faults, and what is none. Expired are signatures whose certificate has ended since; they differ in what proves when they were made.
const (
	Good            Fault = "good"
	WrongKey        Fault = "wrong key"        // a key is asked for, and it is by another one or by somebody without
	WrongIdentity   Fault = "wrong identity"   // somebody is asked for, and it is by somebody else or by a key
	OtherDigest     Fault = "other digest"     // it is of another artifact
	AttestationOnly Fault = "attestation only" // by the right one, of the right artifact, and no signature
	Expired         Fault = "expired"          // nothing proves when
	ExpiredLogged   Fault = "expired, logged"  // a log saw it in time: good
	ExpiredStamped  Fault = "expired, stamped" // a timestamp authority saw it in time: good
	ExpiredLate     Fault = "expired, stamped too late"
	Tampered        Fault = "tampered"   // a bit of it was changed
	LogMismatch     Fault = "log entry"  // its entry in the log is another's
	Missing         Fault = "missing"    // there is none
	Crowd           Fault = "one of two" // good: of two who are trusted it is the second one's, beside one of somebody else
)

// Cell is a combination.
type Cell struct {
	Maker Maker
	Place Place
	Fault Fault
}

func (c Cell) String() string { return fmt.Sprintf("%s/%s/%s", c.Maker, c.Place, c.Fault) }

// Cells are all combinations.
func Cells() []Cell {
	var all []Cell
	for _, maker := range []Maker{Key, Keyless, Notation} {
		for _, place := range []Place{Referrer, FallbackTag, OlderTag} {
			for _, fault := range []Fault{
				Good, Crowd, WrongKey, WrongIdentity, OtherDigest, AttestationOnly,
				Expired, ExpiredLogged, ExpiredStamped, ExpiredLate, Tampered, LogMismatch, Missing,
			} {
				all = append(all, Cell{maker, place, fault})
			}
		}
	}
	return all
}

// Excuse says why there is no such thing; empty: there is.
func (c Cell) Excuse() string {
	if c.Maker == Notation && c.Place == OlderTag {
		return "the Notary Project keeps signatures as referrers alone"
	}
	switch c.Fault {
	case Expired, ExpiredLogged, ExpiredStamped, ExpiredLate:
		return c.excuseExpired()
	case LogMismatch:
		switch c.Maker {
		case Key:
			return "what a key signed needs no log, so no entry is looked at"
		case Notation:
			return "the Notary Project has no transparency log"
		}
	case AttestationOnly:
		if c.Maker == Notation {
			return "the Notary Project has no attestations"
		}
	}
	return ""
}

func (c Cell) excuseExpired() string {
	switch {
	case c.Maker == Key:
		return "a key has no certificate that could end"
	case c.Maker == Notation && c.Fault == ExpiredLogged:
		return "the Notary Project has no transparency log"
	case c.Maker == Notation && c.Fault != Expired:
		return "nobody puts a timestamp on Notary Project signatures here: that is for the tests beside the verifier"
	}
	return ""
}
