package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// apply runs library apply in this process on lines of input.
func (d *desk) apply(in string, args ...string) result {
	d.t.Helper()
	var out, errs bytes.Buffer
	a := newApp(strings.NewReader(in), &out, &errs)
	a.wiring = colourWiring(nil)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	code := a.execute(context.Background(), append([]string{"library", "apply"}, args...))
	return result{code, out.String(), errs.String()}
}

// modelRounds are longer runs than a bare go test has: go test -run ApplyModel
// -apply.rounds 50 ./cmd/emblem.
var modelRounds = flag.Int("apply.rounds", 1, "how often TestApplyModel starts anew")

// Random operations have the results that a plain map gives, over restarts, in
// this process and through another that owns the directory.
func TestApplyModel(t *testing.T) {
	for round := range *modelRounds {
		playModel(t, uint64(round), 30, 80)
	}
}

func playModel(t *testing.T, seed uint64, restarts, lines int) {
	d := newDesk(t)
	m := newPlain(rand.New(rand.NewPCG(1, seed)))
	for restart := range restarts {
		var owner *process
		if restart%5 == 4 {
			d.paint("w", "r", red, 1)
			owner = d.own(many, "index", "--library", "other", "--watch", d.path("w"))
		}
		var in strings.Builder
		for range lines {
			line, err := json.Marshal(m.next())
			if err != nil {
				t.Fatal(err)
			}
			in.Write(append(line, '\n'))
		}
		r := d.apply(in.String(), "--library", "mine")
		if r.stderr != "" || r.code != min(m.failures, 1) {
			t.Fatalf("seed %d, restart %d: exit %d, %d failures, %q", seed, restart, r.code, m.failures, r.stderr)
		}
		m.judge(t, fmt.Sprintf("seed %d, restart %d", seed, restart), strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n"))
		if owner != nil {
			owner.Process.Kill()
			owner.Wait()
		}
	}
}

// A program that waits for each result before it writes on gets it.
func TestApplyConversation(t *testing.T) {
	d := newDesk(t)
	in, out, r := d.converse()
	for i := range 50 {
		fmt.Fprintf(in, `{"op":"put","id":"%d","vector":[1,%d]}`+"\n", i, i)
		if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, fmt.Sprintf(`"id":"%d","status":"created","seq":%d}`, i, i+1)) {
			t.Fatalf("%d: %q, %v", i, line, err)
		}
	}
	in.Close()
	if code := <-r; code != 0 {
		t.Errorf("exit %d", code)
	}
}

// Pages go on where they were while others write, and what was can be asked for.
func TestApplyPages(t *testing.T) {
	d := newDesk(t)
	in, out, code := d.converse()
	say := func(format string, args ...any) map[string]any {
		t.Helper()
		fmt.Fprintf(in, format+"\n", args...)
		line, err := out.ReadString('\n')
		var got map[string]any
		if err != nil || json.Unmarshal([]byte(line), &got) != nil || got["error"] != nil {
			t.Fatalf("%s: %q, %v", fmt.Sprintf(format, args...), line, err)
		}
		return got
	}
	ids := func(got map[string]any) (all []string) {
		for _, h := range got["hits"].([]any) {
			all = append(all, h.(map[string]any)["id"].(string))
		}
		return all
	}
	for i := range 40 {
		say(`{"op":"put","id":"%d","vector":[1,%d.5],"metadata":{"caption":"number %d"}}`, i, i, i)
	}
	all := say(`{"op":"search","vector":[1,20],"limit":100}`)
	page := say(`{"op":"search","vector":[1,20],"limit":7}`)
	paged := ids(page)
	for n := 0; page["next_cursor"] != nil; n++ {
		say(`{"op":"put","id":"new%d","vector":[1,20]}`, n)
		say(`{"op":"delete","id":"%d"}`, 3*n)
		page = say(`{"op":"search","vector":[1,20],"limit":7,"cursor":%q}`, page["next_cursor"])
		paged = append(paged, ids(page)...)
	}
	if want := ids(all); len(want) != 40 || !slices.Equal(paged, want) {
		t.Errorf("pages %v; all at once %v", paged, want)
	}
	before := say(`{"op":"search","vector":[1,20],"limit":100,"as_of":%.0f}`, all["seq"])
	if !slices.Equal(ids(before), ids(all)) {
		t.Errorf("as of %v: %v", all["seq"], ids(before))
	}
	if now := say(`{"op":"get","id":"0"}`); now["status"] != "missing" {
		t.Errorf("now: %v", now)
	}
	if then := say(`{"op":"get","id":"0","as_of":%.0f}`, all["seq"]); then["status"] != "found" {
		t.Errorf("then: %v", then)
	}
	in.Close()
	if c := <-code; c != 0 {
		t.Errorf("exit %d", c)
	}
}

