package models

import (
	"context"
	"fmt"

	"github.com/emblem-search/emblem/internal/certificate"
	"github.com/emblem-search/emblem/vit"
)

// MAE is an open masked autoencoder.
type MAE struct {
	*vit.MAE
	Name string // the public one
}

// OpenMAE opens a masked autoencoder by name. It is not shared, and no Budget
// counts it.
func OpenMAE(ctx context.Context, name string, o Options) (MAE, error) {
	p, err := find(name, o.Aliases)
	if err != nil {
		return MAE{}, err
	}
	m, err := vit.LoadMAE(ctx, p.dir, vit.Options{FS: p.files(), Device: o.Device, DType: o.DType, Bulk: o.Bulk})
	if err != nil {
		return MAE{}, fmt.Errorf("models: %s: %w", p.name, err)
	}
	if o.Device != "dry" {
		if _, err := certificate.Goldens(p.name, p.folder(), o.Device, m.DType()); err != nil {
			m.Close()
			return MAE{}, err
		}
	}
	return MAE{m, p.name}, nil
}
