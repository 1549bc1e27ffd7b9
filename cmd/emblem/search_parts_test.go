package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/testdata/pictures"
)

// samplesIn writes some of the sample pictures into a folder and returns them.
func samplesIn(t *testing.T, dir string, n int) (all []image.Image) {
	t.Helper()
	for i := range n {
		raw, err := pictures.Files.ReadFile(fmt.Sprintf("%03d.jpg", i))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), raw, 0o600)
		}
		var im image.Image
		if err == nil {
			im, err = picture.Decode(raw, picture.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, im)
	}
	return all
}

// collage writes four pictures as the quarters of one.
func collage(t *testing.T, path string, four []image.Image) {
	t.Helper()
	side := four[0].Bounds().Dx()
	m := image.NewRGBA(image.Rect(0, 0, 2*side, 2*side))
	for i, im := range four {
		draw.Draw(m, image.Rect(i%2*side, i/2*side, (i%2+1)*side, (i/2+1)*side), im, im.Bounds().Min, draw.Src)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLateLibrary: a library that was indexed without parts gets them; the quarters of
// a collage find the pictures that they are, words find by parts, and what was indexed
// with --late goes on so.
func TestLateLibrary(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	all := samplesIn(t, dir, 24)
	query := filepath.Join(t.TempDir(), "four.png")
	collage(t, query, all[4:8])
	run := func(args ...string) (string, string) {
		t.Helper()
		code, out, stderr := runCLI(t, "", append(args, "--data", data)...)
		if code != 0 {
			t.Fatalf("%v: exit %d, %s%s", args, code, out, stderr)
		}
		return out, stderr
	}
	run("index", dir)
	if code, out, stderr := runCLI(t, "", "search", "--late", "a cat", "--data", data); code == 0 || out != "" || !strings.Contains(stderr, "emblem index --late") {
		t.Errorf("without parts: exit %d, %s%s", code, out, stderr)
	}
	if out, _ := run("index", "--late=36", "--json", dir); !strings.Contains(out, `"updated":24`) && !strings.Contains(out, `"added":24`) {
		t.Errorf("the pictures did not get their parts: %s", out)
	}
	if out, _ := run("index", "--json", dir); !strings.Contains(out, `"unchanged":24`) {
		t.Errorf("the pictures were read again: %s", out)
	}
	first := 0
	for i := range 4 {
		region := fmt.Sprintf("%v,%v,0.5,0.5", float64(i%2)/2, float64(i/2)/2)
		out, _ := run("search", "--paths", "-n", "2", "--image", query, "--region", region, "--late")
		want := fmt.Sprintf("%03d.jpg", 4+i)
		if !strings.Contains(out, want) {
			t.Errorf("%s: %s, want %s", region, out, want)
		}
		if strings.HasSuffix(strings.Fields(out)[0], want) {
			first++
		}
	}
	if first < 3 {
		t.Errorf("%d of 4 quarters find their picture first", first)
	}
	whole, _ := run("search", "--paths", "--by", "meaning", "--min-probability", "0", "--image", query)
	part, _ := run("search", "--paths", "--by", "meaning", "--min-probability", "0", "--image", query, "--region", "0,0,0.5,0.5")
	if len(strings.Fields(part)) != 20 || part == whole {
		t.Errorf("among whole pictures a region finds %s", part)
	}
	out, _ := run("search", "--late", "--json", "-n", "1", "a violin")
	var hit struct {
		Path        string
		Score       float64
		Probability *float64
	}
	if err := json.Unmarshal([]byte(out), &hit); err != nil || !strings.HasSuffix(hit.Path, "001.jpg") || hit.Probability != nil || hit.Score <= 0 || hit.Score > 1 {
		t.Errorf("%s: %v", out, err)
	}
	if err := os.Rename(filepath.Join(dir, "005.jpg"), filepath.Join(dir, "moved.jpg")); err != nil {
		t.Fatal(err)
	}
	run("index", dir)
	if out, _ := run("search", "--paths", "-n", "1", "--image", query, "--region", "0.5,0,0.5,0.5", "--late"); !strings.Contains(out, "moved.jpg") {
		t.Errorf("a picture that was renamed lost its parts: %s", out)
	}
}

// TestRegionRefuses what is no region.
func TestRegionRefuses(t *testing.T) {
	for _, c := range [][]string{
		{"--region", "0,0,1", "--image", "a.png"}, {"--region", "0,0,0,1", "--image", "a.png"}, {"--region", "0.6,0,0.5,1", "--image", "a.png"},
		{"--region", "0,0,1,1", "words"}, {"--region", "0,0,NaN,1", "--image", "a.png"}, {"--region", "0,0,1,1", "--image", "a.png", "--image", "b.png"},
		{"--late", "--min-probability", "0.5", "words"}, {"--late", "--by", "words", "words"},
	} {
		if code, out, stderr := runCLI(t, "", append([]string{"search", "--data", t.TempDir()}, c...)...); code != 2 || out != "" || stderr == "" {
			t.Errorf("%v: exit %d, %s%s", c, code, out, stderr)
		}
	}
}
