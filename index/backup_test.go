package index

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// Backups on a real disk, taken while others write, are each one moment, share files
// and can be restored after the index is gone.
func TestBackup(t *testing.T) {
	dir, vaultDir := filepath.Join(t.TempDir(), "index"), t.TempDir()
	ix, err := Open(dir, Options{})
	check(t, err)
	check(t, ix.Define(asofSpace))
	var writes sync.WaitGroup
	done := make(chan struct{})
	writes.Go(func() {
		for n := 0; ; n++ {
			if _, err := ix.Apply(context.Background(), crashChanges(n)); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	check(t, ix.await(context.Background(), 20))
	var reports []BackupReport
	for i := range 4 {
		check(t, ix.await(context.Background(), uint64(50*i)))
		r, err := ix.Backup(context.Background(), vaultDir)
		check(t, err)
		reports = append(reports, r)
	}
	close(done)
	writes.Wait()
	last, err := ix.Backup(context.Background(), vaultDir)
	check(t, err)
	again, err := ix.Backup(context.Background(), vaultDir)
	check(t, err)
	for tries := 0; again.Copied > 2 && tries < 20; tries++ { // the store puts small tables together, and then rests
		again, err = ix.Backup(context.Background(), vaultDir)
		check(t, err)
	}
	if again.Copied > 2 || again.Seq != last.Seq {
		t.Errorf("a second backup of the same copies %+v", again)
	}
	check(t, ix.Close())
	check(t, os.RemoveAll(dir))
	infos, err := Backups(vaultDir)
	check(t, err)
	if len(infos) < len(reports) {
		t.Fatalf("listed are %+v", infos)
	}
	for _, r := range reports {
		target := filepath.Join(t.TempDir(), "restored")
		_, err := RestoreBackup(context.Background(), vaultDir, r.Name, target)
		check(t, err)
		ix, err := Open(target, Options{})
		check(t, err)
		if seq := ix.view.Load().seq; seq != r.Seq {
			t.Errorf("backup %s has the writes up to %d", r.Name, seq)
		}
		verifyPrefix(t, ix, int(r.Seq))
	}
	if _, err := RestoreBackup(context.Background(), vaultDir, "", vaultDir); err == nil {
		t.Error("restored into a folder that is not empty")
	}
}

// backedUp returns a disk with an index of three writes and backups of each.
func backedUp(t *testing.T) (*vfs.MemFS, []string) {
	t.Helper()
	fs := vfs.NewCrashableMem()
	ix := mustOpen(t, fs)
	defer ix.Close()
	check(t, ix.Define(asofSpace))
	var names []string
	for n := range 3 {
		crashWrite(t, ix, n)
		r, err := ix.Backup(context.Background(), "vault")
		check(t, err)
		names = append(names, r.Name)
	}
	return fs, names
}

func restored(t *testing.T, fs vfs.FS, name, target string) *Index {
	t.Helper()
	_, err := restoreBackup(context.Background(), fs, "vault", name, target)
	check(t, err)
	ix, err := Open(target, Options{fs: fs})
	check(t, err)
	return ix
}

// Pruning keeps the newest backups whole and leaves no bytes of the others.
func TestPruneBackups(t *testing.T) {
	fs, names := backedUp(t)
	check(t, pruneBackups(fs, "vault", 2))
	if _, err := restoreBackup(context.Background(), fs, "vault", names[0], "a"); err == nil {
		t.Error("a pruned backup is restored")
	}
	verifyPrefix(t, restored(t, fs, names[1], "b"), 2)
	verifyPrefix(t, restored(t, fs, "", "c"), 3)
	check(t, pruneBackups(fs, "vault", 1))
	v := &vault{fs: fs, dir: "vault"}
	m, _, err := v.choose("")
	check(t, err)
	objects := 0
	dirs, err := fs.List("vault/objects")
	check(t, err)
	for _, d := range dirs {
		list, err := fs.List("vault/objects/" + d)
		check(t, err)
		objects += len(list)
	}
	hashes := map[string]bool{}
	for _, f := range m.Files {
		hashes[f.Hash] = true
	}
	if objects != len(hashes) {
		t.Errorf("%d objects are left; want %d", objects, len(hashes))
	}
}

// Damage of any file of a backup is an error and leaves no index.
func TestRestoreDamage(t *testing.T) {
	fs, _ := backedUp(t)
	v := &vault{fs: fs, dir: "vault"}
	m, name, err := v.choose("")
	check(t, err)
	for i, f := range m.Files {
		whole := content(t, fs, v.object(f.Hash))
		if len(whole) == 0 {
			continue
		}
		bad := bytes.Clone(whole)
		bad[i*7%len(bad)] ^= 4
		overwrite(t, fs, v.object(f.Hash), bad)
		if _, err := restoreBackup(context.Background(), fs, "vault", name, "target"); err == nil {
			t.Errorf("%s is damaged and restored", f.Name)
		}
		if _, err := fs.Stat("target"); err == nil {
			t.Errorf("%s is damaged and something is in the target", f.Name)
		}
		overwrite(t, fs, v.object(f.Hash), whole)
	}
	verifyPrefix(t, restored(t, fs, name, "target"), 3)
}

func content(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	check(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	check(t, err)
	return b
}

func overwrite(t *testing.T, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	check(t, err)
	_, err = f.Write(b)
	check(t, errors.Join(err, f.Close()))
}

// cutOff calls work on a disk that crashes before its at-th change, and returns the
// disk as it is then, nil if work has fewer changes. What was not synced is all there
// or all gone: Pebble relies on names of new files to last in their order.
func cutOff(fs *vfs.MemFS, at int64, r *rand.Rand, work func(vfs.FS)) *vfs.MemFS {
	var crashed atomic.Pointer[vfs.MemFS]
	left := atomic.Int64{}
	left.Store(at)
	work(errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && left.Add(-1) == 0 {
			crashed.Store(fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100 * r.IntN(2), RNG: r}))
		}
		return nil
	})))
	return crashed.Load()
}

