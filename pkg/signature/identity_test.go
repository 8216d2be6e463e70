package signature

import "testing"

// Messages show a name as it is, and a pattern as it was written.
func TestIdentityString(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`a\.b\+c@example\.com`: `a.b+c@example.com`,
		`a.b@example.com`:      `a.b@example.com`,
		`^a\.b$`:               `a.b`,
		`a|b`:                  `a|b`,
		`(`:                    `(`,
	} {
		if got := (Identity{Issuer: "i", Subject: pattern}).String(); got != `subject "`+want+`" of issuer "i"` {
			t.Errorf("%s: %s", pattern, got)
		}
	}
}
