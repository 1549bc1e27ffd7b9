package imagebind

import (
	"encoding/json"
	"fmt"

	"github.com/emblem-search/emblem/internal/weights"
)

// Modality is a tower, by the checkpoint's name for it.
type Modality string

// The modalities of this package.
const (
	Audio   Modality = "audio"
	Depth   Modality = "depth"
	Thermal Modality = "thermal"
	IMU     Modality = "imu"
)

// Modalities lists them.
var Modalities = []Modality{Audio, Depth, Thermal, IMU}

// config is a tower's shape.
type config struct {
	width, layers, heads int
	out                  int     // of the joint space
	tokens, patch        int     // of a clip; values of each
	scale                float64 // that the vectors are multiplied with
	stem, pos, head      string  // how the checkpoint calls these parts
}

// huge are the towers of imagebind_huge.
var huge = map[Modality]config{
	Audio:   {width: 768, layers: 12, heads: 12, tokens: soundRows * soundCols, patch: side * side, scale: 20, stem: "rgbt_stem", pos: helper, head: "2"},
	Depth:   {width: 384, layers: 12, heads: 8, tokens: fieldRows * fieldRows, patch: side * side, scale: 5, stem: "depth_stem", pos: helper, head: "2"},
	Thermal: {width: 768, layers: 12, heads: 12, tokens: fieldRows * fieldRows, patch: side * side, scale: 10, stem: "rgbt_stem", pos: helper, head: "2"},
	IMU:     {width: 512, layers: 6, heads: 8, tokens: readings / step, patch: channels * step, scale: 5, stem: "imu_stem", pos: "pos_embed", head: "3"},
}

const helper = "pos_embedding_helper.pos_embed"

// fixed are the arguments that say how inputs become patches. No published model
// has others.
var fixed = map[string]int{
	"audio_kernel_size": side, "audio_stride": stride, "audio_num_mel_bins": bins, "audio_target_len": frames,
	"depth_kernel_size": side, "thermal_kernel_size": side, "imu_kernel_size": step,
}

// read reads the arguments of ImageBindModel; those of imagebind_huge stand for what
// is not there.
func read(raw []byte, m Modality) (config, error) {
	const where = "config.json"
	c := huge[m]
	c.out = 1024
	file := map[string]json.RawMessage{}
	if err := weights.Decode(where, raw, &file); err != nil {
		return c, err
	}
	for key, to := range map[string]*int{
		"out_embed_dim": &c.out, string(m) + "_embed_dim": &c.width, string(m) + "_num_blocks": &c.layers, string(m) + "_num_heads": &c.heads,
	} {
		if err := weights.Decode(where+": "+key, file[key], to); err != nil {
			return c, err
		}
		if *to < 1 || *to > 1<<14 {
			return c, fmt.Errorf("imagebind: %s: %s is %d, want 1 to %d", where, key, *to, 1<<14)
		}
	}
	for key, want := range fixed {
		got := want
		if err := weights.Decode(where+": "+key, file[key], &got); err != nil || got != want {
			return c, fmt.Errorf("imagebind: %s: %s is %s, only %d is supported", where, key, file[key], want)
		}
	}
	if c.width%c.heads != 0 {
		return c, fmt.Errorf("imagebind: %s: %s_embed_dim %d is not a multiple of %d heads", where, m, c.width, c.heads)
	}
	return c, nil
}

// layout says where the tower's tensors are in the one checkpoint.
func (c config) layout(m Modality) weights.Layout {
	before, trunk, head := "modality_preprocessors."+string(m)+".", "modality_trunks."+string(m)+".blocks.*.", "modality_heads."+string(m)+"."
	stem := before + c.stem
	return weights.Layout{
		Name: "ImageBind",
		Rules: []weights.Rule{
			{To: "stem.weight", From: weights.From(stem + ".proj.weight"), Op: weights.ChannelsLast}, // there is one channel
			{To: "stem_norm.*", From: weights.From(stem + ".norm_layer.*")},
			{To: "cls_token", From: weights.From(before + "cls_token")},
			{To: "pos_embed", From: weights.From(before + c.pos)},
			{To: "blocks.*.attn.qkv.*", From: weights.From(trunk + "attn.in_proj_*")},
			{To: "blocks.*.attn.proj.*", From: weights.From(trunk + "attn.out_proj.*")},
			{To: "blocks.*.attn.bias_kv", From: weights.From(trunk+"attn.bias_k", trunk+"attn.bias_v"), Op: weights.Cat},
			{To: "blocks.*.norm1.*", From: weights.From(trunk + "norm_1.*")},
			{To: "blocks.*.norm2.*", From: weights.From(trunk + "norm_2.*")},
			{To: "blocks.*.mlp.*.*", From: weights.From(trunk + "mlp.*.*")},
			{To: "norm.*", From: weights.From(head + "0.*")},
			{To: "head.*", From: weights.From(head + c.head + ".*")},
			{To: "log_scale", From: weights.From("modality_postprocessors." + string(m) + ".1.log_logit_scale")},
		},
		Foreign: weights.ImageBindBeside(string(m)),
	}
}
