package safetensors

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func touch(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func writeIndex(t testing.TB, dir, name string, weightMap map[string]string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 1.5e3}, "weight_map": weightMap})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

const (
	shard1 = "model-00001-of-00002.safetensors"
	shard2 = "model-00002-of-00002.safetensors"
	index  = "model.safetensors.index.json"
)

// shards makes a folder of two shards with a, b in the first and c in the second.
func shards(t testing.TB, dir string) string {
	t.Helper()
	write(t, filepath.Join(dir, shard1), view("a", 1), view("b", 2))
	write(t, filepath.Join(dir, shard2), view("c", 3))
	writeIndex(t, dir, index, map[string]string{"a": shard1, "b": shard1, "c": shard2})
	return dir
}

func TestShards(t *testing.T) {
	s, err := OpenFolder(shards(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Names(), []string{"a", "b", "c"}) {
		t.Errorf("names %q", s.Names())
	}
	for name, want := range map[string]float32{"a": 1, "b": 2, "c": 3} {
		v, _ := s.Get(name)
		var got [1]float32
		if err := ToF32(got[:], v); err != nil || got[0] != want {
			t.Errorf("%s = %v, %v", name, got[0], err)
		}
	}
}

// TestUnlistedTensorIsKept: who binds the weights shall see it.
func TestUnlistedTensorIsKept(t *testing.T) {
	dir := shards(t, t.TempDir())
	writeIndex(t, dir, index, map[string]string{"a": shard1, "c": shard2})
	s, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, ok := s.Get("b"); !ok {
		t.Error("b is lost")
	}
}

func TestIndexDisagrees(t *testing.T) {
	dir := shards(t, t.TempDir())
	for name, c := range map[string]struct {
		weightMap map[string]string
		parts     []string
	}{
		"missing weight": {map[string]string{"a": shard1, "x": shard2}, []string{index, `"x" is not in ` + shard2}},
		"wrong shard":    {map[string]string{"a": shard2, "c": shard2, "b": shard1}, []string{`"a" is in ` + shard1 + ", not in " + shard2}},
		"missing shard":  {map[string]string{"a": "model-00003-of-00003.safetensors"}, []string{"shard model-00003-of-00003.safetensors"}},
		"empty map":      {map[string]string{}, []string{"weight_map"}},
	} {
		t.Run(name, func(t *testing.T) {
			writeIndex(t, dir, index, c.weightMap)
			_, err := OpenFolder(dir)
			wantError(t, err, c.parts...)
		})
	}
}

func TestTensorInTwoShards(t *testing.T) {
	dir := shards(t, t.TempDir())
	write(t, filepath.Join(dir, shard2), view("c", 3), view("b", 9))
	_, err := OpenFolder(dir)
	wantError(t, err, `"b" is in two shards`)
}

func TestShardNamesStayInTheFolder(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "m")
	write(t, filepath.Join(dir, "sub", "x.safetensors"), view("a", 1))
	write(t, filepath.Join(outer, "x.safetensors"), view("a", 1))
	for _, name := range []string{"../x.safetensors", "sub/x.safetensors", `..\x.safetensors`, filepath.Join(outer, "x.safetensors"), "c:x.safetensors",
		".safetensors", "x.bin", "", ".", "a\x00.safetensors", "a\n.safetensors", "x.safetensors:stream"} {
		writeIndex(t, dir, index, map[string]string{"a": name})
		_, err := OpenFolder(dir)
		wantError(t, err, "plain name")
	}
}

func symlink(t *testing.T, target, link string) {
	t.Helper()
	if err := os.Symlink(target, link); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need a right here: ", err)
		}
		t.Fatal(err)
	}
}

func TestShardLinkMayNotLeave(t *testing.T) {
	outer := t.TempDir()
	dir := shards(t, filepath.Join(outer, "m"))
	if err := os.Rename(filepath.Join(dir, shard2), filepath.Join(outer, "c.safetensors")); err != nil {
		t.Fatal(err)
	}
	symlink(t, filepath.Join("..", "c.safetensors"), filepath.Join(dir, shard2))
	_, err := OpenFolder(dir)
	wantError(t, err, shard2, "may not leave")
}

