package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func noWait(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// pull pulls name from h into cache.
func (h *fakeHub) pull(name string, opt PullOptions) (Pulled, error) {
	h.t.Helper()
	ref, err := ParseRef(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return Pull(context.Background(), ref, Remote{Endpoint: h.hub.URL, Token: "hf_secret", Timeout: 5 * time.Second}, opt)
}

// check demands that a pull succeeded and that the snapshot has exactly names,
// with the revision's content.
func (h *fakeHub) check(got Pulled, err error, rev string, names []string) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
	var have []string
	fs.WalkDir(os.DirFS(got.Dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			h.t.Error(err)
		} else if !d.IsDir() {
			have = append(have, path)
		}
		return nil
	})
	if !slices.Equal(have, names) {
		h.t.Errorf("the snapshot has %q, want %q", have, names)
	}
	var size int64
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(got.Dir, filepath.FromSlash(name)))
		if err != nil || string(text) != h.revs[rev][name] {
			h.t.Errorf("%s: %d bytes, %v", name, len(text), err)
		}
		size += int64(len(text))
	}
	if got.Revision != rev || got.Commit != commitOf(rev) || got.Files != len(names) || got.Bytes != size {
		h.t.Errorf("%+v", got)
	}
	blobs, err := os.ReadDir(filepath.Join(got.Dir, "..", "..", "blobs"))
	for _, b := range blobs {
		if err == nil && !commitID.MatchString(b.Name()) {
			h.t.Errorf("left behind: %s", b.Name())
		}
	}
}

// wantCode demands a failure of that code whose text has all of says.
func wantCode(t testing.TB, err error, code string, says ...string) {
	t.Helper()
	var pull *PullError
	if !errors.As(err, &pull) || pull.Code != code {
		t.Errorf("%v; want the code %s", err, code)
		return
	}
	for _, s := range says {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q lacks %q", err, s)
		}
	}
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%q tells a secret or is more than a line", err)
	}
}

// The hub's listing may come without hashes; the headers of each file have them.
func TestPull(t *testing.T) {
	for _, bare := range []bool{false, true} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.bare = bare
		cache := filepath.Join(t.TempDir(), "new", "cache")
		got, err := h.pull("o/n", h.options(cache))
		h.check(got, err, "main", wanted)
		if got.Licence != "mit" || got.Name != "n" {
			t.Errorf("%+v", got)
		}
		found, err := Find("o/n", Options{Cache: cache})
		if err != nil || found != got.Found {
			t.Errorf("found %+v, %v; pulled %+v", found, err, got.Found)
		}
		if ref, err := os.ReadFile(filepath.Join(cache, "models--o--n", "refs", "main")); err != nil || string(ref) != got.Commit {
			t.Errorf("refs/main: %q, %v", ref, err)
		}
		if to, err := os.Readlink(filepath.Join(got.Dir, "model.safetensors")); runtime.GOOS != "windows" && to != "../../blobs/"+etagOf("x.safetensors", noise(weightsSize)) {
			t.Errorf("a link to %q, %v", to, err)
		}
		before := h.requests("GET /o/n/resolve/") + h.requests("HEAD ")
		got, err = h.pull("o/n@main", h.options(cache))
		h.check(got, err, "main", wanted)
		if after := h.requests("GET /o/n/resolve/") + h.requests("HEAD "); !bare && after != before {
			t.Errorf("%d requests for files that are there", after-before)
		}
	}
}

// Large files come in ranges, every byte once.
func TestPullRanges(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	got, err := h.pull("o/n", h.options(t.TempDir()))
	h.check(got, err, "main", wanted)
	want := (weightsSize + 8*1024 - 1) / (8 * 1024)
	if n := h.requests("GET /" + commitOf("main") + "/model.safetensors"); n != want {
		t.Errorf("%d ranges, want %d", n, want)
	}
	if h.sent.Load() != weightsSize {
		t.Errorf("%d bytes came for %d", h.sent.Load(), weightsSize)
	}
}

