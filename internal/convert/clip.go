package convert

import (
	"fmt"

	"github.com/emblem-search/emblem/internal/weights"
)

// clipTower is a vision_config or text_config of transformers' CLIPConfig.
type clipTower struct {
	Width     int     `json:"hidden_size"`
	Hidden    int     `json:"intermediate_size"`
	Layers    int     `json:"num_hidden_layers"`
	Heads     int     `json:"num_attention_heads"`
	Act       string  `json:"hidden_act"`
	Eps       float64 `json:"layer_norm_eps"`
	Embed     int     `json:"projection_dim,omitempty"`
	Side      int     `json:"image_size,omitempty"`
	Patch     int     `json:"patch_size,omitempty"`
	Positions int     `json:"max_position_embeddings,omitempty"`
	Vocab     int     `json:"vocab_size,omitempty"`
	BOS       int     `json:"bos_token_id,omitempty"`
	EOS       int     `json:"eos_token_id,omitempty"`
	Pad       int     `json:"pad_token_id,omitempty"`
	Type      string  `json:"model_type"`
}

// openTower is a vision_cfg or text_cfg of open_clip.
type openTower struct {
	Layers    int     `json:"layers"`
	Width     int     `json:"width"`
	Ratio     float64 `json:"mlp_ratio"`
	HeadWidth int     `json:"head_width,omitempty"`
	Heads     int     `json:"heads,omitempty"`
	Side      int     `json:"image_size,omitempty"`
	Patch     int     `json:"patch_size,omitempty"`
	Positions int     `json:"context_length,omitempty"`
	Vocab     int     `json:"vocab_size,omitempty"`
}

const eps = 1e-5 // of open_clip's norms

// toOpenCLIP describes a CLIPModel in open_clip's words.
func toOpenCLIP(f weights.Folder, raw []byte) (*layout, error) {
	file := struct {
		Embed     int       `json:"projection_dim"`
		Vision    clipTower `json:"vision_config"`
		Text      clipTower `json:"text_config"`
		OldVision clipTower `json:"vision_config_dict"` // these win where they are there
		OldText   clipTower `json:"text_config_dict"`
	}{
		Embed:  512,
		Vision: clipTower{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Act: "quick_gelu", Eps: eps, Side: 224, Patch: 32},
		Text:   clipTower{Width: 512, Hidden: 2048, Layers: 12, Heads: 8, Act: "quick_gelu", Eps: eps, Positions: 77, Vocab: 49408, EOS: 49407},
	}
	file.OldVision, file.OldText = file.Vision, file.Text
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return nil, err
	}
	old := object{}
	if err := weights.Decode("config.json", raw, &old); err != nil {
		return nil, err
	}
	v, t := file.Vision, file.Text
	if len(weights.Either(old["vision_config_dict"])) > 0 {
		v = file.OldVision
	}
	if len(weights.Either(old["text_config_dict"])) > 0 {
		t = file.OldText
	}
	switch {
	case v.Act != t.Act || v.Act != "quick_gelu" && v.Act != "gelu":
		return nil, fmt.Errorf("config.json: hidden_act is %q and %q; open_clip has gelu or quick_gelu for both towers", v.Act, t.Act)
	case v.Eps != eps || t.Eps != eps:
		return nil, fmt.Errorf("config.json: layer_norm_eps is %g and %g; open_clip's is %g", v.Eps, t.Eps, eps)
	case t.EOS != 2 && t.EOS != t.Vocab-1:
		return nil, fmt.Errorf("config.json: eos_token_id is %d of %d; open_clip takes the highest id as the end of a text", t.EOS, t.Vocab)
	case v.Heads < 1 || t.Heads < 1 || v.Width%v.Heads != 0:
		return nil, fmt.Errorf("config.json: %d elements in %d heads", v.Width, v.Heads)
	}
	pre, err := openPreprocess(f, v.Side)
	if err != nil {
		return nil, err
	}
	cfg := map[string]any{
		"model_cfg": map[string]any{
			"embed_dim": file.Embed, "quick_gelu": v.Act == "quick_gelu",
			"vision_cfg": openTower{Layers: v.Layers, Width: v.Width, Ratio: ratio(v), HeadWidth: v.Width / v.Heads, Side: v.Side, Patch: v.Patch},
			"text_cfg":   openTower{Layers: t.Layers, Width: t.Width, Ratio: ratio(t), Heads: t.Heads, Positions: t.Positions, Vocab: t.Vocab},
		},
		"preprocess_cfg": pre,
	}
	return &layout{true, "open_clip_model", func(w *writer) error {
		if err := w.remove("config.json", "preprocessor_config.json", "processor_config.json"); err != nil {
			return err
		}
		return w.writeObject("open_clip_config.json", cfg)
	}}, nil
}

