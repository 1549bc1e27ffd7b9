package vit

import "github.com/emblem-search/emblem/internal/weights"

// hfPlain are the layouts of a ViT of transformers and its likes: with a head the
// names of the model get a prefix, without one they have none.
func hfPlain(prefix string) []weights.Layout {
	return []weights.Layout{hfPlainUnder(prefix + "."), hfPlainUnder("")}
}

// hfPlainUnder is a ViT's layout with a prefix before its names. The pooler, a
// layer on the class token that few checkpoints have trained, is left out, and so
// are what masks patches and what paints them, which features have no use for.
func hfPlainUnder(p string) weights.Layout {
	return weights.Layout{
		Name:   "ViT (transformers)",
		Marker: p + "embeddings.position_embeddings",
		Rules: append([]weights.Rule{
			{To: "cls_token", From: weights.From(p + "embeddings.cls_token")},
			{To: "dist_token", From: weights.From(p + "embeddings.distillation_token")},
			{To: "pos_embed", From: weights.From(p + "embeddings.position_embeddings")},
			{To: "patch_embed.proj.weight", From: weights.From(p + "embeddings.patch_embeddings.projection.weight"), Op: weights.ChannelsLast},
			{To: "patch_embed.proj.bias", From: weights.From(p + "embeddings.patch_embeddings.projection.bias")},
			{To: "norm.*", From: weights.From(p + "layernorm.*")},
			{To: "heads.0.*", From: weights.From("classifier.*")},
			{To: "head_pair.0.*", From: weights.From("cls_classifier.*")},
			{To: "head_pair.1.*", From: weights.From("distillation_classifier.*")},
		}, hfBlocks("blocks", p+"encoder.layer.*.")...),
		Ignore:  []string{p + "embeddings.mask_token", p + "pooler.**"},
		Foreign: []string{"decoder.**"},
	}
}

// hfBlocks names the blocks of a ViT, and of MAE's decoder, after its layers.
func hfBlocks(blocks, layer string) []weights.Rule {
	blocks += ".*."
	return []weights.Rule{
		{To: blocks + "attn.qkv.*", From: hfAttention(layer), Op: weights.Cat},
		{To: blocks + "attn.proj.*", From: weights.From(layer + "attention.output.dense.*")},
		{To: blocks + "norm1.*", From: weights.From(layer + "layernorm_before.*")},
		{To: blocks + "norm2.*", From: weights.From(layer + "layernorm_after.*")},
		{To: blocks + "mlp.fc1.*", From: weights.From(layer + "intermediate.dense.*")},
		{To: blocks + "mlp.fc2.*", From: weights.From(layer + "output.dense.*")},
	}
}

func hfAttention(layer string) []string {
	return weights.From(layer+"attention.attention.query.*", layer+"attention.attention.key.*", layer+"attention.attention.value.*")
}

// hfDINOv2 are the layouts of DINOv2 of transformers, with the two kinds of MLP.
func hfDINOv2(prefix string) []weights.Layout {
	var all []weights.Layout
	for _, p := range []string{prefix + ".", ""} {
		all = append(all, hfDINOv2Under(p, "fc1", "fc2"), hfDINOv2Under(p, "weights_in", "weights_out"))
	}
	return all
}

// hfDINOv2Under is DINOv2's layout with a prefix before its names.
func hfDINOv2Under(p, in, out string) weights.Layout {
	layer := p + "encoder.layer.*."
	return weights.Layout{
		Name:   "DINOv2 (transformers)",
		Marker: p + "encoder.layer.0.mlp." + in + ".weight",
		Rules: []weights.Rule{
			{To: "cls_token", From: weights.From(p + "embeddings.cls_token")},
			{To: "reg_token", From: weights.From(p + "embeddings.register_tokens")},
			{To: "pos_embed", From: weights.From(p + "embeddings.position_embeddings")},
			{To: "patch_embed.proj.weight", From: weights.From(p + "embeddings.patch_embeddings.projection.weight"), Op: weights.ChannelsLast},
			{To: "patch_embed.proj.bias", From: weights.From(p + "embeddings.patch_embeddings.projection.bias")},
			{To: "blocks.*.attn.qkv.*", From: hfAttention(layer), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer+"attention.output.dense.*", layer+"layer_scale1.lambda1"), Op: weights.Scale},
			{To: "blocks.*.norm1.*", From: weights.From(layer + "norm1.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + "norm2.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer + "mlp." + in + ".*")},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer+"mlp."+out+".*", layer+"layer_scale2.lambda1"), Op: weights.Scale},
			{To: "norm.*", From: weights.From(p + "layernorm.*")},
			{To: "heads.0.*", From: weights.From("classifier.*")},
		},
		Ignore: []string{p + "embeddings.mask_token"},
	}
}

// timmPlain is a VisionTransformer's of timm, whose names are the canonical ones but
// for the heads.
var timmPlain = weights.Layout{
	Name:   "timm",
	Marker: "patch_embed.proj.weight",
	Rules: []weights.Rule{
		{To: "patch_embed.proj.weight", From: weights.From("patch_embed.proj.weight"), Op: weights.ChannelsLast},
		{To: "heads.0.*", From: weights.From("head.*")},
		{To: "head_pair.0.*", From: weights.From("head.*")},
		{To: "head_pair.1.*", From: weights.From("head_dist.*")},
	},
}

// timmScaled is one with layer scales.
var timmScaled = weights.Layout{
	Name:   "timm with layer scales",
	Marker: "blocks.0.ls1.gamma",
	Rules: append([]weights.Rule{
		{To: "blocks.*.attn.proj.*", From: weights.From("blocks.*.attn.proj.*", "blocks.*.ls1.gamma"), Op: weights.Scale},
		{To: "blocks.*.mlp.fc2.*", From: weights.From("blocks.*.mlp.fc2.*", "blocks.*.ls2.gamma"), Op: weights.Scale},
	}, timmPlain.Rules...),
}