// A listing that does not tell large files from others has the hash of a pointer
// to their bytes, which is not theirs.
func TestPointerHashes(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/models/o/n/revision/main" {
			return false
		}
		fmt.Fprintf(w, `{"sha":%q,"siblings":[{"rfilename":"config.json"},{"rfilename":"model.safetensors","size":%d,"blobId":%q}]}`, commitOf("main"), weightsSize, commitA)
		return true
	}
	got, err := h.pull("o/n", h.options(t.TempDir()))
	h.check(got, err, "main", []string{"config.json", "model.safetensors"})
}

func TestPullProgress(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	var last, total int64
	opt.Progress = func(done, of int64) {
		if done < last || done > of {
			t.Errorf("%d of %d after %d", done, of, last)
		}
		last, total = done, of
	}
	got, err := h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
	if last != got.Bytes || total != got.Bytes {
		t.Errorf("%d of %d, want %d", last, total, got.Bytes)
	}
}

func TestPullRevisions(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	other := modelFiles()
	other["config.json"] = `{"other":1}`
	h.revs["refs/pr/15"] = other
	h.revs["feature/x+1"] = other
	cache := t.TempDir()
	for _, rev := range []string{"refs/pr/15", "feature/x+1"} {
		before := h.sent.Load()
		got, err := h.pull("o/n@"+rev, h.options(cache))
		h.check(got, err, rev, wanted)
		found, err := Find("o/n@"+rev, Options{Cache: cache})
		if err != nil || found != got.Found {
			t.Errorf("%+v, %v", found, err)
		}
		if rev != "refs/pr/15" && h.sent.Load() != before {
			t.Error("weights that another revision has were fetched again")
		}
	}
	if h.requests("GET /api/models/o/n/revision/refs%2Fpr%2F15") != 1 {
		t.Error("a slash in a revision is not %2F")
	}
	got, err := h.pull("o/n@"+commitOf("main"), h.options(cache))
	if err != nil || got.Commit != commitOf("main") {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = h.pull("o/n@none", h.options(cache))
	wantCode(t, err, "revision_not_found", `no revision "none"`)
	_, err = h.pull("o/other", h.options(cache))
	wantCode(t, err, "repo_not_found", "o/other", "HF_TOKEN")
}

// An alias knows where its safetensors are.
func TestPullAlias(t *testing.T) {
	h := newFakeHub(t, "openai/clip-vit-base-patch32", map[string]string{"config.json": "{}", "pytorch_model.bin": "x"})
	h.revs["refs/pr/15"] = modelFiles()
	cache := t.TempDir()
	got, err := h.pull("clip-vit-base-patch32", h.options(cache))
	h.check(got, err, "refs/pr/15", wanted)
	for _, name := range []string{"clip-vit-base-patch32", "openai/clip-vit-base-patch32"} {
		if found, err := Find(name, Options{Cache: cache}); err != nil || found != got.Found {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestPullConverted(t *testing.T) {
	pickled := map[string]string{"config.json": "{}", "pytorch_model-00001-of-00002.bin": "x", "training_args.bin": "x"}
	h := newFakeHub(t, "o/n", pickled)
	notes := ""
	opt := h.options(t.TempDir())
	opt.Note = func(s string) { notes += s }
	_, err := h.pull("o/n", opt)
	wantCode(t, err, "no_safetensors", "pickled weights only", `python -c "import glob, torch`, "snapshot_download('o/n', revision='main'", "'pytorch_model*.bin'")

	h.revs["refs/pr/7"] = modelFiles()
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/api/models/o/n/discussions" {
			return false
		}
		fmt.Fprint(w, `{"discussions":[{"num":9,"isPullRequest":true,"status":"open","author":{"name":"mallory"}},{"num":8,"isPullRequest":false,"status":"open","author":{"name":"SFconvertbot"}},
			{"num":7,"isPullRequest":true,"status":"open","author":{"name":"SFconvertbot"}}],"count":3,"start":0}`)
		return true
	}
	got, err := h.pull("o/n", opt)
	h.check(got, err, "refs/pr/7", wanted)
	if !strings.Contains(notes, "no safetensors at main; taking refs/pr/7") || !strings.Contains(notes, "--model o/n@refs/pr/7") {
		t.Error(notes)
	}

	h.revs["refs/convert/safetensors"] = modelFiles()
	notes = ""
	got, err = h.pull("o/n", opt)
	h.check(got, err, "refs/convert/safetensors", wanted)
	if !strings.Contains(notes, "taking refs/convert/safetensors") || !strings.HasSuffix(notes, "--model o/n") {
		t.Error(notes)
	}
	put(t, filepath.Join(opt.Cache, "models--o--n", "refs", "main"), commitA) // as another tool pulls it
	put(t, filepath.Join(opt.Cache, "models--o--n", "snapshots", commitA, "pytorch_model.bin"), "x")
	if found, err := Find("o/n", Options{Cache: opt.Cache}); err != nil || found != got.Found {
		t.Errorf("%+v, %v", found, err)
	}
	_, err = h.pull("o/n@"+commitOf("main"), opt)
	wantCode(t, err, "no_safetensors", "emblem pull o/n@refs/convert/safetensors")
}

// TestCutAndResume cuts the connections at 100 offsets. The next pull asks for what
// did not come, and of what did for less than a range a connection.
func TestCutAndResume(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	rangeSize := int64(8 * 1024)
	worst := map[int]int64{}
	for i := range 100 {
		at := int64(i)*weightsSize/100 + int64(i*7%1000)
		opt := h.options(t.TempDir())
		opt.attempts, opt.Parallel = 1, []int{1, 4}[i%2]
		h.sent.Store(0)
		h.budget.Store(min(at, weightsSize-1))
		if _, err := h.pull("o/n", opt); err == nil {
			t.Fatalf("cut at %d: no error", at)
		} else {
			wantCode(t, err, "network", h.hub.URL+"/o/n/resolve/"+commitOf("main")+"/model.safetensors", filepath.Join(opt.Cache, "models--o--n", "blobs", etagOf("x.safetensors", noise(weightsSize))), "sha256 ")
		}
		if _, err := Find("o/n", Options{Cache: opt.Cache}); err == nil {
			t.Fatalf("cut at %d: half a model is found", at)
		}
		h.budget.Store(unlimited)
		got, err := h.pull("o/n", opt)
		h.check(got, err, "main", wanted)
		worst[opt.Parallel] = max(worst[opt.Parallel], h.sent.Load()-weightsSize)
	}
	for connections, twice := range worst {
		t.Logf("%d connections, ranges of %d bytes: at most %d came twice", connections, rangeSize, twice)
		if twice >= rangeSize*int64(connections) {
			t.Errorf("%d bytes came twice", twice)
		}
	}
}

// Within one pull a connection that is cut is taken up again.
func TestCutAndRetry(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	var waits atomic.Int32
	opt := h.options(t.TempDir())
	opt.Parallel = 1
	opt.wait = func(context.Context, time.Duration) error {
		waits.Add(1)
		h.budget.Store(9_000)
		return nil
	}
	h.budget.Store(9_000)
	got, err := h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
	if waits.Load() < weightsSize/9_000 {
		t.Errorf("taken up %d times", waits.Load())
	}
}

// A power cut may take what was written last: of the file, the journal or both.
func TestDamagedPartial(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	etag := etagOf("x.safetensors", noise(weightsSize))
	for name, damage := range map[string]func(data, journal []byte) ([]byte, []byte){
		"zeros in the file":  func(d, j []byte) ([]byte, []byte) { clear(d[4096:12_000]); return d, j },
		"short file":         func(d, j []byte) ([]byte, []byte) { return d[:20_000], j },
		"torn journal":       func(d, j []byte) ([]byte, []byte) { return d, j[:len(j)-5] },
		"empty journal":      func(d, j []byte) ([]byte, []byte) { return d, nil },
		"rubbish":            func(d, j []byte) ([]byte, []byte) { return d, []byte("\x00\xffabc") },
		"rubbish in the end": func(d, j []byte) ([]byte, []byte) { return d, append(j, "-1 00000000\n99999999999 x\n\n 0"...) },
		"another size":       func(d, j []byte) ([]byte, []byte) { return d, []byte(journalStart(5, 1024) + "0 00000000\n") },
		"a huge block":       func(d, j []byte) ([]byte, []byte) { return d, []byte(journalStart(weightsSize, 1<<60)) },
	} {
		opt := h.options(t.TempDir())
		opt.attempts = 1
		h.budget.Store(weightsSize * 2 / 3)
		h.pull("o/n", opt)
		h.budget.Store(unlimited)
		blobs := filepath.Join(opt.Cache, "models--o--n", "blobs")
		data, err := os.ReadFile(filepath.Join(blobs, etag+".emblem.incomplete"))
		if err != nil {
			t.Fatal(err)
		}
		journal, err := os.ReadFile(filepath.Join(blobs, etag+".emblem.journal"))
		if err != nil {
			t.Fatal(err)
		}
		data, journal = damage(data, journal)
		put(t, filepath.Join(blobs, etag+".emblem.incomplete"), string(data))
		put(t, filepath.Join(blobs, etag+".emblem.journal"), string(journal))
		got, err := h.pull("o/n", opt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h.check(got, err, "main", wanted)
	}
}

// corrupt changes a byte of one range that the CDN sends, n times.
func (h *fakeHub) corrupt(from string, n int) {
	left := n
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Host != strings.TrimPrefix(h.cdn.URL, "http://") || !strings.HasPrefix(r.Header.Get("Range"), "bytes="+from+"-") {
			return false
		}
		h.mu.Lock()
		wrong := left > 0
		left--
		h.mu.Unlock()
		if !wrong {
			return false
		}
		var start, end int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &start, &end)
		b := []byte(noise(weightsSize)[start : end+1])
		b[len(b)/2] ^= 1
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, end, weightsSize))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(b)
		return true
	}
}

