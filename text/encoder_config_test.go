package text

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
)

// openCLIPAlone reads an open_clip_config.json in a folder that has nothing else.
func openCLIPAlone(raw []byte) (config, error) {
	return readOpenCLIP(weights.Folder{FS: fstest.MapFS{}}, raw)
}

// TestRefusals: a value that would give other numbers is refused by its key.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		read func([]byte) (config, error)
		raw  string
		want string
	}{
		{readCLIP, `{"text_config": {"hidden_act": "foo"}}`, `text_config.hidden_act: activation "foo"`},
		{readCLIP, `{"text_config": {"num_attention_heads": 7}}`, "512 is not a multiple of 7 heads"},
		{readSigLIP, `{"text_config": {"max_position_embeddings": 0}}`, "max_position_embeddings is 0"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"hf_model_name": "google/mt5-base"}}}`, "hf_model_name: \"google/mt5-base\""},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"hf_model_name": "../x"}}}`, "hf_model_name"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"hf_model_name": "xlm-roberta-base", "hf_pooler_type": "max_pooler"}}}`, "hf_pooler_type"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"hf_model_name": "xlm-roberta-base", "hf_proj_type": null}}}`, "hf_proj_type"},
		{openCLIPAlone, `{"model_cfg": {"text_cfg": {}}}`, "embed_dim is missing"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"pool_type": "mean"}}}`, "pool_type"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"proj_type": "mlp"}}}`, "proj_type"},
		{openCLIPAlone, `{"model_cfg": {"embed_dim": 8, "text_cfg": {"act_kwargs": {"approximate": "sigmoid"}}}}`, "approximate"},
	} {
		if _, err := c.read([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.raw, err, c.want)
		}
	}
}

// TestBatch: what is pooled, where a batch is cut, what fills it up.
func TestBatch(t *testing.T) {
	for name, x := range map[string]struct {
		c      config
		texts  [][]int32
		ids    []int32
		pooled []int32
	}{
		"cut behind the last end": {config{positions: 6, causal: true, pool: poolEOS, eos: 9},
			[][]int32{{1, 9}, {1, 2, 3, 9, 9, 9}}, []int32{1, 9, 0, 0, 1, 2, 3, 9}, []int32{1, 7}},
		"the first of the highest": {config{positions: 6, causal: true, pool: poolMax},
			[][]int32{{1, 8, 8, 2}}, []int32{1, 8}, []int32{1}},
		"no end: the first position": {config{positions: 6, causal: true, pool: poolEOS, eos: 9},
			[][]int32{{4, 5}}, []int32{4}, []int32{0}},
		"padded to the end": {config{positions: 4, pool: poolLast, pad: 7},
			[][]int32{{4, 5}}, []int32{4, 5, 7, 7}, []int32{3}},
		"padded, first position": {config{positions: 3, pool: poolFirst, pad: 7},
			[][]int32{{4}}, []int32{4, 7, 7}, []int32{0}},
		"padding is left out": {config{positions: 9, blind: true, pad: 1, pool: poolMean},
			[][]int32{{0, 1, 5, 2}, {0, 2}}, []int32{0, 5, 2, 0, 2, 0}, []int32{0, 3}},
		"a token that stands for the text": {config{positions: 4, blind: true, class: true, causal: true},
			[][]int32{{7, 9}, {7, 0, 5, 9}}, []int32{7, 9, 0, 0, 7, 0, 9, 0}, []int32{3, 7}},
		"causal, last position": {config{positions: 3, causal: true, pool: poolLast, pad: 7},
			[][]int32{{4}}, []int32{4, 7, 7}, []int32{2}},
	} {
		b := x.c.batch(x.texts)
		if !slices.Equal(b.ids, x.ids) || !slices.Equal(b.pooled, x.pooled) {
			t.Errorf("%s: ids %v, pooled %v; want %v, %v", name, b.ids, b.pooled, x.ids, x.pooled)
		}
	}
}

// TestPublishedTowers: what folders of published models say, without a configuration
// of the tower beside it.
func TestPublishedTowers(t *testing.T) {
	base := config{vocab: 250002, positions: 77, width: 768, layers: 12, heads: 12, hidden: 3072, act: tensor.GELU, eps: 1e-5,
		pad: 1, blind: true, postNorm: true, rows: 514, first: 2, types: 1, pool: poolMean}
	large := base
	large.width, large.layers, large.heads, large.hidden = 1024, 24, 16, 4096
	for raw, want := range map[string]func() config{
		`{"model_cfg": {"embed_dim": 512, "text_cfg": {"hf_model_name": "xlm-roberta-base", "hf_pooler_type": "mean_pooler"}}}`: func() config {
			c := base
			c.out, c.outHidden = 512, 640
			return c
		},
		`{"model_cfg": {"embed_dim": 1024, "text_cfg": {"hf_model_name": "FacebookAI/xlm-roberta-large", "proj": "linear", "pooler_type": "cls_pooler"}}}`: func() config {
			c := large
			c.out, c.pool, c.dense = 1024, poolFirst, true
			return c
		},
		`{"model_type": "M-CLIP", "modelBase": "xlm-roberta-large", "numDims": 768, "transDim": 1024}`: func() config {
			c := large
			c.positions, c.out, c.outBias = 512, 768, true
			return c
		},
	} {
		read := readOpenCLIP
		if strings.Contains(raw, "M-CLIP") {
			read = readMCLIP
		}
		if got, err := read(weights.Folder{FS: fstest.MapFS{}}, []byte(raw)); err != nil || got != want() {
			t.Errorf("%s: %+v, %v; want %+v", raw, got, err, want())
		}
	}
}

// TestRagged: which places are seen of texts whose padding is not, in CoCa's way
// and in RoBERTa's.
func TestRagged(t *testing.T) {
	coca := config{positions: 4, blind: true, class: true, causal: true}
	b := coca.batch([][]int32{{7, 9}, {7, 0, 5, 9}, {7, 8, 5, 0}})
	if !slices.Equal(b.places, []int32{0, 1, 2, 0, 0, 0, 1, 3, 0, 0, 0, 1, 2, 3, 0}) || !slices.Equal(b.lens, []int32{3, 4, 4}) {
		t.Errorf("CoCa: places %v, lens %v", b.places, b.lens)
	}
	roberta := config{positions: 9, blind: true, pad: 1}
	b = roberta.batch([][]int32{{0, 1, 5, 2}, {0, 2}})
	if !slices.Equal(b.places, []int32{0, 1, 2, 0, 1, 0}) || !slices.Equal(b.lens, []int32{3, 2}) {
		t.Errorf("RoBERTa: places %v, lens %v", b.places, b.lens)
	}
}

// FuzzEncoderConfig: no configuration makes reading it panic, or describes a
// tower whose sizes are out of range.
func FuzzEncoderConfig(f *testing.F) {
	for _, name := range []string{"clip-legacy/config.json", "siglip-sparse/config.json", "siglip2-naflex/config.json", "openclip-longest-avg/open_clip_config.json",
		"openclip-coca/open_clip_config.json", "openclip-xlmr/open_clip_config.json", "openclip-xlmr/config.json", "towers/mclip/config.json", "jina-clip/config.json"} {
		raw, err := os.ReadFile("../fusion/testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, fam := range families {
			c, err := fam.read(weights.Folder{FS: fstest.MapFS{"config.json": {Data: raw}}}, raw)
			if err == nil && (c.check("fuzz") != nil || c.turn(c.positions) < 1 || c.dim() < 1) {
				t.Errorf("accepted %+v", c)
			}
		}
	})
}
