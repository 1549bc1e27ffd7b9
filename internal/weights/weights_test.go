package weights

import (
	"encoding/binary"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/internal/tensor"
)

// checkpoint is a source in memory.
type checkpoint map[string]safetensors.View

func (c checkpoint) Names() (names []string) {
	for n := range c {
		names = append(names, n)
	}
	return names
}

func (c checkpoint) Get(name string) (safetensors.View, bool) {
	v, ok := c[name]
	return v, ok
}

func (c checkpoint) Want(safetensors.View) {}

func (c checkpoint) Drop(safetensors.View, int, int) {}

// read is a tensor as a task reads it.
func (c checkpoint) read(src Source, name string, cols int) matrix {
	t := task{views: []safetensors.View{c[name]}, scales: make([][]float32, 1)}
	kern, _ := simd.Best()
	return t.open(&reader{src, kern, make([]float64, 1)}, 0, cols)
}

// add puts a tensor of counting numbers, from first on.
func (c checkpoint) add(name string, first int, shape ...int) {
	v := safetensors.View{Name: name, DType: safetensors.F32, Shape: shape}
	for i := range elements(shape) {
		v.Data = binary.LittleEndian.AppendUint32(v.Data, math.Float32bits(float32(first+i)))
	}
	c[name] = v
}

// inner and module cover nesting, lists, absent and optional fields.
type inner struct {
	W Host `weight:"w"`
	B Host `weight:"b"` // without a shape: not part of the module
}

type module struct {
	Top    Host    `weight:"top"`
	Blocks []inner `weight:"blocks"`
	Extra  Host    `weight:"extra,optional"`
	Width  int
}

func newModule() *module {
	w := inner{W: Host{Shape: []int{2, 3}}}
	return &module{Top: Host{Shape: []int{3}}, Blocks: []inner{w, w}, Extra: Host{Shape: []int{1}}}
}

func TestBind(t *testing.T) {
	c := checkpoint{}
	c.add("top", 1, 1, 1, 3) // dimensions of size one do not count
	c.add("blocks.0.w", 10, 2, 3)
	c.add("blocks.1.w", 20, 2, 3)
	m := newModule()
	if err := Bind(nil, c, Layout{}, m); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Top.Data, []float32{1, 2, 3}) || !slices.Equal(m.Blocks[1].W.Data, []float32{20, 21, 22, 23, 24, 25}) {
		t.Errorf("%v", m)
	}
	if m.Extra.Data != nil {
		t.Errorf("an optional tensor out of nothing: %v", m.Extra.Data)
	}
}

// TestStrict: all problems are in one error, sorted.
func TestStrict(t *testing.T) {
	c := checkpoint{}
	c.add("blocks.0.w", 0, 3, 2)
	c.add("zeta", 0, 1)
	c.add("alpha", 0, 1)
	c.add("position_ids", 0, 1)
	c.add("other.tower.w", 0, 1)
	_, err := Match(c, Layout{Ignore: []string{"position_ids"}, Foreign: []string{"other.**"}}, newModule())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if !slices.Equal(e.Missing, []string{"blocks.1.w", "top"}) || !slices.Equal(e.Unused, []string{"alpha", "zeta"}) || len(e.Misshapen) != 1 {
		t.Errorf("%+v", e)
	}
	want := "weights: the tensors do not fit the configuration: 2 missing: blocks.1.w, top; 1 wrongly shaped: " +
		"blocks.0.w has shape [3 2], want [2 3] as blocks.0.w; 2 not used by the model: alpha, zeta"
	if e.Error() != want {
		t.Errorf("%s\nwant %s", e, want)
	}
}

func TestLongErrorIsCut(t *testing.T) {
	c := checkpoint{}
	for i := range 50 {
		c.add("x"+string(rune('a'+i)), 0, 1)
	}
	_, err := Match(c, Layout{}, &struct{}{})
	if err == nil || !strings.HasSuffix(err.Error(), " and 30 more") {
		t.Error(err)
	}
}

func TestIntegersAreRefused(t *testing.T) {
	c := checkpoint{"top": {Name: "top", DType: safetensors.I64, Shape: []int{3}, Data: make([]byte, 24)}}
	_, err := Match(c, Layout{}, &module{Top: Host{Shape: []int{3}}})
	if err == nil || !strings.Contains(err.Error(), "top is I64") {
		t.Error(err)
	}
}