func TestWrongBytes(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	h.corrupt("16384", 1) // the third range
	got, err := h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
	if sent := h.sent.Load(); sent > weightsSize+3*8*1024 {
		t.Errorf("%d bytes came", sent)
	}

	opt = h.options(t.TempDir())
	h.corrupt("16384", unlimited)
	_, err = h.pull("o/n", opt)
	wantCode(t, err, "hash_mismatch", "model.safetensors", "not those that the hub announced", h.hub.URL, "sha256 "+etagOf("x.safetensors", noise(weightsSize)))
	if _, err := Find("o/n", Options{Cache: opt.Cache}); err == nil {
		t.Error("wrong bytes are found")
	}
	h.fault = nil
	got, err = h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
}

// The hub announces another hash than that of its bytes.
func TestWrongHash(t *testing.T) {
	for _, name := range []string{"model.safetensors", "config.json"} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.bare = true
		h.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodHead || !strings.HasSuffix(r.URL.Path, name) {
				return false
			}
			w.Header().Set("Etag", `"`+commitA+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(h.revs["main"][name])))
			if isLFS(name) {
				w.Header().Set("X-Linked-Etag", strings.Repeat("e", 64))
				w.Header().Set("X-Linked-Size", fmt.Sprint(weightsSize))
			}
			return true
		}
		_, err := h.pull("o/n", h.options(t.TempDir()))
		wantCode(t, err, "hash_mismatch", name, "/o/n/resolve/")
	}
}

