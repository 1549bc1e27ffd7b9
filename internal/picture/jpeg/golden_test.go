package jpeg

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldens points the test at more pictures: see tools/golden/jpeg.py.
var goldens = flag.String("goldens", "testdata", "folder with sums.txt of tools/golden/jpeg.py")

// golden is one line of sums.txt.
type golden struct {
	file                           string
	scale, width, height, channels int
	sha, path                      string
}

func readGoldens(t testing.TB, dir string) []golden {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "sums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []golden
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var g golden
		fmt.Sscan(lines.Text(), &g.file, &g.scale, &g.width, &g.height, &g.channels, &g.sha, &g.path)
		if g.path == "" {
			g.path = filepath.Join(dir, g.file)
		}
		all = append(all, g)
	}
	if len(all) == 0 {
		t.Fatalf("%s/sums.txt is empty", dir)
	}
	return all
}

// TestGoldenPillow compares every pixel with Pillow's, at full size and scaled.
func TestGoldenPillow(t *testing.T) {
	for _, g := range readGoldens(t, *goldens) {
		data, err := os.ReadFile(g.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkGolden(data, g); err != nil {
			t.Errorf("%s at 1/%d: %v", g.file, g.scale, err)
		}
	}
}

func checkGolden(data []byte, g golden) error {
	img, err := Decode(data, Options{Scale: g.scale})
	if err != nil {
		return err
	}
	if img.Width != g.width || img.Height != g.height || img.Components != g.channels {
		return fmt.Errorf("%dx%dx%d, Pillow has %dx%dx%d",
			img.Width, img.Height, img.Components, g.width, g.height, g.channels)
	}
	sum := sha256.Sum256(img.Pix)
	if got := hex.EncodeToString(sum[:]); got != g.sha {
		return fmt.Errorf("the pixels differ from Pillow's")
	}
	return nil
}

// TestReadHeader checks the header of every golden.
func TestReadHeader(t *testing.T) {
	for _, g := range readGoldens(t, *goldens) {
		if g.scale != 1 {
			continue
		}
		data, err := os.ReadFile(g.path)
		if err != nil {
			t.Fatal(err)
		}
		h, err := ReadHeader(data)
		if err != nil || h.Width != g.width || h.Height != g.height || h.Components != g.channels {
			t.Errorf("%s: %+v, %v; want %dx%dx%d", g.file, h, err, g.width, g.height, g.channels)
		}
		if strings.HasPrefix(g.file, "progressive") && !h.Progressive {
			t.Errorf("%s is not progressive", g.file)
		}
	}
}
