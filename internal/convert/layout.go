package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/weights"
)

// pair is one weight under the names of both libraries. A star stands for a run of
// characters other than dots.
type pair struct {
	transformers []string // several: rows that open_clip keeps under each other
	openCLIP     string
	transposed   bool // open_clip multiplies from the other side
}

// clipNames are the weights of a CLIP: CLIPModel of transformers and CLIP of open_clip.
var clipNames = slices.Concat(
	tower("vision_model.encoder.layers.*.", "visual.transformer.resblocks.*."),
	tower("text_model.encoder.layers.*.", "transformer.resblocks.*."),
	[]pair{
		{from("vision_model.embeddings.class_embedding"), "visual.class_embedding", false},
		{from("vision_model.embeddings.position_embedding.weight"), "visual.positional_embedding", false},
		{from("vision_model.embeddings.patch_embedding.weight"), "visual.conv1.weight", false},
		{from("vision_model.pre_layrnorm.*"), "visual.ln_pre.*", false},
		{from("vision_model.post_layernorm.*"), "visual.ln_post.*", false},
		{from("visual_projection.weight"), "visual.proj", true},
		{from("text_model.embeddings.token_embedding.weight"), "token_embedding.weight", false},
		{from("text_model.embeddings.position_embedding.weight"), "positional_embedding", false},
		{from("text_model.final_layer_norm.*"), "ln_final.*", false},
		{from("text_projection.weight"), "text_projection", true},
		{from("logit_scale"), "logit_scale", false},
	})

func from(names ...string) []string { return names }

func tower(transformers, openCLIP string) []pair {
	return []pair{
		{from(transformers+"self_attn.q_proj.*", transformers+"self_attn.k_proj.*", transformers+"self_attn.v_proj.*"), openCLIP + "attn.in_proj_*", false},
		{from(transformers + "self_attn.out_proj.*"), openCLIP + "attn.out_proj.*", false},
		{from(transformers + "layer_norm1.*"), openCLIP + "ln_1.*", false},
		{from(transformers + "layer_norm2.*"), openCLIP + "ln_2.*", false},
		{from(transformers + "mlp.fc1.*"), openCLIP + "mlp.c_fc.*", false},
		{from(transformers + "mlp.fc2.*"), openCLIP + "mlp.c_proj.*", false},
	}
}

// noWeights are tensors of either library that follow from the configuration.
var noWeights = []string{"vision_model.embeddings.position_ids", "text_model.embeddings.position_ids", "attn_mask"}

// layout is where names come from and go to; nil leaves them.
type layout struct {
	toOpenCLIP bool
	stem       string // of the file to write
	configure  func(*writer) error
}

// layout is what Options.Layout asks for, of a folder that it can be done with.
func (w *writer) layout() (*layout, error) {
	if w.Layout == "" {
		return nil, nil
	}
	c, err := w.src.Config()
	if err != nil {
		return nil, err
	}
	have := map[string]string{"clip": "transformers", "open_clip": "open_clip"}[c.Family]
	switch {
	case have == "":
		return nil, fmt.Errorf("only CLIP can be written in another layout, and this folder is %s", c.Family)
	case have == w.Layout:
		return nil, fmt.Errorf("the folder is in the layout of %s already", have)
	case w.Layout == "open_clip":
		return toOpenCLIP(w.src, c.Raw)
	}
	return toTransformers(w.src, c.Raw)
}

// part is a tensor of the file to be, still in the numbers of the file that is.
type part struct {
	head  safetensors.View // with the new name and shape, and the old dtype
	from  []safetensors.View
	scale []float32 // of int8: for each row, or one
	reads bool      // it holds numbers and not, say, positions
	int8  bool      // it can stay int8
	bytes func() []byte
}

// produce lists the tensors under their new names.
func (l *layout) produce(set *safetensors.Set) (parts []*part, err error) {
	for _, name := range set.Names() {
		v, _ := set.Get(name)
		if of, ok := strings.CutSuffix(name, scaleSuffix); ok {
			if q, ok := set.Get(of); ok && q.DType == safetensors.I8 {
				continue // it goes with its tensor
			}
		}
		var made []*part
		if l == nil {
			made = []*part{whole(v, name)}
		} else if made, err = l.rename(set, v); err != nil {
			return nil, err
		}
		for _, p := range made {
			if err := p.describe(set); err != nil {
				return nil, err
			}
		}
		parts = append(parts, made...)
	}
	return parts, nil
}

