package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/emblem-search/emblem/internal/durable"
)

// Write writes tensors and metadata to path, the same bytes for the same
// content whatever the order given: tensors lie as the reference puts them
// (largest element first, then by name), metadata is sorted. The file appears
// whole or not at all: it is written beside path, synced and renamed.
func Write(path string, tensors []View, metadata map[string]string) error {
	return writeFile(path, tensors, metadata, 8, (*os.File).Sync)
}

// WriteAligned is Write for files that are mapped and can be made again: tensors
// whose sizes are multiples of align, all of one dtype, start at multiples of it, and
// the file is not synced.
func WriteAligned(path string, tensors []View, metadata map[string]string, align int) error {
	return writeFile(path, tensors, metadata, align, func(*os.File) error { return nil })
}

func writeFile(path string, tensors []View, metadata map[string]string, align int, sync func(*os.File) error) error {
	order, head, err := layOut(tensors, metadata, align)
	if err == nil {
		err = checkData(order)
	}
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	if err := replaceFile(path, func(f *os.File) error { return errors.Join(writeAll(f, head, order), sync(f)) }); err != nil {
		return fileError(path, err)
	}
	return nil
}

// WriteFrom is Write for tensors that are made one after the other, so that they
// need not be in memory together: those given have no Data, fill returns it. It is
// called in the order of the file; its bytes are not used after its next call.
func WriteFrom(path string, tensors []View, metadata map[string]string, fill func(View) ([]byte, error)) error {
	order, head, err := layOut(tensors, metadata, 8)
	if err != nil {
		return fmt.Errorf("safetensors: %s: %w", path, err)
	}
	return replaceFile(path, func(f *os.File) error {
		if _, err := f.Write(head); err != nil {
			return fileError(path, err)
		}
		for _, v := range order {
			if v.Data, err = fill(v); err == nil {
				err = checkView(v)
			}
			if err != nil {
				return err
			}
			if _, err := f.Write(v.Data); err != nil {
				return fileError(path, err)
			}
		}
		return f.Sync()
	})
}

// Encode returns what Write writes.
func Encode(tensors []View, metadata map[string]string) ([]byte, error) {
	order, out, err := layOut(tensors, metadata, 8)
	if err == nil {
		err = checkData(order)
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	for _, v := range order {
		out = append(out, v.Data...)
	}
	return out, nil
}

// layOut puts tensors in their order in a file and makes what comes before them.
func layOut(tensors []View, metadata map[string]string, align int) (order []View, head []byte, err error) {
	order = slices.Clone(tensors)
	slices.SortStableFunc(order, func(a, b View) int {
		return cmp.Or(cmp.Compare(b.DType.rank(), a.DType.rank()), cmp.Compare(a.Name, b.Name))
	})
	head, err = marshal(order, metadata, align)
	return order, head, err
}

// marshal makes the length and the header, padded to a multiple of align.
func marshal(order []View, metadata map[string]string, align int) ([]byte, error) {
	if err := checkOrder(order, metadata); err != nil {
		return nil, err
	}
	b := append(make([]byte, 8), '{')
	sep := ""
	if len(metadata) > 0 {
		b = appendMetadata(b, metadata)
		sep = ","
	}
	at := 0
	for _, v := range order {
		b = appendString(append(b, sep...), v.Name)
		b = append(b, `:{"dtype":"`+string(v.DType)+`","shape":`...)
		b = appendInts(b, v.Shape)
		size, err := byteSize(v.DType, v.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %s: %w", quoted(v.Name), err)
		}
		b = appendInts(append(b, `,"data_offsets":`...), []int{at, at + int(size)})
		b = append(b, '}')
		at += int(size)
		sep = ","
	}
	b = append(b, '}')
	for len(b)%align != 0 {
		b = append(b, ' ')
	}
	if len(b)-8 > maxHeader {
		return nil, fmt.Errorf("the header would take %d bytes, over the format's limit of %d", len(b)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(b, uint64(len(b)-8))
	return b, nil
}

// checkOrder refuses what parse would refuse.
func checkOrder(order []View, metadata map[string]string) error {
	seen := make(map[string]bool, len(order))
	for _, v := range order {
		switch {
		case seen[v.Name]:
			return fmt.Errorf("two tensors named %s", quoted(v.Name))
		case v.Name == metadataKey || len(v.Name) > maxName || !utf8.ValidString(v.Name):
			return fmt.Errorf("%s cannot be a tensor's name", quoted(v.Name))
		case v.DType.rank() < 0:
			return fmt.Errorf("tensor %s: unknown dtype %s", quoted(v.Name), quoted(string(v.DType)))
		case len(v.Shape) > maxRank:
			return fmt.Errorf("tensor %s: %d dimensions, over the limit of %d", quoted(v.Name), len(v.Shape), maxRank)
		}
		seen[v.Name] = true
	}
	for k, v := range metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Errorf("metadata %s is not valid UTF-8", quoted(k))
		}
	}
	if len(order) > maxTensors || len(metadata) > maxMetadata {
		return fmt.Errorf("%d tensors and %d metadata entries, over the limits of %d and %d", len(order), len(metadata), maxTensors, maxMetadata)
	}
	return nil
}

// checkData refuses tensors whose bytes are not those of their shapes.
func checkData(tensors []View) error {
	for _, v := range tensors {
		if err := checkView(v); err != nil {
			return err
		}
	}
	return nil
}

func appendMetadata(b []byte, metadata map[string]string) []byte {
	b = append(b, `"`+metadataKey+`":{`...)
	for i, k := range slices.Sorted(maps.Keys(metadata)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(append(appendString(b, k), ':'), metadata[k])
	}
	return append(b, '}')
}

func appendInts(b []byte, list []int) []byte {
	b = append(b, '[')
	for i, n := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return append(b, ']')
}

// appendString escapes as the reference's writer does, so that files are equal.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < ' ' {
				b = fmt.Appendf(b, `\u%04x`, c)
			} else {
				b = append(b, c)
			}
		}
	}
	return append(b, '"')
}

func writeAll(f *os.File, head []byte, order []View) error {
	if _, err := f.Write(head); err != nil {
		return err
	}
	for _, v := range order {
		if _, err := f.Write(v.Data); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile fills a new file beside path and renames it into place. It is not
// os.CreateTemp because that makes files only their owner may read.
func replaceFile(path string, fill func(*os.File) error) error {
	temp := path + ".tmp-" + strconv.FormatUint(rand.Uint64(), 36)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(fill(f), f.Close())
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return durable.SyncDir(filepath.Dir(path))
}
