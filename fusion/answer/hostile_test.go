package answer

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostile: a folder that cannot be right is refused by what is wrong in it.
func TestHostile(t *testing.T) {
	for _, c := range []struct {
		model, file string
		change      func(d map[string]any)
		want        string
	}{
		{"idefics3", "config.json", func(d map[string]any) { d["scale_factor"] = 3 }, "scale_factor 3"},
		{"idefics3", "config.json", func(d map[string]any) { d["scale_factor"] = 0 }, "scale_factor 0"},
		{"idefics3", "config.json", func(d map[string]any) { d["scale_factor"] = 2 }, "image_seq_len"},
		{"idefics3", "config.json", func(d map[string]any) { d["image_token_id"] = 7 }, "token 7"},
		{"idefics3", "config.json", func(d map[string]any) { d["vision_config"].(map[string]any)["patch_size"] = 0 }, "patch_size"},
		{"idefics3", "config.json", func(d map[string]any) { d["vision_config"].(map[string]any)["num_hidden_layers"] = 1 }, "encoder.layers.1"},
		{"idefics3", "config.json", func(d map[string]any) { d["text_config"].(map[string]any)["model_type"] = "mamba" }, "mamba"},
		{"idefics3", "processor_config.json", func(d map[string]any) { d["image_seq_len"] = 5 }, "image_seq_len is 5"},
		{"idefics3", "processor_config.json", func(d map[string]any) { d["image_processor"].(map[string]any)["do_resize"] = false }, "do_resize"},
		{"idefics3", "processor_config.json", func(d map[string]any) {
			d["image_processor"].(map[string]any)["max_image_size"] = map[string]any{"height": 3}
		}, "max_image_size"},
		{"llava", "config.json", func(d map[string]any) { d["vision_feature_select_strategy"] = "some" }, "vision_feature_select_strategy"},
		{"llava", "config.json", func(d map[string]any) { d["vision_feature_layer"] = []int{-2, -1} }, "vision_feature_layer"},
		{"llava", "config.json", func(d map[string]any) { d["vision_feature_layer"] = -9 }, "vision_feature_layer"},
		{"llava", "config.json", func(d map[string]any) { d["projector_hidden_act"] = "tan" }, "projector_hidden_act"},
		{"llava", "config.json", func(d map[string]any) { d["multimodal_projector_bias"] = false }, "multi_modal_projector.linear_1.bias"},
		{"llava", "config.json", func(d map[string]any) {
			d["vision_config"].(map[string]any)["model_type"] = "siglip_vision_model"
		}, "siglip_vision_model"},
	} {
		dir := filepath.Join(t.TempDir(), c.model)
		if err := os.CopyFS(dir, os.DirFS("testdata/"+c.model)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, c.file)
		raw, err := os.ReadFile(path)
		var d map[string]any
		if err == nil {
			err = json.Unmarshal(raw, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.change(d)
		if raw, err = json.Marshal(d); err == nil {
			err = os.WriteFile(path, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		m, err := Load(context.Background(), dir, Options{DType: "f32"})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with another %s: %v, want %q", c.model, c.file, err, c.want)
		}
	}
}
