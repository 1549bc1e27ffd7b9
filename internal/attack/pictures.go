package attack

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"sync"
)

// bomb is a picture's file that is made to be expensive or broken. good says that
// it is odd but a picture, and has to be taken.
type bomb struct {
	name string
	file []byte
	good bool
}

// pictures sends all bombs, each alone.
func pictures(ctx context.Context, t *Target) []Finding {
	var out []Finding
	for _, b := range bombs() {
		a := t.post(ctx, "/v1/embeddings", pictureBody(b.file))
		if b.good {
			out = append(out, a.refused(b.name, false, http.StatusOK))
			continue
		}
		out = append(out, a.refused(b.name, false, 400, 413, 422))
	}
	return out
}

// company sends good pictures from many clients with bad ones among them: the good
// ones get the vectors that they get alone.
func company(ctx context.Context, t *Target) []Finding {
	const clients = 32
	bad := bombs()
	good := make([][]byte, clients)
	alone := make([]json.RawMessage, clients)
	for i := range clients {
		good[i] = plain(24+i, 24, color.RGBA{byte(8 * i), 100, 200, 255})
	}
	together := make([]json.RawMessage, clients)
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { together[i], errs[i] = t.vectorOf(ctx, good[i]) })
		if b := bad[i%len(bad)]; !b.good {
			wg.Go(func() { t.post(ctx, "/v1/embeddings", pictureBody(b.file)) })
		}
	}
	wg.Wait()
	f := Finding{Case: fmt.Sprintf("%d good pictures among bad ones", clients), OK: true, Detail: "each has the vector that it has alone"}
	for i := range clients {
		var err error
		if alone[i], err = t.vectorOf(ctx, good[i]); err == nil {
			err = errs[i]
		}
		if err != nil || !bytes.Equal(alone[i], together[i]) {
			f.OK, f.Detail = false, fmt.Sprintf("picture %d: %v", i, err)
		}
	}
	return []Finding{f}
}

func (t *Target) vectorOf(ctx context.Context, file []byte) (json.RawMessage, error) {
	a := t.post(ctx, "/v1/embeddings", pictureBody(file))
	if a.err != nil {
		return nil, a.err
	}
	var body struct {
		Data []struct{ Embedding json.RawMessage }
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil || len(body.Data) != 1 {
		return nil, fmt.Errorf("status %d: %.120s", a.status, a.body)
	}
	return body.Data[0].Embedding, nil
}

func pictureBody(file []byte) string {
	return fmt.Sprintf(`{"input":[{"image":"data:image/png;base64,%s"}]}`, base64.StdEncoding.EncodeToString(file))
}

func plain(w, h int, c color.Color) []byte {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		m.Set(i%w, i/w, c)
	}
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.Bytes()
}

// bombs are made here, so that no file of the kind has to be kept.
func bombs() []bomb {
	whole := plain(64, 64, color.RGBA{10, 20, 30, 255})
	var jpg, anim bytes.Buffer
	jpeg.Encode(&jpg, image.NewGray(image.Rect(0, 0, 64, 64)), nil)
	g := &gif.GIF{}
	for range 50 {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, 16, 16), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	gif.EncodeAll(&anim, g)
	huge := bytes.Clone(jpg.Bytes())
	if i := bytes.Index(huge, []byte{0xff, 0xc0}); i > 0 {
		binary.BigEndian.PutUint16(huge[i+5:], 65500)
		binary.BigEndian.PutUint16(huge[i+7:], 65500)
	}
	return []bomb{
		{"a PNG that says 65,535 × 65,535", pngSaying(65535, 65535, nil), false},
		{"a PNG that says 2³¹ × 1", pngSaying(1<<31-1, 1, nil), false},
		{"a PNG of 0 × 0", pngSaying(0, 0, nil), false},
		{"a PNG whose pixels unpack to a gigabyte", pngSaying(30000, 30000, make([]byte, 4<<20)), false},
		{"a JPEG that says 65,500 × 65,500", huge, false},
		{"a GIF that says 65,535 × 65,535", []byte("GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"), false},
		{"a WebP that says 16,383 × 16,383", []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\xff\xff\xff\x0f\x00\x00\x00\x00\x00\x00\x00\x00\x00"), false},
		{"a PNG cut in half", whole[:len(whole)/2], false},
		{"a JPEG of its header alone", jpg.Bytes()[:20], false},
		{"an SVG", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`), false},
		{"a PDF", []byte("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"), false},
		{"a TIFF", []byte("II*\x00\x08\x00\x00\x00\x01\x00\x00\x01\x04\x00\x01\x00\x00\x00\xff\xff\xff\x7f\x00\x00\x00\x00"), false},
		{"an MP4", append([]byte("\x00\x00\x00\x18ftypmp42"), make([]byte, 64)...), false},
		{"words", []byte("this is no picture"), false},
		{"a PNG of 1 × 1", plain(1, 1, color.White), true},
		{"a PNG of 1 × 4,096", plain(1, 4096, color.White), true},
		{"a PNG of 4,096 × 1", plain(4096, 1, color.Black), true},
		{"an invisible PNG", plain(8, 8, color.RGBA{}), true},
		{"a GIF of 50 frames", anim.Bytes(), true},
		{"a gray JPEG", jpg.Bytes(), true},
	}
}

// pngSaying is a PNG with this size in its header, and these bytes of pixels
// (zeros pack well).
func pngSaying(w, h uint32, pixels []byte) []byte {
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	z.Write(pixels)
	z.Close()
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	out := []byte("\x89PNG\r\n\x1a\n")
	out = appendChunk(out, "IHDR", append(head, 8, 2, 0, 0, 0))
	out = appendChunk(out, "IDAT", data.Bytes())
	return appendChunk(out, "IEND", nil)
}

func appendChunk(out []byte, kind string, data []byte) []byte {
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	body := append([]byte(kind), data...)
	out = append(out, body...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body))
}
