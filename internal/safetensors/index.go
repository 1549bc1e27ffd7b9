package safetensors

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// maxShards bounds the files that an index may make us open.
const maxShards = 1_024

// parseIndex reads the text of a .safetensors.index.json and returns its map
// from tensors to the names of shards, which are plain file names.
func parseIndex(text []byte) (map[string]string, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("the index is not valid UTF-8")
	}
	s := &scanner{b: text}
	var weightMap map[string]string
	err := s.object(func(key string) (err error) {
		if key != "weight_map" {
			return s.skip() // metadata with a total size that is often wrong
		}
		weightMap, err = readWeightMap(s)
		return err
	})
	if err == nil {
		err = s.end()
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("bad index: %w", err)
	case len(weightMap) == 0:
		return nil, errors.New("bad index: it has no weight_map, or an empty one")
	}
	return weightMap, nil
}

func readWeightMap(s *scanner) (map[string]string, error) {
	m := map[string]string{}
	shards := map[string]bool{}
	err := s.object(func(name string) error {
		if len(m) == maxTensors {
			return fmt.Errorf("more than %d tensors", maxTensors)
		}
		file, err := s.str()
		if err != nil {
			return err
		}
		if !plainName(file) {
			return fmt.Errorf("shard %s of tensor %s is not the plain name of a .safetensors file", quoted(file), quoted(name))
		}
		if shards[file] = true; len(shards) > maxShards {
			return fmt.Errorf("more than %d shards", maxShards)
		}
		m[name] = file
		return nil
	})
	return m, err
}

// plainName reports whether a foreign string names a file of the folder at hand
// and of no other, on any system.
func plainName(s string) bool {
	const suffix = ".safetensors"
	return len(s) > len(suffix) && len(s) <= 255 && strings.HasSuffix(s, suffix) &&
		!strings.ContainsAny(s, `/\:*?"<>|`) && filepath.IsLocal(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