// A blob that was put there by hand is taken if it is right, and replaced if not.
func TestByHand(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	for _, text := range []string{noise(weightsSize), strings.Repeat("x", weightsSize)} {
		opt := h.options(t.TempDir())
		put(t, filepath.Join(opt.Cache, "models--o--n", "blobs", etagOf("x.safetensors", noise(weightsSize))), text)
		h.sent.Store(0)
		got, err := h.pull("o/n", opt)
		h.check(got, err, "main", wanted)
		if right := text == noise(weightsSize); right != (h.sent.Load() == 0) {
			t.Errorf("right: %v, and %d bytes came", right, h.sent.Load())
		}
	}
}

// TestStatus has servers that refuse in every way.
func TestStatus(t *testing.T) {
	for _, c := range []struct {
		at     string // in the address
		status int
		header string
		code   string // "" means that the pull gets over it
		says   string
	}{
		{"/api/", 401, "X-Error-Code: RepoNotFound", "repo_not_found", "set HF_TOKEN"},
		{"/api/", 401, "", "unauthorized", "set HF_TOKEN"},
		{"/api/", 403, "X-Error-Code: GatedRepo", "gated", "accept its terms at "},
		{"/api/", 403, "X-Error-Message: no\x1b[31m way", "forbidden", "403"},
		{"/api/", 404, "", "repo_not_found", "check its name"},
		{"/api/", 429, "Retry-After: 1", "rate_limited", "too many requests"},
		{"/api/", 429, "Retry-After: 9999", "rate_limited", "not before 2h46m39s"},
		{"/api/", 500, "", "server", "500"},
		{"resolve", 401, "X-Error-Code: GatedRepo", "gated", "accept its terms at "},
		{"resolve", 403, "", "forbidden", "/resolve/"},
		{"resolve", 404, "", "server", "/resolve/"},
		{"resolve", 500, "", "server", "/resolve/"},
		{"signature", 403, "", "forbidden", "sha256 "},
		{"signature", 416, "", "server", "sha256 "},
		{"signature", 503, "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT", "server", "sha256 "},
	} {
		for _, times := range []int32{3, 1 << 30} {
			h := newFakeHub(t, "o/n", modelFiles())
			h.bare = true
			var left atomic.Int32
			left.Store(times)
			h.fault = func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.Contains(r.URL.String(), c.at) || times == 3 && c.status == 416 && r.Header.Get("Range") == "" || left.Add(-1) < 0 {
					return false
				}
				if k, v, ok := strings.Cut(c.header, ": "); ok {
					w.Header().Set(k, strings.ReplaceAll(v, "\x1b", " "))
				}
				w.WriteHeader(c.status)
				return true
			}
			got, err := h.pull("o/n", h.options(t.TempDir()))
			passing := c.status == 416 || (c.status == 429 || c.status >= 500) && !strings.Contains(c.header, "9999")
			if times == 3 && passing {
				h.check(got, err, "main", wanted)
				continue
			}
			wantCode(t, err, c.code, c.says)
		}
	}
}

