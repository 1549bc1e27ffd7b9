package library

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/internal/picture"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// pipeline embeds files: readers hash and decode, one goroutine embeds batches,
// one commits, all at the same time.
//
//	jobs → readers → decoded → embed → commits
//	            └── known content, failures ──┘
type pipeline struct {
	*indexing
	budget  *budget             // of decoded pictures
	hears   Listener            // the model, if it hears; else nil
	reading *semaphore.Weighted // bytes of files
	decoded chan ready
	commits chan outcome
	claims  claims
}

// ready is a decoded picture, or a sound, on its way to the model.
type ready struct {
	file
	hash  digest
	image image.Image
	sound Sound // nil for a picture
	bytes int64 // of the budget
	again bool  // the path was known with another content
}

// outcome is what is to be stored for one file.
type outcome struct {
	file    file
	hash    digest
	vectors map[string][][]float32 // by space; nil for a failure
	item    Item
}

// embedNew runs all jobs. What is embedded when the context ends is still
// committed.
func (x *indexing) embedNew(ctx context.Context) error {
	x.Progress(Progress{Found: len(x.jobs) + x.report.Unchanged, Total: len(x.jobs)})
	if len(x.jobs) == 0 {
		return nil
	}
	p := &pipeline{
		indexing: x,
		budget:   newBudget(x.MemoryBytes),
		reading:  semaphore.NewWeighted(maxReading),
		decoded:  make(chan ready, x.BatchSize),
		commits:  make(chan outcome, 4*x.BatchSize),
		claims:   claims{known: x.table.byHash, open: map[digest][]outcome{}},
	}
	if l, ok := listener(x.model); ok {
		p.hears = l
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	committed := make(chan struct{})
	go func() { defer close(committed); p.commitAll(cancel) }()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.readAll(ctx) })
	g.Go(func() error { return p.embedAll(ctx) })
	err := g.Wait()
	close(p.commits)
	<-committed
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// maxReading bounds the bytes of files in memory; one that is larger is alone.
const maxReading = 1 << 30

