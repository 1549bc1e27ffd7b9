package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// llava is the style of LLaVA-1.5 (arXiv 2310.03744): a token for each patch.
type llava struct {
	skip int // numbers of the tokens before the patches that are left out
}

// openLLaVA opens a LlavaForConditionalGeneration.
func openLLaVA(ctx context.Context, f folder) (net, error) {
	file := struct {
		Image    *int32 `json:"image_token_index"`
		ImageID  int32  `json:"image_token_id"` // what others than transformers call it
		Act      string `json:"projector_hidden_act"`
		Strategy string `json:"vision_feature_select_strategy"`
		Bias     bool   `json:"multimodal_projector_bias"`
	}{ImageID: 32000, Act: "gelu", Strategy: "default", Bias: true}
	if err := weights.Decode("config.json", f.config.Raw, &file); err != nil {
		return nil, err
	}
	if file.Image == nil {
		file.Image = &file.ImageID
	}
	act, err := nn.Activation(file.Act)
	if err != nil {
		return nil, fmt.Errorf("config.json: projector_hidden_act: %w", err)
	}
	p := &prefix{image: *file.Image}
	if err = p.openParts(ctx, f); err == nil {
		err = p.selectFeatures(file.Strategy)
	}
	if err == nil {
		p.connector, err = loadConnector(f, func(k nn.Precision) connectorNet {
			in, c := p.tower.Width(), p.decoder.Width()
			return connectorNet{FC1: nn.NewLinear(in, c, file.Bias, k.Edge), FC2: nn.NewLinear(c, c, file.Bias, k.Edge), act: act}
		}, llavaConnector)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

var llavaConnector = weights.Layout{
	Name: "LLaVA (transformers)",
	Rules: []weights.Rule{
		{To: "fc1.*", From: weights.From("multi_modal_projector.linear_1.*")},
		{To: "fc2.*", From: weights.From("multi_modal_projector.linear_2.*")},
	},
	Foreign: []string{"vision_tower.**", "language_model.**"},
}

// selectFeatures says which of the tower's tokens the decoder gets.
func (p *prefix) selectFeatures(strategy string) error {
	s := llava{}
	p.tokens = p.tower.Tokens()
	switch strategy {
	case "default":
		s.skip = p.tower.Lead() * p.tower.Width()
		p.tokens -= p.tower.Lead()
	case "full":
	default:
		return fmt.Errorf("config.json: vision_feature_select_strategy %q is not supported; default and full are", strategy)
	}
	p.style = s
	return nil
}

// mix implements style.
func (s llava) mix(sequence []float32) []float32 { return sequence[s.skip:] }

// prompt implements style.
func (llava) prompt(n int, question string) string {
	return "USER: " + strings.Repeat(placeholder+"\n", n) + question + " ASSISTANT:"
}

// expand implements style.
func (llava) expand(_, _, tokens int) string { return strings.Repeat(placeholder, tokens) }
