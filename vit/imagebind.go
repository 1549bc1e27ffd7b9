package vit

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// ImageBind's tower of pictures (arXiv 2305.05665) reads two frames at a time: of a video, or the same picture twice.

// readImageBind reads the arguments of ImageBindModel; those of imagebind_huge
// stand for what is not there.
func readImageBind(raw []byte) (config, error) {
	const where = "config.json"
	f := struct {
		Width  int    `json:"vision_embed_dim"`
		Layers int    `json:"vision_num_blocks"`
		Heads  int    `json:"vision_num_heads"`
		Out    int    `json:"out_embed_dim"`
		Frames int    `json:"video_frames"`
		Kernel [3]int `json:"kernel_size"` // frames, height, width
	}{1280, 32, 16, 1024, 2, [3]int{2, 14, 14}}
	if err := weights.Decode(where, raw, &f); err != nil {
		return config{}, err
	}
	if f.Frames < 1 || f.Frames > 16 || f.Kernel != [3]int{f.Frames, f.Kernel[1], f.Kernel[1]} {
		return config{}, fmt.Errorf("vit: %s: kernel_size %v for video_frames %d is not supported: a patch is square and reaches over all frames", where, f.Kernel, f.Frames)
	}
	c := config{
		side: 224, patch: f.Kernel[1], width: f.Width, layers: f.Layers, heads: f.Heads, hidden: 4 * f.Width, act: tensor.GELU, eps: 1e-6,
		frames: f.Frames, class: true, preNorm: true, pool: CLS, out: f.Out,
	}
	return c, c.check(where)
}

// imageBind is the tower within ImageBind's one checkpoint.
var imageBind = weights.Layout{
	Name:   "ImageBind",
	Marker: "modality_preprocessors.vision.cls_token",
	Rules: []weights.Rule{
		{To: "patch_embed.proj.weight", From: weights.From("modality_preprocessors.vision.rgbt_stem.proj.1.weight"), Op: weights.ChannelsLast},
		{To: "cls_token", From: weights.From("modality_preprocessors.vision.cls_token")},
		{To: "pos_embed", From: weights.From("modality_preprocessors.vision.pos_embedding_helper.pos_embed")},
		{To: "norm_pre.*", From: weights.From("modality_trunks.vision.pre_transformer_layer.0.*")},
		{To: "blocks.*.attn.qkv.*", From: weights.From("modality_trunks.vision.blocks.*.attn.in_proj_*")},
		{To: "blocks.*.attn.proj.*", From: weights.From("modality_trunks.vision.blocks.*.attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From("modality_trunks.vision.blocks.*.norm_1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("modality_trunks.vision.blocks.*.norm_2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From("modality_trunks.vision.blocks.*.mlp.*.*")},
		{To: "norm.*", From: weights.From("modality_heads.vision.0.*")},
		{To: "head.*", From: weights.From("modality_heads.vision.2.*")},
	},
	Foreign: weights.ImageBindBeside("vision"),
}

// imageBindPixels is load_and_transform_vision_data of ImageBind's data.py.
func imageBindPixels(_ weights.Folder, c config) (*Preprocess, error) {
	p := &Preprocess{rescale: 1. / 255, mean: clipMean, std: clipStd, filter: picture.Bicubic}
	p.steps = []step{shortest(c.side, p.filter), cropEven(c.side, c.side)}
	return p.finish("data.py", c)
}
