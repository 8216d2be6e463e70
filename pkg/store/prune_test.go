package store_test

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"

	"github.com/kubectl-oci/kubectl-oci/pkg/store"
)

func TestPrune(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	longAgo := time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC) // before synctest's clock begins
	for name, test := range map[string]struct {
		keep    store.Retention
		after   time.Duration // since the last put
		current string
		want    string
	}{
		"superseded just now":         {current: "d", want: "bcd"},
		"superseded long ago":         {after: time.Minute, current: "d", want: "d"},
		"one record":                  {keep: store.Retention{Records: 1}, current: "d", want: "cd"},
		"many records":                {keep: store.Retention{Records: 9}, current: "d", want: "bcd"},
		"many records, long":          {keep: store.Retention{Records: 9, TTL: day}, current: "d", want: "abcd"},
		"no records":                  {keep: store.Retention{Records: -1}, current: "d", want: "d"},
		"no time":                     {keep: store.Retention{TTL: -1}, current: "d", want: "d"},
		"current is not the latest":   {after: day, current: "a", want: "ad"},
		"current is not there at all": {after: day, current: "x", want: "d"},
		"nor was it just now":         {keep: store.Retention{Since: longAgo}, current: "x", want: "bc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := openStore(t, dir)
				put(t, s, web, "a")
				<-time.After(time.Hour)
				put(t, s, web, "b") // a is superseded
				<-time.After(time.Hour)
				put(t, s, web, "c")
				<-time.After(time.Second)
				put(t, s, web, "d")
				<-time.After(test.after)
				if err := s.Prune(web, digest.FromString(test.current), test.keep); err != nil {
					t.Fatal(err)
				}
				if latest, err := s.Latest(web); err != nil || test.current != "x" && latest.Digest != digest.FromString(test.current) {
					t.Errorf("Latest = %+v, %v, want the current one", latest, err)
				}
				var left string
				for _, body := range []string{"a", "b", "c", "d"} {
					if _, err := s.Stat(web, digest.FromString(body)); err == nil {
						left += read(t, s, web, digest.FromString(body))
					}
				}
				if left != test.want {
					t.Errorf("left %q, want %q", left, test.want)
				}
			})
		})
	}
}

func TestReaderOutlivesPrune(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	old := put(t, s, web, "old")
	blob, _, err := s.Open(web, old.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	current := put(t, s, web, "new")
	if err := s.Prune(web, current.Digest, store.Retention{Records: -1}); err != nil {
		t.Fatal(err)
	}
	wantMissing(t, s, web, old.Digest)
	if body, err := io.ReadAll(blob); err != nil || string(body) != "old" {
		t.Errorf("read %q, %v", body, err)
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	one, two := put(t, s, web, "one"), put(t, s, web, "two")
	same := put(t, s, db, "one")
	for range 2 { // the second time there is none
		if err := s.Drop(web, one.Digest); err != nil {
			t.Fatal(err)
		}
		wantMissing(t, s, web, one.Digest)
	}
	for _, e := range []store.Entry{two, same} {
		if _, err := s.Stat(e.Key, e.Digest); err != nil {
			t.Error(err)
		}
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openStore(t, dir)
	one, two, other := put(t, s, web, "one"), put(t, s, web, "two"), put(t, s, db, "other")
	put(t, s, web, "one") // an entry that was renewed is still one
	for range 2 {         // what is gone is no error
		if err := s.Remove(web); err != nil {
			t.Fatal(err)
		}
	}
	wantMissing(t, s, web, one.Digest)
	wantMissing(t, s, web, two.Digest)
	read(t, s, db, other.Digest)
	if diff := cmp.Diff([]store.Key{db}, s.Keys()); diff != "" {
		t.Error(diff)
	}
	checkEntries(t, s, dir)
	s.Close()
	if diff := cmp.Diff([]store.Key{db}, openStore(t, dir).Keys()); diff != "" {
		t.Error(diff)
	}
}
