package library

import (
	"context"
	"os"
	"slices"

	"github.com/emblem-search/emblem/index"
)

// restore shows vanished files again that are back as they were.
func (x *indexing) restore(ctx context.Context) error {
	var back []string
	for path, k := range x.table.files {
		if k.seen && k.gone != 0 && !k.todo {
			back = append(back, path)
		}
	}
	slices.Sort(back)
	err := x.rewrite(ctx, back, func(f *file) { f.gone = 0 })
	if err != nil {
		return err
	}
	x.report.Restored += len(back)
	x.tell(back, "restored")
	return nil
}

func (x *indexing) tell(paths []string, status string) {
	for _, p := range paths {
		x.Item(Item{Path: p, Status: status})
	}
}

// hideVanished hides at once what was seen to be deleted, and what vanished from
// roots that look whole. Roots that lost much wait for settle, which knows what was
// only renamed.
func (x *indexing) hideVanished(ctx context.Context) error {
	for _, root := range x.Roots {
		lost, excluded := x.vanished(root)
		if err := x.hide(ctx, append(excluded, x.seenDeleted(root, lost)...)); err != nil {
			return err
		}
		lost, _ = x.vanished(root)
		if x.looksUnmounted(root, len(lost)) {
			continue
		}
		if err := x.hide(ctx, lost); err != nil {
			return err
		}
	}
	return nil
}

// seenDeleted are those of the lost files that somebody deleted, where the root is
// still there.
func (x *indexing) seenDeleted(root string, lost []string) (sure []string) {
	if _, err := os.Stat(root); err != nil {
		return nil
	}
	for _, path := range lost {
		if x.deleted(path) {
			sure = append(sure, path)
		}
	}
	return sure
}

// settle decides about the roots that lost much, and forgets what vanished long
// ago.
func (x *indexing) settle(ctx context.Context) error {
	present := map[digest]bool{}
	for path, k := range x.table.files {
		if k.gone == 0 && (k.seen || !x.inRoots(path)) {
			present[k.hash] = true
		}
	}
	for _, root := range x.Roots {
		lost, _ := x.vanished(root)
		// What was renamed has left its old path for sure.
		var renamed, missing []string
		for _, path := range lost {
			if x.table.files[path].hash != (digest{}) && present[x.table.files[path].hash] {
				renamed = append(renamed, path)
			} else {
				missing = append(missing, path)
			}
		}
		if !x.looksUnmounted(root, len(missing)) {
			renamed = append(renamed, missing...)
		} else {
			x.warnUnmounted(root, len(missing))
		}
		if err := x.hide(ctx, renamed); err != nil {
			return err
		}
	}
	return x.prune(ctx)
}

func (x *indexing) inRoots(path string) bool {
	return slices.ContainsFunc(x.Roots, func(r string) bool { return Within(path, r) })
}

// vanished returns the known files of a root that are not there any more, and
// those that are there but are left out by rules now. What lies in folders that
// could not be read is neither.
func (x *indexing) vanished(root string) (lost, excluded []string) {
	for path, k := range x.table.files {
		if k.seen || k.gone != 0 || !Within(path, root) {
			continue
		}
		if slices.ContainsFunc(x.walked.unread, func(d string) bool { return Within(path, d) }) {
			continue
		}
		if _, err := os.Lstat(path); err == nil {
			excluded = append(excluded, path)
		} else {
			lost = append(lost, path)
		}
	}
	slices.Sort(lost)
	slices.Sort(excluded)
	return lost, excluded
}

// looksUnmounted says whether a root that lost so many files is more likely a
// disk that is not there: it is missing, it is empty, or over a fifth is gone.
// Prune is the user's word that the last is no accident.
func (x *indexing) looksUnmounted(root string, lost int) bool {
	if lost == 0 {
		return false
	}
	all := 0
	for path, k := range x.table.files {
		if k.old && k.gone == 0 && Within(path, root) {
			all++
		}
	}
	return x.looksEmpty(root) || lost*5 > all && !x.Prune
}

// looksEmpty says that the walk found none of the root's files and no new ones.
func (x *indexing) looksEmpty(root string) bool {
	for path, k := range x.table.files {
		if k.seen && k.gone == 0 && Within(path, root) {
			return false
		}
	}
	for _, j := range x.jobs {
		if j.known == nil && Within(j.path, root) {
			return false
		}
	}
	return true
}

func (x *indexing) warnUnmounted(root string, lost int) {
	x.report.Unmounted = append(x.report.Unmounted, root)
	// Where nothing is left, --prune would find the same.
	helps := "emblem library rm " + x.lib.name
	if !x.looksEmpty(root) {
		helps = "emblem index --prune FOLDER"
	}
	x.Log.Warn("the folder counts as unmounted and its files stay in the library; if they were deleted, run: "+helps, "folder", root, "missing", lost)
}

// hide takes vanished files out of searches and keeps their vectors.
func (x *indexing) hide(ctx context.Context, paths []string) error {
	now := x.now().Unix()
	if err := x.rewrite(ctx, paths, func(f *file) { f.gone = now }); err != nil {
		return err
	}
	for _, p := range paths {
		x.table.files[p].gone = now
	}
	x.report.Gone += len(paths)
	x.tell(paths, "gone")
	return nil
}

// prune forgets what vanished over 30 days ago, or with Prune what vanished from
// the roots at any time.
func (x *indexing) prune(ctx context.Context) error {
	old := x.now().Add(-keepGone).Unix()
	var ids []string
	for path, k := range x.table.files {
		if k.gone != 0 && !k.seen && (k.gone <= old || x.Prune && x.inRoots(path)) {
			ids = append(ids, path)
		}
	}
	slices.Sort(ids)
	for batch := range slices.Chunk(ids, 1000) {
		receipt, err := x.lib.ix.Delete(ctx, batch...)
		if err != nil {
			return err
		}
		for _, r := range receipt.Results {
			if r.Status == index.Deleted {
				x.report.Pruned++
			}
		}
	}
	return nil
}
