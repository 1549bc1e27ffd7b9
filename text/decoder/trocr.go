package decoder

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// hfTrOCR is TrOCRConfig of transformers: BART's decoder, which reads a picture.
type hfTrOCR struct {
	Type      string   `json:"model_type"`
	Vocab     int      `json:"vocab_size"`
	Positions int      `json:"max_position_embeddings"`
	Width     int      `json:"d_model"`
	Layers    int      `json:"decoder_layers"`
	Heads     int      `json:"decoder_attention_heads"`
	Hidden    int      `json:"decoder_ffn_dim"`
	Act       string   `json:"activation_function"`
	Scaled    bool     `json:"scale_embedding"`
	Learned   bool     `json:"use_learned_position_embeddings"`
	NormEmbed bool     `json:"layernorm_embedding"`
	Cross     int      `json:"cross_attention_hidden_size"` // 0: that of the text, which the picture's is brought to
	Tied      bool     `json:"tie_word_embeddings"`
	EOS       tokenIDs `json:"eos_token_id"`
	Pad       *int32   `json:"pad_token_id"`
	Start     int32    `json:"decoder_start_token_id"`
}

// readTrOCR reads the decoder of a VisionEncoderDecoderConfig of transformers. What the
// whole says about the first and the last token comes before what the decoder says.
func readTrOCR(raw []byte) (config, error) {
	pad := int32(1)
	f := hfTrOCR{
		Vocab: 50265, Positions: 512, Width: 1024, Layers: 12, Heads: 16, Hidden: 4096, Act: "gelu",
		Learned: true, NormEmbed: true, Tied: true, EOS: tokenIDs{2}, Pad: &pad, Start: 2,
	}
	whole := struct {
		Encoder struct {
			Width int `json:"hidden_size"`
		} `json:"encoder"`
		Decoder json.RawMessage `json:"decoder"`
		EOS     tokenIDs        `json:"eos_token_id"`
		Start   *int32          `json:"decoder_start_token_id"`
	}{}
	whole.Encoder.Width = 768
	if err := weights.Decode("config.json", raw, &whole); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: decoder", whole.Decoder, &f); err != nil {
		return config{}, err
	}
	if f.Type != "trocr" {
		return config{}, refuse("decoder.model_type", f.Type, "trocr is")
	}
	if whole.EOS != nil {
		f.EOS = whole.EOS
	}
	if whole.Start != nil {
		f.Start = *whole.Start
	}
	return f.config(whole.Encoder.Width)
}

// config makes it the decoder of states of so many numbers.
func (f hfTrOCR) config(states int) (config, error) {
	act, err := nn.Activation(f.Act)
	switch {
	case err != nil:
		return config{}, fmt.Errorf("decoder: config.json: decoder.activation_function: %w", err)
	case f.Heads < 1 || f.Width < 1 || f.Width%f.Heads != 0:
		return config{}, fmt.Errorf("decoder: config.json: decoder.d_model %d is not a multiple of %d heads", f.Width, f.Heads)
	case states < 1 || states > 1<<16:
		return config{}, fmt.Errorf("decoder: config.json: encoder.hidden_size is %d, want 1 to %d", states, 1<<16)
	case f.Cross != 0 && f.Cross != states:
		return config{}, fmt.Errorf("decoder: config.json: decoder.cross_attention_hidden_size is %d and the encoder's hidden_size %d", f.Cross, states)
	case !f.Learned && (f.Pad == nil || *f.Pad < 0 || *f.Pad > 1<<16):
		return config{}, fmt.Errorf("decoder: config.json: decoder.pad_token_id is missing, and use_learned_position_embeddings false counts positions from it")
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, kvHeads: f.Heads, head: f.Width / f.Heads,
		hidden: f.Hidden, act: act, eps: 1e-5, scale: float32(1 / math.Sqrt(float64(f.Width/f.Heads))), post: true, bare: !f.NormEmbed, before: bartOffset,
		qkvBias: true, projBias: true, mlpBias: true, tied: f.Tied, eos: f.EOS, start: f.Start,
		states: states, project: f.Cross == 0 && states != f.Width,
	}
	if !f.Learned {
		c.waves, c.before = true, int(*f.Pad)+1
		c.unplaced = f.Pad
	}
	if f.Scaled {
		c.magnify = math.Sqrt(float64(f.Width))
	}
	return c, c.check()
}

// waves are the rows of a table of positions that nobody learned (§3.5 of arXiv
// 1706.03762, as tensor2tensor has it): sines, then cosines.
func waves(rows, width int) []float32 {
	half := width / 2
	t := make([]float32, rows*width)
	step := math.Log(10000) / float64(half-1)
	for k := range half {
		// As in the reference the frequencies are rounded, and so are the angles.
		by := float32(math.Exp(float64(float32(k) * -float32(step))))
		for at := range rows {
			sin, cos := math.Sincos(float64(float32(at) * by))
			t[at*width+k], t[at*width+half+k] = float32(sin), float32(cos)
		}
	}
	return t
}

// trocrLayout is the decoder of a VisionEncoderDecoderModel.
func trocrLayout(src weights.Source, c config) weights.Layout {
	const at = "decoder.model.decoder."
	embed, head := ends(src, c, at+"embed_tokens.weight", "decoder.output_projection.weight")
	return weights.Layout{
		Name: "TrOCR (transformers)",
		Rules: append([]weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "pos_embed", From: weights.From(at + "embed_positions.weight")},
			{To: "norm_embed.*", From: weights.From(at + "layernorm_embedding.*")},
			{To: "source.*", From: weights.From("enc_to_dec_proj.*")},
			{To: "head.weight", From: weights.From(head)},
		}, bartBlocks(at+"layers.*")...),
		Ignore:  []string{at + "embed_positions._float_tensor"},
		Foreign: []string{"encoder.**"},
	}
}
