package manual_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-oci/kubectl-oci/e2e/manual"
)

const page = "# A page\n\n```sh\nmkdir -p made\necho \"registry.example.com says $WORD and more\" > made/said\ncat made/said >&2\n```\n\n" +
	"```yaml\nkind: Other\n```\n\n```text\nregistry.example.com says hello…more\n```\n\n```sh\ntest -f ~/made/said\n! false\n```\n"

func TestFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blocks := manual.Blocks(page)
	if len(blocks) != 3 || blocks[0].Printed || !blocks[1].Printed || blocks[2].Printed {
		t.Fatalf("blocks: %+v", blocks)
	}
	manual.Reader{Dir: dir, Env: []string{"WORD=hello"}, Names: strings.NewReplacer("registry.example.com", "localhost:5000")}.Follow(t, blocks)
	if said, err := os.ReadFile(filepath.Join(dir, "made", "said")); err != nil || string(said) != "localhost:5000 says hello and more\n" {
		t.Errorf("the page wrote %q, %v", said, err)
	}
}
