package bench

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
)

// dict is a JSON object.
type dict map[string]any

// write makes a model's folder for the tower at dir, with random weights in bf16.
func (a Arch) write(dir string) error {
	for name, content := range a.configs() {
		raw, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("bench: a folder with random weights: %w", err)
		}
	}
	f := &filler{}
	switch a.layout {
	case clipVision, siglipVision:
		a.hfVision(f)
	case clipText:
		a.hfText(f)
	case openCLIPVision:
		a.openCLIP(f)
	case llama:
		a.llama(f)
	}
	if err := safetensors.Write(filepath.Join(dir, a.weightsFile()), f.views(), nil); err != nil {
		return fmt.Errorf("bench: a folder with random weights: %w", err)
	}
	return nil
}

// WriteCLIP makes a folder of the shape of one of CLIP's models, vit-b-32 or
// vit-l-14, both towers, with random weights in bf16 or f32 and the tokenizer of
// another model of CLIP's kind, whose end of text is the id eos.
func WriteCLIP(dir, arch, dtype string, tokenizer fs.FS, eos int) error {
	towers, ok := map[string][2]string{"vit-b-32": {"vit-b-32", "clip-text-b"}, "vit-l-14": {"vit-l-14", "clip-text-l"}}[arch]
	if !ok {
		return &ErrArch{fmt.Sprintf("bench: there are folders of vit-b-32 and vit-l-14, not of %q", arch)}
	}
	v, t := archs[towers[0]], archs[towers[1]]
	conf := v.configs()
	conf["config.json"]["text_config"] = dict{
		"hidden_size": t.width, "num_attention_heads": t.heads, "num_hidden_layers": t.layers, "intermediate_size": t.hidden,
		"vocab_size": vocabulary, "max_position_embeddings": positions, "eos_token_id": eos, "pad_token_id": eos,
	}
	for name, content := range conf {
		raw, err := json.Marshal(content)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("bench: a folder with random weights: %w", err)
		}
	}
	for _, name := range []string{"tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"} {
		raw, err := fs.ReadFile(tokenizer, name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), raw, 0o600)
		}
		if err != nil {
			return fmt.Errorf("bench: a tokenizer: %w", err)
		}
	}
	f := &filler{}
	v.hfVision(f)
	t.hfText(f)
	f.scale()
	views := f.views()
	if dtype == "f32" {
		widen(views)
	}
	return safetensors.Write(filepath.Join(dir, v.weightsFile()), views, nil)
}

// widen turns bf16 into float32. Tensors that share their numbers share them still.
func widen(views []safetensors.View) {
	wide := map[*byte][]byte{}
	for i := range views {
		v := &views[i]
		b := wide[&v.Data[0]]
		if len(b) < 2*len(v.Data) {
			b = make([]byte, 2*len(v.Data))
			for j := 0; j < len(v.Data); j += 2 {
				b[2*j+2], b[2*j+3] = v.Data[j], v.Data[j+1]
			}
			wide[&v.Data[0]] = b
		}
		v.DType, v.Data = safetensors.F32, b[:2*len(v.Data)]
	}
}

func (a Arch) weightsFile() string {
	if a.layout == openCLIPVision {
		return "open_clip_model.safetensors"
	}
	return "model.safetensors"
}

