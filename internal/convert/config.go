package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/emblem-search/emblem/internal/weights"
)

// object is a JSON object of which only some keys are touched.
type object map[string]json.RawMessage

func (w *writer) readObject(name string) (o object, err error) {
	raw, err := os.ReadFile(w.at(name))
	if err == nil {
		err = weights.Decode(name, raw, &o)
	}
	return o, err
}

func (w *writer) writeObject(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(w.at(name), append(b, '\n'), 0o644)
}

func (o object) set(key string, v any) {
	o[key], _ = json.Marshal(v) // strings, numbers, lists and maps of them
}

// torchNames are the dtypes as configurations name them.
var torchNames = map[string]string{"f32": "float32", "f16": "float16", "bf16": "bfloat16"}

// configure writes what the new layout says of the model, and in config.json what the
// numbers are stored in.
func (w *writer) configure(l *layout) error {
	if l != nil {
		if err := l.configure(w); err != nil {
			return err
		}
	}
	c, err := w.readObject("config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // open_clip and diffusers do not say
	}
	if err != nil {
		return err
	}
	if w.DType != "" {
		key := "dtype"
		if _, old := c["torch_dtype"]; old {
			key = "torch_dtype"
		}
		c.set(key, torchNames[w.DType])
	}
	switch {
	case w.report.Int8 > 0 && len(w.Int8) > 0:
		c.set("quantization_config", compressedTensors(w.linear))
	case w.report.Int8 == 0:
		delete(c, "quantization_config")
	}
	return w.writeObject("config.json", c)
}

// compressedTensors says in config.json how int8 is stored, for other programs: all
// linear layers but those in ignore.
func compressedTensors(ignore []string) any {
	slices.Sort(ignore)
	return map[string]any{
		"quant_method": "compressed-tensors", "format": "int-quantized", "quantization_status": "compressed",
		"config_groups": map[string]any{"group_0": map[string]any{
			"targets": []string{"Linear"},
			"weights": map[string]any{"num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel", "dynamic": false},
		}},
		"ignore": slices.Compact(ignore),
	}
}

// removed are files of the old layout.
func (w *writer) remove(names ...string) error {
	for _, name := range names {
		if err := os.Remove(w.at(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// only refuses a setting that the other library has no word for: all that is not
// known, null, false, 0 or empty.
func (o object) only(where string, known ...string) error {
	for key, raw := range o {
		if !slices.Contains(known, key) && !slices.Contains([]string{"null", "false", "0", "0.0", `""`, "[]", "{}"}, string(raw)) {
			return fmt.Errorf("%s has %s %.60s, which the other layout cannot say", where, key, raw)
		}
	}
	return nil
}
