package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walk is what Walk shows, a line each; contents are read up to limit bytes.
func walk(t testing.TB, archive []byte, limit int64) (lines []string, err error) {
	t.Helper()
	err = Walk(t.Context(), bytes.NewReader(archive), Limits{}, func(f File, contents io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(contents, limit))
		lines = append(lines, fmt.Sprintf("%s %d %v %q %s", f.Name, f.Size, f.Executable, f.Target, text))
		return err
	})
	return lines, err
}

func TestWalk(t *testing.T) {
	t.Parallel()
	archive := zip(t, tarball(t, item{name: "./"}, item{name: "./a.yaml", content: "kind: A"}, item{name: "dir/"},
		item{name: "dir/run.sh", content: "#!", mode: 0o755}, item{name: "link", kind: '2', target: "a.yaml"}, item{name: "b.yaml", content: "kind: B"}))
	want := []string{`a.yaml 7 false "" kind: A`, `dir/run.sh 2 true "" #!`, `link 0 false "a.yaml" `, `b.yaml 7 false "" kind: B`}
	got, err := walk(t, archive, 100)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	got, err = walk(t, archive, 0)
	if err != nil || len(got) != len(want) {
		t.Errorf("nothing was read, and it shows %q, %v", got, err)
	}
	stop := errors.New("stop")
	if err := Walk(t.Context(), bytes.NewReader(archive), Limits{}, func(File, io.Reader) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestWalkRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range broken(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := walk(t, test.archive, 1<<20)
			checkError(t, err, test.want)
		})
	}
}