// whole is a tensor as it is.
func whole(v safetensors.View, name string) *part {
	p := &part{head: v, from: []safetensors.View{v}, bytes: func() []byte { return v.Data }}
	p.head.Name, p.head.Data = name, nil
	return p
}

// rename gives a tensor its other name. Of those that are put together the first one
// makes the whole.
func (l *layout) rename(set *safetensors.Set, v safetensors.View) ([]*part, error) {
	name := v.Name
	if _, custom := set.Get("text.positional_embedding"); custom && !l.toOpenCLIP {
		name = strings.TrimPrefix(name, "text.") // open_clip's custom_text
	}
	if slices.Contains(noWeights, name) {
		return nil, nil
	}
	for _, p := range clipNames {
		if l.toOpenCLIP {
			for i, pattern := range p.transformers {
				if runs, ok := weights.MatchName(pattern, name); ok {
					if i > 0 {
						return nil, nil
					}
					return p.joined(set, v, runs)
				}
			}
		} else if runs, ok := weights.MatchName(p.openCLIP, name); ok {
			return p.parted(v, runs)
		}
	}
	return nil, fmt.Errorf("it has %s, which CLIP has not in the other layout", v.Name)
}

// joined is open_clip's tensor out of those of transformers.
func (p pair) joined(set *safetensors.Set, first safetensors.View, runs []string) ([]*part, error) {
	out := whole(first, weights.ExpandName(p.openCLIP, runs))
	if len(p.transformers) == 1 {
		return p.turned(out)
	}
	out.from = nil
	rows := 0
	for _, pattern := range p.transformers {
		name := weights.ExpandName(pattern, runs)
		v, ok := set.Get(name)
		if !ok || v.DType != first.DType || len(v.Shape) == 0 || len(v.Shape) != len(first.Shape) || !slices.Equal(v.Shape[1:], first.Shape[1:]) {
			return nil, fmt.Errorf("%s is missing, or has another shape or dtype than %s", name, first.Name)
		}
		out.from = append(out.from, v)
		rows += v.Shape[0]
	}
	out.head.Shape[0] = rows
	list := out.from
	out.bytes = func() (all []byte) {
		for _, v := range list {
			all = append(all, v.Data...)
		}
		return all
	}
	return []*part{out}, nil
}

// parted are transformers' tensors out of that of open_clip.
func (p pair) parted(v safetensors.View, runs []string) ([]*part, error) {
	n := len(p.transformers)
	if n == 1 {
		return p.turned(whole(v, weights.ExpandName(p.transformers[0], runs)))
	}
	if len(v.Shape) == 0 || v.Shape[0]%n != 0 {
		return nil, fmt.Errorf("%s has shape %v, which has no %d equal parts", v.Name, v.Shape, n)
	}
	var all []*part
	for i, pattern := range p.transformers {
		out := whole(v, weights.ExpandName(pattern, runs))
		out.head.Shape = slices.Clone(v.Shape)
		out.head.Shape[0] /= n
		size := len(v.Data) / n
		out.bytes = func() []byte { return v.Data[i*size : (i+1)*size] }
		all = append(all, out)
	}
	return all, nil
}

// turned swaps rows and columns where the libraries differ in that.
func (p pair) turned(out *part) ([]*part, error) {
	if !p.transposed {
		return []*part{out}, nil
	}
	v := out.from[0]
	if len(v.Shape) != 2 || v.DType == safetensors.I8 {
		return nil, fmt.Errorf("%s is %s %v, want a matrix that is not int8", v.Name, v.DType, v.Shape)
	}
	rows, cols, size := v.Shape[0], v.Shape[1], v.DType.Bits()/8
	out.head.Shape = []int{cols, rows}
	out.bytes = func() []byte {
		t := make([]byte, len(v.Data))
		for r := range rows {
			for c := range cols {
				copy(t[(c*rows+r)*size:], v.Data[(r*cols+c)*size:][:size])
			}
		}
		return t
	}
	return []*part{out}, nil
}
