package vit

import "github.com/emblem-search/emblem/internal/weights"

// maeDecoders are the layouts of the decoder of ViTMAEForPreTraining: as published,
// and as transformers saves it since version 5.
var maeDecoders = []weights.Layout{
	maeDecoderUnder("decoder.decoder_layers.", "decoder.decoder_layers.0.layernorm_before.weight"),
	maeDecoderUnder("decoder.decoder_encoder.layer.", "decoder.decoder_encoder.layer.0.layernorm_before.weight"),
}

func maeDecoderUnder(layers, marker string) weights.Layout {
	return weights.Layout{
		Name:   "MAE's decoder (transformers)",
		Marker: marker,
		Rules: append([]weights.Rule{
			{To: "mask_token", From: weights.From("decoder.mask_token")},
			{To: "decoder_pos_embed", From: weights.From("decoder.decoder_pos_embed")},
			{To: "decoder_embed.*", From: weights.From("decoder.decoder_embed.*")},
			{To: "decoder_norm.*", From: weights.From("decoder.decoder_norm.*")},
			{To: "decoder_pred.*", From: weights.From("decoder.decoder_pred.*")},
		}, hfBlocks("decoder_blocks", layers+"*.")...),
		Foreign: []string{"vit.**"},
	}
}
