package answer

import (
	"context"
	"fmt"
	"image"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/nn"
	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// files are the folder's.
func (f folder) files() fs.FS {
	if f.FS != nil {
		return f.FS
	}
	return os.DirFS(f.Dir)
}

// tower opens the folder's vision tower.
func (f folder) tower(ctx context.Context) (*vit.Encoder, error) {
	o := f.options
	return vit.Load(ctx, f.Dir, vit.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache})
}

// decoder opens the folder's decoder.
func (f folder) decoder(ctx context.Context) (*decoder.Decoder, error) {
	o := f.options
	return decoder.Load(ctx, f.Dir, decoder.Options{FS: o.FS, Device: o.Device, DType: o.DType, Bulk: o.Bulk, Cache: o.Cache, CacheTokens: o.CacheTokens})
}

// part is a net of this package with its place: what of a folder is neither a tower nor a
// decoder.
type part struct {
	pool      *tensor.Pool
	lane      tensor.Lane
	precision nn.Precision
	params    int
	names     []string // of the weights, and where each comes from
}

// part reads the weights of the net that make describes. Their names are told with a
// prefix.
func (f folder) part(prefix string, l weights.Layout, make func(nn.Precision) any) (*part, error) {
	dev, err := device.Open(f.options.Device)
	if err != nil {
		return nil, err
	}
	p := &part{}
	if p.precision, err = nn.NewPrecision(dev, f.options.DType); err != nil {
		return nil, err
	}
	set, err := f.Open(f.config.Stems...)
	if err != nil {
		return nil, err
	}
	defer set.Close()
	if f.options.Bulk {
		p.lane = tensor.Bulk
	}
	plan, err := weights.Match(set, l, make(p.precision))
	if err != nil {
		return nil, err
	}
	p.params = plan.Parameters()
	for _, b := range plan.Bindings() {
		p.names = append(p.names, fmt.Sprintf("%s%s %v ← %s (%s)", prefix, b.Name, b.Shape, strings.Join(b.From, " + "), b.DType))
	}
	p.pool = dev.NewPool()
	if err := plan.LoadCached(p.pool, weights.CacheAt(f.options.Cache)); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// close frees the weights. There may be none.
func (p *part) close() {
	if p != nil {
		p.pool.Close()
	}
}

// run computes on the part's device.
func (p *part) run(ctx context.Context, f func(*tensor.Stream) error) error {
	return p.pool.Device().Run(ctx, p.lane, f)
}

// seer is what models have that are a tower and a decoder which attends to all that the
// tower makes of a picture, seen as a whole.
type seer struct {
	tower   *vit.Encoder
	decoder *decoder.Decoder
}

// openSeer opens both parts. What fails is to be closed too.
func openSeer(ctx context.Context, f folder) (seer, error) {
	tower, errTower := f.tower(ctx)
	dec, err := f.decoder(ctx)
	return seer{tower, dec}, weights.Join(errTower, err)
}

// close implements net.
func (s *seer) close() {
	if s.tower != nil {
		s.tower.Close()
	}
	if s.decoder != nil {
		s.decoder.Close()
	}
}

// sizes implements net.
func (s *seer) sizes() Sizes {
	return Sizes{
		DType: s.decoder.DType(), Bytes: s.tower.Bytes() + s.decoder.Bytes(), Parameters: s.tower.Parameters() + s.decoder.Parameters(),
		Context: s.decoder.Positions(), Pictures: 1, Tiles: 1,
		Steps: s.tower.Preprocess().Steps(), Bindings: slices.Concat(s.tower.Bindings(), s.decoder.Bindings()),
	}
}

// recipe implements net: pictures become of one size whatever the options are.
func (*seer) recipe(int, int, PictureOptions) string { return "" }

// encode implements net.
func (s *seer) encode(ctx context.Context, img image.Image, _ PictureOptions) (*ImageState, error) {
	return encodeWhole(ctx, s.tower, img)
}

// encodeWhole makes a state of all that a tower makes of a picture, which it looks at as
// a whole.
func encodeWhole(ctx context.Context, tower *vit.Encoder, img image.Image) (*ImageState, error) {
	px, err := tower.Preprocess().Apply(img)
	if err != nil {
		return nil, err
	}
	rows, err := tower.Sequence(ctx, []vit.Pixels{px})
	if err != nil {
		return nil, err
	}
	return &ImageState{Tiles: 1, Tokens: len(rows[0]) / tower.Width(), Features: rows[0]}, nil
}

// size is a number of a configuration, and how large it may be.
type size struct {
	key      string
	n, limit int
}

// inRange refuses what cannot be meant, before anything is made of it.
func inRange(prefix string, all ...size) error {
	for _, s := range all {
		if s.n < 1 || s.n > s.limit {
			return fmt.Errorf("config.json: %s%s is %d, want 1 to %d", prefix, s.key, s.n, s.limit)
		}
	}
	return nil
}
