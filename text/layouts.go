package text

import "github.com/emblem-search/emblem/internal/weights"

// Canonical names follow timm's of the vision towers. Tables of other families
// come beside these.

// hfCLIP is a CLIPModel of transformers.
var hfCLIP = transformersLayout("CLIP (transformers)", "text_projection.*",
	"vision_model.**", "visual_projection.*", "logit_scale")

// hfSigLIP is a SiglipModel of transformers.
var hfSigLIP = transformersLayout("SigLIP (transformers)", "text_model.head.*",
	"vision_model.**", "logit_scale", "logit_bias")

func transformersLayout(name, head string, foreign ...string) weights.Layout {
	const layer = "text_model.encoder.layers.*"
	return weights.Layout{
		Name:   name,
		Marker: "text_model.embeddings.token_embedding.weight",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From("text_model.embeddings.token_embedding.weight")},
			{To: "pos_embed", From: weights.From("text_model.embeddings.position_embedding.weight")},
			{To: "blocks.*.attn.qkv.*", From: weights.From(layer+".self_attn.q_proj.*", layer+".self_attn.k_proj.*", layer+".self_attn.v_proj.*"), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + ".self_attn.out_proj.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + ".layer_norm1.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + ".layer_norm2.*")},
			{To: "blocks.*.mlp.*.*", From: weights.From(layer + ".mlp.*.*")},
			{To: "norm.*", From: weights.From("text_model.final_layer_norm.*")},
			{To: "head.*", From: weights.From(head)},
		},
		Ignore:  []string{"text_model.embeddings.position_ids"},
		Foreign: foreign,
	}
}

// openCLIP are the layouts of open_clip's own text transformer: at the root or,
// with custom_text, under "text."; its projection a matrix or, with proj_bias, a
// linear layer. The last one of each place also stands for no projection.
var openCLIP = append([]weights.Layout{
	openCLIPLayout("text.", "text_projection.weight", weights.Rule{To: "head.*", From: weights.From("text.text_projection.*")}),
	openCLIPLayout("text.", "positional_embedding", weights.Rule{To: "head.weight", From: weights.From("text.text_projection"), Op: weights.Transpose}),
	openCLIPLayout("", "text_projection.weight", weights.Rule{To: "head.*", From: weights.From("text_projection.*")}),
	openCLIPLayout("", "positional_embedding", weights.Rule{To: "head.weight", From: weights.From("text_projection"), Op: weights.Transpose}),
}, openCLIPRoberta...)

// openCLIPForeign are the names of what is not a text tower in an open_clip folder.
var openCLIPForeign = []string{"visual.**", "text_decoder.**", "logit_scale", "logit_bias"}

func openCLIPLayout(at, marker string, head weights.Rule) weights.Layout {
	layer := at + "transformer.resblocks.*"
	return weights.Layout{
		Name:   "OpenCLIP",
		Marker: at + marker,
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(at + "token_embedding.weight")},
			{To: "pos_embed", From: weights.From(at + "positional_embedding")},
			{To: "cls_token", From: weights.From(at + "cls_emb")},
			{To: "blocks.*.attn.qkv.*", From: weights.From(layer + ".attn.in_proj_*")},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + ".attn.out_proj.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + ".ln_1.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + ".ln_2.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer + ".mlp.c_fc.*")},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer + ".mlp.c_proj.*")},
			{To: "norm.*", From: weights.From(at + "ln_final.*")},
			head,
		},
		Ignore:  []string{at + "attn_mask"},
		Foreign: openCLIPForeign,
	}
}
