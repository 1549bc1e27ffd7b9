package fusion

import "fmt"

// PicturesOnlyError is what a model without a text tower says to a text.
type PicturesOnlyError struct {
	Model string // its public name
}

func (e *PicturesOnlyError) Error() string {
	return fmt.Sprintf("%s knows pictures only and reads no words; give it a picture, or use a model of pictures and words, such as CLIP or SigLIP", e.Model)
}
