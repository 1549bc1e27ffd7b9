package library

import (
	"context"
	"image"
)

// Embedder turns pictures and words into vectors of one space. Its methods may
// be called from several goroutines.
type Embedder interface {
	// Name is the model's public name.
	Name() string
	// Fingerprint changes with everything that changes vectors: weights,
	// tokenizer, preprocessing, pooling, dimensions.
	Fingerprint() string
	// Dim is the length of every vector.
	Dim() int
	// ImageSide is the side of the model's input in pixels. A picture whose
	// shorter side is at least twice that loses nothing by being decoded smaller.
	ImageSide() int
	// EmbedImages and EmbedTexts return a vector of unit length for each input.
	EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error)
	EmbedTexts(ctx context.Context, texts []string) ([][]float32, error)
	// LogitScale multiplies cosines into logits. It is the factor itself, not its
	// logarithm.
	LogitScale() float32
	// LogitBias is added to logits by models trained with a sigmoid loss; ok says
	// whether this is one.
	LogitBias() (bias float32, ok bool)
}