// readAll reads the jobs on all cores and closes decoded.
func (p *pipeline) readAll(ctx context.Context) error {
	defer close(p.decoded)
	jobs := make(chan job)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(jobs)
		for _, j := range p.jobs {
			select {
			case jobs <- j:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			for j := range jobs {
				if err := p.read(ctx, j); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// read takes one file as far as it gets: to the model, or to a commit, or out.
// An error ends the run.
func (p *pipeline) read(ctx context.Context, j job) error {
	size := min(j.size, maxReading)
	if err := p.reading.Acquire(ctx, size); err != nil {
		return context.Cause(ctx)
	}
	defer p.reading.Release(size)
	f := file{path: j.path, stamp: j.stamp, added: p.now().Unix()}
	data, err := p.content(j)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.absent(f)
		return nil
	case errors.Is(err, errNoPicture):
		p.step(func(r *Report) { r.Skipped[skipOther]++ })
		return nil
	case err != nil:
		return p.fail(ctx, f, digest{}, err)
	}
	hash := contentHash(data)
	f.hash = hash.String()
	if p.fill && hash != j.known.hash {
		p.step(func(r *Report) { r.Skipped[skipChanged]++ })
		return nil
	}
	if handled, err := p.reuse(ctx, j, f, hash, data); handled || err != nil {
		return err
	}
	return p.decode(ctx, j, f, hash, data)
}

// absent counts a file that is not there any more. Index sees what to do about it
// when it walks; Migrate leaves it as it is.
func (p *pipeline) absent(f file) {
	p.step(func(r *Report) {
		if p.fill {
			r.Gone++
			p.Item(Item{Path: f.path, Status: "gone"})
		}
	})
}

var errNoPicture = errors.New("not a picture")

// content reads a file whose first bytes are a picture's. A file that only
// promises to be one is read too, so that the decoder says what is wrong.
func (p *pipeline) content(j job) ([]byte, error) {
	f, err := picture.Open(j.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if _, ok := picture.Sniff(head[:n]); !ok && !(p.hears != nil && isSound(head[:n])) {
		if !promises(j.path) && j.known == nil {
			return nil, errNoPicture
		}
		if _, err := p.pics.header(head[:n]); err != nil {
			return nil, err
		}
	}
	if most := p.pics.options.Limits.MaxBytes; j.size > most {
		return nil, &picture.Error{Kind: picture.TooLarge, Message: fmt.Sprintf("%d bytes are over the limit of %d", j.size, most)}
	}
	data := make([]byte, n, max(int64(n), j.size)+1)
	copy(data, head[:n])
	for len(data) < cap(data) {
		k, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+k]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the file grew while it was read; it is taken next time")
}

// reuse deals with content that is known: the file was renamed, copied, or only
// touched. Content that is on its way to the model is waited for.
func (p *pipeline) reuse(ctx context.Context, j job, f file, hash digest, data []byte) (handled bool, err error) {
	o := outcome{file: f, hash: hash, item: Item{Path: f.path, Status: "reused"}}
	if k := j.known; k != nil && k.hash == hash && !k.failed && !k.bare && !p.undescribed(k) {
		if k.stamp == j.stamp && k.gone == 0 && k.read == metadataVersion {
			p.step(func(r *Report) { r.Unchanged++ })
			return true, nil
		}
		o.item.Status = "unchanged"
		if k.gone != 0 {
			o.item.Status = "restored"
		}
		if found, err := p.copyFrom(ctx, f.path, o, data); found || err != nil {
			return true, err
		}
	}
	for {
		source, waits := p.claims.take(o)
		if waits || source == "" {
			return waits, nil
		}
		if found, err := p.copyFrom(ctx, source, o, data); found || err != nil {
			return true, err
		}
		p.claims.forget(hash)
	}
}

// copyFrom commits a file with the vector of a document of the same content; it
// is not found if the document went in the meantime. Metadata that an earlier
// version read is read again.
func (p *pipeline) copyFrom(ctx context.Context, source string, o outcome, data []byte) (found bool, err error) {
	d, err := p.lib.ix.Get(source)
	if errors.Is(err, index.ErrNotFound) || err == nil && (len(d.Vectors[p.space]) == 0 || p.parts > 0 && len(d.Vectors[p.partsSpace]) == 0) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	o.file = o.file.like(fileOf(d))
	if p.Describe != nil && o.file.describer != p.Describe.Name() {
		return false, nil
	}
	if o.file.read != metadataVersion && !isSound(data) {
		if h, err := p.pics.header(data); err == nil {
			found := o.file.caption
			if o.file.describe(h, data); o.file.caption == "" && o.file.describer != "" {
				o.file.caption = found
			}
		}
	}
	o.vectors = d.Vectors
	return true, p.send(ctx, o)
}

// decode takes a file that only this reader works on to the model.
func (p *pipeline) decode(ctx context.Context, j job, f file, hash digest, data []byte) error {
	if p.hears != nil && isSound(data) {
		return p.listen(ctx, j, f, hash, data)
	}
	h, err := p.pics.header(data)
	if err != nil {
		return p.fail(ctx, f, hash, err)
	}
	f.describe(h, data)
	bytes, err := p.budget.take(ctx, 3*int64(h.W)*int64(h.H))
	if err != nil {
		return err
	}
	im, err := p.pics.decode(data)
	if err != nil {
		p.budget.give(bytes)
		return p.fail(ctx, f, hash, err)
	}
	// A scaled decode needs less than the header said.
	if need := max(1, 3*int64(im.Bounds().Dx())*int64(im.Bounds().Dy())); need < bytes {
		p.budget.give(bytes - need)
		bytes = need
	}
	return p.offer(ctx, ready{file: f, hash: hash, image: im, bytes: bytes, again: j.known != nil})
}

// offer hands an input over to the model.
func (p *pipeline) offer(ctx context.Context, r ready) error {
	select {
	case p.decoded <- r:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fail tells of a file that cannot be read, and of those with the same content
// that waited for it. Only faults of the content are remembered; a file that
// could not be opened is tried again next time.
func (p *pipeline) fail(ctx context.Context, f file, hash digest, err error) error {
	for _, o := range append([]outcome{{file: f, hash: hash}}, p.claims.settle(hash, "")...) {
		o.file.failed, o.file.reason, o.file.reader = kindOf(err), reasonOf(err), p.pics.name()
		o.item = Item{Path: o.file.path, Status: "error", Kind: o.file.failed, Err: err}
		p.Log.Warn("skipped "+o.file.path+": "+strings.TrimPrefix(o.file.reason, "picture: "), "kind", o.file.failed)
		if o.file.failed == unreadable || p.fill {
			p.finished(o)
			continue
		}
		if err := p.send(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *pipeline) send(ctx context.Context, o outcome) error {
	select {
	case p.commits <- o:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
