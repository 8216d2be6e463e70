//go:build !unix

package store_test

// putBeyondLimit is for systems that can limit the size of files: see full_unix_test.go.
func putBeyondLimit(string) { panic("this system does not limit the size of files") }
