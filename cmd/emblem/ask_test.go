package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const samples = "../../testdata/pictures/"

// TestAskPicture asks about a picture of a violin with a comet.
func TestAskPicture(t *testing.T) {
	d := newDesk(t)
	code, out, errs := runReal(d, "ask", "--image", samples+"001.jpg", "--json", "--evidence", "--counterfactual", "is it a violin or a mosque?")
	var a toldAnswer
	if code != 0 || json.Unmarshal([]byte(out), &a) != nil {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if a.Answer != "violin" || len(a.Answers) != 2 || a.Answers[0].Probability < a.Answers[1].Probability || a.Evidence == nil || len(a.Evidence.Boxes) == 0 || a.Counterfactual == nil || a.Model == "" {
		t.Errorf("%+v", a)
	}
	if again := a.Counterfactual.Answers; len(again) != 2 || again[0].Answer == "violin" && again[0].Probability >= a.Probability {
		t.Errorf("without the violin it is as likely: %+v", again)
	}
	code, out, errs = runReal(d, "ask", "--image", samples+"001.jpg", "--candidate", "a violin", "--candidate", "a mosque", "what does the sign say?")
	if code != 0 || !strings.HasPrefix(out, "a violin  ") {
		t.Errorf("candidates: %d %s %s", code, out, errs)
	}
	if code, out, errs = runReal(d, "ask", "--image", samples+"001.jpg", "where is the bus?"); code != exitNothing || out != "" || !strings.Contains(errs, "I see no bus") {
		t.Errorf("what is not there: %d %q %s", code, out, errs)
	}
}

func TestAskRefuses(t *testing.T) {
	d := newDesk(t)
	broken := d.path("broken.png")
	if err := os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"ask", "give one question in quotes"},
		{"ask --image " + samples + "001.jpg who?", "simple questions only"},
		{"ask --image a.png --image b.png x", "2 pictures; ask about each by itself"},
		{"ask --evidence x", "name it with --image"},
		{"ask --correct 2 x", "name it with --image"},
		{"ask --image " + broken + " --candidate a --candidate b x", "broken.png"},
		{"ask --image none.png --candidate a --candidate b x", "none.png"},
		{"ask --image " + samples + "001.jpg --detail most --candidate a --candidate b x", `--detail "most"`},
		{"ask --image " + samples + "001.jpg --max-tiles=-1 --candidate a x", "must not be negative"},
		{"ask --library none --candidate a --candidate b x", "none"},
	} {
		code, out, errs := runReal(d, strings.Fields(c.args)...)
		if code == 0 || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%s: %d %q %s, want %s", c.args, code, out, errs, c.want)
		}
	}
}

// TestAskLibrary counts in a library of three, corrects it, and takes that back.
func TestAskLibrary(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"001.jpg", "003.jpg", "004.jpg"} {
		raw, err := os.ReadFile(samples + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(d.path("p"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.path("p"), name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, errs := runReal(d, "index", d.path("p")); code != 0 {
		t.Fatal(errs)
	}
	count := func() (a toldAnswer) {
		t.Helper()
		code, out, errs := runReal(d, "ask", "--json", "how many of my pictures show a dog?")
		if code != 0 || json.Unmarshal([]byte(out), &a) != nil || a.Count == nil {
			t.Fatalf("%d %s %s", code, out, errs)
		}
		return a
	}
	before := count()
	if before.Count.Of != 3 || before.Count.Inspected != 3 || before.Count.Low > 0 || before.Library != "default" {
		t.Errorf("%+v", before.Count)
	}
	code, out, errs := runReal(d, "ask", "--image", filepath.Join(d.path("p"), "001.jpg"), "--correct", "yes", "is there a dog?")
	id, _, _ := strings.Cut(out, "\t")
	if code != 0 || id == "" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if a := count(); a.Count.Low != 1 || len(a.Annotations) == 0 || filepath.Base(a.Annotations[0].ID) != "001.jpg" || a.Annotations[0].Probability != 1 {
		t.Errorf("corrected: %+v %+v", a.Count, a.Annotations)
	}
	if _, out, _ := runReal(d, "ask", "--corrections"); !strings.Contains(out, id) {
		t.Errorf("corrections: %q", out)
	}
	if code, _, errs := runReal(d, "ask", "--revoke", id); code != 0 {
		t.Error(errs)
	}
	if a := count(); a.Count.Low != before.Count.Low {
		t.Errorf("taken back: %+v, was %+v", a.Count, before.Count)
	}
	if code, _, errs := runReal(d, "ask", "--revoke", id); code == 0 || !strings.Contains(errs, id) {
		t.Errorf("taken back twice: %d %s", code, errs)
	}
}
