package vit

import "github.com/emblem-search/emblem/internal/weights"

// Canonical names are timm's. Tables of other families come beside these.

// hfCLIP is a CLIPModel of transformers.
var hfCLIP = weights.Layout{
	Name:   "CLIP (transformers)",
	Marker: "vision_model.embeddings.class_embedding",
	Rules: []weights.Rule{
		{To: "cls_token", From: weights.From("vision_model.embeddings.class_embedding")},
		{To: "pos_embed", From: weights.From("vision_model.embeddings.position_embedding.weight")},
		{To: "patch_embed.proj.weight", From: weights.From("vision_model.embeddings.patch_embedding.weight"), Op: weights.ChannelsLast},
		{To: "norm_pre.*", From: weights.From("vision_model.pre_layrnorm.*")},
		{To: "blocks.*.attn.qkv.*", From: hfQKV, Op: weights.Cat},
		{To: "blocks.*.attn.proj.*", From: weights.From("vision_model.encoder.layers.*.self_attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From("vision_model.encoder.layers.*.layer_norm1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("vision_model.encoder.layers.*.layer_norm2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From("vision_model.encoder.layers.*.mlp.*.*")},
		{To: "norm.*", From: weights.From("vision_model.post_layernorm.*")},
		{To: "head.*", From: weights.From("visual_projection.*")},
	},
	Ignore:  []string{"vision_model.embeddings.position_ids"},
	Foreign: []string{"text_model.**", "text_projection.*", "logit_scale"},
}

var hfQKV = weights.From(
	"vision_model.encoder.layers.*.self_attn.q_proj.*",
	"vision_model.encoder.layers.*.self_attn.k_proj.*",
	"vision_model.encoder.layers.*.self_attn.v_proj.*")

// hfSigLIP is a SiglipModel of transformers.
var hfSigLIP = weights.Layout{
	Name:   "SigLIP (transformers)",
	Marker: "vision_model.head.probe",
	Rules: []weights.Rule{
		{To: "pos_embed", From: weights.From("vision_model.embeddings.position_embedding.weight")},
		{To: "patch_embed.proj.weight", From: weights.From("vision_model.embeddings.patch_embedding.weight"), Op: weights.ChannelsLast},
		{To: "patch_embed.proj.bias", From: weights.From("vision_model.embeddings.patch_embedding.bias")},
		{To: "blocks.*.attn.qkv.*", From: hfQKV, Op: weights.Cat},
		{To: "blocks.*.attn.proj.*", From: weights.From("vision_model.encoder.layers.*.self_attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From("vision_model.encoder.layers.*.layer_norm1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("vision_model.encoder.layers.*.layer_norm2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From("vision_model.encoder.layers.*.mlp.*.*")},
		{To: "norm.*", From: weights.From("vision_model.post_layernorm.*")},
		{To: "attn_pool.latent", From: weights.From("vision_model.head.probe")},
		{To: "attn_pool.q.*", From: weights.From("vision_model.head.attention.in_proj_*"), Op: weights.Split, Part: weights.Part{Lo: 0, Hi: 1, Of: 3}},
		{To: "attn_pool.kv.*", From: weights.From("vision_model.head.attention.in_proj_*"), Op: weights.Split, Part: weights.Part{Lo: 1, Hi: 3, Of: 3}},
		{To: "attn_pool.proj.*", From: weights.From("vision_model.head.attention.out_proj.*")},
		{To: "attn_pool.norm.*", From: weights.From("vision_model.head.layernorm.*")},
		{To: "attn_pool.mlp.*.*", From: weights.From("vision_model.head.mlp.*.*")},
	},
	Ignore:  []string{"vision_model.embeddings.position_ids"},
	Foreign: []string{"text_model.**", "logit_scale", "logit_bias"},
}

// openCLIPText are the text tower's names: at the root, or under "text." with
// custom_text.
var openCLIPText = []string{
	"text.**", "transformer.**", "token_embedding.weight", "positional_embedding", "ln_final.*",
	"text_projection", "text_projection.*", "attn_mask", "text_decoder.**", "logit_scale", "logit_bias",
}

// openCLIP is open_clip's own vision transformer.
var openCLIP = weights.Layout{
	Name:   "OpenCLIP",
	Marker: "visual.class_embedding",
	Rules: []weights.Rule{
		{To: "cls_token", From: weights.From("visual.class_embedding")},
		{To: "pos_embed", From: weights.From("visual.positional_embedding")},
		{To: "patch_embed.proj.weight", From: weights.From("visual.conv1.weight"), Op: weights.ChannelsLast},
		{To: "norm_pre.*", From: weights.From("visual.ln_pre.*")},
		{To: "blocks.*.attn.qkv.*", From: weights.From("visual.transformer.resblocks.*.attn.in_proj_*")},
		{To: "blocks.*.attn.proj.*", From: weights.From("visual.transformer.resblocks.*.attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From("visual.transformer.resblocks.*.ln_1.*")},
		{To: "blocks.*.norm2.*", From: weights.From("visual.transformer.resblocks.*.ln_2.*")},
		{To: "blocks.*.mlp.fc1.*", From: weights.From("visual.transformer.resblocks.*.mlp.c_fc.*")},
		{To: "blocks.*.mlp.fc2.*", From: weights.From("visual.transformer.resblocks.*.mlp.c_proj.*")},
		{To: "norm.*", From: weights.From("visual.ln_post.*")},
		{To: "fc_norm.*", From: weights.From("visual.ln_post.*")},
		{To: "head.weight", From: weights.From("visual.proj"), Op: weights.Transpose},
	},
	Foreign: openCLIPText,
}
