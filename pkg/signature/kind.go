package signature

import "fmt"

// String is a name for programs, as in WrongKey.
func (k Kind) String() string {
	names := [...]string{
		KindMissing: "Missing", KindAttestationOnly: "AttestationOnly", KindMalformed: "Malformed", KindUntrusted: "Untrusted",
		KindWrongKey: "WrongKey", KindWrongIdentity: "WrongIdentity", KindTampered: "Tampered", KindOtherDigest: "OtherDigest",
		KindLog: "Log", KindExpired: "Expired", KindUnmet: "Unmet",
		KindTooMany: "TooMany", KindUnreachable: "Unreachable",
	}
	if k <= 0 || int(k) >= len(names) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return names[k]
}
