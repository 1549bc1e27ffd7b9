package decoder

import (
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/weights"
)

// hfLlama is LlamaConfig or Qwen2Config of transformers. Fields hold the class
// defaults before a file is read over them.
type hfLlama struct {
	Vocab     int      `json:"vocab_size"`
	Width     int      `json:"hidden_size"`
	Hidden    int      `json:"intermediate_size"`
	Layers    int      `json:"num_hidden_layers"`
	Heads     int      `json:"num_attention_heads"`
	KVHeads   *int     `json:"num_key_value_heads"`
	HeadDim   *int     `json:"head_dim"`
	Act       string   `json:"hidden_act"`
	Positions int      `json:"max_position_embeddings"`
	Eps       float64  `json:"rms_norm_eps"`
	Bias      bool     `json:"attention_bias"`
	MLPBias   bool     `json:"mlp_bias"`
	Tied      bool     `json:"tie_word_embeddings"`
	EOS       tokenIDs `json:"eos_token_id"`
	Theta     float64  `json:"rope_theta"`
	Scaling   *hfRope  `json:"rope_scaling"`
	Rope      *hfRope  `json:"rope_parameters"`

	Sliding    bool     `json:"use_sliding_window"` // Qwen2
	Window     *int     `json:"sliding_window"`     // Mistral, Qwen2
	Unwindowed int      `json:"max_window_layers"`  // Qwen2: the first layers look at all
	LayerTypes []string `json:"layer_types"`
}

// readLlama reads LlamaConfig.
func readLlama(raw []byte) (config, error) {
	f := hfLlama{
		Vocab: 32000, Width: 4096, Hidden: 11008, Layers: 32, Heads: 32, Act: "silu", Positions: 2048, Eps: 1e-6,
		EOS: tokenIDs{2}, Theta: 10000,
	}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	return f.config()
}

// readQwen2 reads Qwen2Config: LLaMA with biases of its own.
func readQwen2(raw []byte) (config, error) {
	kv, window := 32, 4096
	f := hfLlama{
		Vocab: 151936, Width: 4096, Hidden: 22016, Layers: 32, Heads: 32, KVHeads: &kv, Act: "silu", Positions: 32768, Eps: 1e-6,
		Theta: 10000, Window: &window, Unwindowed: 28,
	}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	f.Bias, f.MLPBias = false, false // keys of LLaMA only
	c, err := f.config()
	c.qkvBias = true
	if err == nil {
		c.windows, err = f.windows()
	}
	return c, err
}

// readMistral reads MistralConfig: LLaMA whose layers all look back as far.
func readMistral(raw []byte) (config, error) {
	kv, window := 8, 4096
	f := hfLlama{
		Vocab: 32000, Width: 4096, Hidden: 14336, Layers: 32, Heads: 32, KVHeads: &kv, Act: "silu", Positions: 4096 * 32, Eps: 1e-6, EOS: tokenIDs{2},
		Theta: 10000, Window: &window,
	}
	if err := weights.Decode("config.json", raw, &f); err != nil {
		return config{}, err
	}
	f.Bias, f.MLPBias, f.LayerTypes, f.Sliding = false, false, nil, f.Window != nil
	c, err := f.config()
	if err == nil {
		c.windows, err = f.windows()
	}
	return c, err
}

// windows are how far layers look back: as layer_types says or, where it says nothing,
// all but the first ones, if they do at all.
func (f hfLlama) windows() ([]int, error) {
	if len(f.LayerTypes) != 0 && len(f.LayerTypes) != f.Layers {
		return nil, fmt.Errorf("decoder: config.json: layer_types has %d entries for %d layers", len(f.LayerTypes), f.Layers)
	}
	all := make([]int, f.Layers)
	for i := range all {
		slides := f.Sliding && i >= f.Unwindowed
		if len(f.LayerTypes) > 0 {
			switch t := f.LayerTypes[i]; t {
			case "full_attention", "sliding_attention":
				slides = t == "sliding_attention"
			default:
				return nil, refuse("layer_types", t, "full_attention and sliding_attention are")
			}
		}
		if !slides {
			continue
		}
		if f.Window == nil || *f.Window < 1 {
			return nil, fmt.Errorf("decoder: config.json: layers have a window, and sliding_window is not a number above 0")
		}
		all[i] = *f.Window
	}
	return all, nil
}

func (f hfLlama) config() (config, error) {
	act, err := nn.Activation(f.Act)
	if err != nil {
		return config{}, fmt.Errorf("decoder: config.json: hidden_act: %w", err)
	}
	if f.Heads < 1 || f.Width%f.Heads != 0 {
		return config{}, fmt.Errorf("decoder: config.json: hidden_size %d is not a multiple of num_attention_heads %d", f.Width, f.Heads)
	}
	c := config{
		vocab: f.Vocab, positions: f.Positions, width: f.Width, layers: f.Layers, heads: f.Heads, kvHeads: f.Heads, head: f.Width / f.Heads,
		hidden: f.Hidden, act: act, gated: true, rms: true, eps: float32(f.Eps),
		qkvBias: f.Bias, projBias: f.Bias, mlpBias: f.MLPBias, tied: f.Tied, eos: f.EOS,
	}
	if f.KVHeads != nil {
		c.kvHeads = *f.KVHeads
	}
	if f.HeadDim != nil {
		c.head = *f.HeadDim
	}
	if err := c.check(); err != nil {
		return c, err
	}
	c.scale = float32(1 / math.Sqrt(float64(c.head)))
	scaling := f.Scaling
	if scaling == nil {
		scaling = f.Rope
	}
	if c.rope, err = scaling.read(f.Theta, c.head, f.Positions); err != nil {
		return c, err
	}
	c.positions = c.rope.reach()
	return c, c.check()
}

// llamaLayout is a LlamaForCausalLM or a Qwen2ForCausalLM.
func llamaLayout(src weights.Source, c config) weights.Layout {
	return llamaUnder("model.", hfHead, src, c)
}

// llamaUnder is llamaLayout with a prefix before the names and a name for the head.
func llamaUnder(prefix, head string, src weights.Source, c config) weights.Layout {
	layer := prefix + "layers.*"
	embed, head := ends(src, c, prefix+"embed_tokens.weight", head)
	return weights.Layout{
		Name: "LLaMA (transformers)",
		Rules: []weights.Rule{
			{To: "token_embed", From: weights.From(embed)},
			{To: "blocks.*.attn.qkv.*", From: weights.From(layer+".self_attn.q_proj.*", layer+".self_attn.k_proj.*", layer+".self_attn.v_proj.*"), Op: weights.Cat},
			{To: "blocks.*.attn.proj.*", From: weights.From(layer + ".self_attn.o_proj.*")},
			{To: "blocks.*.mlp.fc1.*", From: weights.From(layer+".mlp.gate_proj.*", layer+".mlp.up_proj.*"), Op: weights.Cat},
			{To: "blocks.*.mlp.fc2.*", From: weights.From(layer + ".mlp.down_proj.*")},
			{To: "blocks.*.norm1.*", From: weights.From(layer + ".input_layernorm.*")},
			{To: "blocks.*.norm2.*", From: weights.From(layer + ".post_attention_layernorm.*")},
			{To: "norm.*", From: weights.From(prefix + "norm.*")},
			{To: "head.weight", From: weights.From(head)},
		},
		Ignore: []string{layer + ".self_attn.rotary_emb.inv_freq"},
	}
}