// TestSnapshot opens shards as the Hugging Face cache keeps them: links into
// the repository's blobs, also when the snapshot itself is reached by a link.
func TestSnapshot(t *testing.T) {
	repo := filepath.Join(t.TempDir(), "models--o--n")
	blobs, snap := filepath.Join(repo, "blobs"), filepath.Join(repo, "snapshots", strings.Repeat("0", 40))
	shards(t, blobs)
	if err := os.MkdirAll(snap, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, n := range []string{shard1, shard2, index} {
		blob := string(rune('d' + i))
		if err := os.Rename(filepath.Join(blobs, n), filepath.Join(blobs, blob)); err != nil {
			t.Fatal(err)
		}
		symlink(t, filepath.Join("..", "..", "blobs", blob), filepath.Join(snap, n))
	}
	link := filepath.Join(t.TempDir(), "my model")
	symlink(t, snap, link)
	for _, dir := range []string{snap, link} {
		s, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Names()) != 3 {
			t.Errorf("names %q", s.Names())
		}
		s.Close()
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ files, stem, want string }{
		{"model.safetensors model.fp16.safetensors model.safetensors.index.json", "model", "model.safetensors"},
		{"model.safetensors.index.json model-00001-of-00002.safetensors", "model", "model.safetensors.index.json"},
		{"model.fp16.safetensors", "model", "model.fp16.safetensors"},
		{"model.bf16.safetensors model.fp16.safetensors model.non_ema.safetensors", "model", "model.fp16.safetensors"},
		{"model.fp32.safetensors model.fp16.safetensors", "model", "model.fp32.safetensors"},
		{"model.non_ema.safetensors", "model", "model.non_ema.safetensors"},
		{"model.fp16-00001-of-00002.safetensors model.safetensors.index.fp16.json", "model", "model.safetensors.index.fp16.json"},
		{"model.safetensors.fp16.index.json", "model", "model.safetensors.fp16.index.json"},
		{"model.fp16.safetensors.index.json model.fp16.safetensors", "model", "model.fp16.safetensors"},
		{"diffusion_pytorch_model.fp16.safetensors model.safetensors", "diffusion_pytorch_model", "diffusion_pytorch_model.fp16.safetensors"},
		{"open_clip_model.safetensors", "model", ""},
		{"models.safetensors model.safetensors.tmp xmodel.safetensors", "model", ""},
	} {
		got, err := choose(strings.Fields(c.files), c.stem)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.files, got, err, c.want)
		}
	}
	_, err := choose([]string{"model.a.safetensors", "model.b.safetensors"}, "model")
	wantError(t, err, "model.a.safetensors", "model.b.safetensors", "rename one")
}

func TestStemsInOrder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "open_clip_model.safetensors"), view("second", 1))
	s, err := OpenFolder(dir, "model", "open_clip_model")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Names(), []string{"second"}) {
		t.Errorf("names %q", s.Names())
	}
	write(t, filepath.Join(dir, "model.fp16.safetensors"), view("first", 1))
	s2, err := OpenFolder(dir, "model", "open_clip_model")
	if err != nil {
		t.Fatal(err)
	}
	defer s2.Close()
	if !slices.Equal(s2.Names(), []string{"first"}) {
		t.Errorf("names %q", s2.Names())
	}
}

func TestPicklesAreRefused(t *testing.T) {
	for _, c := range []struct{ files, from string }{
		{"pytorch_model.bin training_args.bin config.json", "'pytorch_model.bin'"},
		{"pytorch_model-00001-of-00002.bin pytorch_model-00002-of-00002.bin pytorch_model.bin.index.json", "'pytorch_model-*.bin'"},
		{"open_clip_pytorch_model.bin", "'open_clip_pytorch_model.bin'"},
		{"imagebind_huge.pth", "'imagebind_huge.pth'"},
		{"ViT-B-32.pt", "'ViT-B-32.pt'"},
		{"v1-5.CKPT", "'v1-5.CKPT'"},
	} {
		dir := t.TempDir()
		touch(t, dir, strings.Fields(c.files)...)
		_, err := OpenFolder(dir, "model")
		wantError(t, err, dir, "pickle", "python -c", c.from, "'model.safetensors'", "weights_only=True")
		if strings.Count(err.Error(), "\n") != 1 {
			t.Errorf("not one command line: %v", err)
		}
	}
}

// TestPickleNameIsNotPasted: a command for people to paste holds no foreign code.
func TestPickleNameIsNotPasted(t *testing.T) {
	for _, name := range []string{"x'), os.system('id')#.bin", "$(id).bin", "-x.bin", "a b.bin"} {
		if got := conversion([]string{name}, "model.safetensors"); strings.Contains(got, "python") {
			t.Errorf("%q: %s", name, got)
		}
	}
}

func TestNoWeights(t *testing.T) {
	dir := t.TempDir()
	touch(t, dir, "config.json", "flax_model.msgpack")
	_, err := OpenFolder(dir, "model", "open_clip_model")
	wantError(t, err, "no model.safetensors, open_clip_model.safetensors", "flax_model.msgpack")
	_, err = OpenFolder(filepath.Join(dir, "none"))
	wantError(t, err, "none")
}