// A server may not serve ranges, or serve others than those asked for.
func TestOddRanges(t *testing.T) {
	cdn := func(h *fakeHub, r *http.Request) bool { return r.Host == strings.TrimPrefix(h.cdn.URL, "http://") }
	for name, fault := range map[string]func(h *fakeHub, w http.ResponseWriter, r *http.Request) bool{
		"no ranges": func(h *fakeHub, w http.ResponseWriter, r *http.Request) bool {
			if cdn(h, r) {
				r.Header.Del("Range")
			}
			return false
		},
		"416 for ranges": func(h *fakeHub, w http.ResponseWriter, r *http.Request) bool {
			if !cdn(h, r) || r.Header.Get("Range") == "" {
				return false
			}
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		},
	} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.fault = func(w http.ResponseWriter, r *http.Request) bool { return fault(h, w, r) }
		got, err := h.pull("o/n", h.options(t.TempDir()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		h.check(got, err, "main", wanted)
	}
	for name, contentRange := range map[string]string{
		"another range": "bytes 1-8192/100003", "another size": "bytes 0-8191/100004", "more than asked": "bytes 0-9999/100003", "none": "", "rubbish": "bytes x",
	} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !cdn(h, r) {
				return false
			}
			w.Header().Set("Content-Range", contentRange)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(make([]byte, 10_000))
			return true
		}
		if _, err := h.pull("o/n", h.options(t.TempDir())); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantCode(t, err, "failed", "asked for", "sha256")
		}
	}
}

// The token goes to the hub, never to the CDN.
func TestTokenStays(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	h.bare = true
	got, err := h.pull("o/n", h.options(t.TempDir()))
	h.check(got, err, "main", wanted)
	atHub, atCDN := 0, 0
	for _, r := range h.seen {
		auth := r.Header.Get("Authorization")
		switch "http://" + r.Host {
		case h.hub.URL:
			atHub++
			if auth != "Bearer hf_secret" {
				t.Errorf("%s: Authorization %q", r.URL, auth)
			}
		default:
			atCDN++
			if auth != "" || strings.Contains(fmt.Sprint(r.Header, r.URL), "hf_secret") {
				t.Errorf("the CDN got the token: %s", r.URL)
			}
		}
	}
	if atHub < 10 || atCDN < 10 {
		t.Errorf("%d requests to the hub, %d to the CDN", atHub, atCDN)
	}
}

