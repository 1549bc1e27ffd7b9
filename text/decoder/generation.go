package decoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
)

// generation is what a folder says about how it wants to be sampled and where it
// stops.
type generation struct {
	eos       []int32
	sampling  Sampling
	maxTokens int // 0: the folder says nothing
}

// readGeneration reads generation_config.json; a folder without one stops where its
// config.json says.
func readGeneration(f weights.Folder, c config) (generation, error) {
	const name = "generation_config.json"
	g := generation{eos: c.eos}
	raw, err := f.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	file := struct {
		EOS         tokenIDs `json:"eos_token_id"`
		Sample      bool     `json:"do_sample"`
		Temperature *float64 `json:"temperature"`
		TopK        *int     `json:"top_k"`
		TopP        float64  `json:"top_p"`
		MinP        float64  `json:"min_p"`
		Penalty     float64  `json:"repetition_penalty"`
		MaxTokens   int      `json:"max_new_tokens"`
	}{}
	if err == nil {
		err = weights.Decode(name, raw, &file)
	}
	if err != nil {
		return g, err
	}
	g.eos, g.maxTokens = file.EOS, max(file.MaxTokens, 0)
	g.sampling = Sampling{TopP: file.TopP, MinP: file.MinP, Penalty: file.Penalty}
	if file.TopK != nil {
		g.sampling.TopK = *file.TopK
	}
	if file.Sample {
		g.sampling.Temperature = 1
		if file.Temperature != nil {
			g.sampling.Temperature = *file.Temperature
		}
		if file.TopK == nil {
			g.sampling.TopK = 50 // what transformers takes where it is not said
		}
	}
	if err = g.sampling.Check(); err == nil {
		err = refuseOthers(raw)
	}
	if err != nil {
		return g, fmt.Errorf("decoder: %s: %w", name, err)
	}
	return g, nil
}

// refuseOthers names what would change the tokens and is not implemented.
func refuseOthers(raw []byte) error {
	var file map[string]json.RawMessage
	if err := json.Unmarshal(raw, &file); err != nil {
		return err
	}
	for _, key := range []string{
		"num_beams", "penalty_alpha", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff", "no_repeat_ngram_size", "bad_words_ids", "min_length",
		"min_new_tokens", "forced_bos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens", "sequence_bias",
		"exponential_decay_length_penalty", "guidance_scale", "watermarking_config",
	} {
		if v := string(file[key]); !slices.Contains([]string{"", "null", "0", "0.0", "1", "1.0", "false", "[]", "{}"}, v) {
			return fmt.Errorf("%s %s is not supported; remove it to generate without", key, v)
		}
	}
	return nil
}
