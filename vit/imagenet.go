package vit

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"strings"
	"sync"
)

// imagenetFile has a line for each class of ImageNet's subsets, in their order: the
// subsets that it is in, a tab, and its names. It was made from timm by
// tools/golden/imagenet.py.
//
//go:embed imagenet.tsv.gz
var imagenetFile []byte

// imagenetSubsets tell the subsets apart by their size, as timm's
// infer_imagenet_subset does: 1k, 12k, 22k, Google's 21k, Microsoft's 22k, MIIL's 21k.
var imagenetSubsets = map[int]string{1000: "a", 11821: "b", 21841: "c", 21843: "d", 21842: "e", 11221: "f"}

var imagenetLines = sync.OnceValue(func() []string {
	r, err := gzip.NewReader(bytes.NewReader(imagenetFile))
	if err != nil {
		panic(err) // the file is embedded
	}
	all, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return strings.Split(strings.TrimSuffix(string(all), "\n"), "\n")
})

// imagenetNames are the classes of a head of that size; nil if that is no subset of
// ImageNet. Microsoft's has the classes of the 1k first.
func imagenetNames(classes int) []string {
	subset, ok := imagenetSubsets[classes]
	if !ok {
		return nil
	}
	var first, rest []string
	for _, line := range imagenetLines() {
		in, name, _ := strings.Cut(line, "\t")
		switch {
		case subset == "e" && strings.Contains(in, "a"):
			first = append(first, name)
		case strings.Contains(in, subset):
			rest = append(rest, name)
		}
	}
	return append(first, rest...)
}