func TestRedirects(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	h.fault = func(w http.ResponseWriter, r *http.Request) bool { // the repository was renamed
		rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/models/old/name/")
		if ok {
			http.Redirect(w, r, "/api/models/o/n/"+rest, http.StatusTemporaryRedirect)
		}
		to, file := strings.CutPrefix(r.URL.EscapedPath(), "/old/name/")
		if file {
			http.Redirect(w, r, "/o/n/"+to, http.StatusTemporaryRedirect)
		}
		return ok || file
	}
	got, err := h.pull("old/name", h.options(t.TempDir()))
	h.check(got, err, "main", wanted)

	for location, says := range map[string]string{
		"ftp://127.0.0.1/x": "not https", "file:///etc/passwd": "not https", "http://user:pass@127.0.0.1/": "no address", "http://": "no address", "/o/n/resolve/loop": "more than 5 times",
	} {
		h.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/resolve/") {
				return false
			}
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
			return true
		}
		_, err := h.pull("o/n", h.options(t.TempDir()))
		wantCode(t, err, "failed", says)
	}
}

// From https nothing leads to http.
func TestNoDowngrade(t *testing.T) {
	c, err := newClient(Remote{}, seams{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for location, ok := range map[string]bool{"https://cdn.example/x": true, "/relative": true, "http://huggingface.co/x": false, "http://127.0.0.1/": false} {
		if _, err := c.next(c.base, location); (err == nil) != ok {
			t.Errorf("%s: %v", location, err)
		}
	}
}

func TestSlowServer(t *testing.T) {
	for _, at := range []string{"/api/", "signature"} {
		h := newFakeHub(t, "o/n", modelFiles())
		stop := make(chan struct{})
		var asked atomic.Int32
		h.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.String(), at) {
				return false
			}
			asked.Add(1)
			if at == "signature" { // the headers and a little come
				w.Header().Set("Content-Range", strings.Replace(r.Header.Get("Range"), "=", " ", 1)+fmt.Sprint("/", weightsSize))
				w.WriteHeader(http.StatusPartialContent)
				w.Write([]byte("x"))
				w.(http.Flusher).Flush()
			}
			select {
			case <-stop:
			case <-r.Context().Done():
			}
			return true
		}
		opt := h.options(t.TempDir())
		opt.attempts = 2
		_, err := Pull(context.Background(), Ref{Repo: "o/n"}, Remote{Endpoint: h.hub.URL, Timeout: 50 * time.Millisecond}, opt)
		close(stop)
		wantCode(t, err, "network")
		if asked.Load() < 2 {
			t.Errorf("%s: asked %d times", at, asked.Load())
		}
	}
}

func TestDiskFull(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	opt.space = func(string) (uint64, error) { return 16<<20 + weightsSize - 1, nil }
	_, err := h.pull("o/n", opt)
	wantCode(t, err, "disk_full", "o/n needs 100 kB more in "+opt.Cache, "is free", "HF_HUB_CACHE")
	if h.sent.Load() > 0 {
		t.Error("fetched all the same")
	}
	opt.space = nil
	var left atomic.Int64
	left.Store(50_000)
	opt.written = func(n int64) error {
		if left.Add(-n) < 0 {
			return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return nil
	}
	if runtime.GOOS == "windows" {
		t.Skip("another error number")
	}
	_, err = h.pull("o/n", opt)
	wantCode(t, err, "disk_full", "pull again: what has come so far is kept")
	opt.written = nil
	h.sent.Store(0)
	got, err := h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
	if h.sent.Load() > weightsSize-40_000 {
		t.Errorf("%d bytes came again", h.sent.Load())
	}
}

func TestReadOnly(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	if runtime.GOOS == "linux" { // where nobody may write
		_, err := h.pull("o/n", h.options("/sys/emblem"))
		wantCode(t, err, "cache_read_only", "/sys/emblem", "HF_HUB_CACHE")
	}
	cache := t.TempDir()
	got, err := h.pull("o/n", h.options(cache))
	h.check(got, err, "main", wanted)
	modes := func(mode fs.FileMode) {
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, mode)
			}
			return err
		})
	}
	stamp := func() map[string]time.Time {
		all := map[string]time.Time{}
		filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if info, err := os.Lstat(path); err == nil {
				all[path] = info.ModTime()
			}
			return nil
		})
		return all
	}
	modes(0o555)
	defer modes(0o755)
	before := stamp()
	got, err = h.pull("o/n", h.options(cache))
	h.check(got, err, "main", wanted)
	if !maps.Equal(before, stamp()) {
		t.Error("a pull of what is there writes")
	}
}

