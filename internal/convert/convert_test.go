package convert

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/weights"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func f32s(v ...float32) []byte {
	b, _ := narrow("", v, safetensors.F32)
	return b
}

// folder writes a model of two matrices and what lies beside them.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, safetensors.Write(filepath.Join(dir, "model.safetensors"), []safetensors.View{
		{Name: "a.weight", DType: safetensors.F32, Shape: []int{2, 3}, Data: f32s(1, -2, 127, 0, 0, 0)},
		{Name: "b.bias", DType: safetensors.F32, Shape: []int{2}, Data: f32s(0.1, 70000)},
		{Name: "ids", DType: safetensors.I64, Shape: []int{1}, Data: make([]byte, 8)},
	}, nil))
	for name, text := range map[string]string{
		"config.json": `{"model_type":"bert","torch_dtype":"float32","nested":{"z":1,"a":1e-05}}`, "README.md": "hello", "pytorch_model.bin": "x",
		"vae/config.json": `{}`, "training_args.bin": "x",
	} {
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	must(t, safetensors.Write(filepath.Join(dir, "vae", "diffusion_pytorch_model.safetensors"), []safetensors.View{
		{Name: "w", DType: safetensors.F32, Shape: []int{1}, Data: f32s(3)},
	}, nil))
	return dir
}

func convert(t *testing.T, src string, o Options) (string, Report, error) {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "out")
	r, err := Folder(context.Background(), weights.Folder{Dir: src}, dst, o)
	if _, gone := os.Stat(dst + ".incomplete"); gone == nil {
		t.Errorf("%v left something behind", o)
	}
	if _, there := os.Stat(dst); (there == nil) != (err == nil) {
		t.Errorf("%v: the folder is there: %v, the error %v", o, there == nil, err)
	}
	return dst, r, err
}

func numbers(t *testing.T, dir, stem, name string) (safetensors.View, []float32) {
	t.Helper()
	set, err := safetensors.OpenFolder(dir, stem)
	must(t, err)
	defer set.Close()
	v, ok := set.Get(name)
	if !ok {
		t.Fatalf("%s is not in %v", name, set.Names())
	}
	v.Data = slices.Clone(v.Data)
	out := make([]float32, v.Len())
	if v.DType != safetensors.I8 {
		must(t, safetensors.ToF32(out, v))
	}
	return v, out
}

func TestFolderDType(t *testing.T) {
	src := folder(t)
	dst, r, err := convert(t, src, Options{DType: "bf16"})
	must(t, err)
	if r.Tensors != 4 || r.Changed != 3 || r.Files != 5 {
		t.Errorf("%+v", r)
	}
	if v, n := numbers(t, dst, "model", "a.weight"); v.DType != safetensors.BF16 || !slices.Equal(n, []float32{1, -2, 127, 0, 0, 0}) {
		t.Errorf("%v %v", v.DType, n)
	}
	if v, _ := numbers(t, filepath.Join(dst, "vae"), "diffusion_pytorch_model", "w"); v.DType != safetensors.BF16 {
		t.Errorf("a part's folder: %v", v.DType)
	}
	raw, err := os.ReadFile(filepath.Join(dst, "config.json"))
	must(t, err)
	if !bytes.Contains(raw, []byte(`"torch_dtype": "bfloat16"`)) || !bytes.Contains(raw, []byte("1e-05")) {
		t.Errorf("%s", raw)
	}
	if _, err := os.Stat(filepath.Join(dst, "pytorch_model.bin")); err == nil {
		t.Error("weights in another format were copied")
	}
	if raw, _ := os.ReadFile(filepath.Join(dst, "README.md")); string(raw) != "hello" {
		t.Errorf("README.md: %q", raw)
	}
}

