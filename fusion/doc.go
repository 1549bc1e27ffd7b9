// Package fusion is where pictures and words meet: dual encoders, which put both
// into one space.
//
// A [DualEncoder] is a vision tower of package vit, a text tower and a tokenizer
// of package text, and the scale that turns cosines into scores. [Load] opens
// one from a folder as CLIP, OpenCLIP or SigLIP is published. Models that know
// pictures only (ViT, DeiT, DINOv2, MAE, timm) are opened the same way: pictures
// find pictures, and a text is a [PicturesOnlyError]. M-CLIP knows texts only, but
// for the pictures of the CLIP that it was made for, if that lies in its folder.
// ImageBind also reads sounds, videos, depth, heat and motion: each is brought to a
// [Signal], which EmbedSignals encodes into the same space.
//
// Caveat: vectors of two models, or of one model's two [DualEncoder.Fingerprint]s,
// do not belong into one index.
//
//	m, err := fusion.Load(ctx, "clip-vit-base-patch32", fusion.Options{})
//	pictures, err := m.EmbedImages(ctx, []image.Image{img})
//	texts, err := m.EmbedTexts(ctx, []string{"a cat", "a dog"})
//	logits := m.Logits(pictures, texts)
package fusion
