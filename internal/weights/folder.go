package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// Folder is where a model's files are: a directory, or FS when it is set.
type Folder struct {
	Dir string
	FS  fs.FS
}

// Read returns a file's bytes; an error that is fs.ErrNotExist says that there
// is no such file.
func (f Folder) Read(name string) ([]byte, error) {
	if f.FS != nil {
		return fs.ReadFile(f.FS, name)
	}
	info, err := os.Stat(filepath.Join(f.Dir, name))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("weights: %s has %d bytes, want at most %d", name, info.Size(), maxFile)
	}
	return os.ReadFile(filepath.Join(f.Dir, name))
}

const maxFile = 256 << 20 // published configurations have some kB, tokenizers some MB

// Has tells whether the folder has a file.
func (f Folder) Has(name string) bool {
	if f.FS != nil {
		_, err := fs.Stat(f.FS, name)
		return err == nil
	}
	_, err := os.Stat(filepath.Join(f.Dir, name))
	return err == nil
}

// Open opens the folder's tensors: the first stem of which there is a file or a
// set of shards.
func (f Folder) Open(stems ...string) (*safetensors.Set, error) {
	if f.FS == nil {
		return safetensors.OpenFolder(f.Dir, stems...)
	}
	for _, stem := range stems {
		if data, err := fs.ReadFile(f.FS, stem+".safetensors"); err == nil {
			return safetensors.OpenBytes(stem+".safetensors", data)
		}
	}
	return nil, fmt.Errorf("weights: no %s.safetensors", stems[0])
}

// Config is what a folder says about itself.
type Config struct {
	Family string // model_type of config.json, "timm", "open_clip" or "imagebind"
	Raw    []byte // the file
	Stems  []string
}

// Config reads config.json, or open_clip_config.json where that is all there is
// or the only one with weights. Folders that have both are published for both
// libraries; the weights of config.json are then model.safetensors. ImageBind was
// published as one file and no configuration.
func (f Folder) Config() (Config, error) {
	raw, err := f.Read("config.json")
	if err == nil {
		var c struct {
			Type string `json:"model_type"`
			Timm string `json:"architecture"`

			Senses int `json:"imu_num_blocks"` // of ImageBindModel's arguments, as its copies on the hub keep them
		}
		if err := Decode("config.json", raw, &c); err != nil {
			return Config{}, err
		}
		if c.Type == "" && c.Timm != "" && !f.Has("open_clip_config.json") {
			c.Type = "timm"
		}
		if c.Type == "imagebind" || c.Type == "" && c.Senses > 0 {
			return Config{"imagebind", raw, imageBindStems}, nil
		}
		if c.Type != "" && f.hasWeights("model") || !f.Has("open_clip_config.json") {
			return Config{c.Type, raw, []string{"model"}}, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("weights: config.json: %w", err)
	}
	raw, err = f.Read("open_clip_config.json")
	if errors.Is(err, fs.ErrNotExist) && (f.Has("imagebind_huge.pth") || f.hasWeights("imagebind_huge")) {
		return Config{"imagebind", nil, imageBindStems}, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("weights: %s is not a model's folder: it has neither config.json nor open_clip_config.json", f.Dir)
	}
	return Config{"open_clip", raw, []string{"open_clip_model", "model"}}, err
}

func (f Folder) hasWeights(stem string) bool {
	return f.Has(stem+".safetensors") || f.Has(stem+".safetensors.index.json")
}

// Decode reads JSON over the defaults in v. Nothing, and null, leave them.
func Decode(where string, raw []byte, v any) error {
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("weights: %s: %w", where, plain(err))
	}
	return nil
}

// plain says of a JSON error what is wrong in the file's own words, not Go's.
func plain(err error) error {
	var e *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &e):
		return err
	case e.Field == "":
		return fmt.Errorf("it is a JSON %s where an object belongs", e.Value)
	}
	return fmt.Errorf("%s is a JSON %s, which does not belong there", e.Field, e.Value)
}

// Either is the first that is there and not null.
func Either(list ...json.RawMessage) json.RawMessage {
	for _, raw := range list {
		if len(raw) > 0 && string(raw) != "null" {
			return raw
		}
	}
	return nil
}