// A power cut while a backup is made leaves the earlier ones whole; what is listed
// can be restored; the next backup works.
func TestBackupCrash(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for at := int64(1); ; at += 3 {
		fs, _ := backedUp(t)
		crashed := cutOff(fs, at, r, func(fs vfs.FS) {
			ix, err := Open("crash", Options{fs: fs, tune: calm})
			check(t, err)
			crashWrite(t, ix, 3)
			_, err = ix.Backup(context.Background(), "vault")
			check(t, err)
			check(t, ix.Close())
		})
		if crashed == nil {
			return
		}
		ix := mustOpen(t, crashed)
		_, err := ix.Backup(context.Background(), "vault")
		check(t, err)
		check(t, ix.Close())
		infos, err := (&vault{fs: crashed, dir: "vault"}).list()
		check(t, err)
		if len(infos) < 4 {
			t.Fatalf("%d backups are left", len(infos))
		}
		for i, info := range infos {
			verifyPrefix(t, restored(t, crashed, info.Name, fmt.Sprint("target", i)), int(info.Seq))
		}
	}
}

// A power cut while a backup is restored leaves the target empty or whole, and the
// next try works.
func TestRestoreCrash(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for at := int64(1); ; at++ {
		fs, _ := backedUp(t)
		crashed := cutOff(fs, at, r, func(fs vfs.FS) {
			_, err := restoreBackup(context.Background(), fs, "vault", "", "target")
			check(t, err)
		})
		if crashed == nil {
			return
		}
		if names, err := crashed.List("target"); err == nil && len(names) > 0 {
			ix, err := Open("target", Options{fs: crashed})
			check(t, err)
			verifyPrefix(t, ix, 3)
			continue
		}
		verifyPrefix(t, restored(t, crashed, "", "target"), 3)
	}
}

// No manifest makes a restore write outside of its target.
func FuzzRestore(f *testing.F) {
	good := backupManifest{Version: 1, Format: "2", Files: []backupFile{{"a.sst", 3, strings.Repeat("ab", 32)}}}
	body, err := json.Marshal(good)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	for _, name := range []string{"../x", "/x", "a/../../x", "..", ".", "", "a\\..\\x", "C:x", "nul\x00", "x/.."} {
		f.Add([]byte(strings.ReplaceAll(string(body), "a.sst", strings.ReplaceAll(name, "\\", "\\\\"))))
	}
	f.Fuzz(func(t *testing.T, manifest []byte) {
		fs := vfs.NewMem()
		var outside atomic.Bool
		watched := errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Path != "." && op.Path != "" && !strings.HasPrefix(op.Path, "target") {
				outside.Store(true)
			}
			return nil
		}))
		m, err := parseManifest(bytes.NewReader(manifest))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if file.Name != filepath.Base(file.Name) || file.Name == ".." {
				t.Fatalf("a file is named %q", file.Name)
			}
		}
		if err := (&vault{fs: watched, dir: "vault"}).restore(context.Background(), m, "target"); err != nil {
			if names, err := fs.List("target"); err == nil && len(names) > 0 {
				t.Fatal("a failed restore leaves files")
			}
		}
		if outside.Load() {
			t.Fatal("something is written outside of the target")
		}
	})
}

// TestBackupsOfWhatStays makes backups of an index that is opened for each of them,
// as the command line does: what neither a write nor the store itself has changed is
// not copied again.
func TestBackupsOfWhatStays(t *testing.T) {
	dir, vaultDir := filepath.Join(t.TempDir(), "index"), t.TempDir()
	for n := range 3 {
		ix, err := Open(dir, Options{})
		check(t, err)
		if n == 0 {
			check(t, ix.Define(asofSpace))
			rnd := rand.New(rand.NewPCG(1, 1))
			for k := range 100 {
				text := make([]byte, 40000)
				for i := range text {
					text[i] = byte('0' + rnd.IntN(64))
				}
				_, err := ix.Put(context.Background(), Document{ID: fmt.Sprint(k), Metadata: map[string]any{"blob": string(text)}})
				check(t, err)
			}
		}
		r, err := ix.Backup(context.Background(), vaultDir)
		check(t, err)
		if n > 1 && r.CopiedBytes > r.Bytes/4 { // the store may have put its first tables together
			t.Errorf("backup %d copies %d of %d bytes", n, r.CopiedBytes, r.Bytes)
		}
		t.Logf("backup %d copies %d files, %d of %d bytes", n, r.Copied, r.CopiedBytes, r.Bytes)
		check(t, ix.Close())
	}
}
