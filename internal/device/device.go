// Package device opens the places where models run, by the names of --device.
//
// A process has one [tensor.Device] a place: [Open] returns the same one each
// time, so that everything that runs on it shares its two lanes.
//
//	dev, err := device.Open("auto")
package device

import (
	"fmt"
	"strings"
	"sync"

	"github.com/emblem-search/emblem/internal/tensor"
	"github.com/emblem-search/emblem/internal/tensor/cpu"
	"github.com/emblem-search/emblem/internal/tensor/dry"
)

var (
	mu   sync.Mutex
	open = map[string]*tensor.Device{}
)

// backends makes each place's backend, once.
var backends = map[string]func() (tensor.Backend, error){
	"cpu": func() (tensor.Backend, error) { return cpu.New(cpu.Options{}) },
	"dry": func() (tensor.Backend, error) { return dry.New(), nil }, // computes nothing, counts everything
}

// Open returns the device of that name: "auto" or none is the best there is,
// today the processor; "cpu"; "dry" computes nothing and counts everything.
func Open(name string) (*tensor.Device, error) {
	place := name
	switch {
	case name == "" || name == "auto":
		place = "cpu"
	case name == "gpu" || name == "cuda" || strings.HasPrefix(name, "cuda:"):
		return nil, fmt.Errorf("device: %s: this build has no CUDA yet; use --device cpu", name)
	}
	backend, ok := backends[place]
	if !ok {
		return nil, fmt.Errorf("device: %q is none of auto, cpu, cuda, cuda:N", name)
	}
	mu.Lock()
	defer mu.Unlock()
	if d := open[place]; d != nil {
		return d, nil
	}
	b, err := backend()
	if err != nil {
		return nil, fmt.Errorf("device: %s: %w", place, err)
	}
	open[place] = tensor.NewDevice(b)
	return open[place], nil
}
