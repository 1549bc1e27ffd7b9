package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const clips = "../../fusion/testdata/"

// TestConvertInt8: what was rounded once is not rounded again.
func TestConvertInt8(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"clip-legacy", "openclip", "siglip-72"} {
		to := d.path(name)
		code, out, errs := runReal(d, "convert", clips+name, to, "--dtype", "int8", "--json")
		var c struct {
			Cosine float64
			Int8   int
			Dir    string
		}
		if code != 0 || json.Unmarshal([]byte(out), &c) != nil || c.Cosine < 0.998 || c.Int8 == 0 || c.Dir != to {
			t.Fatalf("%s: %d %s %s", name, code, out, errs)
		}
		embed := func(model string) (all [][]float32) {
			code, out, errs := runReal(d, "embed", "--model", model, "--dtype", "int8", "--json", "--text", "a red house", "--text", "two", "../../testdata/pictures/000.jpg")
			if code != 0 {
				t.Fatalf("%s: %s", model, errs)
			}
			for line := range strings.Lines(out) {
				var one struct{ Embedding []float32 }
				if err := json.Unmarshal([]byte(line), &one); err != nil {
					t.Fatal(err)
				}
				all = append(all, one.Embedding)
			}
			return all
		}
		was, is := embed(clips+name), embed(to)
		for i := range was {
			if !slices.Equal(was[i], is[i]) {
				t.Errorf("%s: vector %d is %v, was %v", name, i, is[i][:3], was[i][:3])
			}
		}
	}
}

func TestConvertSays(t *testing.T) {
	d := newDesk(t)
	if code, out, errs := runReal(d, "convert", clips+"openclip", d.path("hf"), "--layout", "transformers"); code != 0 || out != d.path("hf")+"\n" || !strings.Contains(errs, "cosine of at least 1.000000") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	for args, want := range map[string]string{
		"x y":                   "say what to change",
		"x":                     "name a model and the folder to write",
		"x y --dtype int4":      `--dtype "int4"`,
		"x y --layout timm":     `--layout "timm"`,
		"no/such y --dtype f16": "no/such",
		clips + "openclip " + d.path("hf") + " --dtype f16":                            "is there already",
		clips + "siglip-72 " + filepath.Join(d.path("z"), "a") + " --layout open_clip": "only CLIP can be written",
		"../../text/decoder/testdata/llama-gqa " + d.path("l") + " --dtype int8":       "int8 is for models that embed",
	} {
		code, out, errs := runReal(d, append([]string{"convert"}, strings.Fields(args)...)...)
		if code == 0 || out != "" || !strings.Contains(errs, want) {
			t.Errorf("convert %s: %d %q %s, want %s", args, code, out, errs, want)
		}
	}
	if list, _ := os.ReadDir(d.path("z")); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}
