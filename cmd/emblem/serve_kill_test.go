package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// serverProcess is emblem serve in a process of its own, with the models that people have.
type serverProcess struct {
	*exec.Cmd
	base string
	errs transcript
}

func (d *desk) serveProcess(args ...string) *serverProcess {
	d.t.Helper()
	p := &serverProcess{Cmd: d.command(0, append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)}
	p.Env = append(p.Env, asEmblem+"=real")
	p.Stderr = &p.errs
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if m := servedAt.FindStringSubmatch(p.errs.String()); m != nil {
			p.base = m[1]
			return p
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("no server within a minute: %s", &p.errs)
		}
	}
}

// promises are what a server has said of documents: there, or gone. One that it was
// asked for and did not answer for may be either.
type promises struct {
	mu    sync.Mutex
	there map[string]bool
}

func (p *promises) keep(answer map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.Copy(p.there, answer)
}

func (p *promises) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.there)
}

// write puts and deletes documents until the server is gone.
func (p *promises) write(base, name string) {
	for n := 0; ; n++ {
		var docs []string
		said := map[string]bool{}
		for i := range 5 {
			id := fmt.Sprintf("%s-%d-%d", name, n, i)
			docs = append(docs, fmt.Sprintf(`{"id":%q,"vectors":{"own":[%d,%d,1]},"metadata":{"tag":%q}}`, id, n, i, name))
			said[id] = true
		}
		if !acknowledged(base+"/v1/libraries/kill/documents", `{"documents":[`+strings.Join(docs, ",")+`]}`, "created", 5) {
			return
		}
		p.keep(said)
		if n%3 != 2 {
			continue
		}
		gone := fmt.Sprintf("%s-%d-0", name, n-1)
		p.mu.Lock()
		delete(p.there, gone) // either, until the server answers
		p.mu.Unlock()
		if !acknowledged(base+"/v1/libraries/kill/delete", fmt.Sprintf(`{"ids":[%q]}`, gone), "deleted", 1) {
			return
		}
		p.keep(map[string]bool{gone: false})
	}
}

// acknowledged says whether a server answered for all documents of a request.
func acknowledged(url, body, status string, n int) bool {
	r, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	return err == nil && r.StatusCode == http.StatusOK && bytes.Count(raw, []byte(`"status":"`+status+`"`)) == n
}

// TestServeKilled kills a server under load, again and again: what it has
// acknowledged is there when it comes back, and what it has deleted is not.
func TestServeKilled(t *testing.T) {
	d := newDesk(t)
	p := &promises{there: map[string]bool{}}
	for round := range 5 {
		s := d.serveProcess()
		p.check(d)
		before := p.count()
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() { p.write(s.base, fmt.Sprintf("r%dw%d", round, w)) })
		}
		for readers := 0; readers < 3; readers++ { // who searches meanwhile
			writers.Go(func() {
				for acknowledged(s.base+"/v1/libraries/kill/search", `{"terms":[{"vector":[1,2,1]}],"limit":3}`, "", 0) {
				}
			})
		}
		for deadline := time.Now().Add(time.Minute); p.count() < before+20; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("round %d: too little was acknowledged", round)
			}
		}
		time.Sleep(time.Duration(37*round) * time.Millisecond) // anywhere in a write
		s.Process.Kill()                                       // SIGKILL: nothing is tidied up
		s.Wait()
		writers.Wait()
	}
	d.serveProcess()
	p.check(d)
	t.Logf("%d promises were kept over 5 kills", len(p.there))
}

// check asks for every document that was promised, through whoever owns the
// directory.
func (p *promises) check(d *desk) {
	d.t.Helper()
	var ask strings.Builder
	for id := range p.there {
		fmt.Fprintf(&ask, `{"op":"get","id":%q}`+"\n", id)
	}
	if ask.Len() == 0 {
		return
	}
	r := d.apply(ask.String(), "--library", "kill")
	answers := 0
	for line := range strings.Lines(r.stdout) {
		var a struct{ ID, Status string }
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			d.t.Fatalf("%s: %v", line, err)
		}
		answers++
		if want := map[bool]string{true: "found", false: "missing"}[p.there[a.ID]]; a.Status != want {
			d.t.Errorf("%s is %s, and was promised %s", a.ID, a.Status, want)
		}
	}
	if answers != len(p.there) {
		d.t.Fatalf("%d answers for %d promises: exit %d %s", answers, len(p.there), r.code, r.stderr)
	}
}

// TestServeBreaksOff: a request that outlasts the drain is named as such.
func TestServeBreaksOff(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	d := newDesk(t)
	s := d.serveProcess("--data", "none", "--shutdown-timeout", "200ms")
	c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{") // and no more
	time.Sleep(100 * time.Millisecond)
	s.Process.Signal(syscall.SIGTERM)
	s.Wait()
	if errs := s.errs.String(); s.ProcessState.ExitCode() != exitSIGTERM || !strings.Contains(errs, "broken off; --shutdown-timeout") || strings.Contains(errs, "same command") {
		t.Errorf("exit %d: %s", s.ProcessState.ExitCode(), errs)
	}
	quiet := d.serveProcess("--data", "none")
	quiet.Process.Signal(syscall.SIGTERM)
	quiet.Wait()
	if errs := quiet.errs.String(); quiet.ProcessState.ExitCode() != 0 || strings.Contains(errs, "interrupted") {
		t.Errorf("exit %d: %s", quiet.ProcessState.ExitCode(), errs)
	}
}
