package vit

import "github.com/emblem-search/emblem/internal/weights"

// maeDecoders are the layouts of the decoder of ViTMAEForPreTraining: as published,
// and as transformers saves it since version 5.
var maeDecoders = []weights.Layout{
	maeDecoderUnder("decoder.decoder_layers.", "decoder.decoder_layers.0.layernorm_before.weight"),
	maeDecoderUnder("decoder.decoder_encoder.layer.", "decoder.decoder_encoder.layer.0.layernorm_before.weight"),
}

func maeDecoderUnder(layers, marker string) weights.Layout {
	layer := layers + "*."
	return weights.Layout{
		Name:   "MAE's decoder (transformers)",
		Marker: marker,
		Rules: []weights.Rule{
			{To: "mask_token", From: weights.From("decoder.mask_token")},
			{To: "decoder_pos_embed", From: weights.From("decoder.decoder_pos_embed")},
			{To: "decoder_blocks.*.attn.qkv.*", From: hfAttention(layer), Op: weights.Cat},
			{To: "decoder_blocks.*.attn.proj.*", From: weights.From(layer + "attention.output.dense.*")},
			{To: "decoder_blocks.*.norm1.*", From: weights.From(layer + "layernorm_before.*")},
			{To: "decoder_blocks.*.norm2.*", From: weights.From(layer + "layernorm_after.*")},
			{To: "decoder_blocks.*.mlp.fc1.*", From: weights.From(layer + "intermediate.dense.*")},
			{To: "decoder_blocks.*.mlp.fc2.*", From: weights.From(layer + "output.dense.*")},
			{To: "decoder_embed.*", From: weights.From("decoder.decoder_embed.*")},
			{To: "decoder_norm.*", From: weights.From("decoder.decoder_norm.*")},
			{To: "decoder_pred.*", From: weights.From("decoder.decoder_pred.*")},
		},
		Foreign: []string{"vit.**"},
	}
}
