package answer

import (
	"context"
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// idefics3 is the style of Idefics3 (arXiv 2408.12637) and SmolVLM (arXiv 2504.05299):
// pictures in tiles, of which each square of patches becomes one token.
type idefics3 struct {
	grid  int // patches of a tile's side
	scale int // patches of a token's side
}

// openIdefics3 opens an Idefics3ForConditionalGeneration or a
// SmolVLMForConditionalGeneration.
func openIdefics3(ctx context.Context, f folder) (net, error) {
	file := struct {
		Scale int   `json:"scale_factor"`
		Image int32 `json:"image_token_id"`
	}{2, 128257}
	if err := weights.Decode("config.json", f.config.Raw, &file); err != nil {
		return nil, err
	}
	p := &prefix{image: file.Image}
	err := p.openParts(ctx, f)
	if err == nil {
		err = p.openShuffle(f, file.Scale)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// openShuffle opens the connector.
func (p *prefix) openShuffle(f folder, scale int) (err error) {
	s := idefics3{root(p.tower.Tokens()), scale}
	if scale < 1 || s.grid%scale != 0 {
		return fmt.Errorf("config.json: scale_factor %d does not divide the %d patches of a tile's side", scale, s.grid)
	}
	p.style, p.tokens = s, s.grid/scale*(s.grid/scale)
	if err := p.checkLength(f); err != nil {
		return err
	}
	in, out := p.tower.Width()*scale*scale, p.decoder.Width()
	p.connector, err = loadConnector(f, func(k nn.Precision) connectorNet {
		return connectorNet{FC1: nn.NewLinear(in, out, false, k.Edge)}
	}, weights.Layout{
		Name:    "Idefics3 (transformers)",
		Rules:   []weights.Rule{{To: "fc1.*", From: weights.From("model.connector.modality_projection.proj.*")}},
		Foreign: []string{"model.vision_model.**", "model.text_model.**", "lm_head.weight"},
	})
	return err
}

// checkLength holds the length that prompts are made for against the tower's.
func (p *prefix) checkLength(f folder) error {
	raw, err := f.Read("processor_config.json")
	if err != nil {
		return nil // the tower's counts
	}
	file := struct {
		Length int `json:"image_seq_len"`
	}{p.tokens}
	if err := weights.Decode("processor_config.json", raw, &file); err != nil {
		return err
	}
	if file.Length != p.tokens {
		return fmt.Errorf("processor_config.json: image_seq_len is %d, and a tile becomes %d tokens", file.Length, p.tokens)
	}
	return nil
}

// mix implements style: the patches (grid, grid, C) of a square of scale×scale lie side
// by side, row by row, in a token (pixel_shuffle of modeling_idefics3.py).
func (s idefics3) mix(sequence []float32) []float32 {
	c, side := len(sequence)/(s.grid*s.grid), s.grid/s.scale
	out := make([]float32, 0, len(sequence))
	for token := range side * side {
		row, col := token/side*s.scale, token%side*s.scale
		for dy := range s.scale {
			at := ((row+dy)*s.grid + col) * c
			out = append(out, sequence[at:at+s.scale*c]...)
		}
	}
	return out
}

// prompt implements style.
func (idefics3) prompt(n int, question string) string {
	return "<|im_start|>User:" + strings.Repeat(placeholder, n) + question + "<end_of_utterance>\nAssistant:"
}

// expand implements style.
func (idefics3) expand(rows, cols, tokens int) string {
	const around = "<fake_token_around_image>"
	var b strings.Builder
	tile := strings.Repeat(placeholder, tokens)
	for r := range rows {
		for c := range cols {
			fmt.Fprintf(&b, "%s<row_%d_col_%d>%s", around, r+1, c+1, tile)
		}
		b.WriteString("\n")
	}
	if rows > 0 {
		b.WriteString("\n")
	}
	return b.String() + around + "<global-img>" + tile + around
}
