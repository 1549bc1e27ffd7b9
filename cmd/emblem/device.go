package main

import (
	"fmt"
	"strings"

	"github.com/emblem-search/emblem/internal/device"
	"github.com/emblem-search/emblem/internal/tensor/cuda"
)

// openDevice opens the place of --device. A card that is asked for and cannot be had is
// exit 2; a driver that is installed and does not work is a warning where nobody asked.
func (a *app) openDevice() error {
	if _, err := device.Open(a.device); err != nil {
		return refusef("device", "%w", err)
	}
	if a.device == "auto" || a.device == "" {
		if s := device.Cards(); s.Broken {
			a.log.Warn("an NVIDIA driver is installed and does not work; emblem runs on the processor", "error", s.Err)
		}
	}
	return nil
}

// cards is what doctor says of NVIDIA cards.
type cards struct {
	Driver string      `json:"driver,omitempty"` // CUDA's version that the driver has
	Cards  []cuda.Card `json:"cards"`
	Reason string      `json:"reason,omitempty"` // why there is none to use
}

func findCards() cards {
	s := device.Cards()
	c := cards{Driver: s.Driver, Cards: s.Cards}
	if s.Err != nil {
		c.Reason = s.Err.Error()
	}
	return c
}

func (c cards) String() string {
	var all []string
	for _, card := range c.Cards {
		all = append(all, card.String())
	}
	s := strings.Join(all, "; ")
	if c.Driver != "" {
		s = strings.TrimPrefix(s+fmt.Sprintf(" (driver: CUDA %s)", c.Driver), " ")
	}
	if c.Reason != "" {
		s = strings.TrimPrefix(s+"; none: "+c.Reason, "; ")
	}
	return s
}
