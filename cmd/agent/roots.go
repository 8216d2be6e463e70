package main

// The image holds nothing but the agent. Where a system has no certificate authorities of its own, these count, as of the version
// that go.mod names.
import _ "golang.org/x/crypto/x509roots/fallback"
