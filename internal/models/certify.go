package models

import (
	"context"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/certificate"
)

// Certificate says how right the model is on this machine. A deep one reads all
// weights, and once more in f32.
func (m *Model) Certificate(ctx context.Context, deep bool) (c *certificate.Certificate, err error) {
	full := func(ctx context.Context, d *fusion.DualEncoder) (err error) {
		c, err = certificate.Full(ctx, d, m.key.folder(), certificate.Options{Device: m.key.device, Deep: deep})
		return err
	}
	if deep {
		err = m.with(ctx, full)
	} else {
		err = full(ctx, m.DualEncoder) // needs no weights
	}
	return c, err
}

// Drift are the findings of opening the model that are worth a look.
func (m *Model) Drift() (drift []certificate.Finding) {
	for _, f := range m.Findings {
		if !f.OK {
			drift = append(drift, f)
		}
	}
	return drift
}
