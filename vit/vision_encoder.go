package vit

import (
	"encoding/json"
	"fmt"

	"github.com/emblem-search/emblem/internal/weights"
)

// readVisionEncoder reads the encoder of VisionEncoderDecoderConfig of transformers: a
// ViT or a DeiT.
func readVisionEncoder(raw []byte) (config, error) {
	var file struct {
		Encoder json.RawMessage `json:"encoder"`
	}
	var kind struct {
		Type string `json:"model_type"`
	}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: encoder", file.Encoder, &kind); err != nil {
		return config{}, err
	}
	read := readViT
	switch kind.Type {
	case "vit":
	case "deit":
		read = readDeiT
	default:
		return config{}, fmt.Errorf("vit: config.json: encoder.model_type %q is not supported, only vit and deit", kind.Type)
	}
	c, err := read(file.Encoder)
	c.mayHead = false
	return c, err
}

// hfVisionEncoder is the encoder of a VisionEncoderDecoderModel.
var hfVisionEncoder = func() weights.Layout {
	l := hfPlainUnder("encoder.")
	l.Foreign = append(l.Foreign, "enc_to_dec_proj.*")
	return l
}()
