package library

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

const traits = 24

// seer sees the traits of pictures that traitPicture made, each seer from its own
// side: a rotation of what another sees, and a trace of noise.
type seer struct {
	colours
	name string
	turn *mat.Dense // (traits, traits)
}

func newSeer(name string, seed uint64) *seer {
	rng := rand.New(rand.NewPCG(seed, 7))
	var qr mat.QR
	qr.Factorize(mat.NewDense(traits, traits, gaussian(rng, traits*traits)))
	s := &seer{name: name, turn: new(mat.Dense)}
	qr.QTo(s.turn)
	return s
}

func (s *seer) Name() string        { return s.name }
func (s *seer) Fingerprint() string { return "seer of " + s.name }
func (s *seer) Dim() int            { return traits }

// see turns traits; words are seen beside pictures, not among them.
func (s *seer) see(grey [traits]uint8, words float64) []float32 {
	v := make([]float64, traits)
	for k, g := range grey {
		v[k] = (float64(g) - 128) / 40 / math.Sqrt(1+float64(k)/4)
	}
	v[traits-1] += 1 + words
	var turned mat.VecDense
	turned.MulVec(s.turn, mat.NewVecDense(traits, v))
	hash := fnv.New64()
	fmt.Fprint(hash, s.name, grey)
	rng := rand.New(rand.NewPCG(hash.Sum64(), 1))
	for k := range v {
		v[k] = turned.AtVec(k) + 0.01*rng.NormFloat64()
	}
	return unit(v)
}

func (s *seer) EmbedImages(ctx context.Context, images []image.Image) ([][]float32, error) {
	if _, err := s.colours.EmbedImages(ctx, images); err != nil {
		return nil, err
	}
	out := make([][]float32, len(images))
	for i, im := range images {
		var grey [traits]uint8
		for k := range grey {
			grey[k] = color.GrayModel.Convert(im.At(k, 0)).(color.Gray).Y
		}
		out[i] = s.see(grey, 0)
	}
	return out, nil
}

// EmbedTexts takes "picture N" for picture N, and anything else for something else.
func (s *seer) EmbedTexts(_ context.Context, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, t := range texts {
		n, err := strconv.Atoi(strings.TrimPrefix(t, "picture "))
		if err != nil {
			hash := fnv.New32()
			fmt.Fprint(hash, t)
			n = 1e6 + int(hash.Sum32())
		}
		out = append(out, s.see(traitsOf(n), 0.5))
	}
	return out, nil
}

func traitsOf(n int) (grey [traits]uint8) {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	for k := range grey {
		grey[k] = uint8(max(0, min(255, 128+40*rng.NormFloat64())))
	}
	return grey
}

func traitPicture(t *testing.T, n int) []byte {
	t.Helper()
	im := image.NewGray(image.Rect(0, 0, traits, 1))
	for k, g := range traitsOf(n) {
		im.SetGray(k, 0, color.Gray{Y: g})
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, im))
	return out.Bytes()
}

// move is a library on its way from one model to another.
type move struct {
	*bench
	old, new *seer
}

func newMove(t *testing.T, pictures int) *move {
	t.Helper()
	m := &move{newBench(t), newSeer("old", 1), newSeer("new", 2)}
	for n := range pictures {
		m.paint(n)
	}
	m.indexOld()
	return m
}

func (m *move) paint(n int) {
	m.t.Helper()
	write(m.t, m.path(fmt.Sprintf("%04d.png", n)), traitPicture(m.t, n))
}

func (m *move) indexOld() Report { m.t.Helper(); return m.indexWith(m.old) }

func (m *move) indexWith(e Embedder) Report {
	m.t.Helper()
	r, err := m.lib().Index(context.Background(), e, Options{Roots: []string{m.dir}})
	must(m.t, err)
	return r
}

func (m *move) migrate() Migration {
	m.t.Helper()
	r, err := m.lib().Migrate(context.Background(), m.old, m.new, Options{Ref: "new"})
	must(m.t, err)
	return r
}

