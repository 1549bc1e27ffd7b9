package decoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
)

// generation is what a folder says about how it wants to be sampled and where it
// stops.
type generation struct {
	eos       []int32
	sampling  Sampling
	maxTokens int // 0: the folder says nothing
	forced    forced
	start     int32 // of an encoder-decoder
	limits    limits
}

// readGeneration reads generation_config.json; a folder without one stops where its
// config.json says.
func readGeneration(f weights.Folder, c config) (generation, error) {
	const name = "generation_config.json"
	g := generation{eos: c.eos, forced: c.forced, start: c.start}
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
		First       *int32   `json:"forced_bos_token_id"`
		Last        tokenIDs `json:"forced_eos_token_id"`
		Start       *int32   `json:"decoder_start_token_id"`
		MinLength   int      `json:"min_length"`
		MinTokens   int      `json:"min_new_tokens"`
		NoRepeat    int      `json:"no_repeat_ngram_size"`
	}{}
	if err == nil {
		err = weights.Decode(name, raw, &file)
	}
	if err != nil {
		return g, err
	}
	g.eos, g.maxTokens, g.forced = file.EOS, max(file.MaxTokens, 0), forced{file.First, file.Last.first()}
	if c.ends {
		g.eos = c.eos
	}
	g.limits = limits{file.MinLength, file.MinTokens, file.NoRepeat}
	if file.Start != nil {
		g.start = *file.Start
	}
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
	for _, id := range []*int32{g.forced.first, g.forced.last, &g.start} {
		if id != nil && (*id < 0 || int(*id) >= c.vocab) {
			return g, fmt.Errorf("decoder: %s: token %d is not in the vocabulary of %d", name, *id, c.vocab)
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
		"num_beams", "penalty_alpha", "typical_p", "top_h", "epsilon_cutoff", "eta_cutoff", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "sequence_bias",
		"exponential_decay_length_penalty", "guidance_scale", "watermarking_config",
	} {
		if v := string(file[key]); !slices.Contains([]string{"", "null", "0", "0.0", "1", "1.0", "false", "[]", "{}"}, v) {
			return fmt.Errorf("%s %s is not supported; remove it to generate without", key, v)
		}
	}
	return nil
}

// limits forbid tokens by what is there already.
type limits struct {
	length   int // no end before the text has so many tokens, the prompt included
	tokens   int // or so many that were generated
	noRepeat int // no run of so many tokens comes twice; 0: it may
}

// apply makes what is forbidden after ids, of which prompt were given, impossible.
func (l limits) apply(logits []float32, ids []int32, prompt int, eos []int32) {
	never := float32(math.Inf(-1))
	if len(ids) < l.length || len(ids)-prompt < l.tokens {
		for _, id := range eos {
			if id >= 0 && int(id) < len(logits) {
				logits[id] = never
			}
		}
	}
	n := l.noRepeat
	if n < 1 || len(ids) < n {
		return
	}
	last := ids[len(ids)-n+1:]
	for i := 0; i+n <= len(ids); i++ {
		if slices.Equal(ids[i:i+n-1], last) {
			logits[ids[i+n-1]] = never
		}
	}
}
