package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"image/jpeg"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/golden"
)

const (
	bound      = "../fusion/testdata/imagebind"
	soundFiles = "../fusion/testdata/senses/audio/"
)

// bind is a small ImageBind.
type bind struct{ *fusion.DualEncoder }

func (b bind) Fingerprint() string { return "f0f0" }

func (b bind) EncodeText(s string) ([]int32, bool, error) {
	return b.DualEncoder.EncodeText(s, fusion.CutEnd)
}

// newBind is a server with it.
func newBind(t *testing.T, o Options) *Server {
	t.Helper()
	d, err := fusion.Load(context.Background(), bound, fusion.Options{Name: "org/fake-clip", DType: "f32"}) // the name that shelves know
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	o.Embedders = []Embedder{bind{d}}
	return newTest(t, o)
}

func sound(t *testing.T, name string) string {
	t.Helper()
	file, err := os.ReadFile(soundFiles + name)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(file)
}

// TestSounds: a sound has the reference's vector in every dialect that has a place for
// one, beside pictures and texts.
func TestSounds(t *testing.T) {
	s := newBind(t, Options{})
	want := golden.Unit(golden.Open(t, bound).Rows("audio"))
	long, short := sound(t, "long.wav"), sound(t, "short.wav")
	for path, bodies := range map[string][]string{
		"/v1/embeddings": {
			`{"input":[{"audio":"data:audio/wav;base64,` + long + `"},{"audio":"` + short + `"}]}`,
			`{"input":["data:audio/wav;base64,` + long + `","data:audio/x-wav;base64,` + short + `"]}`,
			`{"modality":"audio","input":["` + long + `","data:audio/wav;base64,` + short + `"]}`,
		},
		"/embeddings_audio": {`{"input":["` + long + `","` + short + `"]}`},
	} {
		for _, body := range bodies {
			var a embeddingsReply
			request(t, s, "POST", path, body, 200, &a)
			golden.Within(t, path, 2e-4, want[:2], a.vectors())
			if a.Usage.Images != 0 {
				t.Errorf("%d pictures among sounds", a.Usage.Images)
			}
		}
	}
	var a embeddingsReply
	request(t, s, "POST", "/v1/embeddings", `{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"`+short+`","format":"wav"}}]}]}`, 200, &a)
	golden.Within(t, "messages", 2e-4, want[1:2], a.vectors())
	request(t, s, "POST", "/v1/embeddings", `{"input":["a cat",{"audio":"`+long+`"},{"image":"`+dataURL(red)+`"}]}`, 200, &a)
	golden.Within(t, "among others", 2e-4, want[:1], a.vectors()[1:2])
	if a.Usage.Images != 1 {
		t.Errorf("%d pictures, want 1", a.Usage.Images)
	}
	var models struct {
		Data []struct{ Capabilities []string }
	}
	request(t, s, "GET", "/models", "", 200, &models)
	if !slices.Contains(models.Data[0].Capabilities, "audio_embed") {
		t.Errorf("capabilities %v", models.Data[0].Capabilities)
	}
}

// embeddingsReply is what clients read of an answer.
type embeddingsReply struct {
	Data  []struct{ Embedding []float32 }
	Usage struct{ Images int }
}

func (a embeddingsReply) vectors() (all [][]float32) {
	for _, d := range a.Data {
		all = append(all, d.Embedding)
	}
	return all
}

