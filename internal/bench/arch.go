package bench

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Arch is a published model's tower, by its shape.
type Arch struct {
	layout       layout
	side, patch  int // pixels, for pictures
	width, heads int
	layers       int
	hidden       int // of the MLP
	out          int // projection; 0: none
	kvHeads      int // of a language model
	vocab        int
	steps        bool // a pass is the next token, not the first after a prompt
}

// layout is whose folder the tower is written as.
type layout uint8

const (
	clipVision layout = iota
	clipText
	siglipVision
	openCLIPVision
	llama
)

// archs are the towers that this version can run. DINOv2 is a plain ViT of
// open_clip's kind here: its layer scales are folded into the weights at load, so
// the work is the same.
var archs = map[string]Arch{
	"vit-b-32":        {layout: clipVision, side: 224, patch: 32, width: 768, heads: 12, layers: 12, hidden: 3072, out: 512},
	"vit-b-16":        {layout: clipVision, side: 224, patch: 16, width: 768, heads: 12, layers: 12, hidden: 3072, out: 512},
	"vit-l-14":        {layout: clipVision, side: 224, patch: 14, width: 1024, heads: 16, layers: 24, hidden: 4096, out: 768},
	"clip-text-b":     {layout: clipText, width: 512, heads: 8, layers: 12, hidden: 2048, out: 512},
	"clip-text-l":     {layout: clipText, width: 768, heads: 12, layers: 12, hidden: 3072, out: 768},
	"siglip-b-16-512": {layout: siglipVision, side: 512, patch: 16, width: 768, heads: 12, layers: 12, hidden: 3072},
	"so400m-14-384":   {layout: siglipVision, side: 384, patch: 14, width: 1152, heads: 16, layers: 27, hidden: 4304},
	"dinov2-s":        {layout: openCLIPVision, side: 224, patch: 14, width: 384, heads: 6, layers: 12, hidden: 1536, out: 384},
	"dinov2-b":        {layout: openCLIPVision, side: 224, patch: 14, width: 768, heads: 12, layers: 12, hidden: 3072, out: 768},

	"smolvlm-256m-prefill": smolVLM(false),
	"smolvlm-256m-decode":  smolVLM(true),
}

// smolVLM is the language model of SmolVLM-256M, as its configuration says.
func smolVLM(steps bool) Arch {
	return Arch{layout: llama, width: 576, heads: 9, kvHeads: 3, layers: 30, hidden: 1536, vocab: 49280, steps: steps}
}

// later are towers of families that are still to come.
var later = []string{"blip-vqa-b", "sd15-unet", "sd15-vae-decode", "taesd-decode"}

// ErrArch says that there is no tower of that name.
type ErrArch struct{ message string }

func (e *ErrArch) Error() string { return e.message }

// find looks a tower up by its name.
func find(name string) (Arch, error) {
	a, ok := archs[name]
	known := strings.Join(slices.Sorted(maps.Keys(archs)), ", ")
	switch {
	case ok:
		return a, nil
	case slices.Contains(later, name):
		return Arch{}, &ErrArch{fmt.Sprintf("bench: the family of %s is not in this version; it has %s", name, known)}
	}
	return Arch{}, &ErrArch{fmt.Sprintf("bench: architecture %q is none of %s", name, known)}
}

const (
	vocabulary = 49408 // of CLIP
	positions  = 77
	longest    = 8192 // tokens of SmolVLM
)

// tokens is the length of a picture's sequence, with its class token.
func (a Arch) tokens() int {
	n := (a.side / a.patch) * (a.side / a.patch)
	if a.layout != siglipVision {
		n++
	}
	return n
}