// ratio is what open_clip multiplies the width by, rounding down, for the hidden layer.
func ratio(t clipTower) float64 {
	r := float64(t.Hidden) / float64(t.Width)
	if int(float64(t.Width)*r) != t.Hidden {
		r = (float64(t.Hidden) + 0.5) / float64(t.Width)
	}
	return r
}

// toTransformers describes a CLIP of open_clip in transformers' words.
func toTransformers(f weights.Folder, raw []byte) (*layout, error) {
	var file struct {
		Model      object `json:"model_cfg"`
		Preprocess object `json:"preprocess_cfg"`
	}
	if err := weights.Decode("open_clip_config.json", raw, &file); err != nil {
		return nil, err
	}
	var towers [2]object
	model := struct {
		Embed int       `json:"embed_dim"`
		Quick bool      `json:"quick_gelu"`
		V     openTower `json:"vision_cfg"`
		T     openTower `json:"text_cfg"`
	}{V: openTower{Layers: 12, Width: 768, Ratio: 4, HeadWidth: 64, Side: 224, Patch: 16}, T: openTower{Layers: 12, Width: 512, Ratio: 4, Heads: 8, Positions: 77, Vocab: 49408}}
	for i, key := range []string{"vision_cfg", "text_cfg"} {
		if err := weights.Decode("open_clip_config.json: "+key, file.Model[key], &towers[i]); err != nil {
			return nil, err
		}
	}
	again, _ := jsonOf(file.Model)
	if err := weights.Decode("open_clip_config.json: model_cfg", again, &model); err != nil {
		return nil, err
	}
	for _, err := range []error{
		file.Model.only("model_cfg", "embed_dim", "quick_gelu", "custom_text", "vision_cfg", "text_cfg"),
		towers[0].only("vision_cfg", "layers", "width", "mlp_ratio", "head_width", "image_size", "patch_size"),
		towers[1].only("text_cfg", "layers", "width", "mlp_ratio", "heads", "context_length", "vocab_size", "hf_tokenizer_name"),
		sizes(model.V, model.V.HeadWidth), sizes(model.T, model.T.Heads),
	} {
		if err != nil {
			return nil, fmt.Errorf("open_clip_config.json: %w", err)
		}
	}
	if !f.Has("tokenizer.json") && !(f.Has("vocab.json") && f.Has("merges.txt")) {
		return nil, fmt.Errorf("the folder has neither tokenizer.json nor vocab.json and merges.txt, which transformers needs; copy them from openai/clip-vit-base-patch32 if the model uses CLIP's own tokens")
	}
	pre, err := transformersPreprocess(file.Preprocess, model.V.Side)
	if err != nil {
		return nil, err
	}
	act := "gelu"
	if model.Quick {
		act = "quick_gelu"
	}
	v, t := model.V, model.T
	cfg := map[string]any{
		"architectures": []string{"CLIPModel"}, "model_type": "clip", "projection_dim": model.Embed, "logit_scale_init_value": 2.6592,
		"vision_config": clipTower{Width: v.Width, Hidden: int(float64(v.Width) * v.Ratio), Layers: v.Layers, Heads: v.Width / v.HeadWidth, Act: act, Eps: eps, Embed: model.Embed, Side: v.Side, Patch: v.Patch, Type: "clip_vision_model"},
		"text_config": clipTower{Width: t.Width, Hidden: int(float64(t.Width) * t.Ratio), Layers: t.Layers, Heads: t.Heads, Act: act, Eps: eps, Embed: model.Embed,
			Positions: t.Positions, Vocab: t.Vocab, BOS: t.Vocab - 2, EOS: t.Vocab - 1, Pad: t.Vocab - 1, Type: "clip_text_model"},
	}
	return &layout{false, "model", func(w *writer) error { return w.describeCLIP(cfg, pre, t.Positions) }}, nil
}

// describeCLIP writes the files that transformers opens a CLIPModel with.
func (w *writer) describeCLIP(cfg, preprocess any, positions int) error {
	if err := w.remove("open_clip_config.json"); err != nil {
		return err
	}
	if err := w.writeObject("config.json", cfg); err != nil {
		return err
	}
	if err := w.writeObject("preprocessor_config.json", preprocess); err != nil {
		return err
	}
	if w.src.Has("tokenizer_config.json") {
		return nil
	}
	return w.writeObject("tokenizer_config.json", map[string]any{"tokenizer_class": "CLIPTokenizer", "model_max_length": positions})
}

func sizes(t openTower, heads int) error {
	if t.Width < 1 || t.Layers < 1 || heads < 1 || t.Ratio <= 0 {
		return fmt.Errorf("a tower of %d layers, width %d, heads %d, mlp_ratio %g", t.Layers, t.Width, heads, t.Ratio)
	}
	return nil
}