// TestSoundDocuments: sounds are put into a library, as JSON and as files, and found
// with a sound.
func TestSoundDocuments(t *testing.T) {
	mine := shelves{}
	s := newBind(t, Options{Libraries: mine})
	long, short := sound(t, "long.wav"), sound(t, "short.wav")
	var put struct{ Results []Outcome }
	request(t, s, "POST", "/v1/libraries/mine/documents", `{"documents":[{"id":"long","audio":"`+long+`"},{"id":"red","image":"`+dataURL(red)+`"},
		{"id":"cut","audio":"`+long[:400]+`"},{"id":"red too","audio":"`+dataURL(red)+`"},{"id":"both","audio":"`+long+`","text":"x"}]}`, 200, &put)
	var got []string
	for _, r := range put.Results {
		got = append(got, r.Status)
		if r.Error != nil {
			got = append(got, *r.Error)
		}
	}
	if said := strings.Join(got, " "); !strings.Contains(said, "created created error the wav file ends after") || !strings.Contains(said, "this is no sound that emblem reads") || !strings.Contains(said, "one of image, audio") {
		t.Errorf("%s", said)
	}
	var form strings.Builder
	w := multipart.NewWriter(&form)
	w.WriteField("document", `{"id":"short"}`)
	part, _ := w.CreateFormFile("audio", "short.wav")
	file, _ := base64.StdEncoding.DecodeString(short)
	part.Write(file)
	w.Close()
	request(t, s, "POST", "/v1/libraries/mine/documents", form.String(), 200, &put, header("Content-Type", w.FormDataContentType()))
	var found struct{ Hits []Hit }
	request(t, s, "POST", "/v1/libraries/mine/search", `{"terms":[{"audio":"data:audio/wav;base64,`+short+`"}]}`, 200, &found)
	if len(found.Hits) != 3 || found.Hits[0].ID != "short" || found.Hits[0].Score < 0.999 {
		t.Errorf("%+v", found.Hits)
	}
}

// TestSoundsRefused: a model that does not hear, and what is no sound, have one
// sentence each.
func TestSoundsRefused(t *testing.T) {
	hears, deaf := newBind(t, Options{}), newTest(t, Options{})
	blip := sound(t, "blip.wav")
	for _, c := range []struct {
		s          *Server
		body, code string
		says       string
	}{
		{deaf, `{"input":{"audio":"` + blip + `"}}`, "unsupported_modality", "org/fake-clip does not read audio; use a model that does"},
		{deaf, `{"input":{"audio":"` + dataURL(red) + `"}}`, "invalid_audio", "no sound that emblem reads; send WAV"},
		{hears, `{"input":{"audio":"` + blip[:80] + `"}}`, "invalid_audio", "it is cut off"},
		{hears, `{"input":{"audio":"UklGRgAAAABXQVZF"}}`, "invalid_audio", "it ends in its header"},
		{hears, `{"input":{"audio":"SUQzBAA="}}`, "invalid_audio", "a mp3 file is not read here"},
		{hears, `{"input":{"audio":""}}`, "invalid_value", "the sound is empty"},
		{hears, `{"input":{"audio":"%%"}}`, "invalid_value", "the sound is not valid base64"},
		{hears, `{"input":{"audio":"https://example.com/a.wav"}}`, "invalid_value", "not fetched from addresses"},
		{hears, `{"input":{"audio":"` + blip + `","text":"x"}}`, "invalid_value", "one of text, image and audio"},
	} {
		w := do(c.s, "POST", "/v1/embeddings", c.body)
		var a struct {
			Error struct{ Message, Code, Param string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusBadRequest || !strings.Contains(a.Error.Message, c.says) || a.Error.Code != c.code {
			t.Errorf("%.60s: %d %+v, want %s %q", c.body, w.Code, a.Error, c.code, c.says)
		}
	}
}

// TestWaveform: the thumbnail of a sound is a picture of it.
func TestWaveform(t *testing.T) {
	file, err := os.ReadFile(soundFiles + "short.wav")
	if err != nil {
		t.Fatal(err)
	}
	small, err := newTest(t, Options{}).thumbnails.render(context.Background(), file, 160)
	if err != nil {
		t.Fatal(err)
	}
	im, err := jpeg.Decode(strings.NewReader(string(small)))
	if err != nil || im.Bounds().Dx() != 160 || im.Bounds().Dy() != 80 {
		t.Fatal(err)
	}
	shade := func(x, y int) uint32 { r, _, _, _ := im.At(x, y).RGBA(); return r >> 8 }
	if shade(80, 2) < 220 || shade(80, 40) > 120 {
		t.Errorf("no waveform: %d above, %d in the middle", shade(80, 2), shade(80, 40))
	}
}
