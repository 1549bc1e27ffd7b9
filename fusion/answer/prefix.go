package answer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/weights"
	"github.com/emblem-search/emblem/text/chat"
	"github.com/emblem-search/emblem/text/decoder"
	"github.com/emblem-search/emblem/vit"
)

// prefix is a model whose decoder reads pictures as embeddings in its prompt: a tower,
// a connector and a decoder (LLaVA, arXiv 2304.08485).
type prefix struct {
	style
	tower     *vit.Encoder
	connector *connector
	decoder   *decoder.Decoder
	image     int32          // the token that stands for one embedding of a picture
	tokens    int            // of a tile
	template  *chat.Template // nil: the folder has none
}

// style is what the families of such models differ in.
type style interface {
	// mix makes of what the tower made of a tile (L, C), in which the patches follow
	// the other tokens, what the connector reads (tokens, In).
	mix(sequence []float32) []float32
	// prompt is a question about n pictures, each an "<image>" in it.
	prompt(n int, question string) string
	// expand is what "<image>" becomes for one picture of so many tiles.
	expand(rows, cols, tokens int) string
}

// placeholder stands for a picture in prompts before they are expanded.
const placeholder = "<image>"

// openParts opens the tower and the decoder of a folder.
func (p *prefix) openParts(ctx context.Context, f folder) error {
	tower, errTower := f.tower(ctx)
	p.tower = tower
	var misfit *weights.Error
	if errTower != nil && !errors.As(errTower, &misfit) {
		return errTower
	}
	dec, err := f.decoder(ctx)
	p.decoder = dec
	if err := weights.Join(errTower, err); err != nil {
		return err
	}
	if p.template, err = chat.Load(f.Dir, f.FS); err != nil && !errors.Is(err, chat.ErrNone) {
		return err
	}
	t, err := dec.Tokenizer()
	if err != nil {
		return err
	}
	if ids := t.Encode(placeholder, false); !slices.Equal(ids, []int32{p.image}) {
		return fmt.Errorf("config.json says that token %d is the place of a picture, and the tokenizer has %v for %q", p.image, ids, placeholder)
	}
	return nil
}

// close implements net.
func (p *prefix) close() {
	if p.tower != nil {
		p.tower.Close()
	}
	if p.connector != nil {
		p.connector.close()
	}
	if p.decoder != nil {
		p.decoder.Close()
	}
}

// sizes implements net.
func (p *prefix) sizes() Sizes {
	return Sizes{
		DType: p.decoder.DType(), Bytes: p.tower.Bytes() + p.connector.pool.Bytes() + p.decoder.Bytes(),
		Parameters: p.tower.Parameters() + p.connector.params + p.decoder.Parameters(), Context: p.decoder.Positions(),
		Pictures: mostPictures, Tiles: p.tower.Preprocess().MaxTiles(), Steps: p.tower.Preprocess().Steps(),
		Bindings: slices.Concat(p.tower.Bindings(), p.connector.names, p.decoder.Bindings()),
	}
}

// most is how many tiles options allow; 0: as many as the model takes.
func (o PictureOptions) most() int {
	if o.Detail == "low" {
		return 1
	}
	return o.MaxTiles
}

// recipe implements net.
func (p *prefix) recipe(w, h int, o PictureOptions) string {
	rows, cols := p.tower.Preprocess().Grid(w, h, o.most())
	return fmt.Sprint(rows, cols, o.most() == 1)
}

// encode implements net.
func (p *prefix) encode(ctx context.Context, img image.Image, o PictureOptions) (*ImageState, error) {
	tiles, err := p.tower.Preprocess().Tile(img, o.most())
	if err != nil {
		return nil, err
	}
	sequences, err := p.tower.Sequence(ctx, tiles.Pixels)
	if err != nil {
		return nil, err
	}
	var mixed []float32 // (tiles·tokens, In)
	for _, s := range sequences {
		mixed = append(mixed, p.mix(s)...)
	}
	s := &ImageState{Rows: tiles.Rows, Cols: tiles.Cols, Tiles: len(tiles.Pixels), Tokens: len(tiles.Pixels) * p.tokens}
	s.Features, err = p.connector.forward(ctx, mixed)
	return s, err
}

// asked is a prompt as the decoder reads it.
type asked struct {
	text    string
	ids     []int32
	inserts []decoder.Insert
	tokens  int // that are pictures
}

// ask puts pictures into the prompt of a question.
func (p *prefix) ask(states []*ImageState, question string) (asked, error) {
	prompt, err := p.asks(len(states), question)
	if err != nil {
		return asked{}, err
	}
	return p.place(states, prompt)
}

