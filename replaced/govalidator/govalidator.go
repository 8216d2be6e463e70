// Package govalidator takes the place of a dependency of sigstore's, of which no more is used than IsEmail: the original compiles 44 regular
// expressions, of which one is for the URLs of all the world, before main begins, and so a fifth of each command's start was spent on it.
package govalidator

import "net/mail"

// IsEmail tells whether a text is an address alone, without a name beside it.
func IsEmail(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Name == "" && address.Address == text
}
