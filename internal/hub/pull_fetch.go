package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// fetch brings what is missing, checks it, links it and points the revision at it.
func (p *puller) fetch(ctx context.Context, r record) error {
	if err := p.place.open(); err != nil {
		return err
	}
	defer p.place.root.Close()
	lock, err := p.place.lock(ctx, p.opt.Note)
	if err != nil {
		return err
	}
	defer lock.Close()
	blobs, err := p.missing(r)
	defer closeAll(blobs)
	if err == nil {
		err = p.room(blobs)
	}
	if err == nil {
		err = p.fetchAll(ctx, blobs)
	}
	if err != nil {
		return err
	}
	if err := p.place.writeRecord(r); err != nil {
		return p.place.explain(err)
	}
	return p.place.explain(p.place.point(r.Revision, r.Commit))
}

// blob is one content with the files that have it.
type blob struct {
	*partial
	commit string
	files  []remoteFile

	left      atomic.Int32 // ranges that are not there yet
	streaming sync.Mutex   // held by the one request that brings the whole file
	noRanges  atomic.Bool  // the server does not serve parts of it
}

// missing links what is there as a blob and opens what is not.
func (p *puller) missing(r record) ([]*blob, error) {
	var blobs []*blob
	for _, f := range r.Files {
		if linked(p.place.root, r.Commit, f) {
			continue
		}
		if i := slices.IndexFunc(blobs, func(b *blob) bool { return b.file.Etag == f.Etag }); i >= 0 {
			blobs[i].files = append(blobs[i].files, f)
			continue
		}
		whole, err := p.place.has(f)
		if err == nil && whole {
			err = p.place.link(r.Commit, f)
		}
		if err != nil {
			return blobs, p.place.explain(err)
		}
		if whole {
			continue
		}
		part, err := openPartial(p.place.root, f, p.opt.block)
		if err != nil {
			return blobs, p.place.explain(err)
		}
		blobs = append(blobs, &blob{partial: part, commit: r.Commit, files: []remoteFile{f}})
	}
	return blobs, nil
}

func closeAll(blobs []*blob) {
	for _, b := range blobs {
		b.close()
	}
}

// room refuses what the disk cannot hold, and sets the scale of the progress.
func (p *puller) room(blobs []*blob) error {
	var need int64
	for _, b := range blobs {
		there := b.there()
		p.total += b.file.Size
		p.done += there
		need += b.file.Size - there
	}
	p.advance(0)
	const margin = 16 << 20 // for the journal, links and folders
	free, err := p.opt.space(p.place.dir())
	if err != nil {
		return p.place.explain(err)
	}
	if need > 0 && free < uint64(need)+margin {
		return &PullError{Code: "disk_full", Err: fmt.Errorf("%s needs %s more in %s, where %s is free; free some space, or set HF_HUB_CACHE to a folder on another disk",
			p.ref, Bytes(need), p.place.cache, Bytes(int64(min(free, 1<<62))))}
	}
	return nil
}

// Bytes says n for people: "605 MB", "1.7 GB".
func Bytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}

// fetchAll brings all blobs, in ranges, a few requests at a time; small files
// first, which shows early what is wrong. After a failure no further request is
// made, and those under way are brought to their end, for the next pull.
func (p *puller) fetchAll(ctx context.Context, blobs []*blob) error {
	slices.SortStableFunc(blobs, func(a, b *blob) int { return int(min(max(a.file.Size-b.file.Size, -1), 1)) })
	var g errgroup.Group
	var failed atomic.Bool
	g.SetLimit(p.opt.Parallel)
	for _, b := range blobs {
		ranges := (b.count() + p.opt.perRange - 1) / p.opt.perRange
		b.left.Store(int32(max(ranges, 1)))
		for r := range max(ranges, 1) { // an empty file has none to fetch, but is one
			g.Go(func() error {
				if failed.Load() || ctx.Err() != nil {
					return ctx.Err()
				}
				err := p.part(ctx, b, r*p.opt.perRange)
				if err != nil {
					failed.Store(true)
				}
				return err
			})
		}
	}
	return g.Wait()
}

