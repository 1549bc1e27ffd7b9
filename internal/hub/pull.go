package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// PullOptions are how to fetch. The zero value is right.
type PullOptions struct {
	Cache    string                  // the shared cache; "" is CacheDir()
	Parallel int                     // requests at a time; 0 is 8
	Progress func(done, total int64) // bytes, called often and never twice at a time; may be nil
	Note     func(string)            // sentences for people, such as which revision is taken instead; may be nil

	seams
}

// seams are what tests put something else for.
type seams struct {
	block    int64 // bytes that are journalled at once; 0 is 256 KiB
	perRange int   // blocks that are asked for at once; 0 is 64
	attempts int   // of a request that brings nothing; 0 is 5
	wait     func(context.Context, time.Duration) error
	space    func(dir string) (uint64, error)
	written  func(n int64) error // before n bytes are written
}

func (o PullOptions) withDefaults() PullOptions {
	if o.Cache == "" {
		o.Cache = CacheDir()
	}
	if o.Parallel == 0 {
		o.Parallel = 8
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	o.seams = o.seams.withDefaults()
	return o
}

func (s seams) withDefaults() seams {
	if s.block == 0 {
		s.block = 256 << 10
	}
	if s.perRange == 0 {
		s.perRange = 64
	}
	if s.attempts == 0 {
		s.attempts = 5
	}
	if s.wait == nil {
		s.wait = sleep
	}
	if s.space == nil {
		s.space = freeSpace
	}
	if s.written == nil {
		s.written = func(int64) error { return nil }
	}
	return s
}

// Pulled is a repository's revision that is in the cache now.
type Pulled struct {
	Found
	Licence string // as the repository says, "" if it does not
	Files   int    // that a model needs; other tools may have put more there
	Bytes   int64  // of those files
}

// Pull brings what a model needs of a repository into the shared cache: its
// configuration, tokenizer, safetensors and licence. What is there already is
// not fetched again, and a pull that was cut off goes on where it was: of each
// request that was under way at most 256 KiB are lost. Every file is checked against
// the hub's hash before it gets its name.
//
// Errors are *[PullError], or the context's cause.
func Pull(ctx context.Context, ref Ref, remote Remote, opt PullOptions) (Pulled, error) {
	p := &puller{ref: ref, opt: opt.withDefaults()}
	if p.opt.Cache == "" {
		return Pulled{}, &PullError{Code: "config", Err: errors.New("there is no home folder and so no Hugging Face cache; set HF_HUB_CACHE")}
	}
	p.place = place{cache: p.opt.Cache, repo: ref.Repo}
	if remote.Offline {
		return p.offline()
	}
	var err error
	if p.client, err = newClient(remote, p.opt.seams); err != nil {
		return Pulled{}, err
	}
	done, err := p.run(ctx)
	if err != nil && ctx.Err() != nil {
		return Pulled{}, context.Cause(ctx)
	}
	return done, err
}

// puller is one pull.
type puller struct {
	ref    Ref
	opt    PullOptions
	client *client
	place  place

	mu    sync.Mutex // of what follows
	done  int64
	total int64
}

// maxFiles is more than the largest models are cut into.
const maxFiles = 500

func (p *puller) run(ctx context.Context) (Pulled, error) {
	revision, list, err := p.find(ctx)
	if err != nil {
		return Pulled{}, err
	}
	files := choose(list)
	if len(files) > maxFiles {
		return Pulled{}, &PullError{Code: "failed", Err: fmt.Errorf("%s has %d files that a model may need, over the limit of %d", p.ref, len(files), maxFiles)}
	}
	if err := p.measure(ctx, list.Commit, files); err != nil {
		return Pulled{}, err
	}
	out := p.pulled(revision, list.Commit, files)
	out.Licence = list.Licence
	if p.place.complete(revision, list.Commit, files) {
		return out, nil
	}
	return out, p.fetch(ctx, record{Repo: p.ref.Repo, Revision: revision, Commit: list.Commit, Licence: list.Licence, Files: files})
}

func (p *puller) pulled(revision, commit string, files []remoteFile) Pulled {
	out := Pulled{Found: Found{Dir: p.place.snapshot(commit), Name: lastPart(p.ref.Repo), Repo: p.ref.Repo, Revision: revision, Commit: commit}, Files: len(files)}
	for _, f := range files {
		out.Bytes += f.Size
	}
	return out
}

// offline answers from the cache alone.
func (p *puller) offline() (Pulled, error) {
	for _, rev := range cachedCandidates(p.ref.Revision, p.ref.Alias) {
		_, commit, err := snapshot(p.place.dir(), rev, safetensorsFile)
		if err != nil {
			continue
		}
		r, err := p.place.readRecord(commit)
		if err != nil { // another tool brought it: what is there is all that is known
			r.Files, err = p.place.present(commit)
		}
		if err != nil || !p.place.complete(rev, commit, r.Files) {
			continue
		}
		out := p.pulled(rev, commit, r.Files)
		out.Licence = r.Licence
		return out, nil
	}
	return Pulled{}, &PullError{Code: "offline", Err: fmt.Errorf("HF_HUB_OFFLINE is set, and %s does not have the whole of %s; unset it, or copy the cache from another machine", p.place.cache, p.ref)}
}

// advance counts bytes that are in their place; n is negative for those that
// turned out wrong.
func (p *puller) advance(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.opt.Progress(p.done, p.total)
}
