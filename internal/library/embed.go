package library

import (
	"context"
	"fmt"
	"image"
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
	images := make([]image.Image, len(batch))
	for i, r := range batch {
		images[i] = r.image
	}
	vectors, err := p.model.EmbedImages(ctx, images)
	for i := range batch {
		p.budget.give(batch[i].bytes)
		batch[i].image = nil
	}
	if err != nil {
		return fmt.Errorf("embedding %d pictures, %s first: %w", len(batch), batch[0].path, err)
	}
	if len(vectors) != len(batch) {
		return fmt.Errorf("%s gave %d vectors for %d pictures", p.model.Name(), len(vectors), len(batch))
	}
	for i, r := range batch {
		o := outcome{file: r.file, hash: r.hash, vectors: map[string][][]float32{p.space: {vectors[i]}}, item: Item{Path: r.path, Status: "added"}}
		if r.again {
			o.item.Status = "updated"
		}
		if err := p.send(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