// part brings one range of a blob; the last of them makes it a file.
func (p *puller) part(ctx context.Context, b *blob, from int) error {
	err := p.fetchRange(ctx, b, from, min(from+p.opt.perRange, b.count()))
	if err == nil && b.left.Add(-1) == 0 {
		err = p.finish(ctx, b)
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	return p.byHand(b.commit, b.file, err)
}

// byHand adds to a file's error how to fetch it without emblem. What is wrong
// with the disk or the account, no other program gets right.
func (p *puller) byHand(commit string, f remoteFile, err error) error {
	var own *PullError
	if errors.As(err, &own) {
		return err
	}
	code := codeOf(err)
	switch {
	case code == "gated":
		return explain(err, p.ref, commit, p.client)
	case errors.Is(err, errWrongHash):
		code = "hash_mismatch"
	case code == "repo_not_found": // it was there a moment ago: the file is not
		code = "server"
	}
	out := &PullError{Code: code, Err: fmt.Errorf("%s of %s: %w", f.Name, p.ref.Repo, err), URL: p.client.resolve(p.ref.Repo, commit, f.Name).String()}
	out.Path, out.Hash = p.place.file(commit, f.Name), "its hash is not known"
	if f.Etag != "" {
		out.Path, out.Hash = p.place.blob(f.Etag), f.hash()
	}
	return out
}

// fetchRange brings the absent blocks of [from, to).
func (p *puller) fetchRange(ctx context.Context, b *blob, from, to int) error {
	return p.client.retry(ctx, func() (progress bool, err error) {
		for err == nil {
			first, end := b.missing(from, to)
			if first == end {
				return progress, nil
			}
			var n int
			n, err = p.ask(ctx, b, first, end)
			progress = progress || n > 0
		}
		return progress, err
	})
}

// ask requests blocks [first, end) and stores what comes; n is how many that were.
// A server that has no ranges is asked for all, by one request at a time.
func (p *puller) ask(ctx context.Context, b *blob, first, end int) (n int, err error) {
	r := request{method: http.MethodGet, url: p.client.resolve(p.ref.Repo, b.commit, b.file.Name)}
	start, stop := int64(first)*b.block, int64(end-1)*b.block+b.length(end-1)
	if b.noRanges.Load() {
		b.streaming.Lock()
		defer b.streaming.Unlock()
		if first, end = b.missing(first, end); first == end {
			return 0, nil // another request brought it
		}
	} else {
		r.bytes = fmt.Sprintf("%d-%d", start, stop-1)
	}
	resp, err := p.client.do(ctx, r)
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusRequestedRangeNotSatisfiable && r.bytes != "" {
		b.noRanges.Store(true)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if err := checkAnswer(resp, start, stop, b.file.Size); err != nil {
		return 0, err
	}
	switch whole := first == 0 && end == b.count(); {
	case resp.StatusCode == http.StatusPartialContent:
		return p.fill(b, resp.Body, first, end)
	case r.bytes != "" && !whole:
		b.noRanges.Store(true)
		return 0, nil
	}
	return p.fill(b, resp.Body, 0, b.count())
}

// checkAnswer demands the bytes that were asked for, or all of them.
func checkAnswer(resp *http.Response, start, stop, size int64) error {
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return permanent{fmt.Errorf("%s sends it as %s, which was not asked for", resp.Request.URL.Host, printable(coding))}
	}
	switch resp.StatusCode {
	case http.StatusPartialContent:
		got := resp.Header.Get("Content-Range")
		if got != fmt.Sprintf("bytes %d-%d/%d", start, stop-1, size) && got != fmt.Sprintf("bytes %d-%d/*", start, stop-1) {
			return fmt.Errorf("%s sends %q where bytes %d-%d of %d were asked for", resp.Request.URL.Host, printable(got), start, stop-1, size)
		}
	case http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != size {
			return fmt.Errorf("%s sends %d bytes where the hub announced %d", resp.Request.URL.Host, resp.ContentLength, size)
		}
	default:
		return &statusError{status: resp.StatusCode, host: resp.Request.URL.Host}
	}
	return nil
}

// fill reads blocks [first, end) and stores those that are absent.
func (p *puller) fill(b *blob, body io.Reader, first, end int) (n int, err error) {
	buf := make([]byte, min(b.block, b.file.Size))
	for i := first; i < end; i++ {
		piece := buf[:b.length(i)]
		if _, err := io.ReadFull(body, piece); err != nil {
			return n, cut(err)
		}
		if b.has(i) {
			continue
		}
		if err := p.opt.written(int64(len(piece))); err != nil {
			return n, permanent{p.place.explain(err)}
		}
		if err := b.store(i, piece); err != nil {
			return n, permanent{p.place.explain(err)}
		}
		p.advance(int64(len(piece)))
		n++
	}
	return n, nil
}

// cut names what io.ReadFull calls an end.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the connection was cut: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// finish checks a blob, gives it its name and links it.
func (p *puller) finish(ctx context.Context, b *blob) error {
	err := b.verify()
	if errors.Is(err, errWrongHash) {
		err = p.repair(ctx, b, err)
	}
	root := p.place.root
	if errors.Is(err, errWrongHash) { // nothing of it can be believed
		b.close()
		err = errors.Join(err, root.Remove(partialName(b.file.Etag)), root.Remove(journalName(b.file.Etag)))
	}
	if err != nil {
		return err
	}
	if err := b.data.Sync(); err != nil {
		return p.place.explain(err)
	}
	b.close()
	if err := root.Rename(partialName(b.file.Etag), "blobs/"+b.file.Etag); err != nil {
		return p.place.explain(err)
	}
	if err := root.Remove(journalName(b.file.Etag)); err != nil {
		return p.place.explain(err)
	}
	for _, f := range b.files {
		if err := p.place.link(b.commit, f); err != nil {
			return p.place.explain(err)
		}
	}
	return nil
}

// repair fetches a file with a wrong hash again, range by range, until it is right.
// Which range is wrong shows when another comes in its place.
func (p *puller) repair(ctx context.Context, b *blob, wrong error) error {
	for from := 0; from < b.count() && errors.Is(wrong, errWrongHash); from += p.opt.perRange {
		to := min(from+p.opt.perRange, b.count())
		old, n := b.forget(from, to)
		p.advance(-n)
		if err := p.fetchRange(ctx, b, from, to); err != nil {
			return err
		}
		if !slices.Equal(old, b.sumsOf(from, to)) {
			wrong = b.verify()
		}
	}
	return wrong
}
