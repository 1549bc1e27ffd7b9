package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	kills      = flag.Int("kills", 5, "how many times TestTorture kills a writing process")
	killSeed   = flag.Uint64("kill-seed", 1, "seed of what it writes and when it kills")
	killBinary = flag.String("emblem", "", "the program that it kills; none means the test itself")
)

// A process that is killed at any moment leaves a whole number of the writes that
// it was sent, in order, and all that it acknowledged; every way of asking agrees
// on which, also while derived files are damaged.
func TestTorture(t *testing.T) {
	v := newVictim(t)
	for v.kills < *kills {
		v.live()
		if t.Failed() {
			t.Fatalf("seed %d, after %d kills and %v", *killSeed, v.kills, v.damages)
		}
	}
	t.Logf("%d kills, %d of them while it opened, %d ends; %d writes acknowledged, %d sent and not acknowledged, of which %d were there; %d derived files damaged",
		v.kills, v.early, v.ends, v.acknowledged, v.open, v.kept, len(v.damages))
}

// victim is a library whose process is killed again and again.
type victim struct {
	*desk
	random *rand.Rand

	// Since the last time that the library was asked: its state then, what was sent,
	// and how much of it was acknowledged, the last with sequence seq.
	state map[string]victimDocument
	sent  []victimWrite
	acked int
	seq   uint64
	n     int // of the next write

	kills, early, ends, acknowledged, open, kept int
	damages                                      []string
}

type victimDocument struct {
	N      int
	Hidden bool
	Vector []float32
}

// victimWrite is a line of library apply.
type victimWrite struct {
	Op       string       `json:"op"`
	ID       string       `json:"id"`
	Vector   []float32    `json:"vector,omitempty"`
	Metadata *victimWords `json:"metadata,omitempty"`
	Hidden   *bool        `json:"hidden,omitempty"`
}

// victimWords is its metadata: a number and a word that the number decides.
type victimWords struct {
	N       int    `json:"n"`
	Caption string `json:"caption"`
}

var captions = []string{"anchor", "bridge", "castle", "desert"}

func caption(n int) string { return captions[n%len(captions)] }

const victims = 60 // ids

func newVictim(t *testing.T) *victim {
	return &victim{desk: newDesk(t), random: rand.New(rand.NewPCG(*killSeed, 4)), state: map[string]victimDocument{}}
}

// live starts a process, asks it for everything, lets it write, and kills it at
// some moment or lets it end.
func (v *victim) live() {
	p := v.startApply()
	delay := time.Duration(v.random.ExpFloat64() * float64(60*time.Millisecond))
	if v.random.IntN(6) == 0 { // while it opens
		time.Sleep(delay)
		p.kill()
		v.kills++
		v.early++
		return
	}
	if v.random.IntN(3) == 0 {
		v.damage()
	}
	p.check(v)
	if v.random.IntN(6) == 0 {
		p.end(v)
		return
	}
	fed := make(chan struct{})
	writes := v.writes(v.random.IntN(2000))
	go func() {
		defer close(fed)
		p.feed(writes)
	}()
	if v.random.IntN(3) == 0 {
		v.damage()
	}
	time.Sleep(delay)
	p.Process.Kill()
	<-fed
	v.count(p.rest())
	p.Wait()
	v.kills++
}

// end lets the process write some and end by itself.
func (p *applyProcess) end(v *victim) {
	p.feed(v.writes(v.random.IntN(200)))
	p.in.Close()
	v.count(p.rest())
	if err := p.Wait(); v.acked < len(v.sent) {
		p.t.Errorf("%d of %d writes are acknowledged at the end: %v: %s", v.acked, len(v.sent), err, p.errs.String())
	}
	v.ends++
}

func (p *applyProcess) kill() {
	p.Process.Kill()
	p.Wait()
	p.in.Close()
}

// damage flips a bit of a derived file, cuts it or removes it.
func (v *victim) damage() {
	var files []string
	filepath.WalkDir(filepath.Join(v.data, "libraries"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(path, "derived") {
			files = append(files, path)
		}
		return nil
	})
	if len(files) == 0 {
		return
	}
	path := files[v.random.IntN(len(files))]
	content, err := os.ReadFile(path)
	if err != nil || len(content) == 0 {
		return
	}
	kind := []string{"bit", "cut", "gone"}[v.random.IntN(3)]
	switch kind {
	case "bit":
		content[v.random.IntN(len(content))] ^= 1 << v.random.IntN(8)
		err = os.WriteFile(path, content, 0o600)
	case "cut":
		err = os.Truncate(path, int64(v.random.IntN(len(content))))
	case "gone":
		err = os.Remove(path)
	}
	if err == nil { // else it has just been replaced
		v.damages = append(v.damages, filepath.Base(path)+" "+kind)
	}
}

