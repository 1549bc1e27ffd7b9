package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Target is the server to be attacked.
type Target struct {
	URL string // such as http://127.0.0.1:3625
	Key string // sent as a bearer's, if any

	Quick bool // leave out what takes the server's time-outs

	client *http.Client
	crowd  int             // connections that clients take who do not use them
	vector json.RawMessage // of an honest request, before the attacks
}

// Finding is what became of one attack.
type Finding struct {
	Attack string `json:"attack"` // the kind: hosts, origins, …
	Case   string `json:"case"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what the server did, or should have done
	Millis int64  `json:"ms"`
}

// attacks are all kinds, in the order in which they run.
var attacks = []struct {
	name string
	run  func(context.Context, *Target) []Finding
}{
	{"hosts", hosts}, {"origins", origins}, {"addresses", addresses}, {"paths", paths},
	{"headers", headers}, {"bodies", bodies}, {"forms", forms}, {"pictures", pictures}, {"company", company}, {"crowds", crowds}, {"slow", slow},
}

// Run does everything to the target and tells of each attack when it is over. The
// error is of a target that does not answer an honest request to begin with.
func Run(ctx context.Context, t Target, tell func(Finding)) error {
	t.URL = strings.TrimRight(t.URL, "/")
	t.client = &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.crowd = mostConns
	var err error
	if t.vector, err = t.honest(ctx); err != nil {
		return fmt.Errorf("the server at %s does not answer an honest request: %w", t.URL, err)
	}
	for _, a := range attacks {
		if t.Quick && a.name == "slow" {
			continue
		}
		for _, f := range a.run(ctx, &t) {
			f.Attack = a.name
			tell(f)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		tell(t.unharmed(ctx, a.name))
	}
	return nil
}

// honest asks for the vector of a text.
func (t *Target) honest(ctx context.Context) (json.RawMessage, error) {
	a := t.post(ctx, "/v1/embeddings", `{"input":"an honest request"}`)
	if a.err != nil {
		return nil, a.err
	}
	var body struct {
		Data []struct{ Embedding json.RawMessage }
	}
	if a.status != http.StatusOK || json.Unmarshal(a.body, &body) != nil || len(body.Data) != 1 {
		return nil, fmt.Errorf("status %d: %.200s", a.status, a.body)
	}
	return body.Data[0].Embedding, nil
}

// unharmed asks honestly again: the answer has to be the same, bit for bit.
func (t *Target) unharmed(ctx context.Context, after string) Finding {
	start := time.Now()
	v, err := t.honest(ctx)
	f := Finding{Attack: after, Case: "an honest request afterwards", Millis: time.Since(start).Milliseconds()}
	switch {
	case err != nil:
		f.Detail = err.Error()
	case !bytes.Equal(v, t.vector):
		f.Detail = "the vector is another one now"
	default:
		f.OK, f.Detail = true, "the same vector"
	}
	return f
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
	took   time.Duration
}

const mostAnswer = 16 << 20

// send sends a request with the key.
func (t *Target) send(r *http.Request) answer {
	if t.Key != "" {
		r.Header.Set("Authorization", "Bearer "+t.Key)
	}
	start := time.Now()
	resp, err := t.client.Do(r)
	if err != nil {
		return answer{err: err, took: time.Since(start)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	return answer{resp.StatusCode, resp.Header, body, err, time.Since(start)}
}

func (t *Target) post(ctx context.Context, path, body string) answer {
	r, err := http.NewRequestWithContext(ctx, "POST", t.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	return t.send(r)
}

// refused is the finding of an attack that has to be refused with one of these
// statuses. A connection that the server broke off counts where broken is true.
func (a answer) refused(name string, broken bool, statuses ...int) Finding {
	f := Finding{Case: name, Millis: a.took.Milliseconds()}
	if a.err != nil {
		f.OK, f.Detail = broken, "no answer: "+a.err.Error()
		return f
	}
	f.Detail = fmt.Sprintf("status %d", a.status)
	for _, s := range statuses {
		f.OK = f.OK || a.status == s
	}
	if !f.OK {
		f.Detail += fmt.Sprintf(", expected one of %v: %.120s", statuses, a.body)
	}
	if leak := leaks(a.body); leak != "" {
		f.OK, f.Detail = false, "the answer tells of the inside: "+leak
	}
	return f
}

// leaks finds words in an answer that come from inside the server.
func leaks(body []byte) string {
	for _, word := range []string{"goroutine ", "runtime error", "/home/", "/etc/", "root:x:", ".go:"} {
		if bytes.Contains(body, []byte(word)) {
			return strings.TrimSpace(word)
		}
	}
	return ""
}