// configs are the folder's JSON files.
func (a Arch) configs() map[string]dict {
	tower := dict{
		"hidden_size": a.width, "num_attention_heads": a.heads, "num_hidden_layers": a.layers,
		"intermediate_size": a.hidden, "image_size": a.side, "patch_size": a.patch,
	}
	switch a.layout {
	case clipText:
		delete(tower, "image_size")
		return map[string]dict{"config.json": {"model_type": "clip", "projection_dim": a.out, "text_config": tower}}
	case llama:
		return map[string]dict{"config.json": {"model_type": "llama", "hidden_size": a.width, "num_attention_heads": a.heads,
			"num_key_value_heads": a.kvHeads, "num_hidden_layers": a.layers, "intermediate_size": a.hidden, "vocab_size": a.vocab,
			"max_position_embeddings": longest, "rope_theta": 100000, "rms_norm_eps": 1e-5, "tie_word_embeddings": true, "eos_token_id": nil}}
	case siglipVision:
		return map[string]dict{
			"config.json":              {"model_type": "siglip", "vision_config": tower},
			"preprocessor_config.json": {"image_processor_type": "SiglipImageProcessor", "size": dict{"height": a.side, "width": a.side}},
		}
	case openCLIPVision:
		vision := dict{"width": a.width, "head_width": a.width / a.heads, "layers": a.layers, "image_size": a.side,
			"patch_size": a.patch, "mlp_ratio": float64(a.hidden) / float64(a.width), "no_ln_pre": true}
		return map[string]dict{"open_clip_config.json": {
			"model_cfg":      dict{"embed_dim": a.out, "vision_cfg": vision, "text_cfg": dict{}},
			"preprocess_cfg": dict{},
		}}
	}
	return map[string]dict{
		"config.json": {"model_type": "clip", "projection_dim": a.out, "vision_config": tower},
		"preprocessor_config.json": {"image_processor_type": "CLIPImageProcessor",
			"size": dict{"shortest_edge": a.side}, "crop_size": dict{"height": a.side, "width": a.side}},
	}
}

// hfVision names a vision tower's tensors as transformers does.
func (a Arch) hfVision(f *filler) {
	const at = "vision_model."
	f.matrix(at+"embeddings.patch_embedding.weight", a.width, 3, a.patch, a.patch)
	f.matrix(at+"embeddings.position_embedding.weight", a.tokens(), a.width)
	if a.layout == clipVision {
		f.matrix(at+"embeddings.class_embedding", a.width)
		f.norm(at+"pre_layrnorm", a.width)
		f.matrix("visual_projection.weight", a.out, a.width)
	} else {
		f.matrix(at+"embeddings.patch_embedding.bias", a.width)
		f.matrix(at+"head.probe", 1, 1, a.width)
		f.matrix(at+"head.attention.in_proj_weight", 3*a.width, a.width)
		f.matrix(at+"head.attention.in_proj_bias", 3*a.width)
		f.linear(at+"head.attention.out_proj", a.width, a.width)
		f.norm(at+"head.layernorm", a.width)
		f.linear(at+"head.mlp.fc1", a.hidden, a.width)
		f.linear(at+"head.mlp.fc2", a.width, a.hidden)
	}
	a.hfLayers(f, at)
	f.norm(at+"post_layernorm", a.width)
}

func (a Arch) hfText(f *filler) {
	const at = "text_model."
	f.matrix(at+"embeddings.token_embedding.weight", vocabulary, a.width)
	f.matrix(at+"embeddings.position_embedding.weight", positions, a.width)
	a.hfLayers(f, at)
	f.norm(at+"final_layer_norm", a.width)
	f.matrix("text_projection.weight", a.out, a.width)
}

func (a Arch) hfLayers(f *filler, at string) {
	for i := range a.layers {
		layer := fmt.Sprintf("%sencoder.layers.%d.", at, i)
		for _, p := range []string{"q", "k", "v", "out"} {
			f.linear(layer+"self_attn."+p+"_proj", a.width, a.width)
		}
		f.norm(layer+"layer_norm1", a.width)
		f.norm(layer+"layer_norm2", a.width)
		f.linear(layer+"mlp.fc1", a.hidden, a.width)
		f.linear(layer+"mlp.fc2", a.width, a.hidden)
	}
}

