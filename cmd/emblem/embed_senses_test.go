package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/golden"
)

const (
	boundModel = "../../fusion/testdata/imagebind"
	senseFiles = "../../fusion/testdata/senses/"
)

// TestEmbedSenses: every kind of input has the reference's vector from the command
// line, in the order of the inputs, whatever stands between them.
func TestEmbedSenses(t *testing.T) {
	g := golden.Open(t, boundModel)
	embed := func(args ...string) []embedLine {
		code, out, stderr := runCLI(t, "", append([]string{"embed", "--model", boundModel, "--dtype", "f32", "--json"}, args...)...)
		if code != 0 {
			t.Fatalf("%v: exit %d, %s", args, code, stderr)
		}
		return jsonLines[embedLine](t, out)
	}
	for _, c := range []struct {
		kind string
		args []string
	}{
		{"audio", []string{senseFiles + "audio/long.wav", senseFiles + "audio/short.wav", senseFiles + "audio/blip.wav", senseFiles + "audio/tune.wav"}},
		{"depth", []string{"--modality", "depth", senseFiles + "depth/wide.png", senseFiles + "depth/tall.png"}},
		{"thermal", []string{"--modality", "thermal", senseFiles + "thermal/grey.png", senseFiles + "thermal/colour.png"}},
		{"imu", []string{"--modality", "imu", senseFiles + "imu"}},
		{"video", []string{"--modality", "video", "--fps", "7.5", senseFiles + "video/wide", senseFiles + "video/tall"}},
	} {
		var got [][]float32
		for _, l := range embed(c.args...) {
			if l.Kind != c.kind {
				t.Errorf("%s: a line of kind %q", c.kind, l.Kind)
			}
			got = append(got, l.Embedding)
		}
		golden.Within(t, c.kind, 2e-4, golden.Unit(g.Rows(c.kind)), got)
	}
	picture := "../../fusion/testdata/pictures/alpha.png"
	mixed := embed("--text", "a cat", senseFiles+"audio/long.wav", picture, senseFiles+"audio/short.wav", picture)
	var kinds []string
	for _, l := range mixed {
		kinds = append(kinds, l.Kind)
	}
	if strings.Join(kinds, " ") != "text audio image audio image" {
		t.Errorf("kinds %v", kinds)
	}
	golden.Within(t, "in between", 2e-4, golden.Unit(g.Rows("audio")[1:2]), [][]float32{mixed[3].Embedding})
	golden.Within(t, "the picture", 2e-4, golden.Unit(g.Rows("image")[:1]), [][]float32{mixed[4].Embedding})
	if n := len(embed(senseFiles + "audio")); n != 4 {
		t.Errorf("a folder of 4 sounds stands for %d inputs", n)
	}
}

// TestEmbedSensesHostile: a model that does not hear, a file that is something else and
// flags that make no sense are one sentence each.
func TestEmbedSensesHostile(t *testing.T) {
	sound, note := senseFiles+"audio/blip.wav", filepath.Join(t.TempDir(), "note.wav")
	if err := os.WriteFile(note, []byte("no sound at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"clip-legacy does not read audio":     {"--model", tinyModel, sound},
		"clip-legacy does not read depth":     {"--model", tinyModel, "--modality", "depth", sound},
		`--modality "smell" is not one of`:    {"--model", boundModel, "--modality", "smell", sound},
		"--fps has to be over 0":              {"--model", boundModel, "--fps", "0", sound},
		"--focal and --baseline have to be":   {"--model", boundModel, "--focal", "-1", sound},
		"this is no picture that emblem read": {"--model", boundModel, note},
		"no sound that emblem reads":          {"--model", boundModel, "--modality", "audio", note},
		"no folder":                           {"--model", boundModel, "--modality", "video", sound},
		"nothing that the model reads in":     {"--model", boundModel, "--modality", "imu", senseFiles + "audio"},
	} {
		code, out, stderr := runCLI(t, "", append([]string{"embed"}, args...)...)
		if said := out + stderr; code == 0 || strings.Count(said, want) != 1 || strings.Count(said, "\n") > 2 {
			t.Errorf("%v: exit %d, %q; want %q", args, code, said, want)
		}
	}
}

// TestScoreSounds: a command of pictures says of a sound that it is none.
func TestScoreSounds(t *testing.T) {
	code, out, stderr := runCLI(t, "", "score", "--model", boundModel, "--json", "--text", "a dog", senseFiles+"audio/blip.wav")
	if said := out + stderr; code != 1 || !strings.Contains(said, "this is no picture that emblem reads") {
		t.Errorf("exit %d, %s", code, said)
	}
}
