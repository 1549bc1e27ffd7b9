package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const pulledCommit = "0123456789abcdef0123456789abcdef01234567"

// modelHub serves one repository, org/tiny, by the hub's protocol.
type modelHub struct {
	*httptest.Server
	files map[string][]byte
	sent  atomic.Int64
	limit atomic.Int64  // after so many bytes nothing more comes
	stuck chan struct{} // hears of it
}

const noLimit = 1 << 40

// serveModel serves files to d.
func serveModel(d *desk, files map[string][]byte) *modelHub {
	h := &modelHub{files: files, stuck: make(chan struct{}, 1)}
	h.limit.Store(noLimit)
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	d.t.Cleanup(h.Close)
	for k, v := range map[string]string{"HF_ENDPOINT": h.URL, "HF_HOME": d.path("hf"), "HF_TOKEN": "hf_secret"} {
		d.t.Setenv(k, v)
	}
	for _, k := range []string{"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DOWNLOAD_TIMEOUT"} {
		d.t.Setenv(k, "")
	}
	return h
}

func (h *modelHub) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/models/org/tiny/revision/main" {
		h.list(w)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/org/tiny/resolve/"+pulledCommit+"/")
	if !ok {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	http.ServeContent(&slowWriter{w, r, h}, r, "", time.Time{}, bytes.NewReader(h.files[name]))
}

func (h *modelHub) list(w http.ResponseWriter) {
	var siblings []any
	for name, content := range h.files {
		siblings = append(siblings, map[string]any{"rfilename": name, "lfs": map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(content)), "size": len(content)}})
	}
	json.NewEncoder(w).Encode(map[string]any{"sha": pulledCommit, "cardData": map[string]any{"license": "mit"}, "siblings": siblings})
}

// slowWriter stops for good at the limit.
type slowWriter struct {
	http.ResponseWriter
	r *http.Request
	h *modelHub
}

func (w *slowWriter) Write(p []byte) (int, error) {
	if w.h.sent.Load() >= w.h.limit.Load() {
		select {
		case w.h.stuck <- struct{}{}:
		default:
		}
		<-w.r.Context().Done()
	}
	n, err := w.ResponseWriter.Write(p)
	w.h.sent.Add(int64(n))
	return n, err
}

// tinyFiles is a folder of the goldens, as files of a repository.
func tinyFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"pytorch_model.bin": []byte("pickle"), "README.md": []byte("# tiny")}
	list, err := os.ReadDir(tinyModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if files[e.Name()], err = os.ReadFile(filepath.Join(tinyModel, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// What was pulled embeds as the folder it was made of does, without a hub.
func TestPullAndEmbed(t *testing.T) {
	d := newDesk(t)
	h := serveModel(d, tinyFiles(t))
	r := d.must("pull", "org/tiny", "--json")
	got := jsonLines[pulledLine](t, r.stdout)[0]
	dir := filepath.Join(d.path("hf"), "hub", "models--org--tiny", "snapshots", pulledCommit)
	if got.Model != "tiny" || got.Repo != "org/tiny" || got.Revision != "main" || got.Commit != pulledCommit || got.Dir != dir || got.Files != len(h.files)-1 || got.Licence != "mit" {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "pytorch_model.bin")); err == nil {
		t.Error("a pickle file was fetched")
	}
	r = d.must("pull", "org/tiny@main")
	if r.stdout != dir+"\n" || !strings.Contains(r.stderr, "org/tiny at main is here") {
		t.Errorf("%+v", r)
	}
	h.Close()
	t.Setenv("HF_HUB_OFFLINE", "1")
	if r := d.must("pull", "org/tiny"); r.stdout != dir+"\n" {
		t.Errorf("offline: %+v", r)
	}
	vectors := func(model string) []float32 {
		code, out, errs := runCLI(t, "", "embed", "--json", "--dtype", "f32", "--model", model, "--text", "a cat", "../../fusion/testdata/pictures/wide.png")
		if code != 0 {
			t.Fatalf("exit %d: %s", code, errs)
		}
		var all []float32
		for _, l := range jsonLines[embedLine](t, out) {
			all = append(all, l.Embedding...)
		}
		return all
	}
	if a, b := vectors("org/tiny"), vectors(tinyModel); len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the pulled model embeds otherwise than the folder")
	}
}

func TestPullErrors(t *testing.T) {
	d := newDesk(t)
	serveModel(d, tinyFiles(t))
	d.write("config.yaml", "aliases:\n  mine: org/tiny\n")
	for _, c := range []struct {
		args string
		env  string
		code int
		word string
		says string
	}{
		{"pull", "", 2, "usage", "name one model"},
		{"pull a/b c/d", "", 2, "usage", "name one model"},
		{"pull ../x", "", 2, "bad_name", "../x"},
		{"pull no-such-alias", "", 2, "bad_name", "ORG/NAME"},
		{"pull builtin/search", "", 2, "bad_name", "nothing to pull"},
		{"pull org/tiny@../x", "", 2, "bad_name", "not a revision"},
		{"pull org/none", "", 1, "repo_not_found", "no repository org/none"},
		{"pull org/tiny", "HF_ENDPOINT=nonsense", 2, "config", "HF_ENDPOINT"},
		{"pull org/tiny", "HF_HUB_DOWNLOAD_TIMEOUT=x", 2, "config", "HF_HUB_DOWNLOAD_TIMEOUT"},
		{"pull org/tiny", "HF_HUB_OFFLINE=1", 1, "offline", "HF_HUB_OFFLINE is set"},
	} {
		t.Run(c.args+" "+c.env, func(t *testing.T) {
			if k, v, ok := strings.Cut(c.env, "="); ok {
				t.Setenv(k, v)
			}
			r := d.run(strings.Fields(c.args)...)
			if r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, c.says) || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("%+v; want exit %d and %q", r, c.code, c.says)
			}
			r = d.run(append(strings.Fields(c.args), "--json")...)
			var body struct {
				Error struct{ Message, Code string }
			}
			if err := json.Unmarshal([]byte(r.stderr), &body); err != nil || r.code != c.code || r.stdout != "" || body.Error.Code != c.word {
				t.Errorf("--json: %+v, %v; want the code %s", r, err, c.word)
			}
		})
	}
	if r := d.must("pull", "mine", "--config", d.path("config.yaml")); !strings.Contains(r.stdout, pulledCommit) {
		t.Errorf("an own alias: %+v", r)
	}
}