func (a Arch) openCLIP(f *filler) {
	f.matrix("visual.class_embedding", a.width)
	f.matrix("visual.positional_embedding", a.tokens(), a.width)
	f.matrix("visual.conv1.weight", a.width, 3, a.patch, a.patch)
	f.norm("visual.ln_post", a.width)
	f.matrix("visual.proj", a.width, a.out)
	for i := range a.layers {
		layer := fmt.Sprintf("visual.transformer.resblocks.%d.", i)
		f.matrix(layer+"attn.in_proj_weight", 3*a.width, a.width)
		f.matrix(layer+"attn.in_proj_bias", 3*a.width)
		f.linear(layer+"attn.out_proj", a.width, a.width)
		f.norm(layer+"ln_1", a.width)
		f.norm(layer+"ln_2", a.width)
		f.linear(layer+"mlp.c_fc", a.hidden, a.width)
		f.linear(layer+"mlp.c_proj", a.width, a.hidden)
	}
}

// llama names a language model's tensors as transformers does.
func (a Arch) llama(f *filler) {
	kv := a.kvHeads * a.width / a.heads
	f.matrix("model.embed_tokens.weight", a.vocab, a.width)
	for i := range a.layers {
		layer := fmt.Sprintf("model.layers.%d.", i)
		f.matrix(layer+"self_attn.q_proj.weight", a.width, a.width)
		f.matrix(layer+"self_attn.k_proj.weight", kv, a.width)
		f.matrix(layer+"self_attn.v_proj.weight", kv, a.width)
		f.matrix(layer+"self_attn.o_proj.weight", a.width, a.width)
		f.matrix(layer+"mlp.gate_proj.weight", a.hidden, a.width)
		f.matrix(layer+"mlp.up_proj.weight", a.hidden, a.width)
		f.matrix(layer+"mlp.down_proj.weight", a.width, a.hidden)
		f.ones(layer+"input_layernorm.weight", a.width)
		f.ones(layer+"post_attention_layernorm.weight", a.width)
	}
	f.ones("model.norm.weight", a.width)
}

// filler collects tensors. All matrices read the same random numbers, so that a
// large model costs no more to make than its largest tensor.
type filler struct {
	tensors []safetensors.View
	largest int // elements
}

// matrix adds a tensor of small random numbers.
func (f *filler) matrix(name string, shape ...int) {
	v := safetensors.View{Name: name, DType: safetensors.BF16, Shape: shape}
	f.largest = max(f.largest, v.Len())
	f.tensors = append(f.tensors, v)
}

func (f *filler) linear(name string, out, in int) {
	f.matrix(name+".weight", out, in)
	f.matrix(name+".bias", out)
}

// norm adds a layer norm, whose weight is one.
func (f *filler) norm(name string, width int) {
	f.matrix(name+".bias", width)
	f.ones(name+".weight", width)
}

// ones adds a vector of them.
func (f *filler) ones(name string, width int) {
	one := halves(width, func(int) float32 { return 1 })
	f.tensors = append(f.tensors, safetensors.View{Name: name, DType: safetensors.BF16, Shape: []int{width}, Data: one})
}

// scale adds the logarithm of the factor of scores, that of CLIP.
func (f *filler) scale() {
	hundred := halves(1, func(int) float32 { return 4.6052 })
	f.tensors = append(f.tensors, safetensors.View{Name: "logit_scale", DType: safetensors.BF16, Shape: []int{}, Data: hundred})
}

func (f *filler) views() []safetensors.View {
	r := rand.New(rand.NewPCG(1, 2))
	block := halves(f.largest, func(int) float32 { return (r.Float32() - 0.5) / 16 })
	for i := range f.tensors {
		if v := &f.tensors[i]; v.Data == nil {
			v.Data = block[:2*v.Len()]
		}
	}
	return f.tensors
}

// halves are n numbers in bf16, little endian.
func halves(n int, f func(i int) float32) []byte {
	b := make([]byte, 2*n)
	for i := range n {
		h := tensor.ToBF16(f(i))
		b[2*i], b[2*i+1] = byte(h), byte(h>>8)
	}
	return b
}