// TestOps: what each rule makes of small tensors.
func TestOps(t *testing.T) {
	c := checkpoint{}
	c.add("a", 0, 2, 2)
	c.add("b", 10, 1, 2)
	c.add("conv", 0, 2, 3, 1, 2) // (Out, In, H, W)
	c.add("gamma", 2, 2)
	c.add("delta", 5, 2)
	c.add("left", 1, 2, 2, 1)  // two adapters of rank 1: (1, 2) and (3, 4)
	c.add("right", 5, 2, 1, 2) // (5, 6) and (7, 8)
	for _, x := range []struct {
		rule Rule
		rows int
		want []float32
	}{
		{Rule{From: From("a")}, 2, []float32{0, 1, 2, 3}},
		{Rule{From: From("a", "b"), Op: Cat}, 3, []float32{0, 1, 2, 3, 10, 11}},
		{Rule{From: From("a"), Op: Split, Part: Part{1, 2, 2}}, 1, []float32{2, 3}},
		{Rule{From: From("a"), Op: Transpose}, 2, []float32{0, 2, 1, 3}},
		{Rule{From: From("conv"), Op: ChannelsLast}, 2, []float32{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}},
		{Rule{From: From("a", "gamma"), Op: Scale}, 2, []float32{0, 2, 6, 9}},
		{Rule{From: From("a", "left", "right"), Op: LowRank, Adapter: Adapter{1, 0.5}}, 2, []float32{10.5, 13, 16, 19}},
		{Rule{From: From("gamma", "delta"), Op: Gap}, 6, []float32{2, 3, 0, 0, 5, 6}},
	} {
		x.rule.To = "w"
		m := struct {
			W Host `weight:"w"`
		}{Host{Shape: []int{x.rows, len(x.want) / x.rows}}}
		l := Layout{Rules: []Rule{x.rule}, Ignore: []string{"*"}}
		if err := Bind(nil, c, l, &m); err != nil {
			t.Errorf("op %d: %v", x.rule.Op, err)
		} else if !slices.Equal(m.W.Data, x.want) {
			t.Errorf("op %d: %v, want %v", x.rule.Op, m.W.Data, x.want)
		}
		m.W.Shape = []int{7, 7}
		if _, err := Match(c, l, &m); err == nil {
			t.Errorf("op %d fits any shape", x.rule.Op)
		}
	}
}

// TestRowsInPieces: a matrix reads the same in pieces of any size, which is how
// backends read it.
func TestRowsInPieces(t *testing.T) {
	c := checkpoint{}
	c.add("a", 0, 5, 4)
	c.add("b", 100, 3, 4)
	c.add("g", 1, 5)
	view := func(n string) matrix { return c.read(c, n, 4) }
	for name, m := range map[string]matrix{
		"plain": view("a"), "stack": stack([]matrix{view("a"), view("b")}), "part": stack([]matrix{view("a"), view("b")}).rowsOf(Part{1, 4, 4}),
		"transposed": view("a").transposed(), "channels": view("a").channelsLast(2), "scaled": view("a").scaled(c.read(c, "g", 1)),
		"low rank": view("a").plus(c.read(c, "g", 1), view("b").rowsOf(Part{0, 1, 3}), 2),
	} {
		whole := make([]float32, m.rows*m.cols)
		m.read(0, m.rows, whole)
		for lo := range m.rows {
			for hi := lo + 1; hi <= m.rows; hi++ {
				part := make([]float32, (hi-lo)*m.cols)
				m.read(lo, hi, part)
				if !slices.Equal(part, whole[lo*m.cols:hi*m.cols]) {
					t.Errorf("%s: rows %d to %d are %v", name, lo, hi, part)
				}
			}
		}
	}
}

func TestMatch(t *testing.T) {
	for _, x := range []struct {
		pattern, name string
		want          []string
		ok            bool
	}{
		{"a.*.b", "a.12.b", []string{"12"}, true},
		{"a.*.b", "a.1.2.b", nil, false},
		{"a.*", "a.", nil, false},
		{"x.in_proj_*", "x.in_proj_weight", []string{"weight"}, true},
		{"*.*", "a.b", []string{"a", "b"}, true},
		{"a", "ab", nil, false},
	} {
		runs, ok := MatchName(x.pattern, x.name)
		if ok != x.ok || ok && !slices.Equal(runs, x.want) {
			t.Errorf("MatchName(%q, %q) = %v, %v", x.pattern, x.name, runs, ok)
		}
	}
}