// TestPullKilled kills a pull five times in the middle, the hard way. Less than a
// range of what had come each time comes again.
func TestPullKilled(t *testing.T) {
	const size, rangeSize = 90<<20 + 12_345, 16 << 20
	weights := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(weights)
	d := newDesk(t)
	h := serveModel(d, map[string][]byte{"config.json": []byte("{}"), "model.safetensors": weights})
	kills := 0
	for at := int64(15 << 20); at < size; at += 17 << 20 {
		h.limit.Store(at)
		p := d.start(0, "pull", "org/tiny")
		<-h.stuck
		p.Process.Kill()
		p.Wait()
		kills++
		if r := d.run("embed", "--model", "org/tiny", "--text", "x"); r.code != 2 {
			t.Errorf("half a model is found: %+v", r)
		}
	}
	h.limit.Store(noLimit)
	d.must("pull", "org/tiny")
	again := h.sent.Load() - size - 2
	t.Logf("after %d kills %d bytes came twice, of %d", kills, again, size)
	if kills != 5 || again > int64(kills)*rangeSize {
		t.Errorf("%d kills, %d bytes came twice", kills, again)
	}
	hub := filepath.Join(d.path("hf"), "hub")
	got, err := os.ReadFile(filepath.Join(hub, "models--org--tiny", "snapshots", pulledCommit, "model.safetensors"))
	if err != nil || !bytes.Equal(got, weights) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	filepath.WalkDir(hub, func(path string, _ fs.DirEntry, _ error) error {
		if strings.Contains(path, "incomplete") || strings.Contains(path, "journal") {
			t.Errorf("left behind: %s", path)
		}
		return nil
	})
}

func TestPullInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		d := newDesk(t)
		h := serveModel(d, map[string][]byte{"config.json": []byte("{}"), "model.safetensors": make([]byte, 8<<20)})
		h.limit.Store(4 << 20)
		p := d.start(0, "pull", "org/tiny", "--json")
		<-h.stuck
		p.Process.Signal(sig)
		r := p.result()
		if r.code != code || r.stdout != "" || !strings.Contains(r.stderr, "run the same command again") {
			t.Errorf("%v: %+v", sig, r)
		}
		h.limit.Store(noLimit)
		d.must("pull", "org/tiny")
		if again := h.sent.Load() - 8<<20 - 2; again > 4<<20 {
			t.Errorf("%v: %d bytes came twice", sig, again)
		}
	}
}

func TestPullMeter(t *testing.T) {
	var out bytes.Buffer
	m := &pullMeter{out: &out, name: "org/tiny"}
	m.update(605e5, 605e6)
	m.update(606e5, 605e6)
	if out.String() != "org/tiny: 60 MB of 605 MB\n" && out.String() != "org/tiny: 61 MB of 605 MB\n" {
		t.Errorf("%q", &out)
	}
	out.Reset()
	m = &pullMeter{out: &out, tty: true, name: "org/tiny"}
	m.update(300e6, 605e6)
	if !strings.Contains(out.String(), "org/tiny") || !strings.Contains(out.String(), "49%") {
		t.Errorf("%q", &out)
	}
	m.finish()
}
