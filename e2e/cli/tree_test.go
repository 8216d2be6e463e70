package cli_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

func compareTrees(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("cmptree: %v", errUsage)
	}
	a, err := readTree(ts.MkAbs(args[0]))
	ts.Check(err)
	b, err := readTree(ts.MkAbs(args[1]))
	ts.Check(err)
	if maps.Equal(a, b) == neg {
		ts.Fatalf("cmptree: %s holds\n%s\n%s holds\n%s", args[0], a, args[1], b)
	}
}

// tree is what lies in a folder: path to a word on its kind, and the contents.
type tree map[string]string

func readTree(dir string) (tree, error) {
	found := tree{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found[name], err = describe(path, d)
		return err
	})
	return found, err
}

func describe(path string, d fs.DirEntry) (string, error) {
	switch {
	case d.IsDir():
		return "folder", nil
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return "link to " + target, err
	}
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	kind := "file "
	if info.Mode()&0o100 != 0 {
		kind = "program "
	}
	content, err := os.ReadFile(path)
	return kind + strconv.Quote(string(content)), err
}

// String is one line for each path.
func (t tree) String() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "\t%s: %.80s\n", name, t[name])
	}
	return b.String()
}

const (
	grownFile  = 50 // passages
	passages   = 1 << 12
	passage    = 1 << 10 // bytes
	lineOfText = "        - name: configuration-value-%016x%016x\n"
)

// grow makes files out of passages that repeat in no order: about a third of them is entropy, as in large configs.
func (s *script) grow(ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	mib, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for len(text) < passages*passage {
		text = fmt.Appendf(text, lineOfText, random.Uint64(), random.Uint64())
	}
	for i := range mib << 20 / (grownFile * passage) {
		var content []byte
		for range grownFile {
			at := random.IntN(passages) * passage
			content = append(content, text[at:at+passage]...)
		}
		path := filepath.Join(ts.MkAbs(args[0]), strconv.Itoa(i/100), strconv.Itoa(i)+".txt")
		if err := writeFile(path, content); err != nil {
			return err
		}
	}
	return nil
}
