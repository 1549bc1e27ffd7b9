// Package picture turns file bytes into 8-bit RGB pixels and resamples them,
// both bit for bit as Pillow 13 does: Image.open, ImageOps.exif_transpose,
// convert("RGB"), resize, crop.
//
// [Sniff] knows a format by its first bytes, [ReadHeader] holds a file against
// [Limits] before anything is decoded, [Decode] makes an [RGB], whose
// [RGB.Resize] and [RGB.ResizeCrop] take a [Filter]. An [Error] carries its
// [Kind]. [ReadMetadata] reads what a camera wrote into the file.
//
// Caveat: transparency is dropped, not composited, because the encoders'
// reference does so; a picture that is all transparent shows what lies
// underneath.
//
//	p, err := picture.Decode(data, picture.Options{})
//	if err != nil {
//		return err
//	}
//	square := p.Resize(224, 224, picture.Bicubic)
package picture
