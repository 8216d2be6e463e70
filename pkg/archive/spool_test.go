package archive

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
)

func TestSpool(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		memory int64
		onDisk bool
	}{
		"memory":         {1 << 20, false},
		"just in memory": {200_000, false},
		"just on disk":   {199_999, true},
		"disk":           {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSpool(tt.memory)
			defer s.Close()
			want := text(200_000)
			for rest := want; rest != ""; rest = rest[1000:] {
				if _, err := io.WriteString(s, rest[:1000]); err != nil {
					t.Fatal(err)
				}
			}
			if got := s.file != nil; got != tt.onDisk {
				t.Errorf("on disk: %v, want %v", got, tt.onDisk)
			}
			if tt.onDisk && s.memory.Cap() > 0 {
				t.Errorf("%d bytes of memory are kept beside the file", s.memory.Cap())
			}
			if s.Size() != int64(len(want)) {
				t.Errorf("size %d, want %d", s.Size(), len(want))
			}
			readInParallel(t, s, want)
			checkClosed(t, s)
		})
	}
}

func readInParallel(t *testing.T, s *Spool, want string) {
	t.Helper()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			r, err := s.Open()
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != want {
				t.Errorf("read %d bytes, error %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

func checkClosed(t *testing.T, s *Spool) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if _, err := s.Open(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("open after close: %v", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("write after close: %v", err)
	}
}

// Not parallel: it moves the folder for temporary files.
func TestSpoolLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := NewSpool(10)
	if _, err := io.Copy(s, strings.NewReader(text(100))); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the file has a name: %v, error %v", left, err)
	}
	checkClosed(t, s)
	t.Setenv("TMPDIR", dir+"/none")
	_, err := io.Copy(NewSpool(10), strings.NewReader(text(100)))
	checkError(t, err, "spool")
}
