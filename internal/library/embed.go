package library

import (
	"context"
	"fmt"
)

// embedAll gathers decoded pictures into batches. A batch goes early only when a
// reader waits for the memory that the batch holds.
func (p *pipeline) embedAll(ctx context.Context) error {
	var batch []ready
	flush := func() error {
		err := p.embedBatch(ctx, batch)
		batch = batch[:0]
		return err
	}
	for {
		select {
		case r, ok := <-p.decoded:
			if !ok {
				return flush()
			}
			batch = append(batch, r)
			if len(batch) < p.BatchSize && !p.starved() {
				continue
			}
		case <-p.budget.pressed:
			if !p.starved() {
				continue
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := flush(); err != nil {
			return err
		}
	}
}

// starved says that readers wait for memory and no decoded picture is left to
// fill the batch with.
func (p *pipeline) starved() bool { return p.budget.waiting.Load() > 0 && len(p.decoded) == 0 }

func (p *pipeline) embedBatch(ctx context.Context, batch []ready) error {
	if len(batch) == 0 {
		return nil
	}
	vectors := make([][]float32, len(batch))
	var inputs mixed
	for i, r := range batch {
		if r.sound != nil {
			inputs.sound(i, r.sound)
		} else {
			inputs.image(i, r.image)
		}
	}
	err := inputs.embed(ctx, p.model, vectors)
	var parts [][][]float32
	if err == nil {
		parts, err = p.embedParts(ctx, batch, inputs.images, inputs.imageAt, vectors)
	}
	leave := func(r *ready) {
		p.budget.give(r.bytes)
		r.image, r.sound, r.bytes = nil, nil, 0
	}
	defer func() {
		for i := range batch {
			leave(&batch[i])
		}
	}()
	if err != nil {
		return fmt.Errorf("embedding %d files, %s first: %w", len(batch), batch[0].path, err)
	}
	for i := range batch {
		r := &batch[i]
		if err := p.describe(ctx, r); err != nil {
			return err
		}
		leave(r)
		o := outcome{file: r.file, hash: r.hash, vectors: map[string][][]float32{p.space: {vectors[i]}}, item: Item{Path: r.path, Status: "added"}}
		if parts != nil {
			o.vectors[p.partsSpace] = parts[i]
		}
		if r.again {
			o.item.Status = "updated"
		}
		if err := p.send(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