// place puts pictures into a prompt, each where a placeholder is.
func (p *prefix) place(states []*ImageState, prompt string) (asked, error) {
	parts := strings.Split(prompt, placeholder)
	if len(parts) != len(states)+1 {
		return asked{}, &PictureError{fmt.Sprintf("%d pictures, and %d places for them in the prompt; leave the text %s out of what you ask", len(states), len(parts)-1, placeholder)}
	}
	var b strings.Builder
	for i, s := range states {
		b.WriteString(parts[i])
		b.WriteString(p.expand(s.Rows, s.Cols, p.tokens))
	}
	b.WriteString(parts[len(states)])
	a := asked{text: b.String()}
	var err error
	if a.ids, err = p.read(a.text); err != nil {
		return a, err
	}
	a.inserts, err = p.inserts(states, a.ids)
	for _, s := range states {
		a.tokens += s.Tokens
	}
	return a, err
}

// read turns a prompt into tokens. One that begins with the token that texts begin with
// gets no other.
func (p *prefix) read(text string) ([]int32, error) {
	ids, err := p.decoder.Encode(text)
	if err != nil {
		return nil, err
	}
	t, err := p.decoder.Tokenizer()
	if err != nil {
		return nil, err
	}
	if bos, ok := t.BOS(); ok && len(ids) > 1 && ids[0] == bos && ids[1] == bos {
		ids = ids[1:]
	}
	return ids, nil
}

// inserts puts the tiles of pictures where ids have room for them, in order.
func (p *prefix) inserts(states []*ImageState, ids []int32) ([]decoder.Insert, error) {
	var list []decoder.Insert
	c, at := p.decoder.Width(), 0
	for _, s := range states {
		if len(s.Features) != s.Tiles*p.tokens*c {
			return nil, errors.New("answer: a state is not of this model")
		}
		for tile := range s.Tiles {
			for at < len(ids) && ids[at] != p.image {
				at++
			}
			if at+p.tokens > len(ids) || slices.ContainsFunc(ids[at:at+p.tokens], func(id int32) bool { return id != p.image }) {
				return nil, errors.New("answer: the tokenizer leaves no room for a picture in the prompt")
			}
			n := p.tokens * c
			list = append(list, decoder.Insert{At: at, Rows: s.Features[tile*n : (tile+1)*n], Key: s.Key.part(fmt.Sprint(tile))})
			at += p.tokens
		}
	}
	return list, nil
}

// part names a part of a state.
func (k Key) part(name string) [32]byte {
	return sha256.Sum256(append(k[:len(k):len(k)], name...))
}

// answer implements net.
func (p *prefix) answer(ctx context.Context, states []*ImageState, question string, r Request) (Answer, error) {
	a, err := p.ask(states, question)
	if err != nil {
		return Answer{}, err
	}
	r.Inserts = a.inserts
	out, err := generate(ctx, p.decoder, a.ids, r)
	out.Usage.Pictures = a.tokens
	return out, err
}

// rank implements ranker: by the probability of each candidate's tokens and of the one
// that ends an answer. The first computes what all have in common.
func (p *prefix) rank(ctx context.Context, states []*ImageState, question string, candidates []string) ([]float64, error) {
	a, err := p.ask(states, question)
	if err != nil {
		return nil, err
	}
	logs := make([]float64, len(candidates))
	score := func(ctx context.Context, i int) (err error) {
		logs[i], err = p.score(ctx, a, candidates[i])
		return err
	}
	if err := score(ctx, 0); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	for i := 1; i < len(candidates); i++ {
		g.Go(func() error { return score(ctx, i) })
	}
	return logs, g.Wait()
}

// score is the logarithm of the probability that a prompt is answered so.
func (p *prefix) score(ctx context.Context, a asked, candidate string) (float64, error) {
	next, err := p.continuation(a, candidate)
	if err != nil {
		return 0, err
	}
	list, err := p.decoder.Score(ctx, a.ids, next, decoder.Request{Inserts: a.inserts})
	sum := 0.0
	for _, l := range list {
		sum += float64(l)
	}
	return sum, err
}

// continuation is an answer in tokens as they follow the prompt, with the one that ends
// it.
func (p *prefix) continuation(a asked, candidate string) ([]int32, error) {
	all, err := p.read(a.text + " " + candidate)
	if err != nil {
		return nil, err
	}
	next, ok := all, len(all) > len(a.ids) && slices.Equal(all[:len(a.ids)], a.ids)
	if ok {
		next = all[len(a.ids):]
	} else { // the answer and the end of the prompt would have become one token
		t, err := p.decoder.Tokenizer()
		if err != nil {
			return nil, err
		}
		next = t.Encode(" "+candidate, false)
	}
	if ends := p.decoder.Ends(); len(ends) > 0 {
		next = append(slices.Clone(next), ends[0])
	}
	return next, nil
}
