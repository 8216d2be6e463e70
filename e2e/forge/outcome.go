package forge

// outcome is what a verifier has to say of a cell: its reason, for programs, and its message, for people. Names in braces stand for what
// differs from case to case.
type outcome struct{ reason, message string }

// expected is empty for what is good.
func (c Cell) expected() outcome {
	switch c.Fault {
	case Good, Crowd, ExpiredLogged, ExpiredStamped:
		return outcome{}
	case WrongKey:
		return c.wrongKey()
	case WrongIdentity:
		return c.wrongIdentity()
	case OtherDigest:
		return outcome{"OtherDigest", `signature {evidence} is of {other}`}
	case AttestationOnly:
		return outcome{"AttestationOnly", `no signature is attached to it, only attestations or other things, which are no signatures`}
	case Expired:
		return outcome{"Expired", `signature {evidence} has a certificate that was valid until {ended}, and nothing proves that it was made before`}
	case ExpiredLate:
		return outcome{"Expired", `signature {evidence} was timestamped at {late}, but its certificate was valid from {began} to {ended} only`}
	case Tampered:
		return c.tampered()
	case LogMismatch:
		return outcome{"Log", `signature {evidence} has a log entry that is for something else, or of no log that the trusted root names: ` +
			`transparency log signature does not match`}
	}
	if c.Maker == Notation {
		return outcome{"Missing", `no Notary Project signature is attached to it`}
	}
	return outcome{"Missing", `no signature is attached to it`}
}

// unnamed is all that can be said of an older signature that no key fits: it names none.
const unnamed = `signature {evidence} is by none of the keys "cosign.pub", or was changed`

func (c Cell) wrongKey() outcome {
	switch {
	case c.Maker == Notation:
		return outcome{"Untrusted", `signature {evidence} is by "CN=alice,O=Example,ST=Berlin,C=DE", for whom none of the certificates "acme.pem" vouches`}
	case c.Place == OlderTag:
		return outcome{"WrongKey", unnamed}
	case c.Maker == Key:
		return outcome{"WrongKey", `signature {evidence} is by another key than "cosign.pub"`}
	}
	return outcome{"WrongKey", `signature {evidence} is by "alice@example.com", vouched for by "{issuer}", but wanted is one of the keys "cosign.pub"`}
}

func (c Cell) tampered() outcome {
	switch {
	case c.Maker == Key && c.Place == OlderTag:
		return outcome{"WrongKey", unnamed}
	case c.Maker == Key:
		return outcome{"Tampered", `signature {evidence} names the key "cosign.pub", but does not fit what is signed: one of both was changed`}
	}
	return outcome{"Tampered", `signature {evidence} does not fit what is signed: one of both was changed`}
}

func (c Cell) wrongIdentity() outcome {
	message := `signature {evidence} is by "mallory@example.com", vouched for by "{issuer}", but wanted is subject "alice@example.com" of issuer "{issuer}"`
	switch c.Maker {
	case Key:
		message = `signature {evidence} is by a key, but wanted is subject "alice@example.com" of issuer "{issuer}"`
	case Notation:
		message = `signature {evidence} is by "CN=mallory,O=Example,ST=Berlin,C=DE", but wanted is "x509.subject:C=DE,ST=Berlin,O=Example,CN=alice"`
	}
	return outcome{"WrongIdentity", message}
}