// interrupted migrates until the new model has seen so many batches.
func (m *move) interrupted(batches int32) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m.new.before = func() error {
		if m.new.batches.Load() >= batches {
			cancel()
		}
		return nil
	}
	_, err := m.lib().Migrate(ctx, m.old, m.new, Options{Ref: "new"})
	if !errors.Is(err, context.Canceled) {
		m.t.Fatalf("interrupted: %v", err)
	}
	m.new.before = nil
}

// right is the share of pictures that their words find first.
func (m *move) right(e Embedder, pictures int) float64 {
	m.t.Helper()
	right := 0
	for n := range pictures {
		q, err := ParseQuery(fmt.Sprint("picture ", n))
		must(m.t, err)
		hits, err := m.lib().Search(context.Background(), e, q, SearchOptions{Limit: 1})
		must(m.t, err)
		if len(hits) > 0 && hits[0].Path == m.path(fmt.Sprintf("%04d.png", n)) {
			right++
		}
	}
	return float64(right) / float64(pictures)
}

// While the new model comes in, the old one answers, and so does the new one over
// a map; then the new one answers by itself, and there is a way back and forth.
func TestMigrate(t *testing.T) {
	m := newMove(t, 700)
	m.interrupted(35)
	status, err := m.lib().MigrationStatus()
	must(t, err)
	if status.Next != "new" || status.Model != "old" || status.Pictures != 700 || status.Done < 512 || status.Done > 600 || status.Recall == nil {
		t.Fatalf("interrupted: %+v", status)
	}
	if r := status.Recall; r.Pictures < 0.85 || r.Words == nil || *r.Words < 0.7 || r.Pairs < 400 {
		t.Errorf("the map: %+v, words %v", r, *r.Words)
	}
	if old, mapped := m.right(m.old, 100), m.right(m.new, 100); old < 0.99 || mapped < 0.95 {
		t.Errorf("meanwhile the old model finds %v, the new one %v", old, mapped)
	}
	m.store.Close()
	m.store, err = OpenStore(m.store.dir) // the map is found again
	must(t, err)
	if mapped := m.right(m.new, 100); mapped < 0.95 {
		t.Errorf("after a restart the new model finds %v", mapped)
	}

	// What is indexed meanwhile gets both; nothing is embedded twice.
	m.paint(700)
	m.indexOld()
	done := m.new.images.Load()
	r := m.migrate()
	if r.Model != "new" || r.Previous != "old" || r.Pictures != 701 || r.Done != 701 || r.Embedded != 701-status.Done || m.new.images.Load()-done != int32(r.Embedded) {
		t.Errorf("resumed: %+v, %d embedded", r, m.new.images.Load()-done)
	}
	if space := m.lib().Manifest().space(); space != "image-2" {
		t.Errorf("space %q", space)
	}
	if new, old := m.right(m.new, 701), m.right(m.old, 701); new < 0.99 || old < 0.99 {
		t.Errorf("the new model finds %v, the old one %v", new, old)
	}
	if r := m.indexWith(m.new); r.Unchanged != 701 {
		t.Errorf("indexed again: %+v", r)
	}
	m.backAndForth()
}

