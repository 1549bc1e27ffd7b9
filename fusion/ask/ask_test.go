package ask

import (
	"context"
	"encoding/json"
	"image"
	"image/draw"
	_ "image/jpeg"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/emblem-search/emblem/fusion"
)

// asked is a question whose answer is known.
type asked struct {
	Kind     Kind
	Question string
	Answer   string
	Box      *[4]float64 // left, top, right, bottom of what it is about, in fractions
}

// scenes are pictures with questions, as tiles of one.
type scenes struct {
	Side, Columns int
	Objects       [][]string // what each shows
	Scenes        [][]asked
	sheet         image.Image
}

func openScenes(t *testing.T, dir string) *scenes {
	t.Helper()
	s := &scenes{}
	raw, err := os.ReadFile(filepath.Join(dir, "questions.json"))
	if err == nil {
		err = json.Unmarshal(raw, s)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "questions.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s.sheet, _, err = image.Decode(f); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scenes) tile(i int) image.Image {
	m := image.NewRGBA(image.Rect(0, 0, s.Side, s.Side))
	draw.Draw(m, m.Bounds(), s.sheet, image.Pt(i%s.Columns*s.Side, i/s.Columns*s.Side), draw.Src)
	return m
}

// model is the built-in dual encoder, opened once.
var model = sync.OnceValues(func() (*fusion.DualEncoder, error) {
	return fusion.Load(context.Background(), "../../internal/builtin/search", fusion.Options{DType: "f32"})
})

func open(t *testing.T) (*fusion.DualEncoder, *Answerer) {
	t.Helper()
	if set := os.Getenv("EMBLEM_KERNELS"); set != "" {
		t.Skipf("kernels %s are asked for; this is about the model, not about them, and slow ones take minutes", set)
	}
	m, err := model()
	if err != nil {
		t.Fatal(err)
	}
	return m, New(m)
}

// tally is how answers of one family fared.
type tally struct {
	n, right, answered, rightAnswered int
	confidence                        [10]float64
	hit                               [10]float64
	count                             [10]int
}

func (c *tally) add(a Answer, truth string) {
	c.n++
	if len(a.Alternatives) == 0 {
		return
	}
	best := a.Alternatives[0]
	ok := best.Answer == truth
	k := min(9, int(best.Probability*10))
	c.count[k]++
	c.confidence[k] += best.Probability
	if ok {
		c.right++
		c.hit[k]++
	}
	if !a.Abstained {
		c.answered++
		if ok {
			c.rightAnswered++
		}
	}
}

// ece is the expected calibration error over ten bins (Naeini and others, 2015).
func (c *tally) ece() (e float64) {
	n := 0
	for k := range c.count {
		n += c.count[k]
		e += math.Abs(c.confidence[k] - c.hit[k])
	}
	return e / float64(max(1, n))
}
