package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// published is what others may read of a remote's address; empty where that is not certain. An access token often lies in the
// user and password, which are taken out. What only looks like an address may hide one anywhere: nothing of it is published,
// nor is a path of this machine.
func published(address string) string {
	if scpLike(address) {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || !slices.Contains([]string{"https", "http", "ssh", "git"}, u.Scheme) {
		return ""
	}
	u.User = nil
	if strings.Contains(u.String(), "@") {
		return "" // a password with a /, ? or # in it, which ended the host too early
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

// scpLike tells whether ssh reads the address as user@host:path, where no password has a place. A host of one letter is a
// drive of Windows, two colons call a program of git's, two slashes begin a URL.
func scpLike(address string) bool {
	return regexp.MustCompile(`^([^@/:\s]+@)?[^@/:\s\\]{2,}:([^@/:\s]|/[^@/\s])[^@\s]*$`).MatchString(address)
}
