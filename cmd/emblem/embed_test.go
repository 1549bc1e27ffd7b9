package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tinyModel = "../../fusion/testdata/clip-legacy"

// runCLI runs a command line and returns the exit code and what it printed.
func runCLI(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// jsonLines decodes one object a line.
func jsonLines[T any](t *testing.T, s string) (all []T) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	for d.More() {
		var v T
		if err := d.Decode(&v); err != nil {
			t.Fatal(err, s)
		}
		all = append(all, v)
	}
	return all
}

// pictureFolder has two pictures, a broken one, a text and a hidden file.
func pictureFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for to, from := range map[string]string{"a.png": "wide.png", "sub/b.jpg": "tall.jpg", ".hidden.png": "wide.png"} {
		data, err := os.ReadFile("../../fusion/testdata/pictures/" + from)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o755)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"broken.jpg": "\xff\xd8\xff no picture", "notes.txt": "text"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestEmbed: texts first, folders in order, a line per failure, exit 1, and the
// same rows in the .npy file.
func TestEmbed(t *testing.T) {
	dir := pictureFolder(t)
	npy := filepath.Join(t.TempDir(), "v.npy")
	list := "no such file.jpg\n"
	code, out, _ := runCLI(t, list, "embed", "--model", tinyModel, "--dtype", "f32", "--json", "--files-from", "-", "--out", npy,
		"--text", "a cat, or two", "--text", strings.Repeat("dog ", 50), dir)
	if code != exitFailed {
		t.Errorf("exit %d", code)
	}
	got := jsonLines[embedLine](t, out)
	want := []struct {
		kind, input string
		fails       bool
	}{
		{"text", "a cat, or two", false}, {"text", strings.Repeat("dog ", 50), false},
		{"image", filepath.Join(dir, "a.png"), false}, {"image", filepath.Join(dir, "broken.jpg"), true},
		{"image", filepath.Join(dir, "sub/b.jpg"), false}, {"image", "no such file.jpg", true},
	}
	if len(got) != len(want) {
		t.Fatalf("%d lines: %s", len(got), out)
	}
	raw, err := os.ReadFile(npy)
	if err != nil || len(raw) != npyHeader+4*24*len(want) || !bytes.Contains(raw[:npyHeader], []byte("(6, 24)")) {
		t.Fatalf("%d bytes, %v, %q", len(raw), err, raw[:min(len(raw), npyHeader)])
	}
	for i, l := range got {
		if l.Index != i || l.Kind != want[i].kind || l.Input != want[i].input || (l.Error != nil) != want[i].fails || l.Model != "clip-legacy" || l.DType != "f32" {
			t.Errorf("line %d: %+v, want %v", i, l, want[i])
		}
		first := math.Float32frombits(binary.LittleEndian.Uint32(raw[npyHeader+4*24*i:]))
		if want[i].fails {
			if l.Embedding != nil || first == first {
				t.Errorf("line %d: a vector of a failed input", i)
			}
			continue
		}
		norm := 0.0
		for _, x := range l.Embedding {
			norm += float64(x) * float64(x)
		}
		if math.Abs(norm-1) > 1e-5 || first != l.Embedding[0] {
			t.Errorf("line %d: squared length %v, %v in the file, %v in the line", i, norm, first, l.Embedding[0])
		}
	}
	if got[0].Truncated == nil || *got[0].Truncated || got[1].Truncated == nil || !*got[1].Truncated || *got[1].Tokens != 24 {
		t.Errorf("%+v %+v", got[0], got[1])
	}
}

func TestEmbedRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"nothing to embed":   {"embed", "--model", tinyModel},
		`--truncate "no"`:    {"embed", "--truncate", "no", "--text", "x"},
		`--dtype "f8"`:       {"embed", "--dtype", "f8", "--text", "x"},
		"get it with":        {"embed", "--model", "org/absent", "--text", "x"},
		"no class token":     {"embed", "--model", "../../fusion/testdata/siglip-72", "--pool", "cls", "--text", "x"},
		"device: cuda:77":    {"embed", "--device", "cuda:77", "--text", "x"},
		"is none of auto":    {"embed", "--device", "abacus", "--text", "x"},
		"no {} for the":      {"classify", "--labels", "a", "--template", "a photo", "x.jpg"},
		"at least one --tex": {"score", "x.jpg"},
		"at least one pictu": {"score", "--text", "x"},
		"name at least one ": {"tokenize"},
		"--labels @/nowhere": {"classify", "--labels", "@/nowhere", "x.jpg"},
		"nothing that the":   {"embed", "../../docs"},
		`argument "-1" for `: {"embed", "--max-megapixels", "-1", "x.jpg"},
	} {
		t.Setenv("HF_HUB_CACHE", t.TempDir())
		code, out, errs := runCLI(t, "", args...)
		if code != exitUsage || out != "" || !strings.Contains(errs, want) {
			t.Errorf("%v: exit %d, %q, %q; want %q", args, code, out, errs, want)
		}
	}
}

