package vit

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// hostile is a golden's folder with one file edited.
func hostile(t *testing.T, folder, file string, edit func([]byte) []byte) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	all, err := filepath.Glob("testdata/" + folder + "/*")
	if err != nil || len(all) == 0 {
		t.Fatal(folder, err)
	}
	for _, path := range all {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) == file {
			edited := edit(data)
			if bytes.Equal(edited, data) {
				t.Fatalf("%s: the edit of %s changes nothing", folder, file)
			}
			data = edited
		}
		files[filepath.Base(path)] = &fstest.MapFile{Data: data}
	}
	return files
}

// TestPlainHostile: a folder that does not fit is refused in one sentence that names
// what is wrong.
func TestPlainHostile(t *testing.T) {
	swap := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	const conf, pre, model = "config.json", "preprocessor_config.json", "model.safetensors"
	for _, c := range []struct {
		folder, file string
		edit         func([]byte) []byte
		want         string
	}{
		{"vit", conf, swap(`"hidden_size": 45`, `"hidden_size": 46`), "not a multiple of 3 heads"},
		{"vit", conf, swap(`"hidden_act": "gelu"`, `"hidden_act": "mish"`), `hidden_act: activation "mish"`},
		{"vit", conf, swap(`"num_hidden_layers": 2`, `"num_hidden_layers": 3`), "missing: encoder.layer.2."},
		{"vit", conf, swap(`"num_hidden_layers": 2`, `"num_hidden_layers": 1`), "not used by the model: encoder.layer.1."},
		{"vit", conf, swap(`"num_channels": 3`, `"num_channels": 1`), "num_channels 1"},
		{"vit", conf, swap(`"model_type": "vit"`, `"model_type": "beit"`), `model_type "beit" is not supported`},
		{"vit", conf, swap(`"model_type": "vit"`, `"model_type": "deit"`), "embeddings.distillation_token"},
		{"vit", pre, swap(`"size": 50`, `"size": 60`), "the model takes 50x50"},
		{"vit", model, func(b []byte) []byte { return b[:len(b)/2] }, model},
		{"vit", model, func([]byte) []byte { return nil }, model},
		{"vit-head", conf, swap(`"0": "a cat"`, `"7": "a cat"`), `id2label has "7"`},
		{"vit-head", conf, swap(`"0": "a cat",`, ``), "id2label has"},
		{"dinov2-giant", conf, swap(`"use_swiglu_ffn": true`, `"use_swiglu_ffn": false`), "wrongly shaped"},
		{"dinov2-registers", conf, swap(`"num_register_tokens": 3`, `"num_register_tokens": -3`), "num_register_tokens is -3"},
		{"dinov2-registers", conf, swap(`"num_register_tokens": 3`, `"num_register_tokens": 4`), "register_tokens has shape"},
		{"dinov2", pre, swap(`"height": 42`, `"height": 9`), "at least 14 a side"},
		{"timm-vit", conf, swap(`"vit_base_patch16_224"`, `"vit_base_patch16_18x2_224"`), `architecture "vit_base_patch16_18x2_224" is not`},
		{"timm-vit", conf, swap(`"model_args": {`, `"model_args": {"qk_norm": true,`), "model_args.qk_norm"},
		{"timm-vit", conf, swap(`"model_args": {`, `"model_args": {"rope": 1,`), "model_args.rope"},
		{"timm-vit", conf, swap(`"model_args": {`, `"model_args": {"class_token": false,`), `global_pool "token"`},
		{"timm-vit", conf, swap(`"interpolation": "bicubic"`, `"interpolation": "cubic"`), `interpolation "cubic"`},
		{"timm-dynamic", conf, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("96"), []byte("90")) }, "want multiples of the patches' 16 pixels"},
		{"timm-vit", conf, swap(`"crop_pct": 0.9`, `"crop_pct": -1`), "crop_pct -1"},
		{"timm-vit", conf, swap(`"label 0"`, `7`), "label_names"},
		{"timm-eva02", conf, swap(`"model_args": {`, `"model_args": {"scale_attn_inner": true,`), "missing: blocks.0.attn.norm.bias"},
		{"timm-eva02", conf, swap(`"model_args": {`, `"model_args": {"qkv_bias": false,`), "not used by the model: blocks.0.attn.q_proj.bias"},
		{"timm-eva02", conf, swap(`"model_args": {`, `"model_args": {"qkv_fused": true,`), "missing: blocks.0.attn.q_bias"},
		{"timm-dinov3", conf, swap(`"model_args": {`, `"model_args": {"init_values": null,`), "not used by the model: blocks.0.gamma_1"},
		{"timm-vit", conf, swap(`"model_args": {`, `"model_args": {"init_values": 0.1,`), ""},
	} {
		e, err := Load(context.Background(), "", Options{FS: hostile(t, c.folder, c.file, c.edit), DType: "f32"})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", c.folder, err)
			}
			continue
		}
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line with %q", c.folder, err, c.want)
		}
	}
}