func TestOffline(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	cache := t.TempDir()
	offline := Remote{Endpoint: h.hub.URL, Offline: true}
	_, err := Pull(context.Background(), Ref{Repo: "o/n"}, offline, h.options(cache))
	wantCode(t, err, "offline", "HF_HUB_OFFLINE", "o/n")
	got, err := h.pull("o/n", h.options(cache))
	h.check(got, err, "main", wanted)
	n := len(h.seen)
	again, err := Pull(context.Background(), Ref{Repo: "o/n"}, offline, h.options(cache))
	if err != nil || again != got {
		t.Errorf("%+v, %v; want %+v", again, err, got)
	}
	os.RemoveAll(filepath.Join(cache, ".locks")) // as if another tool had pulled it
	if again, err = Pull(context.Background(), Ref{Repo: "o/n"}, offline, h.options(cache)); err != nil || again.Files != got.Files || again.Bytes != got.Bytes {
		t.Errorf("%+v, %v", again, err)
	}
	os.Remove(filepath.Join(got.Dir, "..", "..", "blobs", etagOf("config.json", modelFiles()["config.json"])))
	_, err = Pull(context.Background(), Ref{Repo: "o/n"}, offline, h.options(cache))
	if runtime.GOOS != "windows" {
		wantCode(t, err, "offline")
	}
	if len(h.seen) != n {
		t.Error("offline, and it asked")
	}
}

// Without links the files themselves are in the snapshot.
func TestNoLinks(t *testing.T) {
	t.Setenv("HF_HUB_DISABLE_SYMLINKS", "1")
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	for range 2 {
		got, err := h.pull("o/n", opt)
		h.check(got, err, "main", wanted)
		if info, err := os.Lstat(filepath.Join(got.Dir, "model.safetensors")); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%v, %v", info, err)
		}
	}
	if h.sent.Load() != weightsSize {
		t.Errorf("%d bytes came", h.sent.Load())
	}
}

func TestTwoPulls(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	type result struct {
		got Pulled
		err error
	}
	results := make(chan result)
	for range 4 {
		go func() {
			got, err := h.pull("o/n", opt)
			results <- result{got, err}
		}()
	}
	for range 4 {
		r := <-results
		h.check(r.got, r.err, "main", wanted)
	}
	if h.sent.Load() != weightsSize {
		t.Errorf("%d bytes came for %d", h.sent.Load(), weightsSize)
	}
}

func TestInterrupted(t *testing.T) {
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("the user")
	opt.Progress = func(done, _ int64) {
		if done > 30_000 {
			cancel(cause)
		}
	}
	if _, err := Pull(ctx, Ref{Repo: "o/n"}, Remote{Endpoint: h.hub.URL}, opt); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	h.sent.Store(0)
	opt.Progress = nil
	got, err := h.pull("o/n", opt)
	h.check(got, err, "main", wanted)
	if h.sent.Load() > weightsSize-20_000 {
		t.Errorf("%d bytes came again", h.sent.Load())
	}
}

// unsafeNames would lead out of the snapshot's folder.
var unsafeNames = []string{
	"../evil.json", "a/../../evil.json", "/etc/evil.json", "", ".", "..", "a//b.json", "a/./b.json", "a/", "x\x00.json", "x\n.json", "x\x1b[31m.json",
	`..\evil.json`, `a\..\..\evil.json`, `C:\evil.json`, "C:evil.json", "\xff.json", strings.Repeat("a", 1025),
}