// startApply starts library apply and defines the space.
func (v *victim) startApply() *applyProcess {
	v.t.Helper()
	args := []string{"library", "apply", "--library", "victim"}
	cmd := v.command(many, args...)
	if *killBinary != "" {
		cmd.Path = *killBinary
	}
	p := &applyProcess{Cmd: cmd, t: v.t}
	p.Stderr = &p.errs
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		v.t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	if err := p.Start(); err != nil {
		v.t.Fatal(err)
	}
	return p
}

// writes makes n random writes and remembers them as sent.
func (v *victim) writes(n int) []victimWrite {
	v.sent, v.acked = nil, 0
	for range n {
		w := victimWrite{Op: "put", ID: fmt.Sprint("v", v.random.IntN(victims)), Metadata: &victimWords{v.n, caption(v.n)}}
		v.n++
		switch v.random.IntN(8) {
		case 0, 1:
			w.Op, w.Metadata = "delete", nil
		case 2:
			hidden := v.random.IntN(3) == 0
			w.Op, w.Hidden = "meta", &hidden
		default:
			w.Vector = v.vector()
		}
		v.sent = append(v.sent, w)
	}
	return v.sent
}

// vector has whole numbers, so that scores are exact.
func (v *victim) vector() []float32 {
	out := make([]float32, 8)
	for i := range out {
		out[i] = float32(v.random.IntN(201) - 100)
	}
	return out
}

// apply does what a library does with a write.
func (w victimWrite) apply(state map[string]victimDocument) {
	d, there := state[w.ID]
	switch {
	case w.Op == "delete":
		delete(state, w.ID)
	case w.Op == "put":
		state[w.ID] = victimDocument{w.Metadata.N, false, w.Vector}
	case there:
		d.N, d.Hidden = w.Metadata.N, *w.Hidden
		state[w.ID] = d
	}
}

// count counts the acknowledged writes of a killed process.
func (v *victim) count(results []applyResult) {
	for i, r := range results {
		if r.ID != v.sent[i].ID || r.Op != v.sent[i].Op || r.Error != nil && v.sent[i].Op != "meta" {
			v.t.Errorf("write %d, %+v, has the result %+v", i, v.sent[i], r)
		}
		v.seq = max(v.seq, r.Seq)
	}
	v.acked = len(results)
	v.acknowledged += v.acked
	v.open += len(v.sent) - v.acked
}

// settle finds out how many writes there are, from what every id is now.
func (v *victim) settle(now map[string]victimDocument) error {
	state := maps.Clone(v.state)
	for i := range len(v.sent) + 1 {
		if i >= v.acked && reflect.DeepEqual(state, now) {
			v.kept += i - v.acked
			v.state, v.sent, v.acked = state, nil, 0
			return nil
		}
		if i < len(v.sent) {
			v.sent[i].apply(state)
		}
	}
	return fmt.Errorf("the library is in no state after at least %d of %d writes: %v", v.acked, len(v.sent), now)
}

// applyProcess is a running library apply.
type applyProcess struct {
	*exec.Cmd
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Reader
	errs strings.Builder
}

// applyResult is a line that it prints.
type applyResult struct {
	Op        string
	ID        string
	Status    string
	Seq       uint64
	Error     *struct{ Message string }
	Documents int
	Hidden    json.RawMessage // a number in stats
	Vectors   json.RawMessage
	Metadata  victimWords
	Hits      []applyHit
}

type applyHit struct {
	ID    string
	Score float32
}

func byScore(a, b applyHit) int { return cmp.Compare(b.Score, a.Score) }

// feed sends writes until the process is killed.
func (p *applyProcess) feed(writes []victimWrite) {
	lines := json.NewEncoder(p.in)
	for _, w := range writes {
		if lines.Encode(w) != nil {
			return
		}
	}
}

