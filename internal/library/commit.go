package library

import (
	"context"
	"errors"

	"github.com/emblem-search/emblem/index"
)

// maxCommit bounds the files of one write.
const maxCommit = 256

// commitAll stores outcomes until commits is closed. What comes while one write
// waits for the disk goes into the next together. After an error it stops the
// run and drops the rest.
func (p *pipeline) commitAll(stop context.CancelCauseFunc) {
	var failed error
	for o := range p.commits {
		batch := []outcome{o}
		for len(batch) < maxCommit && len(p.commits) > 0 {
			batch = append(batch, <-p.commits)
		}
		// Files that waited for a content of this batch make up the next.
		for len(batch) > 0 && failed == nil {
			if failed = p.store(batch); failed != nil {
				stop(failed)
				break
			}
			var waited []outcome
			for _, o := range batch {
				waited = append(waited, p.committed(o)...)
			}
			batch = waited
		}
	}
}

// store writes outcomes in one synced batch. The run's context does not count:
// what is embedded is kept.
func (p *pipeline) store(batch []outcome) error {
	if p.fill {
		return p.attach(batch)
	}
	changes := make([]index.Change, len(batch))
	for i, o := range batch {
		changes[i] = index.Change{Action: index.Put, Document: o.file.document(o.vectors)}
	}
	receipt, err := p.lib.ix.Apply(context.Background(), changes)
	return errors.Join(err, receipt.Err())
}

// committed tells of a stored file and returns those that waited for it.
func (p *pipeline) committed(o outcome) []outcome {
	p.finished(o)
	if o.vectors == nil {
		return nil
	}
	waiting := p.claims.settle(o.hash, o.file.path)
	for i := range waiting {
		waiting[i].file = waiting[i].file.like(o.file)
		waiting[i].vectors = o.vectors
	}
	return waiting
}

// finished counts a file that is dealt with.
func (p *pipeline) finished(o outcome) {
	p.step(func(r *Report) {
		switch o.item.Status {
		case "added":
			r.Added++
		case "updated":
			r.Updated++
		case "reused":
			r.Reused++
		case "restored":
			r.Restored++
		case "unchanged":
			r.Unchanged++
		case "error":
			r.Failed[o.item.Kind]++
		}
		p.table.note(o)
		if o.item.Status != "unchanged" {
			p.Item(o.item)
		}
	})
}

// step counts one job as done.
func (p *pipeline) step(count func(*Report)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	count(&p.report)
	p.done++
	p.Progress(Progress{Found: len(p.jobs) + p.report.Unchanged, Done: p.done, Total: len(p.jobs)})
}