// TestEmbedTruncateError: the text that is too long fails alone.
func TestEmbedTruncateError(t *testing.T) {
	code, out, _ := runCLI(t, "", "embed", "--model", tinyModel, "--json", "--truncate", "error", "--text", strings.Repeat("dog ", 50), "--text", "dog")
	got := jsonLines[embedLine](t, out)
	if code != exitFailed || len(got) != 2 || got[0].Error == nil || got[1].Error != nil || !strings.Contains(got[0].Error.Message, "clip-legacy reads 24") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestScore(t *testing.T) {
	dir := pictureFolder(t)
	code, out, _ := runCLI(t, "", "score", "--model", tinyModel, "--json", "--text", "a cat", "--text", "a dog",
		filepath.Join(dir, "broken.jpg"), filepath.Join(dir, "a.png"))
	var s scores
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatal(err, out)
	}
	if code != exitFailed || len(s.Logits) != 2 || s.Logits[0] != nil || len(s.Logits[1]) != 2 || s.Probs[0] != nil || len(s.Errors) != 1 || s.Errors[0].Index != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
	if sum := s.Probs[1][0] + s.Probs[1][1]; math.Abs(float64(sum)-1) > 1e-5 {
		t.Errorf("probabilities sum to %v", sum)
	}
}

func TestClassify(t *testing.T) {
	pictures := "../../testdata/pictures/"
	code, out, _ := runCLI(t, "", "classify", "--json", "--labels", "a cat to the left of a red car, dna,a violin", pictures+"161.jpg", pictures+"002.jpg", "none.jpg")
	got := jsonLines[classified](t, out)
	if code != exitFailed || len(got) != 3 || got[0].Label != "a cat to the left of a red car" || got[1].Label != "dna" || got[2].Error == nil {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestTokenize(t *testing.T) {
	code, out, _ := runCLI(t, "", "tokenize", "--model", tinyModel, "--json", "a photo of a cat", strings.Repeat("x ", 60))
	got := jsonLines[tokens](t, out)
	if code != exitOK || len(got) != 2 || got[0].Truncated || !got[1].Truncated || len(got[1].IDs) != 24 || got[0].Model != "clip-legacy" {
		t.Errorf("exit %d: %s", code, out)
	}
}

// TestInspect: the built-in model's README says 5.43 million parameters.
func TestInspect(t *testing.T) {
	code, out, _ := runCLI(t, "", "inspect", "builtin/search", "--json")
	var i inspection
	if err := json.Unmarshal([]byte(out), &i); err != nil {
		t.Fatal(err, out)
	}
	if code != exitOK || i.Parameters < 5.42e6 || i.Parameters > 5.44e6 || i.Dimensions != 256 || i.ImageTokens != 65 || i.Note == "" {
		t.Errorf("exit %d: %+v", code, i)
	}
	if len(i.Fingerprint) != 64 || i.Image.FLOPs < 3e8 || i.Image.Memory == 0 || len(i.Text.Ops) == 0 {
		t.Errorf("%+v", i)
	}
}

func TestModels(t *testing.T) {
	t.Setenv("HF_HUB_CACHE", t.TempDir())
	code, out, _ := runCLI(t, "", "models", "--json")
	if code != exitOK || !strings.Contains(out, `"model":"builtin/search"`) || !strings.Contains(out, "illustrations only") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// damaged copies the tiny model and changes one of its files.
func damaged(t *testing.T, file string, change func([]byte) []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "damaged")
	if err := os.CopyFS(dir, os.DirFS(tinyModel)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, file)
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(raw), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDamagedModels: exit 2, one sentence that names what is wrong, and nothing
// of the texts, whose tower may be whole.
func TestDamagedModels(t *testing.T) {
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	for _, c := range []struct {
		file   string
		change func([]byte) []byte
		want   string
	}{
		{"model.safetensors", func(b []byte) []byte { return b[:len(b)-100] }, "truncated"},
		{"model.safetensors", func(b []byte) []byte { return append(b[:len(b)-4], 0, 0, 0xc0, 0x7f) }, "visual_projection.weight has infinite numbers or NaN"},
		{"model.safetensors", replace("visual_projection", "visual_projectiom"), "missing: visual_projection.weight"},
		{"config.json", replace("quick_gelu", "quirk_gelu"), `"quirk_gelu"`},
		{"config.json", func([]byte) []byte { return []byte("[]") }, "config.json: it is a JSON array"},
		{"preprocessor_config.json", replace("CLIPFeatureExtractor", "Foo"), `"Foo" is not supported`},
		{"tokenizer.json", func([]byte) []byte { return []byte("{") }, "tokenizer.json"},
	} {
		dir := damaged(t, c.file, c.change)
		for _, args := range [][]string{
			{"embed", "--model", dir, "--json", "--text", "a cat", "../../fusion/testdata/pictures/wide.png"},
			{"score", "--model", dir, "--json", "--text", "a cat", "../../fusion/testdata/pictures/wide.png"},
		} {
			code, out, errs := runCLI(t, "", args...)
			var e struct {
				Error struct{ Message, Code string }
			}
			if json.Unmarshal([]byte(errs), &e) != nil || code != exitUsage || out != "" || e.Error.Code != "model_invalid" || !strings.Contains(e.Error.Message, c.want) {
				t.Errorf("%s, %s: exit %d, %q, %s; want %q", args[0], c.file, code, out, errs, c.want)
			}
		}
	}
}

// TestLineEnds: a line stays one line for readers who cut at Unicode's line ends.
func TestLineEnds(t *testing.T) {
	text := "a\u0085b\u2028c\u2029d\ve\ff\x1cg\r\nh"
	_, out, _ := runCLI(t, "", "tokenize", "--model", tinyModel, "--json", text)
	if got := jsonLines[tokens](t, out); len(got) != 1 || got[0].Text != text {
		t.Errorf("%q", out)
	}
	if body := strings.TrimSuffix(out, "\n"); strings.ContainsAny(body, "\u0085\u2028\u2029\v\f\x1c\r\n") {
		t.Errorf("%q has a line end within", out)
	}
}
