package answer

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"sync"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/internal/weights"
)

// PictureOptions say how closely a picture is looked at. The zero value is the
// model's own way.
type PictureOptions struct {
	Detail   string // low: the whole only; high or auto or "": in parts too, where the model does so
	MaxTiles int    // parts at most, the whole included; 0: as many as the model takes
}

// check refuses what is no option.
func (o PictureOptions) check() error {
	switch {
	case o.Detail != "" && o.Detail != "auto" && o.Detail != "low" && o.Detail != "high":
		return &PictureError{fmt.Sprintf("detail %q is not one of auto, low, high", o.Detail)}
	case o.MaxTiles < 0:
		return &PictureError{fmt.Sprintf("at most %d tiles; want 1 or more, or 0 for all", o.MaxTiles)}
	}
	return nil
}

// Key names a state by its content: the model, the pixels and what became of them.
type Key [sha256.Size]byte

// ImageState is a picture as a model takes it, encoded once, to be asked about many
// times. It is immutable.
type ImageState struct {
	Key           Key
	Width, Height int       // of the picture, in pixels
	Rows, Cols    int       // of the tiles that it was cut into; 0: it was not
	Tiles         int       // those, and the whole
	Tokens        int       // that it takes of a prompt, or of a sequence
	Features      []float32 // (Tokens, C)
}

// bytes is the memory that a state takes.
func (s *ImageState) bytes() int64 { return int64(4*len(s.Features)) + 256 }

// Encode encodes a picture, or finds what it was encoded to before.
func (m *Model) Encode(ctx context.Context, img image.Image, o PictureOptions) (*ImageState, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if img == nil || img.Bounds().Empty() {
		return nil, &PictureError{"the picture has no pixels"}
	}
	rgb := picture.FromImage(img)
	key, err := m.key(rgb, o)
	if err != nil {
		return nil, err
	}
	if s := m.states.find(key); s != nil {
		return s, nil
	}
	s := m.disk.find(key)
	if s == nil {
		if s, err = m.net.encode(ctx, rgb, o); err != nil {
			return nil, err
		}
		s.Key, s.Width, s.Height = key, rgb.W, rgb.H
		m.disk.keep(s)
	}
	m.states.keep(s)
	return s, nil
}

// EncodeWithin encodes the whole of a picture and then, as long as refine lives, what o
// says. A refine that ends early is no error; ctx is.
func (m *Model) EncodeWithin(ctx, refine context.Context, img image.Image, o PictureOptions) (*ImageState, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	whole, err := m.Encode(ctx, img, PictureOptions{Detail: "low"})
	if err != nil || refine.Err() != nil {
		return whole, err
	}
	s, err := m.Encode(refine, img, o)
	if err != nil && refine.Err() != nil && ctx.Err() == nil {
		return whole, nil
	}
	return s, err
}

// key is that of a picture's state.
func (m *Model) key(p *picture.RGB, o PictureOptions) (Key, error) {
	print, err := m.print()
	if err != nil {
		return Key{}, err
	}
	h := sha256.New()
	h.Write(print[:])
	recipe := m.net.sizes().DType + " " + m.net.recipe(p.W, p.H, o)
	var n [24]byte
	binary.LittleEndian.PutUint64(n[:], uint64(p.W))
	binary.LittleEndian.PutUint64(n[8:], uint64(p.H))
	binary.LittleEndian.PutUint64(n[16:], uint64(len(recipe)))
	h.Write(n[:])
	h.Write([]byte(recipe))
	h.Write(p.Pix)
	return Key(h.Sum(nil)), nil
}

// print is a hash of a folder's weights and of all that is read beside them.
func (f folder) print() (sum [32]byte, err error) {
	set, err := f.Open(f.config.Stems...)
	if err != nil {
		return sum, err
	}
	defer set.Close()
	hash, err := weights.CacheAt(f.options.Cache).Hash(set)
	if err != nil {
		return sum, err
	}
	dev, err := device.Open(f.options.Device)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	fmt.Fprintf(h, "state 1 by %s\n", dev.Backend().Name())
	fmt.Fprintf(h, "weights %s\nconfig %x\n", hash, sha256.Sum256(f.config.Raw))
	for _, name := range []string{"preprocessor_config.json", "processor_config.json"} {
		if raw, err := f.Read(name); err == nil {
			fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(raw))
		}
	}
	return [32]byte(h.Sum(nil)), nil
}

// states keeps what pictures were encoded to, those used last, within a budget.
type states struct {
	most int64 // bytes

	mu    sync.Mutex
	bytes int64
	order *list.List // of *ImageState, the one used last in front
	byKey map[Key]*list.Element
}

const defaultStateBytes = 256 << 20

func newStates(o Options) *states {
	most := o.StateBytes
	if most == 0 {
		most = defaultStateBytes
	}
	return &states{most: most, order: list.New(), byKey: map[Key]*list.Element{}}
}

// find returns a state that is kept, or nil.
func (c *states) find(k Key) *ImageState {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*ImageState)
}

// keep takes a state in, and lets those go that were not used for longest.
func (c *states) keep(s *ImageState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byKey[s.Key] != nil || s.bytes() > c.most {
		return
	}
	c.byKey[s.Key] = c.order.PushFront(s)
	c.bytes += s.bytes()
	for c.bytes > c.most {
		last := c.order.Remove(c.order.Back()).(*ImageState)
		delete(c.byKey, last.Key)
		c.bytes -= last.bytes()
	}
}
