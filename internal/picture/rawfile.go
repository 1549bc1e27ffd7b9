package picture

import (
	"github.com/emblem-search/emblem/internal/picture/jpeg"
)

// Bounds of the walk through a camera's file; real ones have about ten
// directories.
const (
	maxDirectories = 64
	maxDepth       = 4
)

// isRaw tells a camera's raw file from a TIFF: DNG by its version tag, CR2 by
// its mark, NEF, ARW and others by a thumbnail in front with the picture below.
func isRaw(data []byte) bool {
	d, ok := parseDirectory(data)
	if !ok {
		return false
	}
	_, dng := d.entry(tagDNGVersion)
	_, below := d.entry(tagSubIFDs)
	_, camera := d.entry(tagMake)
	return dng || len(data) > 10 && string(data[8:10]) == "CR" || camera && below && d.value(tagNewSubfile)&1 == 1
}

// preview is a JPEG inside a raw file.
type preview struct {
	data []byte
	size int64 // pixels
}

func rawHeader(data []byte, o Options) (Header, error) {
	p, err := largestPreview(data)
	if err != nil {
		return Header{}, err
	}
	h, err := jpegHeader(p, o)
	if err != nil {
		return Header{}, err
	}
	if _, ok := exifOrientation(jpegTags(p).exif); !ok {
		h.Orientation = tags{exif: data}.orientation()
	}
	return h, nil
}

func rawDecode(data []byte, h Header, o Options) (*RGB, error) {
	p, err := largestPreview(data)
	if err != nil {
		return nil, err
	}
	return jpegDecode(p, h, o)
}

func largestPreview(data []byte) ([]byte, error) {
	w := previewWalk{seen: make(map[uint32]bool)}
	if d, ok := parseDirectory(data); ok {
		w.walk(d, 0)
	}
	if w.best.data == nil {
		return nil, fail(Unsupported, "this raw file has no JPEG inside; export the picture as JPEG")
	}
	return w.best.data, nil
}

type previewWalk struct {
	seen map[uint32]bool // offsets of directories
	best preview
}

// walk looks into d, the directories after it, and those below them.
func (w *previewWalk) walk(d directory, depth int) {
	for {
		w.look(d)
		w.below(d, depth)
		next, ok := w.visit(d, d.next)
		if !ok {
			return
		}
		d = next
	}
}

func (w *previewWalk) visit(d directory, offset uint32) (directory, bool) {
	if offset == 0 || w.seen[offset] || len(w.seen) >= maxDirectories {
		return directory{}, false
	}
	w.seen[offset] = true
	return d.at(offset)
}

func (w *previewWalk) below(d directory, depth int) {
	e, ok := d.entry(tagSubIFDs)
	if !ok || depth == maxDepth {
		return
	}
	for i := range min(d.count(e), maxDirectories) {
		offset, ok := d.uint(e, i)
		if !ok {
			return
		}
		if sub, ok := w.visit(d, offset); ok {
			w.walk(sub, depth+1)
		}
	}
}

// look takes the JPEG that d points to, in either of the two ways, if it is
// larger than the best one. Raw data in lossless JPEG is none that can be read.
func (w *previewWalk) look(d directory) {
	w.take(d.slice(d.value(tagJPEGOffset), d.value(tagJPEGLength)))
	if e, ok := d.entry(tagStripOffsets); ok && d.count(e) == 1 {
		w.take(d.slice(d.value(tagStripOffsets), d.value(tagStripCounts)))
	}
}

func (d directory) slice(offset, n uint32) []byte {
	if uint64(offset)+uint64(n) > uint64(len(d.file)) {
		return nil
	}
	return d.file[offset : uint64(offset)+uint64(n)]
}

func (w *previewWalk) take(data []byte) {
	if len(data) < 4 || data[0] != 0xff || data[1] != 0xd8 {
		return
	}
	h, err := jpeg.ReadHeader(data)
	if err != nil {
		return
	}
	if size := int64(h.Width) * int64(h.Height); size > w.best.size {
		w.best = preview{data, size}
	}
}
