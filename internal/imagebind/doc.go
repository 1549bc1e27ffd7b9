// Package imagebind is what ImageBind (arXiv 2305.05665) reads besides pictures
// and texts: sounds, depth, heat and motion.
//
// [Sound], [Depth], [Thermal] and [Motion] bring inputs to a [Signal], as the
// towers take them; an [Encoder] turns signals of one modality into vectors. The
// towers of pictures and texts are in packages vit and text.
//
// Caveat: vectors carry the factor that the modality was trained with, as in the
// reference; a unit vector is what an index wants.
//
//	enc, err := imagebind.Load(ctx, folder, conf, imagebind.Audio, imagebind.Options{})
//	s, err := imagebind.Sound(sound)
//	vectors, err := enc.Embed(ctx, []imagebind.Signal{s})
package imagebind
