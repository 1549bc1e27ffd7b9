package decoder

import (
	"encoding/json"

	"github.com/emblem-search/emblem/internal/weights"
)

// parts by model_type of config.json are the decoders within models that see pictures.
// A sequence of theirs has embeddings of pictures in it, see [Insert], or attends to
// a [Source] of one.
var parts = map[string]family{
	"idefics3": {readPart, partLayout("model.text_model.", hfHead, "model.vision_model.**", "model.connector.**")},
	"smolvlm":  {readPart, partLayout("model.text_model.", hfHead, "model.vision_model.**", "model.connector.**")},
	"blip":     {readBLIP, blipLayout},
	"llava":    {readPart, partLayout("language_model.model.", "language_model.lm_head.weight", "vision_tower.**", "multi_modal_projector.**")},

	"vision-encoder-decoder": {readTrOCR, trocrLayout},
}

// readPart reads the text_config of a model of parts, a LLaMA or a Qwen2.
func readPart(raw []byte) (config, error) {
	file := struct {
		Type string          `json:"model_type"`
		Text json.RawMessage `json:"text_config"`
		Tied bool            `json:"tie_word_embeddings"`
	}{}
	kind := struct {
		Type string `json:"model_type"`
	}{"llama"}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: text_config", file.Text, &kind); err != nil {
		return config{}, err
	}
	if len(weights.Either(file.Text)) == 0 && file.Type != "llava" {
		file.Text = json.RawMessage(`{"rms_norm_eps": 1e-5}`)
	}
	read := readLlama
	switch kind.Type {
	case "llama":
	case "qwen2":
		read = readQwen2
	default:
		return config{}, refuse("text_config.model_type", kind.Type, "llama and qwen2 are")
	}
	c, err := read(file.Text)
	c.tied = file.Tied || c.tied && file.Type == "llava"
	return c, err
}

// partLayout names LLaMA's tensors under a prefix, and others that are not the
// decoder's.
func partLayout(prefix, head string, foreign ...string) func(weights.Source, config) weights.Layout {
	return func(src weights.Source, c config) weights.Layout {
		l := llamaUnder(prefix, head, src, c)
		l.Foreign = foreign
		return l
	}
}
