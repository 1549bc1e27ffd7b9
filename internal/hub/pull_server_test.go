package hub

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fakeHub speaks the hub's protocol on the loopback: one server is the hub, the
// other the CDN to which it redirects for large files.
type fakeHub struct {
	t     testing.TB
	hub   *httptest.Server
	cdn   *httptest.Server
	repo  string
	revs  map[string]map[string]string // revision → name → content
	bare  bool                         // the listing has names only
	extra string                       // more fields of the listing

	// fault may answer in the place of either server.
	fault  func(w http.ResponseWriter, r *http.Request) (answered bool)
	budget atomic.Int64 // bytes of large files until the connection is cut
	sent   atomic.Int64 // of large files

	mu   sync.Mutex
	seen []*http.Request
}

const unlimited = 1 << 40

func newFakeHub(t testing.TB, repo string, files map[string]string) *fakeHub {
	h := &fakeHub{t: t, repo: repo, revs: map[string]map[string]string{"main": files}}
	h.budget.Store(unlimited)
	h.hub = httptest.NewServer(h.handler(h.serveHub))
	h.cdn = httptest.NewServer(h.handler(h.serveCDN))
	t.Cleanup(h.hub.Close)
	t.Cleanup(h.cdn.Close)
	return h
}

func (h *fakeHub) handler(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.seen = append(h.seen, r)
		h.mu.Unlock()
		if h.fault == nil || !h.fault(w, r) {
			next(w, r)
		}
	})
}

// requests counts those whose method and address begin so.
func (h *fakeHub) requests(prefix string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.seen {
		if strings.HasPrefix(r.Method+" "+r.URL.EscapedPath(), prefix) {
			n++
		}
	}
	h.t.Logf("%d × %s", n, prefix)
	return n
}

// commitOf makes up a revision's commit.
func commitOf(rev string) string {
	if commitID.MatchString(rev) {
		return rev
	}
	return fmt.Sprintf("%x", sha1.Sum([]byte(rev)))
}

func (h *fakeHub) filesOf(rev string) map[string]string {
	for name, files := range h.revs {
		if name == rev || commitOf(name) == rev {
			return files
		}
	}
	return nil
}

func isLFS(name string) bool { return strings.HasSuffix(name, ".safetensors") }

func etagOf(name, content string) string {
	if isLFS(name) {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	}
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

func (h *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if rev, ok := strings.CutPrefix(path, "/api/models/"+h.repo+"/revision/"); ok {
		h.serveListing(w, rev)
		return
	}
	rest, ok := strings.CutPrefix(path, "/"+h.repo+"/resolve/")
	if !ok {
		refuse(w, 404, "RepoNotFound")
		return
	}
	rev, name, _ := strings.Cut(rest, "/")
	name, _ = url.PathUnescape(name)
	content, ok := h.filesOf(rev)[name]
	if !ok {
		refuse(w, 404, "EntryNotFound")
		return
	}
	w.Header().Set("X-Repo-Commit", commitOf(rev))
	if !isLFS(name) {
		w.Header().Set("Etag", `"`+etagOf(name, content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
		return
	}
	w.Header().Set("X-Linked-Etag", `"`+etagOf(name, content)+`"`)
	w.Header().Set("X-Linked-Size", fmt.Sprint(len(content)))
	http.Redirect(w, r, h.cdn.URL+"/"+rev+"/"+name+"?signature=secret", http.StatusFound)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Error-Code", code)
	w.WriteHeader(status)
}

func (h *fakeHub) serveListing(w http.ResponseWriter, rev string) {
	rev, _ = url.PathUnescape(rev)
	files := h.filesOf(rev)
	if files == nil {
		refuse(w, 404, "RevisionNotFound")
		return
	}
	var siblings []map[string]any
	for name, content := range files {
		s := map[string]any{"rfilename": name}
		if !h.bare {
			s["size"], s["blobId"] = len(content), etagOf("", content)
		}
		if !h.bare && isLFS(name) {
			s["lfs"] = map[string]any{"sha256": etagOf(name, content), "size": len(content), "pointerSize": 134}
		}
		siblings = append(siblings, s)
	}
	text, err := json.Marshal(siblings)
	if err != nil {
		h.t.Error(err)
	}
	fmt.Fprintf(w, `{"sha":%q,"cardData":{"license":"mit"},"gated":false%s,"siblings":%s}`, commitOf(rev), h.extra, text)
}

func (h *fakeHub) serveCDN(w http.ResponseWriter, r *http.Request) {
	rev, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	content := h.filesOf(rev)[name]
	w.Header().Set("Etag", `"0123456789abcdef0123456789abcdef"`)
	http.ServeContent(&cutter{w, h}, r, "", time.Time{}, strings.NewReader(content))
}

// cutter counts bytes and cuts the connection when the budget is spent.
type cutter struct {
	http.ResponseWriter
	h *fakeHub
}

func (c *cutter) Write(p []byte) (int, error) {
	left := c.h.budget.Add(-int64(len(p))) + int64(len(p))
	if left < int64(len(p)) {
		c.send(p[:max(left, 0)])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	return c.send(p)
}

func (c *cutter) send(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.h.sent.Add(int64(n))
	return n, err
}

// noise is n bytes, no block of which is like another.
func noise(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		sum := sha256.Sum256(fmt.Append(nil, i))
		b.Write(sum[:])
	}
	return b.String()[:n]
}

// weightsSize is no multiple of a block or range.
const weightsSize = 100_003

func modelFiles() map[string]string {
	return map[string]string{
		"config.json": `{"model_type":"clip"}`, "tokenizer.json": "{}", "README.md": "# model", "empty.json": "", ".gitattributes": "x",
		"model.safetensors": noise(weightsSize), "pytorch_model.bin": "pickle", "onnx/model.onnx": "x", "flax_model.msgpack": "x",
		"sub/config.json": "{}", "picture.png": "x", "trainer_state.json": "{}",
	}
}

// wanted are the names of modelFiles that a model needs.
var wanted = []string{"README.md", "config.json", "empty.json", "model.safetensors", "tokenizer.json"}

// options are quick ones: small blocks, no waiting.
func (h *fakeHub) options(cache string) PullOptions {
	return PullOptions{Cache: cache, Parallel: 4, seams: seams{block: 1024, perRange: 8, wait: noWait}}
}
