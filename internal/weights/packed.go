package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/emblem-search/emblem/internal/safetensors"
	"github.com/emblem-search/emblem/internal/tensor"
)

// LoadCached is Load, but maps the weights that an earlier load left in the cache, if
// there are any that fit. If not, it leaves its own there, in the background.
func (p *Plan) LoadCached(pool *tensor.Pool, c *Cache) error {
	k := p.keeping(pool, c)
	if k == nil {
		return p.Load(pool)
	}
	hash, err := c.hash(k.files, false)
	if err == nil && hash != "" && k.adopt(hash) == nil {
		return nil
	}
	if err := p.Load(pool); err != nil {
		return err
	}
	release, fields := pool.Hold(), k.fields()
	c.pending.Go(func() {
		defer release()
		c.writing.Lock()
		defer c.writing.Unlock()
		k.keep(fields) // or not: it is only a cache
	})
	return nil
}

// fields are the loaded weights as they are kept; what the module goes on to work on
// is copied.
func (k *keeping) fields() []safetensors.View {
	var all []safetensors.View
	add := func(name string, mem []byte) {
		all = append(all, safetensors.View{Name: name, DType: safetensors.U8, Shape: []int{len(mem)}, Data: mem})
	}
	for _, t := range k.tasks {
		add(t.want.name, t.want.leaf.kept(k.keeper))
	}
	add(guardian, make([]byte, (k.keeper.Guard()+line-1)/line*line))
	return all
}

// keeping is a plan's way into the cache and out of it.
type keeping struct {
	*Plan
	pool   *tensor.Pool
	keeper tensor.Keeper
	cache  *Cache
	files  []safetensors.File
}

// keeping returns nil where there is nothing to keep, or nowhere.
func (p *Plan) keeping(pool *tensor.Pool, c *Cache) *keeping {
	src, onDisk := p.src.(interface{ Files() []safetensors.File })
	if !onDisk || !c.wants(src.Files()) {
		return nil
	}
	keeper, ok := pool.Device().Backend().(tensor.Keeper)
	if !ok {
		return nil
	}
	return &keeping{p, pool, keeper, c, src.Files()}
}

// key describes all that packed weights depend on: the checkpoint's bytes, what of it
// goes where, and how the backend packs it.
func (k *keeping) key(hash string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\n%s\n", hash, k.keeper.Format())
	for _, t := range k.tasks {
		dtype, _ := t.want.leaf.stores()
		fmt.Fprintf(sum, "%s %v %T %s %s %d %v %q\n", t.want.name, t.want.shape, t.want.leaf, dtype, t.want.leaf.packs(), t.rule.Op, t.rule.Part, t.names)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

func (k *keeping) path(key string) string {
	return filepath.Join(k.cache.packed(), key+".safetensors")
}

const (
	line     = 64       // tensors start at multiples of it
	guardian = "~guard" // the last tensor, which kernels may read into
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sumOf(b []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(b, castagnoli)) }

// keep writes the loaded weights into the cache.
func (k *keeping) keep(fields []safetensors.View) error {
	hash, err := k.cache.hash(k.files, true)
	if err != nil {
		return err
	}
	path := k.path(k.key(hash))
	if _, err := os.Stat(path); err == nil {
		return nil // another process was faster
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	sums, bytes := map[string]string{}, int64(0)
	for _, v := range fields {
		sums[v.Name] = sumOf(v.Data)
		bytes += int64(len(v.Data))
	}
	if !k.cache.clear(bytes) {
		return errors.New("weights: larger than the cache")
	}
	return safetensors.WriteAligned(path, fields, sums, line)
}

// adopt fills the module from the cache. What is damaged is removed.
func (k *keeping) adopt(hash string) error {
	path := k.path(k.key(hash))
	set, err := safetensors.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err == nil {
		k.pool.Own(set)
		err = k.check(set)
	}
	for i := 0; err == nil && i < len(k.tasks); i++ {
		v, _ := set.Get(k.tasks[i].want.name)
		err = k.tasks[i].want.leaf.adopt(k.pool, k.keeper, v.Data)
	}
	if err != nil {
		os.Remove(path)
		return err
	}
	now := time.Now()
	os.Chtimes(path, now, now) // it was used
	return nil
}

// check reads all of a file of the cache.
func (k *keeping) check(set *safetensors.Set) error {
	sums := set.Metadata()
	for _, name := range set.Names() {
		if v, ok := set.Get(name); ok {
			set.Want(v)
		}
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range k.tasks {
		g.Go(func() error {
			v, ok := set.Get(t.want.name)
			if !ok || sumOf(v.Data) != sums[t.want.name] {
				return fmt.Errorf("weights: the cache has %s damaged", t.want.name)
			}
			return nil
		})
	}
	return g.Wait()
}