// TestFolderRefuses: nothing is left where something is wrong.
func TestFolderRefuses(t *testing.T) {
	src := folder(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{DType: "f16"}, "b.bias: its number 1 is 70000, which f16 does not hold; use bf16"},
		{Options{Layout: "open_clip"}, "only CLIP can be written in another layout, and this folder is bert"},
	} {
		if _, _, err := convert(t, src, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
	if _, _, err := convert(t, t.TempDir(), Options{DType: "f16"}); err == nil || !strings.Contains(err.Error(), "no .safetensors file") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := Folder(context.Background(), weights.Folder{Dir: src}, src, Options{DType: "bf16"}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("onto itself: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Folder(ctx, weights.Folder{Dir: src}, filepath.Join(t.TempDir(), "x"), Options{DType: "bf16"}); err == nil {
		t.Error("a cancelled one was finished")
	}
	must(t, safetensors.Write(filepath.Join(src, "model.safetensors"), []safetensors.View{
		{Name: "a", DType: safetensors.F32, Shape: []int{2}, Data: []byte{0, 0, 0, 0, 0, 0, 0xc0, 0x7f}},
	}, nil))
	for _, o := range []Options{{DType: "bf16"}, {DType: "f32"}, {}} {
		if _, _, err := convert(t, src, o); err == nil || !strings.Contains(err.Error(), "NaN") {
			t.Errorf("%+v of NaN: %v", o, err)
		}
	}
}

// TestFolderInt8 rounds to rows of 127 steps, keeps them, and takes them back.
func TestFolderInt8(t *testing.T) {
	dst, r, err := convert(t, folder(t), Options{Int8: []string{"a.weight"}})
	must(t, err)
	if r.Int8 != 1 {
		t.Errorf("%+v", r)
	}
	v, _ := numbers(t, dst, "model", "a.weight")
	s, scale := numbers(t, dst, "model", "a.weight_scale")
	if v.DType != safetensors.I8 || !bytes.Equal(v.Data, []byte{1, 254, 127, 0, 0, 0}) || !slices.Equal(s.Shape, []int{2, 1}) || !slices.Equal(scale, []float32{1, 1}) {
		t.Errorf("%v %v %v", v, s.Shape, scale)
	}
	var c struct {
		Q struct {
			Method string   `json:"quant_method"`
			Ignore []string `json:"ignore"`
		} `json:"quantization_config"`
	}
	raw, err := os.ReadFile(filepath.Join(dst, "config.json"))
	must(t, err)
	must(t, json.Unmarshal(raw, &c))
	if c.Q.Method != "compressed-tensors" || len(c.Q.Ignore) != 0 {
		t.Errorf("%s", raw)
	}
	again, r, err := convert(t, dst, Options{})
	must(t, err)
	if v2, _ := numbers(t, again, "model", "a.weight"); !bytes.Equal(v.Data, v2.Data) || r.Int8 != 1 || r.Tensors != 5 {
		t.Errorf("kept: %v, %+v", v2, r)
	}
	back, r, err := convert(t, dst, Options{DType: "f32"})
	must(t, err)
	if _, n := numbers(t, back, "model", "a.weight"); !slices.Equal(n, []float32{1, -2, 127, 0, 0, 0}) || r.Int8 != 0 {
		t.Errorf("taken back: %v, %+v", n, r)
	}
	if raw, _ := os.ReadFile(filepath.Join(back, "config.json")); bytes.Contains(raw, []byte("quantization")) {
		t.Errorf("%s", raw)
	}
}

func TestNarrow(t *testing.T) {
	for _, x := range []struct {
		d  safetensors.DType
		f  float32
		ok bool
	}{
		{safetensors.F16, 65519, true}, {safetensors.F16, 65520, false}, {safetensors.F16, 1e-9, true},
		{safetensors.BF16, 3.38e38, true}, {safetensors.BF16, math.MaxFloat32, false}, {safetensors.F32, math.MaxFloat32, true},
		{safetensors.F32, float32(math.Inf(-1)), false},
	} {
		if _, err := narrow("x", []float32{x.f}, x.d); (err == nil) != x.ok {
			t.Errorf("%g as %s: %v", x.f, x.d, err)
		}
	}
}

func TestSteady(t *testing.T) {
	for top := float32(0.5); top < 4; top += 1e-5 {
		s := steady(top)
		if again := float32(127 * s); again*(1.0/127) != top*(1.0/127) {
			t.Fatalf("%g: %g comes to %g", top, s, again)
		}
	}
}
