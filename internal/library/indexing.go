package library

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emblem-search/emblem/index"
)

// indexing is one run of Index.
type indexing struct {
	Options
	lib   *Library
	model Embedder
	space string // of the model's vectors
	parts int    // vectors for the parts of each picture; 0: none
	fill  bool   // only vectors are added, to documents that are known: see Migrate
	pics  pictures

	partsSpace string // of the vectors of parts
	table      *table
	start      time.Time
	jobs       []job // new and changed files
	walked     *walk

	mu     sync.Mutex // guards what workers change, and the calls to the user
	report Report
	done   int
}

// job is a file to read.
type job struct {
	candidate
	known *known // what was known of the path, or nil
}

// Index brings the library up to date with the folders: what is new or changed
// is embedded and committed batch by batch, what vanished is hidden. Killed or
// cancelled at any point, the next call goes on where this one was.
//
// Files that cannot be read are warnings and counts in the report, not errors.
// Calls on one library wait for each other.
func (l *Library) Index(ctx context.Context, e Embedder, o Options) (Report, error) {
	release, err := l.hold(ctx)
	if err != nil {
		return Report{}, err
	}
	defer release()
	o.defaults()
	x := &indexing{Options: o, lib: l, model: e, space: l.Manifest().space(), start: o.now()}
	x.report = Report{Library: l.name, Model: e.Name(), Failed: map[string]int{}, Skipped: map[string]int{}, Unmounted: []string{}}
	minSide := e.ImageSide()
	if o.ExactDecode || o.Describe != nil { // small letters would be lost
		minSide = 0
	}
	x.pics = newPictures(o.MaxMegapixels, minSide)
	for _, step := range []func(context.Context) error{
		x.beginParts,
		x.load,
		x.walk,
		x.guardPhotos,
		x.adopt,
		x.restore,
		x.hideVanished,
		x.embedNew,
		x.settle,
		x.learn,
	} {
		if err := step(ctx); err != nil {
			return x.report, err
		}
	}
	return x.report, x.finish()
}

// load reads what is known and checks the roots.
func (x *indexing) load(context.Context) (err error) {
	if x.Roots, err = cleanRoots(x.Roots); err != nil {
		return err
	}
	if err := x.loadTable(); err != nil {
		return err
	}
	for _, root := range x.Roots {
		if _, err := os.Stat(root); err != nil && !x.knows(root) {
			return errorf(KindPath, "no file or folder %q", root)
		}
	}
	return nil
}

// loadTable looks for documents without a vector only where there may be some.
func (x *indexing) loadTable() (err error) {
	gaps := x.lib.Manifest().Gaps
	var has func(string) (bool, error)
	if gaps {
		has = func(id string) (bool, error) {
			spaces, err := x.lib.vectorSpaces(id)
			return slices.Contains(spaces, x.space) && (x.parts == 0 || slices.Contains(spaces, x.partsSpace)), err
		}
	}
	if x.table, err = loadTable(x.lib.ix, x.pics.name(), has); err != nil || !gaps || x.table.bare() > 0 {
		return err
	}
	return x.lib.setManifest(func(m *Manifest) { m.Gaps = false })
}

func (x *indexing) knows(root string) bool {
	for path := range x.table.files {
		if Within(path, root) {
			return true
		}
	}
	return false
}

// walk finds the files that are there and sorts out those to read.
func (x *indexing) walk(ctx context.Context) error {
	exclude, err := newGlobs(x.Exclude)
	if err != nil {
		return err
	}
	found := 0
	x.walked = newWalk(ctx, x.Log, x.Roots, exclude, func(c candidate) {
		if found++; found%1000 == 0 {
			x.Progress(Progress{Found: found})
		}
		x.meet(c)
	})
	x.walked.inside = x.Inside
	err = x.walked.run()
	for why, n := range x.walked.skipped {
		x.report.Skipped[why] += n
	}
	if n := len(x.walked.unread); n > 0 {
		x.report.Failed[unreadableFolder] += n
	}
	return err
}

// meet compares a file with what is known of it.
func (x *indexing) meet(c candidate) {
	k := x.table.files[c.path]
	if k != nil {
		k.seen = true
	}
	if x.Verify || !k.unchanged(c.stamp) || x.undescribed(k) {
		x.jobs = append(x.jobs, job{c, k})
		if k != nil {
			k.todo = true
		}
		return
	}
	switch {
	case k.gone != 0: // restore counts it
	case k.failed:
		x.failedBefore(c.path)
	default:
		x.report.Unchanged++
	}
}

// failedBefore counts a file that an earlier run could not read, without reading
// it again.
func (x *indexing) failedBefore(path string) {
	if d, err := x.lib.ix.Get(path); err == nil {
		x.report.Failed[fileOf(d).failed]++
	}
}

// adopt binds the library to the model.
func (x *indexing) adopt(context.Context) error {
	if err := x.lib.Adopt(x.model, x.Ref, x.Named); err != nil {
		return err
	}
	return x.lib.setManifest(func(m *Manifest) {
		for _, r := range x.Roots {
			r = strings.ToValidUTF8(r, "\ufffd") // as it will be read
			if !slices.Contains(m.Roots, r) {
				m.Roots = append(m.Roots, r)
			}
		}
		slices.Sort(m.Roots)
	})
}

// rewrite changes what is known of paths, in batches; the vectors stay.
func (x *indexing) rewrite(ctx context.Context, paths []string, change func(*file)) error {
	for batch := range slices.Chunk(paths, 1000) {
		var changes []index.Change
		for _, path := range batch {
			d, err := x.lib.ix.Get(path)
			if errors.Is(err, index.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			f := fileOf(d)
			change(&f)
			changes = append(changes, index.Change{Action: index.Update, Document: f.document(nil)})
		}
		receipt, err := x.lib.ix.Apply(ctx, changes)
		if err := errors.Join(err, receipt.Err()); err != nil {
			return err
		}
	}
	return nil
}

// finish completes the report.
func (x *indexing) finish() error {
	for d, err := range x.lib.ix.Documents() {
		if err != nil {
			return err
		}
		if !d.Hidden {
			x.report.Pictures++
		}
	}
	x.report.Seconds = x.now().Sub(x.start).Seconds()
	return x.lib.ix.SetNote(noteUpdated, []byte(x.now().UTC().Format(time.RFC3339)))
}