func TestFolderConfig(t *testing.T) {
	if _, err := (Folder{Dir: t.TempDir()}).Config(); err == nil || !strings.Contains(err.Error(), "neither config.json nor open_clip_config.json") {
		t.Error(err)
	}
	transformers, both := []string{"model"}, []string{"open_clip_model", "model"}
	for dir, want := range map[string]Config{
		"fusion/testdata/clip-legacy":   {Family: "clip", Stems: transformers},
		"fusion/testdata/siglip2-fixed": {Family: "siglip", Stems: transformers},
		"fusion/testdata/openclip":      {Family: "open_clip", Stems: both},
		"fusion/testdata/openclip-xlmr": {Family: "open_clip", Stems: both}, // its config.json says nothing of a family
		"vit/testdata/vit":              {Family: "vit", Stems: transformers},
		"vit/testdata/dinov2":           {Family: "dinov2", Stems: transformers},
		"vit/testdata/timm-gap":         {Family: "timm", Stems: transformers},
	} {
		c, err := Folder{Dir: filepath.Join("../..", dir)}.Config()
		if err != nil || c.Family != want.Family || !slices.Equal(c.Stems, want.Stems) {
			t.Errorf("%s: %s %v, %v; want %s %v", dir, c.Family, c.Stems, err, want.Family, want.Stems)
		}
	}
}

