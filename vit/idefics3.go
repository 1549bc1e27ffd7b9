package vit

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/emblem-search/emblem/internal/weights"
)

// readIdefics3 reads the tower of Idefics3Config and of SmolVLMConfig, its successor:
// SigLIP's blocks without a pooling, for pictures of any grid of patches.
func readIdefics3(raw []byte) (config, error) {
	var file struct {
		Vision json.RawMessage `json:"vision_config"`
	}
	v := hfVision{Width: 1152, Hidden: 3072, Layers: 12, Heads: 16, Channels: 3, Side: 224, Patch: 32, Act: "gelu_pytorch_tanh", Eps: 1e-6}
	if err := weights.Decode("config.json", raw, &file); err != nil {
		return config{}, err
	}
	if err := weights.Decode("config.json: vision_config", file.Vision, &v); err != nil {
		return config{}, err
	}
	c, err := v.config()
	c.patchBias, c.pool, c.resample = true, Mean, buckets
	return c, err
}

// hfIdefics3 is the tower of an Idefics3ForConditionalGeneration.
var hfIdefics3 = []weights.Layout{{
	Name: "Idefics3 (transformers)",
	Rules: append([]weights.Rule{
		{To: "pos_embed", From: weights.From("model.vision_model.embeddings.position_embedding.weight")},
		{To: "patch_embed.proj.weight", From: weights.From("model.vision_model.embeddings.patch_embedding.weight"), Op: weights.ChannelsLast},
		{To: "patch_embed.proj.bias", From: weights.From("model.vision_model.embeddings.patch_embedding.bias")},
		{To: "norm.*", From: weights.From("model.vision_model.post_layernorm.*")},
	}, hfTower("model.vision_model.")...),
	Foreign: []string{"model.text_model.**", "model.connector.**", "lm_head.weight"},
}}

// hfTower names the blocks of a CLIP or SigLIP tower within a larger model.
func hfTower(prefix string) []weights.Rule {
	layer := prefix + "encoder.layers.*."
	return []weights.Rule{
		{To: "blocks.*.attn.qkv.*", From: weights.From(layer+"self_attn.q_proj.*", layer+"self_attn.k_proj.*", layer+"self_attn.v_proj.*"), Op: weights.Cat},
		{To: "blocks.*.attn.proj.*", From: weights.From(layer + "self_attn.out_proj.*")},
		{To: "blocks.*.norm1.*", From: weights.From(layer + "layer_norm1.*")},
		{To: "blocks.*.norm2.*", From: weights.From(layer + "layer_norm2.*")},
		{To: "blocks.*.mlp.*.*", From: weights.From(layer + "mlp.*.*")},
	}
}

// bucketed are the positions, of side, that n patches take: each the one that its
// fraction i/n lies in (NaViT, arXiv 2307.06304), in float32 as modeling_idefics3.py
// has it. So rounded, some positions of odd sides are taken twice and others never.
func bucketed(n, side int) []int {
	all, bounds := make([]int, n), boundaries(side)
	for i := range all {
		x := min(float32(i)*(1/float32(n)), float32(1-1e-6))
		for _, b := range bounds[:side-1] {
			if x >= b {
				all[i]++
			}
		}
	}
	return all
}

// boundaries are those between side positions as torch.arange rounds them: two runs of
// eight are counted from where each begins, what is left over one by one.
func boundaries(side int) []float32 {
	step := 1 / float64(side)
	out := make([]float32, int(math.Ceil((1-step)/step)))
	for k := range out {
		if lane := k % 8; k < len(out)/16*16 {
			out[k] = float32(float64(float32(step+step*float64(k-lane))) + float64(float64(lane)*step))
		} else {
			out[k] = float32(step + float64(step*float64(k)))
		}
	}
	return out
}

// resizeBuckets gathers the positions (to.h, to.w, c) of a grid from a table (from.h,
// from.w, c).
func resizeBuckets(table []float32, c int, from, to grid) []float32 {
	out := make([]float32, 0, to.h*to.w*c)
	across := bucketed(to.w, from.w)
	for _, y := range bucketed(to.h, from.h) {
		for _, x := range across {
			out = append(out, table[(y*from.w+x)*c:][:c]...)
		}
	}
	return out
}

// idefics3Processor is what the image processors of Idefics3 and SmolVLM have besides
// the others' keys.
type idefics3Processor struct {
	Split   bool            `json:"do_image_splitting"`
	Largest json.RawMessage `json:"max_image_size"`
}

// idefics3Pixels reads preprocessor_config.json of Idefics3 and SmolVLM.
func idefics3Pixels(f weights.Folder, c config) (*Preprocess, error) {
	where, raw, err := findProcessor(f)
	if err != nil {
		return nil, err
	}
	r, err := readProcessor(where, raw, "Idefics3")
	if err != nil {
		return nil, err
	}
	own := idefics3Processor{Split: true, Largest: json.RawMessage(`{"longest_edge": 364}`)}
	if err := weights.Decode(where, raw, &own); err != nil {
		return nil, err
	}
	p, err := r.normalization(where)
	if err != nil {
		return nil, err
	}
	if !r.Resize {
		return nil, fmt.Errorf("vit: %s: do_resize false is not supported", where)
	}
	t := &tiling{split: own.Split}
	if t.longest, err = longestEdge(r.Size); err != nil {
		return nil, fmt.Errorf("vit: %s: size: %w", where, err)
	}
	if t.side, err = longestEdge(own.Largest); err != nil {
		return nil, fmt.Errorf("vit: %s: max_image_size: %w", where, err)
	}
	p.tiling, p.steps = t, []step{t.first(p.filter), squash(t.side, t.side, p.filter)}
	return p.finish(where, c)
}

// longestEdge reads a size that has to be given so.
func longestEdge(raw json.RawMessage) (int, error) {
	var s struct {
		Long int `json:"longest_edge"`
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Long == 0 {
		return 0, fmt.Errorf("%s is not supported, only a longest_edge", raw)
	}
	return s.Long, inRange(s.Long)
}

// mostEdge is the longest edge that a picture is resized to whatever the file says.
const mostEdge = 4096

// resized is a picture of w×h with the longest edge as asked for, the other one cut to
// whole pixels and made even (image_processing_pil_idefics3.py).
func resized(w, h, longest int) (int, int) {
	ratio := float64(w) / float64(h)
	if w >= h {
		w, h = longest, int(float64(longest)/ratio)
		h += h % 2
	} else {
		w, h = int(float64(longest)*ratio), longest
		w += w % 2
	}
	w, h = max(w, 1), max(h, 1)
	if max(w, h) <= mostEdge {
		return w, h
	}
	ratio = float64(w) / float64(h)
	if w >= h {
		return mostEdge, max(int(mostEdge/ratio), 1)
	}
	return max(int(mostEdge*ratio), 1), mostEdge
}

// whole is the size in whole tiles that a picture of w×h is resized to next.
func whole(w, h, side int) (int, int) {
	up := func(n int) int { return int(math.Ceil(float64(n)/float64(side))) * side }
	ratio := float64(w) / float64(h)
	if w >= h {
		w = up(w)
		return w, up(int(float64(w) / ratio))
	}
	h = up(h)
	return up(int(float64(h) * ratio)), h
}
