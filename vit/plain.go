package vit

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// hfPlainConfig is the config.json of the vision transformers of transformers that
// know pictures only. Fields hold the class defaults before a file is read over
// them.
type hfPlainConfig struct {
	hfVision
	QKVBias   bool    `json:"qkv_bias"`
	Ratio     float64 `json:"mlp_ratio"`           // DINOv2, in the place of intermediate_size
	SwiGLU    bool    `json:"use_swiglu_ffn"`      // DINOv2
	Registers int     `json:"num_register_tokens"` // DINOv2 with registers
}

// plainDefaults are ViTConfig's of transformers, which the others start from.
func plainDefaults() hfPlainConfig {
	return hfPlainConfig{
		hfVision: hfVision{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Channels: 3, Side: 224, Patch: 16, Act: "gelu", Eps: 1e-12},
		QKVBias:  true,
	}
}

// read reads a file over the defaults in v.
func (v *hfPlainConfig) read(raw []byte) (config, error) {
	if err := weights.Decode("config.json", raw, v); err != nil {
		return config{}, err
	}
	act, err := nn.Activation(v.Act)
	if err != nil {
		return config{}, fmt.Errorf("vit: config.json: hidden_act: %w", err)
	}
	if v.Channels != 3 {
		return config{}, fmt.Errorf("vit: config.json: num_channels %d: only 3 are supported", v.Channels)
	}
	c := config{
		side: int(v.Side), patch: int(v.Patch), width: v.Width, layers: v.Layers, heads: v.Heads, hidden: v.Hidden,
		act: act, eps: float32(v.Eps), class: true, patchBias: true, pool: CLS, noQKVBias: !v.QKVBias, mayHead: true,
	}
	return c, c.check("config.json")
}

// readViT reads ViTConfig, and ViTMAEConfig, whose mask_ratio is for training:
// features are those of the whole picture.
func readViT(raw []byte) (config, error) {
	v := plainDefaults()
	return v.read(raw)
}

// readDeiT reads DeiTConfig: a distillation token comes after the class token.
func readDeiT(raw []byte) (config, error) {
	v := plainDefaults()
	c, err := v.read(raw)
	c.distilled = true
	return c, err
}

// readMSN reads ViTMSNConfig.
func readMSN(raw []byte) (config, error) {
	v := plainDefaults()
	v.Eps = 1e-6
	return v.read(raw)
}

// readIJEPA reads IJepaConfig: there is no class token.
func readIJEPA(raw []byte) (config, error) {
	v := plainDefaults()
	c, err := v.read(raw)
	c.class, c.pool = false, Mean
	return c, err
}

// readDINOv2 reads Dinov2Config.
func readDINOv2(raw []byte) (config, error) {
	v := plainDefaults()
	v.Patch, v.Eps, v.Ratio = 14, 1e-6, 4
	return v.dinov2(raw, bicubic)
}

// readDINOv2Registers reads Dinov2WithRegistersConfig.
func readDINOv2Registers(raw []byte) (config, error) {
	v := plainDefaults()
	v.Eps, v.Ratio, v.Registers = 1e-6, 4, 4
	c, err := v.dinov2(raw, bicubicAntialias)
	if err == nil && (v.Registers < 0 || v.Registers > 1024) {
		err = fmt.Errorf("vit: config.json: num_register_tokens is %d, want 0 to 1024", v.Registers)
	}
	c.registers, c.bare = v.Registers, v.Registers
	return c, err
}

func (v *hfPlainConfig) dinov2(raw []byte, r resample) (config, error) {
	c, err := v.read(raw)
	if err != nil {
		return c, err
	}
	c.resample, c.head = r, headClassMean
	c.hidden = int(float64(c.width) * v.Ratio)
	if v.SwiGLU {
		c.gated, c.act = true, tensor.SiLU
		c.hidden = (int(float64(c.hidden)*2/3) + 7) / 8 * 8
	}
	return c, c.check("config.json")
}
