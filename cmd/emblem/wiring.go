package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/library"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/internal/simd"
	"github.com/emblem-search/emblem/vit"
)

// wiring is the only place that names concrete models and kernels.
type wiring struct {
	// kernels names the compute kernels chosen for this machine.
	kernels func() string
	// openModel opens a model of pictures and words for libraries.
	openModel func(context.Context, modelChoice) (embedder, error)
	// aliases are short names for models, from the configuration file.
	aliases map[string]string
	// cache is the folder of what can be made again of models; "" keeps nothing.
	cache string
}

// embedder is a library's model that can be given up.
type embedder interface {
	library.Embedder
	Close() error
}

// modelChoice says which model, and how it is to run.
type modelChoice struct {
	Ref    string // a folder's absolute path, or a name
	DType  string
	Device string
	Bulk   bool // give way to interactive work
	Budget *models.Budget
	Reduce vit.Reduce
	Cache  string
}

const (
	// photoModel is the model for photographs that the photo guard names.
	photoModel     = "openai/clip-vit-base-patch32"
	photoModelSize = "605 MB"
)

// illustrationsOnly says whether a model knows no photographs.
func illustrationsOnly(ref string) bool { return strings.HasPrefix(ref, "builtin/") }

func defaultWiring() wiring {
	return wiring{kernels: kernelNames, openModel: openModel}
}

func kernelNames() string {
	k, err := simd.Best()
	if err != nil {
		return err.Error()
	}
	return k.Name
}

func openModel(ctx context.Context, c modelChoice) (embedder, error) {
	m, err := models.Open(ctx, c.Ref, models.Options{Device: c.Device, DType: c.DType, Bulk: c.Bulk, Budget: c.Budget, Reduce: c.Reduce, Cache: c.Cache})
	if err != nil {
		return nil, modelError(err)
	}
	print, err := m.Fingerprint()
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("the fingerprint of %s: %w", c.Ref, err)
	}
	return dual{m, print}, nil
}

// dual is a dual encoder as libraries take it.
type dual struct {
	*models.Model
	print string
}

func (d dual) Fingerprint() string        { return d.print }
func (d dual) LogitScale() float32        { return float32(d.Scale()) }
func (d dual) LogitBias() (float32, bool) { return float32(d.Bias()), d.Sigmoid() }

// Hears, Listen and EmbedSounds make it a library.Listener.
func (d dual) Hears() bool { return d.Has(fusion.Audio) }

func (d dual) Listen(file []byte) (library.Sound, error) { return d.SoundFile(file) }

func (d dual) EmbedSounds(ctx context.Context, sounds []library.Sound) ([][]float32, error) {
	signals := make([]fusion.Signal, len(sounds))
	for i, s := range sounds {
		signals[i] = s.(fusion.Signal)
	}
	return d.EmbedSignals(ctx, signals)
}

// modelRef is how a model is named from any working directory: a folder gets its
// absolute path, an alias is replaced, all else stays.
func (a *app) modelRef(name string) (string, error) {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return filepath.Abs(name)
	}
	if full, ok := a.wiring.aliases[name]; ok && !illustrationsOnly(name) {
		return full, nil
	}
	return name, nil
}
