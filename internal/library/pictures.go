package library

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"

	"github.com/emblem-search/emblem/internal/audio"
	"github.com/emblem-search/emblem/internal/picture"
)

// pictures reads files as pictures.
type pictures struct {
	options picture.Options
}

// newPictures reads local files; minSide > 0 allows JPEGs to be decoded smaller
// as long as their shorter side stays twice that.
func newPictures(maxMegapixels, minSide int) pictures {
	return pictures{picture.Options{Local: true, MinSide: minSide, Limits: picture.LocalLimits(maxMegapixels)}}
}

// name changes with what can be read, so that files which failed are tried
// again by a reader that may do better.
func (p pictures) name() string {
	name := fmt.Sprintf("1/%d", p.options.Limits.MaxPixels/1e6)
	// Only some builds read HEIC and AVIF.
	if _, err := picture.ReadHeader([]byte("\x00\x00\x00\x10ftypheic\x00\x00\x00\x00"), p.options); kindOf(err) != "unsupported" {
		name += "+heif"
	}
	return name
}

// header returns what the picture will be; nothing is decoded.
func (p pictures) header(data []byte) (picture.Header, error) {
	return picture.ReadHeader(data, p.options)
}

func (p pictures) decode(data []byte) (image.Image, error) { return picture.Decode(data, p.options) }

// unreadable is the kind of a file that could not be opened or read.
const unreadable = "unreadable"

// unreadableFolder is the same of a folder.
const unreadableFolder = "unreadable_folder"

// kindOf names a picture's or a sound's error for counting.
func kindOf(err error) string {
	var heard *audio.Error
	if errors.As(err, &heard) {
		return heard.Kind
	}
	var e *picture.Error
	if !errors.As(err, &e) {
		return unreadable
	}
	return strings.ReplaceAll(e.Kind.String(), " ", "_")
}

// promises says whether a file's name promises a picture, so that it is worth a
// warning if it is none.
func promises(path string) bool {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(path), "."))
	return slices.Contains([]string{"jpg", "jpeg", "jpe", "png", "gif", "bmp", "webp", "tif", "tiff", "heic", "heif", "avif", "dng", "cr2", "nef", "arw"}, ext)
}

// contentHash is the first half of the content's SHA-256: enough that no two
// files collide, by chance or by will.
func contentHash(data []byte) digest {
	sum := sha256.Sum256(data)
	return digest(sum[:16])
}

// taken is what the camera wrote into the file.
type taken struct {
	camera    string // maker and model, or ""
	lens      string
	tags      []string
	caption   string
	at        int64 // Unix seconds, or 0
	zone      int64 // seconds that the camera's clock is ahead of UTC
	located   bool
	latitude  float64 // degrees
	longitude float64
}

// readTaken reads EXIF. That it is missing or broken is no error here: the
// picture is found all the same.
func readTaken(data []byte) taken {
	m, err := picture.ReadMetadata(data)
	if err != nil {
		return taken{}
	}
	valid := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
	t := taken{camera: valid(m.Camera), lens: valid(m.Lens), caption: valid(m.Caption), located: m.Located, latitude: m.Latitude, longitude: m.Longitude}
	for _, s := range m.Keywords {
		t.tags = append(t.tags, valid(s))
	}
	if !m.Taken.IsZero() {
		_, zone := m.Taken.Zone()
		t.at, t.zone = m.Taken.Unix(), int64(zone)
	}
	return t
}
