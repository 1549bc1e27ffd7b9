package decoder

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text"
)

// Options for Load. The zero value is right.
type Options struct {
	FS          fs.FS  // the folder's files, instead of the directory
	Device      string // "auto" (or none), "cpu", "dry"
	DType       string // "auto" (or none), "f32", "f16", "bf16", "int8"
	Bulk        bool   // give way to interactive work on the same device
	Cache       string // a folder that packed weights and hashes are kept in, for the next process; none: they are not
	Window      int    // every token attends to so many before it, itself counted, where the model does not say less; 0: to all
	Sinks       int    // and to so many of the first, with a Window (StreamingLLM, arXiv 2309.17453)
	CacheTokens int    // how many tokens' keys and values are kept for all sequences; 0: eight full contexts, in at most 1 GiB
}

// Decoder continues texts. It is safe for concurrent use.
type Decoder struct {
	net        *net
	pool       *tensor.Pool
	pages      *pages
	turns      *turns
	precision  nn.Precision
	generation generation
	lane       tensor.Lane
	params     int
	bindings   []string

	tokenizer *text.Tokenizer // nil: noText says why
	noText    error
	words     func() *vocabulary // of the tokenizer, made once
}

// Load reads a model's folder. Any unused, missing or wrongly shaped tensor is an
// error. A folder without a tokenizer can be generated from by ids.
func Load(ctx context.Context, dir string, o Options) (*Decoder, error) {
	folder := weights.Folder{Dir: dir, FS: o.FS}
	conf, err := folder.Config()
	if err != nil {
		return nil, err
	}
	fam, ok := families[conf.Family]
	if !ok {
		fam, ok = parts[conf.Family]
	}
	if !ok {
		return nil, fmt.Errorf("decoder: config.json: model_type %q is not supported; bart, gpt2, llama, mistral, mt5, qwen2 and t5 are", conf.Family)
	}
	c, err := fam.read(conf.Raw)
	if err != nil {
		return nil, err
	}
	if err := c.narrow(o.Window, o.Sinks); err != nil {
		return nil, err
	}
	dev, err := device.Open(o.Device)
	if err != nil {
		return nil, err
	}
	d := &Decoder{pool: dev.NewPool()}
	if o.Bulk {
		d.lane = tensor.Bulk
	}
	if d.generation, err = readGeneration(folder, c); err != nil {
		return nil, err
	}
	if d.precision, err = nn.NewPrecision(dev, o.DType); err != nil {
		return nil, err
	}
	d.net, d.turns = newNet(c, d.precision), newTurns(d)
	if err = ctx.Err(); err == nil {
		err = d.load(folder, conf, fam, weights.CacheAt(o.Cache))
	}
	if err == nil {
		err = d.makeRoom(o.CacheTokens)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	d.readTokenizer(dir, o.FS)
	return d, nil
}

// load reads the weights.
func (d *Decoder) load(folder weights.Folder, conf weights.Config, fam family, cache *weights.Cache) error {
	set, err := folder.Open(conf.Stems...)
	if err != nil {
		return err
	}
	defer set.Close()
	c := &d.net.config
	if _, ok := set.Get("final_logits_bias"); c.encoder != nil && c.headBias && !ok {
		c.headBias, d.net.Head.Bias.Shape = false, nil // older folders have none
	}
	plan, err := weights.Match(set, fam.layout(set, *c), d.net)
	if err != nil {
		return err
	}
	d.params = plan.Parameters()
	for _, b := range plan.Bindings() {
		d.bindings = append(d.bindings, fmt.Sprintf("%s %v ← %s (%s)", b.Name, b.Shape, strings.Join(b.From, " + "), b.DType))
	}
	if err := plan.LoadCached(d.pool, cache); err != nil {
		return err
	}
	return d.net.fold(d.pool)
}

// mostCache bounds the cache where nobody says how large it is to be.
const mostCache = 1 << 30

// makeRoom makes the pages for keys and values. Memory that is never written takes
// none.
func (d *Decoder) makeRoom(tokens int) error {
	c := d.net.config
	_, kv := c.columns()
	dtype := d.pool.Device().Backend().Activations(d.precision.Block)
	each := c.layers * 2 * kv * dtype.Size() // bytes of a token
	if tokens <= 0 {
		tokens = min(8*c.positions, max(mostCache/each, pageSize))
	}
	if tokens > (1<<40)/each || tokens > 1<<31-pageSize {
		return fmt.Errorf("decoder: a cache of %d tokens is too large: each takes %d bytes", tokens, each)
	}
	var err error
	d.pages, err = newPages(d.pool, c, dtype, pagesFor(tokens))
	return err
}

func (d *Decoder) readTokenizer(dir string, files fs.FS) {
	if files == nil {
		files = os.DirFS(dir)
	}
	d.tokenizer, d.noText = text.LoadTokenizerFS(files, text.TokenizerOptions{})
	d.words = sync.OnceValue(func() *vocabulary { return newVocabulary(d.tokenizer, d.Vocabulary()) })
}

// Close ends all generation and frees the weights.
func (d *Decoder) Close() {
	d.turns.close()
	d.pool.Close()
}

// Positions is the longest sequence, in tokens: what the model was made for, and
// what the cache holds.
func (d *Decoder) Positions() int {
	room := len(d.pages.all)
	if d.net.config.crosses() {
		room /= 2 // the source needs as much
	}
	return min(d.net.config.positions, room*pageSize)
}

// Vocabulary is the number of tokens that the model tells apart.
func (d *Decoder) Vocabulary() int { return d.net.config.vocab }

// Tokenizer is the folder's.
func (d *Decoder) Tokenizer() (*text.Tokenizer, error) { return d.tokenizer, d.noText }

// DType is what the weights are stored in: f32, f16, bf16 or int8.
func (d *Decoder) DType() string { return d.precision.Name }

// Bytes is the memory that weights and cache take at most.
func (d *Decoder) Bytes() int { return d.pool.Bytes() }

// Parameters is the number of weights.
func (d *Decoder) Parameters() int { return d.params }

// Bindings lists the weights and where each comes from.
func (d *Decoder) Bindings() []string { return slices.Clone(d.bindings) }
