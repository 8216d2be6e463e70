package signature

import "testing"

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := KindMissing; k <= KindUnreachable; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q, as another or not at all", k, name)
		}
		seen[k.String()] = true
	}
	if got := Kind(0).String(); got != "Kind(0)" {
		t.Errorf("got %q", got)
	}
}
