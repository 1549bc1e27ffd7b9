package lint

import (
	"bytes"
	"go/format"
	"os/exec"
	"testing"
)

// TestFormat demands what gofmt would write.
func TestFormat(t *testing.T) {
	for _, s := range sources(t) {
		want, err := format.Source(s.text)
		if err != nil {
			t.Fatalf("%s: %v", s.path, err)
		}
		if !bytes.Equal(s.text, want) {
			t.Errorf("%s is not formatted; run gofmt -w %s", s.path, s.path)
		}
	}
}

func TestVet(t *testing.T) { run(t, "vet", "./...") }

func TestStaticcheck(t *testing.T) { run(t, "tool", "staticcheck", "./...") }

// run demands that a go command over the module has nothing to say.
func run(t *testing.T, args ...string) {
	if testing.Short() {
		t.Skipf("skipped under -short: go %v checks the whole module and takes up to a minute", args)
	}
	t.Parallel()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %v: %v\n%s", args, err, out)
	}
}