// TestFolderOfTwoLibraries: the configuration is the one whose weights are there.
func TestFolderOfTwoLibraries(t *testing.T) {
	both := fstest.MapFS{
		"config.json":                 {Data: []byte(`{"model_type": "clip"}`)},
		"open_clip_config.json":       {Data: []byte(`{}`)},
		"open_clip_model.safetensors": {},
	}
	c, err := Folder{FS: both}.Config()
	if err != nil || c.Family != "open_clip" {
		t.Errorf("%+v, %v", c, err)
	}
	both["model.safetensors"] = &fstest.MapFile{}
	if c, err = (Folder{FS: both}).Config(); err != nil || c.Family != "clip" {
		t.Errorf("%+v, %v", c, err)
	}
	both["config.json"] = &fstest.MapFile{Data: []byte(`{}`)}
	if c, err = (Folder{FS: both}).Config(); err != nil || c.Family != "open_clip" {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestJoin: what several modules miss is one error; another kind stands alone.
func TestJoin(t *testing.T) {
	other := errors.New("other")
	if err := Join(nil, &Error{Missing: []string{"b"}, Unused: []string{"u"}}, &Error{Missing: []string{"a"}, Unused: []string{"u"}}); err == nil ||
		err.Error() != "weights: the tensors do not fit the configuration: 2 missing: a, b; 1 not used by the model: u" {
		t.Error(err)
	}
	if err := Join(nil, nil); err != nil {
		t.Error(err)
	}
	if err := Join(&Error{Missing: []string{"b"}}, other); err != other {
		t.Error(err)
	}
}

// watched is a checkpoint that remembers what it was told.
type watched struct {
	checkpoint
	wanted  []string
	dropped []bool // bytes of the one tensor
	most    int    // bytes that had been read and not dropped
}

func (w *watched) Want(v safetensors.View) { w.wanted = append(w.wanted, v.Name) }

func (w *watched) Drop(v safetensors.View, lo, hi int) {
	w.most = max(w.most, hi-lo)
	for i := lo; i < hi; i++ {
		w.dropped[i] = true
	}
}

// TestGivesUp: a large tensor is asked for before it is read, and given up piece by
// piece while it is.
func TestGivesUp(t *testing.T) {
	const rows, cols = 3_000, 1_001 // 12 MB
	w := &watched{checkpoint: checkpoint{}, dropped: make([]bool, 4*rows*cols)}
	w.add("w", 0, rows, cols)
	m := struct {
		W Host `weight:"w"`
	}{Host{Shape: []int{rows, cols}}}
	if err := Bind(nil, w, Layout{}, &m); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(w.wanted, []string{"w"}) || slices.Contains(w.dropped, false) || w.most > hold+1<<20 {
		t.Errorf("asked for %v; %d bytes were held at once", w.wanted, w.most)
	}
}

// TestFinite: an infinity or a NaN anywhere is refused by the tensor's name, and
// the largest numbers are not taken for one.
func TestFinite(t *testing.T) {
	kern, err := simd.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dtype    safetensors.DType
		size     int
		top, inf uint64
	}{
		{safetensors.F64, 8, 0xffefffffffffffff, 0x7ff0000000000000}, {safetensors.F32, 4, 0xff7fffff, 0x7fc00001},
		{safetensors.F16, 2, 0xfbff, 0xfc00}, {safetensors.BF16, 2, 0xff7f, 0x7f80},
	} {
		for n := 1; n < 70; n++ {
			v := safetensors.View{Name: "top", DType: c.dtype, Shape: []int{n}, Data: make([]byte, n*c.size)}
			dst := make([]float32, n)
			put := func(i int, x uint64) { copy(v.Data[i*c.size:], binary.LittleEndian.AppendUint64(nil, x)[:c.size]) }
			for i := range n {
				put(i, c.top)
			}
			if top := widen(kern, dst, v.DType, v.Data); !(top < math.Inf(1)) {
				t.Fatalf("%v: %d of the largest numbers are not finite", c.dtype, n)
			}
			for i := range n {
				put(i, c.inf)
				if top := widen(kern, dst, v.DType, v.Data); top < math.Inf(1) {
					t.Fatalf("%v: %x is finite at %d of %d", c.dtype, c.inf, i, n)
				}
				put(i, c.top)
			}
		}
	}
	bad := checkpoint{}
	bad.add("top", 1, 3)
	copy(bad["top"].Data[8:], []byte{0, 0, 0x80, 0x7f})
	err = Bind(nil, bad, Layout{}, &module{Top: Host{Shape: []int{3}}})
	if err == nil || !strings.Contains(err.Error(), "top has infinite numbers or NaN") {
		t.Error(err)
	}
}

// TestTooLarge: a number that the chosen dtype would store as an infinity is refused
// by the tensor's name, the largest that it holds is not.
func TestTooLarge(t *testing.T) {
	kern, err := simd.Best()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		kind   tensor.Kind
		stored safetensors.DType
		bits   uint64 // of the smallest that is too large
		size   int
	}{
		{tensor.KindF16, safetensors.F32, 0x477ff000, 4}, {tensor.KindF16, safetensors.BF16, 0x4780, 2},
		{tensor.KindF16, safetensors.F64, 0x40effe0000000000, 8}, {tensor.KindBF16, safetensors.F32, 0x7f7f8000, 4},
		{tensor.KindF32, safetensors.F64, 0x47effffff0000000, 8}, {tensor.KindI8, safetensors.F64, 0x47effffff0000000, 8},
	} {
		for _, sign := range []uint64{0, 1 << (8*c.size - 1)} {
			at := func(bits uint64) error {
				v := safetensors.View{DType: c.stored, Shape: []int{1, 3}, Data: make([]byte, 3*c.size)}
				copy(v.Data[c.size:], binary.LittleEndian.AppendUint64(nil, bits|sign)[:c.size])
				dtype, limit := (&Matrix{Kind: c.kind}).stores()
				return checkNumber("top", widen(kern, make([]float32, 3), v.DType, v.Data), dtype, limit)
			}
			if err := at(c.bits - 1); err != nil {
				t.Errorf("%v as %v: %v", c.stored, c.kind, err)
			}
			if err := at(c.bits); err == nil || !strings.Contains(err.Error(), "top has numbers that are too large for ") {
				t.Errorf("%v as %v: error %v", c.stored, c.kind, err)
			}
		}
	}
}

// TestDecodeErrors: a value of the wrong kind is told by its key.
func TestDecodeErrors(t *testing.T) {
	var v struct {
		Act string `json:"hidden_act"`
	}
	for raw, want := range map[string]string{
		`{"hidden_act": 7}`: "config.json: hidden_act is a JSON number", `[1]`: "config.json: it is a JSON array",
	} {
		if err := Decode("config.json", []byte(raw), &v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}