// ask sends lines and returns their results.
func (p *applyProcess) ask(lines ...any) []applyResult {
	p.t.Helper()
	go func() {
		out := json.NewEncoder(p.in)
		for _, line := range lines {
			out.Encode(line)
		}
	}()
	var results []applyResult
	for range lines {
		line, err := p.out.ReadBytes('\n')
		if err != nil {
			p.kill()
			p.t.Fatalf("%v: %s", err, p.errs.String())
		}
		results = append(results, p.decode(line))
	}
	return results
}

// rest is what it has printed until it was killed.
func (p *applyProcess) rest() []applyResult {
	var results []applyResult
	for {
		line, err := p.out.ReadBytes('\n')
		if err != nil { // a torn line acknowledges nothing
			return results
		}
		results = append(results, p.decode(line))
	}
}

func (p *applyProcess) decode(line []byte) applyResult {
	p.t.Helper()
	var r applyResult
	d := json.NewDecoder(strings.NewReader(string(line)))
	if err := d.Decode(&r); err != nil {
		p.t.Fatalf("%v: %s", err, line)
	}
	return r
}

// check asks for every document and searches in every way, and compares with
// what was written.
func (p *applyProcess) check(v *victim) {
	p.t.Helper()
	ask := []any{map[string]any{"op": "space", "name": "v", "dim": 8, "metric": "dot"}, map[string]any{"op": "stats"}}
	for i := range victims {
		ask = append(ask, victimWrite{Op: "get", ID: fmt.Sprint("v", i)})
	}
	results := p.ask(ask...)
	now, hidden := map[string]victimDocument{}, 0
	for _, r := range results[2:] {
		if r.Status != "found" {
			continue
		}
		var vectors map[string][][]float32
		if err := json.Unmarshal(r.Vectors, &vectors); err != nil || len(vectors["v"]) != 1 {
			p.t.Fatalf("%+v: %v", r, err)
		}
		now[r.ID] = victimDocument{r.Metadata.N, string(r.Hidden) == "true", vectors["v"][0]}
	}
	for _, d := range now {
		if d.Hidden {
			hidden++
		}
	}
	if err := v.settle(now); err != nil {
		p.t.Fatal(err)
	}
	if s := results[1]; s.Seq < v.seq || s.Documents != len(now) {
		p.t.Errorf("stats are %+v; want %d documents, sequence %d or later", s, len(now), v.seq)
	}
	v.seq = results[1].Seq
	p.search(v)
}

// search compares what is found by vector, by filter, by both and by a word.
func (p *applyProcess) search(v *victim) {
	q, from, word := v.vector(), v.n-v.random.IntN(100), captions[v.random.IntN(len(captions))]
	filter := fmt.Sprint("n>=", from)
	results := p.ask(
		map[string]any{"op": "search", "vector": q, "limit": 2 * victims},
		map[string]any{"op": "search", "vector": q, "limit": 2 * victims, "filter": filter},
		map[string]any{"op": "search", "limit": 2 * victims, "filter": filter},
		map[string]any{"op": "search", "limit": 2 * victims, "words": word})
	all, passed, said := map[string]float32{}, map[string]float32{}, map[string]float32{}
	for id, d := range v.state {
		if d.Hidden {
			continue
		}
		for i := range q {
			all[id] += q[i] * d.Vector[i]
		}
		if d.N >= from {
			passed[id] = all[id]
		}
		if caption(d.N) == word {
			said[id] = 0
		}
	}
	p.found("vector", results[0], all, true)
	p.found("vector and filter", results[1], passed, true)
	p.found(filter, results[2], passed, false)
	p.found(word, results[3], said, false)
}

// found compares hits with what should be found, and their scores if they are known.
func (p *applyProcess) found(what string, r applyResult, want map[string]float32, scored bool) {
	p.t.Helper()
	got := map[string]float32{}
	for _, h := range r.Hits {
		got[h.ID] = h.Score
		if scored && h.Score != want[h.ID] {
			p.t.Errorf("%s finds %s with %v; want %v", what, h.ID, h.Score, want[h.ID])
		}
	}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) || len(got) != len(r.Hits) {
		p.t.Errorf("%s finds %v; want %v", what, r.Hits, want)
	}
	if !slices.IsSortedFunc(r.Hits, byScore) {
		p.t.Errorf("%s finds %v, not in order", what, r.Hits)
	}
}
