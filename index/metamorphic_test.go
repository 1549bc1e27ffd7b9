package index_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/emblem-search/emblem/index"
	"github.com/emblem-search/emblem/index/indextest"
)

var (
	variants     = flag.Int("variants", 2, "random sets of options that TestMetamorphic tries with each set of kernels")
	variantSteps = flag.Int("variant-steps", 500, "steps of its history")
	firstVariant = flag.Int("first-variant", 0, "number of the first set of options")
)

// transcriptTo makes a process of the test write what it found there.
const transcriptTo = "EMBLEM_INDEX_TRANSCRIPT"

// One history gives the same answers whatever the options, the number of cores
// and the kernels are.
func TestMetamorphic(t *testing.T) {
	if path := os.Getenv(transcriptTo); path != "" {
		writeTranscript(t, path)
		return
	}
	var first transcript
	for i, kernels := range []string{"generic", "sse", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16", "amx", "neon"} {
		got := elsewhere(t, kernels, *firstVariant+i**variants)
		if i == 0 {
			first = got
		} else if err := first.differs(got, 1e-5); got != nil && err != nil {
			t.Errorf("kernels generic and %s: %v", kernels, err)
		}
	}
}

// elsewhere runs the history in a process with other kernels. Those that are not for
// this machine have no transcript.
func elsewhere(t *testing.T, kernels string, from int) transcript {
	t.Helper()
	path := t.TempDir() + "/transcript"
	cmd := exec.Command(os.Args[0], "-test.run=^TestMetamorphic$", fmt.Sprintf("-variants=%d", *variants),
		fmt.Sprintf("-variant-steps=%d", *variantSteps), fmt.Sprintf("-first-variant=%d", from), fmt.Sprintf("-seed=%d", *seed))
	cmd.Env = append(os.Environ(), transcriptTo+"="+path, "EMBLEM_KERNELS="+kernels)
	if out, err := cmd.CombinedOutput(); err != nil && strings.Contains(string(out), "not for this machine") {
		return nil
	} else if err != nil {
		t.Fatalf("kernels %s: %v\n%s", kernels, err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got transcript
	if err := json.Unmarshal(data, &got); err != nil || len(got) < 100 {
		t.Fatalf("kernels %s: %d searches, %v", kernels, len(got), err)
	}
	return got
}

// writeTranscript compares this process's variants and writes what they agree on.
func writeTranscript(t *testing.T, path string) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first transcript
	for i := range *variants {
		r := rand.New(rand.NewPCG(*seed, uint64(*firstVariant+i)))
		o, told := randomOptions(r)
		var got transcript
		h := indextest.History{Seed: *seed, Steps: *variantSteps}
		h.Run(t, func() indextest.Place { return &recorder{disk: vfs.NewMem(), options: o, heard: &got} })
		if i == 0 {
			first = got
		} else if err := first.differs(got, 0); err != nil {
			t.Errorf("seed %d, variant %d (%s): %v", *seed, *firstVariant+i, told, err)
		}
	}
	data, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// randomOptions also sets the number of cores in use.
func randomOptions(r *rand.Rand) (index.Options, string) {
	cores := 1 + r.IntN(8)
	runtime.GOMAXPROCS(cores)
	o := index.Options{
		CacheBytes:   int64(1) << (10 + r.IntN(15)),
		LogRetention: time.Duration(1) << r.IntN(60),
	}
	memory, block := uint64(1)<<(14+r.IntN(9)), 64<<r.IntN(10)
	told := fmt.Sprintf("%d cores, %+v, memtable %d, block %d", cores, o, memory, block)
	if r.IntN(3) > 0 {
		o = index.Early(o)
	}
	return index.Tuned(func(p *pebble.Options) {
		p.MemTableSize = memory
		p.Levels[0].BlockSize = block
	}, o), told
}

// transcript is what searches found.
type transcript [][]found

type found struct {
	ID      []byte // need not be UTF-8
	Ordinal uint32
	Score   float32
}

// differs says where two transcripts differ by more than slack in a score.
func (a transcript) differs(b transcript, slack float64) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d searches and %d", len(a), len(b))
	}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return fmt.Errorf("search %d: %d hits and %d", i, len(a[i]), len(b[i]))
		}
		for j, x := range a[i] {
			y := b[i][j]
			if !bytes.Equal(x.ID, y.ID) || x.Ordinal != y.Ordinal || math.Abs(float64(x.Score)-float64(y.Score)) > slack {
				return fmt.Errorf("search %d: hit %d is %+v and %+v", i, j, x, y)
			}
		}
	}
	return nil
}

// recorder is a place whose store writes down what its searches find.
type recorder struct {
	disk    vfs.FS
	options index.Options
	heard   *transcript
}

func (r *recorder) Open() (indextest.Store, error) {
	ix, err := index.Open("index", index.OnDisk(r.disk, r.options))
	return &heardStore{ix, r.heard}, err
}

type heardStore struct {
	indextest.Store
	heard *transcript
}

func (s *heardStore) Search(ctx context.Context, q index.Query) (index.Found, error) {
	answer, err := s.Store.Search(ctx, q)
	hits := answer.Hits
	list := make([]found, len(hits))
	for i, h := range hits {
		list[i] = found{[]byte(h.ID), h.Ordinal, h.Score}
	}
	*s.heard = append(*s.heard, list)
	return answer, err
}
