// Package device opens the places where models run, by the names of --device.
//
// A process has one [tensor.Device] a place: [Open] returns the same one each
// time, so that everything that runs on it shares its two lanes. [Cards] says what
// there is besides the processor.
//
//	dev, err := device.Open("auto")
package device

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/cpu"
	"github.com/emblem-search/emblem/internal/tensor/cuda"
	"github.com/emblem-search/emblem/internal/tensor/dry"
)

var (
	mu   sync.Mutex
	open = map[string]*tensor.Device{}
)

// Open returns the device of that name: "cpu", "cuda:N", or "cuda" and "gpu" for the
// first card; "dry" computes nothing and counts everything. "auto", or none, is the
// processor, also where there is a card: none has been held to the oracle yet.
func Open(name string) (*tensor.Device, error) {
	place, err := parse(name)
	if err != nil {
		return nil, err
	}
	if place == "auto" {
		place = "cpu"
	}
	mu.Lock()
	defer mu.Unlock()
	if d := open[place]; d != nil {
		return d, nil
	}
	b, err := backend(place)
	if err != nil {
		return nil, fmt.Errorf("device: %s: %w", place, err)
	}
	open[place] = tensor.NewDevice(b)
	return open[place], nil
}

// parse gives a place its one name.
func parse(name string) (string, error) {
	switch name {
	case "", "auto":
		return "auto", nil
	case "cpu", "dry":
		return name, nil
	case "gpu", "cuda":
		return "cuda:0", nil
	}
	if n, ok := strings.CutPrefix(name, "cuda:"); ok {
		if i, err := strconv.Atoi(n); err == nil && i >= 0 {
			return "cuda:" + strconv.Itoa(i), nil
		}
	}
	return "", fmt.Errorf("device: %q is none of auto, cpu, cuda, cuda:N", name)
}

// backend makes a place's backend.
func backend(place string) (tensor.Backend, error) {
	switch place {
	case "cpu":
		return cpu.New(cpu.Options{})
	case "dry":
		return dry.New(), nil
	}
	ordinal, _ := strconv.Atoi(strings.TrimPrefix(place, "cuda:"))
	b, err := cuda.Open(ordinal, cuda.Options{})
	if err != nil {
		return nil, fmt.Errorf("%w; --device cpu runs without a card", err)
	}
	return b, nil
}

// Cards looks for NVIDIA cards and says why there is none to use.
func Cards() cuda.Survey { return cuda.Look() }
