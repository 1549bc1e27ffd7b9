package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The README's first command finds the picture that its query describes.
func TestReadmeSearch(t *testing.T) {
	const pictures, query = "../../testdata/pictures", "a cat to the left of a red car"
	raw, err := os.ReadFile(filepath.Join(pictures, "captions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var captions []struct{ File, Caption string }
	if err := json.Unmarshal(raw, &captions); err != nil {
		t.Fatal(err)
	}
	caption := map[string]string{}
	for _, c := range captions {
		caption[c.File] = c.Caption
	}
	d := newDesk(t)
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(""), &out, &errs)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	if code := a.execute(context.Background(), []string{"search", query, pictures, "--paths", "-n", "1"}); code != 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	first := filepath.Base(strings.TrimSpace(out.String()))
	if caption[first] != query {
		t.Errorf("rank 1 is %s, %q", first, caption[first])
	}
}
