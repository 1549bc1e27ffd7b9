package convert

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
)

const testdata = "../../fusion/testdata/"

// TestLayoutsThereAndBack: the other library's layout and again this one's, with every
// tensor as it was.
func TestLayoutsThereAndBack(t *testing.T) {
	for name, way := range map[string][2]string{
		"clip-gelu-sharded":     {"open_clip", "transformers"},
		"clip-legacy":           {"open_clip", "transformers"},
		"clip-odd-bf16":         {"open_clip", "transformers"},
		"openclip":              {"transformers", "open_clip"},
		"openclip-quick-squash": {"transformers", "open_clip"},
	} {
		there, _, err := convert(t, testdata+name, Options{Layout: way[0]})
		must(t, err)
		back, _, err := convert(t, there, Options{Layout: way[1]})
		must(t, err)
		equal(t, name, testdata+name, back)
	}
}

// equal compares the tensors of two folders.
func equal(t *testing.T, name, a, b string) {
	t.Helper()
	one, err := safetensors.OpenFolder(a, "model", "open_clip_model")
	must(t, err)
	defer one.Close()
	two, err := safetensors.OpenFolder(b, "model", "open_clip_model")
	must(t, err)
	defer two.Close()
	n := 0
	for _, tensor := range one.Names() {
		v, _ := one.Get(tensor)
		w, ok := two.Get(tensor)
		if short, cut := strings.CutPrefix(tensor, "text."); !ok && cut { // custom_text is not written
			w, ok = two.Get(short)
		}
		switch {
		case !ok && (strings.HasSuffix(tensor, "position_ids") || strings.HasSuffix(tensor, "attn_mask")):
			continue
		case !ok || !bytes.Equal(v.Data, w.Data) || v.DType != w.DType:
			t.Errorf("%s: %s is not what it was", name, tensor)
		}
		n++
	}
	if n != len(two.Names()) {
		t.Errorf("%s: %d tensors, were %d", name, len(two.Names()), n)
	}
}

// TestLayoutRefuses: what the other library cannot say.
func TestLayoutRefuses(t *testing.T) {
	for _, c := range []struct{ folder, layout, file, old, new, want string }{
		{"clip-legacy", "transformers", "", "", "", "in the layout of transformers already"},
		{"clip-legacy", "open_clip", "config.json", `"layer_norm_eps": 1e-05`, `"layer_norm_eps": 1e-06`, "layer_norm_eps"},
		{"clip-legacy", "open_clip", "config.json", `"hidden_act": "quick_gelu"`, `"hidden_act": "relu"`, "hidden_act"},
		{"clip-legacy", "open_clip", "preprocessor_config.json", `"resample": 3`, `"resample": 1`, "resample 1"},
		{"clip-legacy", "open_clip", "preprocessor_config.json", `"crop_size": 70`, `"crop_size": 60`, "not what open_clip does"},
		{"openclip", "transformers", "open_clip_config.json", `"patch_size": 14,`, `"patch_size": 14, "pool_type": "avg",`, `vision_cfg has pool_type "avg"`},
		{"openclip-coca", "transformers", "", "", "", "which the other layout cannot say"},
		{"openclip", "transformers", "tokenizer.json", "", "", "neither tokenizer.json nor vocab.json"},
		{"siglip-72", "open_clip", "", "", "", "only CLIP can be written"},
	} {
		src := t.TempDir()
		must(t, os.CopyFS(src, os.DirFS(testdata+c.folder)))
		if c.file != "" {
			path := filepath.Join(src, c.file)
			raw, err := os.ReadFile(path)
			must(t, err)
			if c.old == "" {
				must(t, os.Remove(path))
			} else if !bytes.Contains(raw, []byte(c.old)) {
				t.Fatalf("%s has no %s", path, c.old)
			}
			if c.old != "" {
				must(t, os.WriteFile(path, bytes.ReplaceAll(raw, []byte(c.old), []byte(c.new)), 0o644))
			}
		}
		if _, _, err := convert(t, src, Options{Layout: c.layout}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: %v, want %s", c.folder, c.layout, err, c.want)
		}
	}
}
