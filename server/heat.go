package server

import (
	"context"
	"net/http"
	"slices"

	"github.com/emblem-search/emblem/internal/picture"
	"github.com/emblem-search/emblem/vit"
)

// Heater is what an Embedder can do besides: say where in a picture a text is seen.
type Heater interface {
	// Heat says for each patch of pixels, w a row and h rows of them, how much it
	// speaks for a text's vector, compared with the picture's other patches.
	Heat(ctx context.Context, pixels vit.Pixels, text []float32) (w, h int, heat []float32, err error)
	// Window is the part of a picture of w×h pixels that the patches cover.
	Window(w, h int) vit.Window
}

// heatAnswer is where a text is seen: a value for each patch, row by row, 1 for the
// strongest and 0 for the weakest. The edges say what part of the upright picture
// the patches cover, in fractions of it; they may lie outside.
type heatAnswer struct {
	Width  int       `json:"width"`
	Height int       `json:"height"`
	Values []float32 `json:"values"`
	Left   float64   `json:"left"`
	Top    float64   `json:"top"`
	Right  float64   `json:"right"`
	Bottom float64   `json:"bottom"`
}

// heatRoutes say why a picture was found.
func (s *Server) heatRoutes() []route {
	return []route{{method: "GET", path: "/v1/libraries/:library/heat", scope: ScopeSearch, stamps: true, handle: s.heat, query: []string{"id", "text"}, answer: heatAnswer{},
		doc: "Say where in a document's picture a text is seen: a value from 0 to 1 for each patch."}}
}

// heat answers GET /v1/libraries/{l}/heat?id=…&text=….
func (s *Server) heat(w http.ResponseWriter, r *http.Request) error {
	l, err := s.library(r, false)
	if err != nil {
		return err
	}
	c, err := s.encoderOf(l)
	if err != nil {
		return err
	}
	seer, ok := c.Embedder.(Heater)
	if !ok {
		return refuse(http.StatusNotImplemented, "heat_not_supported", "model", "the model %s does not say where in a picture it sees something", c.Name())
	}
	text, err := s.embedWhole(r.Context(), embedRequest{of: c, inputs: []input{textInput("text", r.FormValue("text"))}})
	if err != nil {
		return err
	}
	answer, err := s.look(r.Context(), c, seer, l, r.FormValue("id"), text.vectors[0])
	if err != nil {
		return pictureError("id", err)
	}
	stamp(w, c.Fingerprint())
	writeJSON(w, http.StatusOK, answer)
	return nil
}

// look computes one heat map, in a turn of those that read files for the page.
func (s *Server) look(ctx context.Context, c *encoder, seer Heater, l Library, id string, text []float32) (*heatAnswer, error) {
	if err := s.thumbnails.cores.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer s.thumbnails.cores.Release(1)
	file, err := readPicture(ctx, l, id)
	if err != nil {
		return nil, err
	}
	pixels, at, err := c.sight(ctx, seer, file)
	if err != nil {
		return nil, err
	}
	w, h, values, err := seer.Heat(ctx, pixels, text)
	if err != nil {
		return nil, err
	}
	return &heatAnswer{w, h, spread(values), at.Left, at.Top, at.Right, at.Bottom}, nil
}

// sight brings the file of a document to the model's pixels, when there is memory
// for it, and says which part of the picture they show.
func (c *encoder) sight(ctx context.Context, seer Heater, file []byte) (vit.Pixels, vit.Window, error) {
	o := picture.Options{Local: true, MinSide: c.ImageSide(), Limits: picture.LocalLimits(0)}
	head, err := picture.ReadHeader(file, o)
	if err != nil {
		return vit.Pixels{}, vit.Window{}, err
	}
	cost := min(decodeBudget, 2*3*int64(head.W)*int64(head.H)+1)
	if err := c.decoding.Acquire(ctx, cost); err != nil {
		return vit.Pixels{}, vit.Window{}, err
	}
	defer c.decoding.Release(cost)
	im, err := picture.Decode(file, o)
	if err != nil {
		return vit.Pixels{}, vit.Window{}, err
	}
	pixels, err := c.Preprocess(im)
	return pixels, seer.Window(im.W, im.H), err
}

// spread scales values to 0 for the least and 1 for the greatest; where all are
// equal, nothing stands out.
func spread(values []float32) []float32 {
	least, most := slices.Min(values), slices.Max(values)
	out := make([]float32, len(values))
	if most > least {
		for i, v := range values {
			out[i] = (v - least) / (most - least)
		}
	}
	return out
}
