package weights

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emblem-search/emblem/internal/safetensors"
)

// Cache is a folder with what can be made again from checkpoints: their weights as a
// backend packed them, which are mapped into memory instead of being read and packed
// once more, and the hashes of their files, which go by a file's path, size and time.
// A nil Cache keeps nothing. Any number of processes may use one folder.
//
//	DIR/packed/KEY.safetensors   packed weights; KEY is a hash of all that they depend on
//	DIR/hashes/NAME              "SIZE TIME SHA256" of a file; NAME is a hash of its path
type Cache struct {
	dir string

	mu    sync.Mutex
	least int64 // bytes of a checkpoint that is worth it
	most  int64 // bytes of packed weights

	writing sync.Mutex     // one file at a time
	pending sync.WaitGroup // writes in the background
}

var (
	cachesMu sync.Mutex
	caches   = map[string]*Cache{}
)

// CacheAt is the cache in a folder, the same one each time; "" is none.
func CacheAt(dir string) *Cache {
	if dir == "" {
		return nil
	}
	cachesMu.Lock()
	defer cachesMu.Unlock()
	c := caches[dir]
	if c == nil {
		c = &Cache{dir: dir, most: 16e9}
		caches[dir] = c
	}
	return c
}

// Limit sets the bytes from which on a checkpoint is worth to be kept, and how many
// packed weights may take together, 16 GB unless it is set; those used least recently
// go.
func (c *Cache) Limit(least, most int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.least, c.most = least, most
}

func (c *Cache) limits() (least, most int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.least, c.most
}

// wants tells whether files are large enough to be worth it.
func (c *Cache) wants(files []safetensors.File) bool {
	if c == nil || len(files) == 0 {
		return false
	}
	bytes := int64(0)
	for _, f := range files {
		bytes += f.Info.Size()
	}
	least, _ := c.limits()
	return bytes >= least
}

// Wait waits until what is being written in the background is there, or ctx ends.
func (c *Cache) Wait(ctx context.Context) {
	if c == nil {
		return
	}
	done := make(chan struct{})
	go func() { c.pending.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Hash is set.Hash, remembered.
func (c *Cache) Hash(set *safetensors.Set) (string, error) {
	files := set.Files()
	if !c.wants(files) {
		return set.Hash()
	}
	return c.hash(files, true)
}

// hash is the [safetensors.Set.Hash] of files; "" if it is not remembered and is not
// to be computed.
func (c *Cache) hash(files []safetensors.File, compute bool) (string, error) {
	var names, hashes []string
	for _, f := range files {
		h := c.remembered(f)
		if h == "" && compute {
			var err error
			if h, err = c.compute(f); err != nil {
				return "", err
			}
		}
		if h == "" {
			return "", nil
		}
		names, hashes = append(names, filepath.Base(f.Path)), append(hashes, h)
	}
	return safetensors.JoinHashes(names, hashes), nil
}

// note is the file that remembers a file's hash.
func (c *Cache) note(f safetensors.File) (string, error) {
	path, err := filepath.Abs(f.Path)
	sum := sha256.Sum256([]byte(path))
	return filepath.Join(c.dir, "hashes", hex.EncodeToString(sum[:16])), err
}

// stamp is what has to be equal for a file to be the same.
func stamp(info fs.FileInfo) string {
	return fmt.Sprintf("%d %d", info.Size(), info.ModTime().UnixNano())
}

func (c *Cache) remembered(f safetensors.File) string {
	note, err := c.note(f)
	if err != nil {
		return ""
	}
	text, err := os.ReadFile(note)
	if err != nil {
		return ""
	}
	hash, ok := strings.CutPrefix(string(text), stamp(f.Info)+" ")
	if raw, err := hex.DecodeString(hash); !ok || err != nil || len(raw) != sha256.Size {
		return ""
	}
	return hash
}

// settled is how old a file has to be for its time to tell it from a later one.
const settled = 2 * time.Second

// compute reads a file, which has to stay the one that f is of.
func (c *Cache) compute(f safetensors.File) (string, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	if stamp(info) != stamp(f.Info) {
		return "", fmt.Errorf("weights: %s has changed since it was opened", f.Path)
	}
	hash := hex.EncodeToString(sum.Sum(nil))
	if note, err := c.note(f); err == nil && time.Since(info.ModTime()) > settled {
		c.remember(note, stamp(info)+" "+hash)
	}
	return hash, nil
}

// remember is a service: a cache that cannot be written changes nothing but time.
func (c *Cache) remember(note, text string) {
	if os.MkdirAll(filepath.Dir(note), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(note), "new-*")
	if err != nil {
		return
	}
	_, err = f.WriteString(text)
	if f.Close() != nil || err != nil || os.Rename(f.Name(), note) != nil {
		os.Remove(f.Name())
	}
}

// abandoned is how old an unfinished file is whose process has ended.
const abandoned = time.Hour

// clear makes room for bytes, by removing the packed weights that were used least
// recently and what was left unfinished. It returns false when there is no room.
func (c *Cache) clear(bytes int64) bool {
	_, most := c.limits()
	list, err := os.ReadDir(c.packed())
	if err != nil || bytes > most {
		return false
	}
	var kept []fs.FileInfo
	total := bytes
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			continue
		}
		if !strings.HasSuffix(e.Name(), ".safetensors") {
			if time.Since(info.ModTime()) > abandoned {
				os.Remove(filepath.Join(c.packed(), e.Name()))
			}
			continue
		}
		kept = append(kept, info)
		total += info.Size()
	}
	slices.SortFunc(kept, func(a, b fs.FileInfo) int { return cmp.Compare(a.ModTime().UnixNano(), b.ModTime().UnixNano()) })
	for _, info := range kept {
		if total <= most {
			break
		}
		if os.Remove(filepath.Join(c.packed(), info.Name())) == nil {
			total -= info.Size()
		}
	}
	return total <= most
}

func (c *Cache) packed() string { return filepath.Join(c.dir, "packed") }
