package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/bench"
	"github.com/emblem-search/emblem/internal/builtin"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/picture"
)

// builtinEnd is the id that ends a text of the built-in tokenizer.
const builtinEnd = 4063

// newBenchFolderCmd makes a model to put a server under load with.
func newBenchFolderCmd(*app) *cobra.Command {
	var arch, dtype string
	cmd := &cobra.Command{
		Use:   "folder DIR",
		Short: "Make a model's folder of the shape of one of CLIP's, with random weights",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("dtype", dtype, "bf16", "f32"); err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return err
			}
			return benchError(bench.WriteCLIP(args[0], arch, dtype, builtin.Search(), builtinEnd))
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "vit-b-32", "vit-b-32 or vit-l-14")
	cmd.Flags().StringVar(&dtype, "dtype", "bf16", "what the weights are stored in, bf16 or f32")
	return cmd
}

// newBenchLoadCmd times how a model's weights come into memory.
func newBenchLoadCmd(a *app) *cobra.Command {
	var o bench.LoadOptions
	cmd := &cobra.Command{
		Use:   "load DIR",
		Short: "Time the loading of a model's folder against the reading of its bytes",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir, o.Device = args[0], a.device
			r, err := bench.Load(cmd.Context(), o)
			if err != nil {
				return err
			}
			return json.NewEncoder(a.stdout).Encode(r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16 or int8")
	f.BoolVar(&o.Cold, "cold", false, "also from the disk")
	f.IntVar(&o.Rounds, "rounds", 3, "how often each is timed")
	return cmd
}

// benchError makes an architecture that is not there exit 2.
func benchError(err error) error {
	var arch *bench.ErrArch
	if errors.As(err, &arch) {
		return usagef("%v", err)
	}
	return err
}

// newBenchDecodeCmd times the way from a file to a model's pixels, on one core.
func newBenchDecodeCmd(a *app) *cobra.Command {
	var seconds float64
	var model modelFlags
	cmd := &cobra.Command{
		Use:   "decode DIR",
		Short: "Time the decoding and resizing of a folder's JPEG files for a model, on one core",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := model.open(cmd.Context(), a)
			if err != nil {
				return err
			}
			defer m.Close()
			n, took, err := timeDecode(m, args[0], time.Duration(seconds*float64(time.Second)))
			if err != nil {
				return err
			}
			return json.NewEncoder(a.stdout).Encode(map[string]any{"model": m.Name(), "pictures": n, "core_ms": 1000 * took.Seconds() / float64(n)})
		},
	}
	model.add(cmd)
	cmd.Flags().Float64Var(&seconds, "seconds", 3, "how long to measure")
	return cmd
}

// timeDecode decodes and resizes pictures one after the other for a while.
func timeDecode(m *models.Model, dir string, most time.Duration) (n int, took time.Duration, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err == nil && len(names) == 0 {
		err = usagef("no .jpg in the folder %q", dir)
	}
	var files [][]byte
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			return 0, 0, err
		}
		files = append(files, file)
	}
	for start := time.Now(); err == nil && took < most; n++ {
		im, err := picture.Decode(files[n%len(files)], picture.Options{})
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", names[n%len(files)], err)
		}
		if _, err := m.Preprocess(im); err != nil {
			return 0, 0, err
		}
		took = time.Since(start)
	}
	return n, took, err
}