// converse starts library apply with pipes in place of files.
func (d *desk) converse() (in io.WriteCloser, out *bufio.Reader, code chan int) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	a := newApp(inR, outW, io.Discard)
	a.env = func(name string) (string, bool) { v, ok := d.env[name]; return v, ok }
	code = make(chan int, 1)
	go func() {
		code <- a.execute(context.Background(), []string{"library", "apply"})
		outW.Close()
	}()
	return inW, bufio.NewReader(outR), code
}

// Interrupted while it waits for input, apply ends at once, and what it told of
// is there. Another that went through it goes on by itself.
func TestApplyInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such signals")
	}
	d := newDesk(t)
	owner, ownerIn, ownerOut := d.piped()
	put := func(in io.Writer, out *bufio.Reader, id string) {
		t.Helper()
		fmt.Fprintf(in, `{"op":"put","id":%q,"vector":[1,0]}`+"\n", id)
		if line, err := out.ReadString('\n'); err != nil || !strings.Contains(line, `"created"`) {
			t.Fatalf("%s: %q, %v", id, line, err)
		}
	}
	put(ownerIn, ownerOut, "a")
	other, otherIn, otherOut := d.piped()
	put(otherIn, otherOut, "b")
	owner.Process.Signal(syscall.SIGINT)
	if owner.Wait(); owner.ProcessState.ExitCode() != 130 {
		t.Errorf("exit %d", owner.ProcessState.ExitCode())
	}
	put(otherIn, otherOut, "c")
	otherIn.Close()
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
	if r := d.apply(`{"op":"stats"}`); !strings.Contains(r.stdout, `"documents":3`) {
		t.Errorf("%+v", r)
	}
}

// piped starts library apply in a process of its own, with pipes.
func (d *desk) piped() (*exec.Cmd, io.WriteCloser, *bufio.Reader) {
	d.t.Helper()
	cmd := d.command(many, "library", "apply")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		d.t.Fatal(err1, err2)
	}
	d.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd, in, bufio.NewReader(out)
}

// Lines of any length have a result; those over the limit an error.
func TestApplyLongLines(t *testing.T) {
	d := newDesk(t)
	long := `{"op":"meta","id":"a","metadata":{"text":"` + strings.Repeat("x", 1<<20) + `"}}`
	tooLong := `{"op":"get","id":"` + strings.Repeat("x", 64<<20) + `"}`
	in := "\ufeff\r\n" + `{"op":"put","id":"a","vector":[1]}` + "\r\n\n" + long + "\n" + tooLong + "\n" + `{"op":"stats"}`
	r := d.apply(in)
	lines := strings.Split(r.stdout, "\n")
	if r.code != 1 || len(lines) != 5 || r.stderr != "" {
		t.Fatalf("exit %d, %d lines, %q", r.code, len(lines), r.stderr)
	}
	for i, want := range []string{`"created"`, `"updated"`, `"line":5,"error":{"message":"the line has over 64 MiB"}`, `"documents":1`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("%d: %q; want %q", i, lines[i], want)
		}
	}
	if r = d.apply("", "--library", "../x"); r.code != 0 {
		t.Errorf("nothing to do: %+v", r)
	}
	if r = d.apply(`{"op":"stats"}`, "--library", "../x", "--json"); r.code != 2 || r.stdout != "" || !strings.Contains(r.stderr, `"code":"bad_name"`) {
		t.Errorf("%+v", r)
	}
}

// The example of docs/library.md does what it says there.
func TestLibraryDoc(t *testing.T) {
	doc, err := os.ReadFile("../../docs/library.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "<<'END'\n")
	in, rest, found := strings.Cut(rest, "END\n")
	_, rest, _ = strings.Cut(rest, "```\n")
	_, rest, _ = strings.Cut(rest, "```\n")
	want, _, _ := strings.Cut(rest, "```")
	if !found || want == "" {
		t.Fatal("no example")
	}
	varies := regexp.MustCompile(`(,"plan":.*?)?,"seq":\d+(,"next_cursor":"[^"]*")?`)
	r := newDesk(t).apply(in, "--library", "demo")
	got := varies.ReplaceAllString(r.stdout, "")
	if want = varies.ReplaceAllString(want, ""); r.code != 1 || got != want {
		t.Errorf("exit %d\n%s\nwant\n%s", r.code, got, want)
	}
}
