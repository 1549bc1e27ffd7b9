package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pictures asks how many pictures a library has, through whoever owns it.
func (d *desk) pictures() int {
	d.t.Helper()
	var stats struct{ Pictures int }
	r := d.run("library", "stats", "--json")
	if r.code == 2 && strings.Contains(r.stderr, "library_not_found") {
		return 0
	}
	if err := json.Unmarshal([]byte(r.stdout), &stats); err != nil {
		d.t.Fatalf("stats: %v: %+v", err, r)
	}
	return stats.Pictures
}

// waitFor waits until the library has n pictures.
func (d *desk) waitFor(n int) {
	d.t.Helper()
	for d.pictures() < n {
		time.Sleep(20 * time.Millisecond)
	}
}

// many is more batches than any test has.
const many = 1000

func TestKillAndResume(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 200)
	had := 0
	for range 5 {
		p := d.own(2, "index", d.path("p"))
		d.waitFor(had + 32)
		p.Process.Kill()
		p.Wait()
		// The second batch was seen, so that the first is on disk; the second may
		// have been on its way there.
		now := d.pictures()
		if now < had+16 || now > had+32 {
			t.Fatalf("%d pictures before a run of two batches, %d after it was killed", had, now)
		}
		had = now
	}
	if r := d.must("index", d.path("p")); !strings.Contains(r.stderr, fmt.Sprintf("200 pictures, %d added", 200-had)) {
		t.Errorf("with %d after the kills: %s", had, r.stderr)
	}
}

func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	for sig, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		d := newDesk(t)
		d.paint("p", "r", red, 100)
		p := d.own(2, "index", d.path("p"))
		d.waitFor(32)
		p.Process.Signal(sig)
		r := p.result()
		if r.code != code || !strings.Contains(r.stderr, "run the same command again") {
			t.Errorf("%v: %+v; want exit %d", sig, r, code)
		}
		if r := d.must("index", d.path("p")); !strings.Contains(r.stderr, "100 pictures, 68 added") { // nothing twice
			t.Errorf("resumed after %v: %s", sig, r.stderr)
		}
	}
}

// While one process indexes, others search and count, with the output and the
// exit codes that they have alone.
func TestTwoProcesses(t *testing.T) {
	d := newDesk(t)
	d.paint("q", "b", blue, 3)
	d.must("index", d.path("q"))
	d.paint("p", "r", red, 150)
	owner := d.own(2, "index", d.path("p"))
	d.waitFor(3 + 32)
	blueHit := d.start(many, "search", "blue", "-n", "1", "--json").result()
	if blueHit.code != 0 || !strings.Contains(blueHit.stdout, d.path("q/b000.png")) || blueHit.stderr != "" {
		t.Errorf("search meanwhile: %+v", blueHit)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"search red --min-probability 1 --json", 3, `"code":"nothing_matched"`},
		{"search 0:red", 2, "weight"},
		{"search red --library none", 2, `no library "none"`},
		{"search red --model other", 2, "emblem library migrate"},
		{"library rm default", 1, "being indexed"},
	} {
		if r := d.start(many, strings.Fields(c.args)...).result(); r.code != c.code || r.stdout != "" || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%s: %+v; want exit %d and %q", c.args, r, c.code, c.says)
		}
	}
	// A second index waits its turn and goes on when the owner is done.
	second := d.start(many, "index", d.path("p"), d.path("q"))
	d.openGate()
	if r := owner.result(); r.code != 0 || !strings.Contains(r.stderr, "150 added") {
		t.Errorf("the owner: %+v", r)
	}
	if r := second.result(); r.code != 0 || !strings.Contains(r.stderr, "153 pictures, nothing new") {
		t.Errorf("the second: %+v", r)
	}
	alone := d.must("search", "blue", "-n", "1", "--json")
	// The larger library is another background for the probability.
	if before, _, _ := strings.Cut(blueHit.stdout, `"probability"`); !strings.HasPrefix(alone.stdout, before) {
		t.Errorf("alone %q, through the owner %q", alone.stdout, blueHit.stdout)
	}
	if _, err := os.Stat(filepath.Join(d.data, socketName)); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// When the owner is killed, what it did for another process goes on there.
func TestOwnerKilled(t *testing.T) {
	d := newDesk(t)
	d.paint("p", "r", red, 100)
	d.paint("q", "b", blue, 100)
	owner := d.own(1, "index", d.path("p"))
	d.waitFor(16)
	other := d.start(many, "index", "--library", "other", d.path("q"))
	for !strings.Contains(d.must("library", "list").stdout, "other") {
		time.Sleep(10 * time.Millisecond) // until the owner works on it
	}
	owner.Process.Kill()
	owner.Wait()
	if _, err := os.Stat(filepath.Join(d.data, socketName)); err != nil {
		t.Errorf("a killed owner leaves its socket: %v", err)
	}
	if r := other.result(); r.code != 0 || !strings.Contains(r.stderr, "library other: 100 pictures") {
		t.Errorf("the other: %+v", r)
	}
	if r := d.must("index", d.path("p")); !strings.Contains(r.stderr, "100 pictures") {
		t.Errorf("the killed one's work: %s", r.stderr)
	}
}

func TestSocketIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	d := newDesk(t)
	d.data = d.path(strings.Repeat("a long name ", 12) + "/data") // longer than a socket's address
	d.env["EMBLEM_DATA"] = d.data
	d.paint("p", "r", red, 100)
	d.own(1, "index", d.path("p"))
	d.waitFor(16)
	for name, want := range map[string]os.FileMode{socketName: 0o600, "lock": 0o600, "": 0o700} {
		info, err := os.Stat(filepath.Join(d.data, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
}

func TestWatch(t *testing.T) {
	d := newDesk(t)
	d.paint("p/sub", "r", red, 10)
	w := d.own(many, "index", "--watch", d.path("p"))
	d.waitFor(10)
	d.paint("p/sub", "new", blue, 2)
	d.paint("p/made/later", "x", green, 1)
	d.waitFor(13)
	if err := os.Remove(d.path("p/sub/new000.png")); err != nil {
		t.Fatal(err)
	}
	for d.pictures() != 12 {
		time.Sleep(20 * time.Millisecond)
	}
	if runtime.GOOS == "windows" {
		return
	}
	w.Process.Signal(syscall.SIGTERM)
	if r := w.result(); r.code != 143 {
		t.Errorf("watch ended with %+v", r)
	}
}