func TestUnsafeNames(t *testing.T) {
	for _, name := range unsafeNames {
		h := newFakeHub(t, "o/n", modelFiles())
		if name == "\xff.json" { // JSON cannot carry it
			if safeName(name) == nil {
				t.Errorf("%q is taken", name)
			}
			continue
		}
		h.revs["main"][name] = "evil"
		cache := t.TempDir()
		_, err := h.pull("o/n", h.options(cache))
		wantCode(t, err, "unsafe_name", "nothing was fetched")
		if list, _ := os.ReadDir(cache); len(list) > 0 {
			t.Errorf("%q: something was written", name)
		}
	}
	for _, name := range []string{"config.json", "a/b.json", "a..b.json", ".gitattributes", "ünïcode.txt", "a b.png"} {
		if err := safeName(name); err != nil {
			t.Error(err)
		}
	}
}

// A folder of the snapshot that is a link to elsewhere is not followed.
func TestLinkOut(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a right here")
	}
	h := newFakeHub(t, "o/n", modelFiles())
	opt := h.options(t.TempDir())
	out := t.TempDir()
	snapshots := filepath.Join(opt.Cache, "models--o--n", "snapshots")
	if err := os.MkdirAll(snapshots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(out, filepath.Join(snapshots, commitOf("main"))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.pull("o/n", opt); err == nil {
		t.Error("pulled through a link")
	}
	if list, _ := os.ReadDir(out); len(list) > 0 {
		t.Errorf("%v was written outside", list)
	}
}

// A hub that answers with rubbish is not believed.
func TestBadListing(t *testing.T) {
	for _, text := range []string{
		"", "null", "[]", "{", `{"sha":"main"}`, `{"sha":"../../../etc"}`, `{"sha":"` + commitA + `","siblings":{}}`, "<html>", `{"sha":"` + commitA + `","siblings":[{"rfilename":5}]}`, `{"sha":"` + commitA + `"}`,
	} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.fault = func(w http.ResponseWriter, r *http.Request) bool { fmt.Fprint(w, text); return true }
		_, err := h.pull("o/n", h.options(t.TempDir()))
		var pull *PullError
		if !errors.As(err, &pull) || pull.Code != "server" && pull.Code != "no_safetensors" {
			t.Errorf("%q: %v", text, err)
		}
	}
	h := newFakeHub(t, "o/n", modelFiles())
	h.fault = func(w http.ResponseWriter, r *http.Request) bool {
		w.Write(make([]byte, maxListing+10))
		return true
	}
	_, err := h.pull("o/n", h.options(t.TempDir()))
	wantCode(t, err, "failed", "more than 32 MiB")
}

// Headers that give no hash or size leave nothing to check by.
func TestBadHeaders(t *testing.T) {
	for etag, size := range map[string]string{"": "5", `"../../x"`: "5", `W/"abc"`: "5", commitA: "-1", commitB: "x"} {
		h := newFakeHub(t, "o/n", modelFiles())
		h.bare = true
		h.fault = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodHead {
				return false
			}
			w.Header().Set("Etag", etag)
			w.Header().Set("X-Linked-Size", size)
			return true
		}
		_, err := h.pull("o/n", h.options(t.TempDir()))
		wantCode(t, err, "failed", "/resolve/", "its hash is not known")
	}
}

func FuzzListing(f *testing.F) {
	f.Add([]byte(`{"sha":"` + commitA + `","cardData":{"license":["a"]},"siblings":[{"rfilename":"../x","size":1,"blobId":"` + commitB + `"},{"rfilename":"a.safetensors","lfs":{"sha256":"x","size":-1}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := parseListing(text)
		if err != nil {
			return
		}
		for _, file := range choose(l) {
			if !filepath.IsLocal(file.Name) || file.Etag != "" && (!commitID.MatchString(file.Etag) || file.Size < 0) {
				t.Fatalf("%+v", file)
			}
		}
		parseConversions(text)
	})
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(journalStart(5000, 1024)+journalLine(0, 7)+journalLine(4, 9)+"5 00"), int64(5000))
	f.Fuzz(func(t *testing.T, text []byte, size int64) {
		if size < 0 || size > maxFile {
			return
		}
		block, sums, ok := parseJournal(text, size)
		for i := range sums {
			if !ok || i < 0 || int64(i) >= blocks(size, block) {
				t.Fatalf("block %d of %d", i, blocks(size, block))
			}
		}
	})
}
