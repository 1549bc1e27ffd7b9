package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/emblem-search/emblem/fusion"
	"github.com/emblem-search/emblem/internal/certificate"
	"github.com/emblem-search/emblem/internal/convert"
	"github.com/emblem-search/emblem/text"
	"github.com/emblem-search/emblem/vit"
)

// Convert writes a model's folder anew, at dst. The dtype is "f32", "f16", "bf16",
// "int8" or, to keep what is there, ""; the layout "transformers", "open_clip" or "".
// With int8 those matrices become int8 that opening the model as int8 rounds.
func Convert(ctx context.Context, name, dst, dtype, layout string, aliases map[string]string) (convert.Report, error) {
	p, err := find(name, aliases)
	if err != nil {
		return convert.Report{}, err
	}
	o := convert.Options{DType: dtype, Layout: layout}
	if dtype == "int8" {
		o.DType = ""
		if o.Int8, err = int8Names(ctx, p); err != nil {
			return convert.Report{}, err
		}
	}
	return convert.Folder(ctx, p.folder(), dst, o)
}

// int8Names are the tensors of a dual encoder that are kept as int8.
func int8Names(ctx context.Context, p place) ([]string, error) {
	m, err := fusion.Load(ctx, p.dir, fusion.Options{Name: p.name, FS: p.files(), DType: "int8", Lazy: true})
	if err != nil {
		return nil, fmt.Errorf("%w (int8 is for models that embed pictures and texts; others are rounded by --dtype int8 when they run)", err)
	}
	defer m.Close()
	names := slices.Compact(slices.Sorted(slices.Values(m.Int8())))
	if len(names) == 0 {
		return nil, fmt.Errorf("%s has no matrices that may be int8", p.name)
	}
	return names, nil
}

// Compare is the lowest cosine between the vectors of a model and of the folder that
// was made of it, both in f32; ok is false for what has no vectors.
func Compare(ctx context.Context, name, dir string, aliases map[string]string) (cosine float64, ok bool, err error) {
	p, err := find(name, aliases)
	if err != nil {
		return 0, false, err
	}
	if c, err := p.folder().Config(); err != nil || !vit.Knows(c.Family) && !text.Knows(c.Family) {
		return 0, false, nil
	}
	was, err := fusion.Load(ctx, p.dir, fusion.Options{Name: p.name, FS: p.files(), DType: "f32"})
	if err != nil {
		return 0, false, err
	}
	defer was.Close()
	is, err := fusion.Load(ctx, dir, fusion.Options{DType: "f32"})
	if err != nil {
		return 0, false, err
	}
	defer is.Close()
	worst, err := certificate.Furthest(ctx, was, is)
	return 1 - worst, err == nil, err
}