func (m *move) backAndForth() {
	m.t.Helper()
	m.paint(701)
	m.indexWith(m.new) // of the new model only
	r, err := m.lib().Rollback(context.Background())
	must(m.t, err)
	if r.Model != "old" || r.Previous != "new" || r.Pictures != 701 {
		m.t.Errorf("back: %+v", r)
	}
	if x := m.indexOld(); x.Unchanged != 701 || x.Updated != 1 {
		m.t.Errorf("what came meanwhile: %+v", x)
	}
	if got := m.right(m.old, 702); got < 0.99 {
		m.t.Errorf("back, the old model finds %v", got)
	}
	if r, err = m.lib().Rollback(context.Background()); err != nil || r.Model != "new" {
		m.t.Errorf("forth: %+v, %v", r, err)
	}
	dropped, err := m.lib().DropOld(context.Background())
	if err != nil || !dropped || m.lib().Manifest().Previous != nil {
		m.t.Errorf("dropped %v, %v", dropped, err)
	}
	var own *Error
	if _, err = m.lib().Rollback(context.Background()); !errors.As(err, &own) || own.Kind != KindModel {
		m.t.Errorf("nothing left: %v", err)
	}
	m.indexWith(m.new)
	if got := m.right(m.new, 702); got < 0.99 {
		m.t.Errorf("forth, the new model finds %v", got)
	}
}

// Files that are gone or changed keep the vectors that they have and are told of;
// when they are back, Index gives them the new model's.
func TestMigrateLosses(t *testing.T) {
	m := newMove(t, 40)
	write(t, m.path("copy of 39.png"), traitPicture(t, 39))
	write(t, m.path("broken.png"), []byte("\x89PNG\r\n\x1a\nno more"))
	m.indexOld()
	for n := range 3 {
		must(t, os.Rename(m.path(fmt.Sprintf("%04d.png", n)), m.path(fmt.Sprintf("%04d.away", n))))
	}
	write(t, m.path("0003.png"), traitPicture(t, 1003))
	r := m.migrate()
	if r.Pictures != 41 || r.Done != 37 || r.Embedded != 36 || r.Gone != 3 || r.Changed != 1 || r.Failed != 0 || r.Model != "new" {
		t.Errorf("%+v", r)
	}
	if got := m.right(m.new, 10); got != 0.6 {
		t.Errorf("the new model finds %v of those that are there", got)
	}
	if got := m.right(m.old, 10); got != 1 {
		t.Errorf("the old model finds %v", got)
	}
	for n := range 3 {
		must(t, os.Rename(m.path(fmt.Sprintf("%04d.away", n)), m.path(fmt.Sprintf("%04d.png", n))))
	}
	if x := m.indexWith(m.new); x.Updated != 4 || x.Unchanged != 37 || !m.lib().Manifest().Gaps {
		t.Errorf("back: %+v", x)
	}
	if got := m.right(m.new, 3); got != 1 {
		t.Errorf("then the new model finds %v", got)
	}
	if m.indexWith(m.new); m.lib().Manifest().Gaps {
		t.Error("gaps are still looked for")
	}
}

// A migration that is taken back leaves nothing.
func TestMigrateTakenBack(t *testing.T) {
	m := newMove(t, 100)
	m.interrupted(3)
	third := newSeer("third", 3)
	var own *Error
	if _, err := m.lib().Migrate(context.Background(), m.old, third, Options{}); !errors.As(err, &own) || own.Kind != KindModel || !strings.Contains(err.Error(), "--rollback") {
		t.Errorf("another model meanwhile: %v", err)
	}
	q, err := ParseQuery("picture 3")
	must(t, err)
	if _, err := m.lib().Search(context.Background(), m.new, q, SearchOptions{}); !errors.As(err, &own) || !strings.Contains(err.Error(), "on its way") {
		t.Errorf("before there is a map: %v", err)
	}
	r, err := m.lib().Rollback(context.Background())
	must(t, err)
	if stats, err := m.lib().ix.Stats(); err != nil || r.Model != "old" || r.Next != "" || stats.Vectors["image-2"] != 0 || stats.Vectors["image"] != 100 {
		t.Errorf("%+v, %+v, %v", r, stats, err)
	}
	if _, err := m.lib().Migrate(context.Background(), nil, m.old, Options{}); !errors.As(err, &own) || !strings.Contains(err.Error(), "already") {
		t.Errorf("to itself: %v", err)
	}
	m.migrate()
	if got := m.right(m.new, 100); got != 1 {
		t.Errorf("the new model finds %v", got)
	}
}
