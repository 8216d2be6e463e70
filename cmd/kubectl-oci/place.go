package main

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
)

// maxPlace is longer than the name of any place where a secret lies, in bytes, and shorter than most keys and tokens.
const maxPlace = 512

// validatePlace refuses what is a secret itself in place of where it lies, without a word of it: errors would quote it, and others on the
// machine may read command lines.
func validatePlace(flag, what, ref, places string) error {
	if !looksSecret(ref) {
		return nil
	}
	return usageError{fmt.Errorf("%s is no %s but the place of one, for others may read command lines: name %s", flag, what, places)}
}

// looksSecret goes by how keys and tokens begin: in PEM, which is often in base64 once more, or with a JSON object in base64. What is no
// name of a variable is taken for the text that should be in one.
func looksSecret(ref string) bool {
	const token, pem = "eyJ", "LS0tLS1CRUdJTi"
	name, isVariable := strings.CutPrefix(ref, "env://")
	return len(ref) > maxPlace || strings.Contains(ref, "-----BEGIN") || strings.Contains(ref, "\n") ||
		strings.HasPrefix(ref, token) || strings.Contains(ref, token) && strings.Count(ref, ".") >= 2 ||
		strings.Contains(ref, pem) || isVariable && !isVariableName(name)
}

func isVariableName(name string) bool {
	return len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// validateAddress refuses what no service has; empty is not given.
func validateAddress(flag, address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	switch {
	case err == nil && u.User != nil: // errors name addresses
		return usageError{fmt.Errorf("%s holds a user or a password, which these services do not know", flag)}
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return usageError{fmt.Errorf("%s %q is no address, as https://host/path", flag, address)}
	}
	return nil
}

// validateConfidant refuses the address of a service that is told a token where others on the way could read it.
func validateConfidant(flag, address string) error {
	if err := validateAddress(flag, address); err != nil || address == "" {
		return err
	}
	if u, err := url.Parse(address); err != nil || !confidential(u) {
		return usageError{fmt.Errorf("%s %q is without TLS: it would be told a token, which others could read on the way; use https", flag, address)}
	}
	return nil
}

// confidential tells whether nobody reads what goes there: it is encrypted, or does not leave the machine.
func confidential(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback())
}

// oneLine is the text of an error as [printable] has it.
func oneLine(err error) string { return printable(err.Error()) }

// printable is what other programs and services say, in one line of bounded length that a terminal only shows.
func printable(text string) string {
	const limit = 500 // bytes
	var line strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		switch {
		case line.Len() >= limit:
			return line.String() + "…"
		case unicode.IsPrint(r):
			line.WriteRune(r)
		default:
			fmt.Fprintf(&line, "%U", r)
		}
	}
	return line.String()
}
