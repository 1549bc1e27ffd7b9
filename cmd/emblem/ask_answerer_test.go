package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	answerers  = "../../fusion/answer/testdata/"
	askedAbout = "../../fusion/testdata/pictures/"
)

// askRuns are the goldens of a model that answers.
func askRuns(t *testing.T, name string) (runs []struct {
	Pictures       []string
	Question, Text string
	How            map[string]any
	New            []int32
}) {
	t.Helper()
	var file struct {
		Runs *[]struct {
			Pictures       []string
			Question, Text string
			How            map[string]any
			New            []int32
		}
	}
	file.Runs = &runs
	raw, err := os.ReadFile(answerers + name + ".json")
	if err == nil {
		err = json.Unmarshal(raw, &file)
	}
	if err != nil || len(runs) < 5 {
		t.Fatal(len(runs), err)
	}
	return runs
}

// TestAskOfItsOwn: the command line answers as the reference does, about one picture or
// several, from a file.
func TestAskOfItsOwn(t *testing.T) {
	for _, name := range []string{"idefics3", "smolvlm", "llava"} {
		for i, r := range askRuns(t, name) {
			args := []string{"ask", "--model", answerers + name, "--dtype", "f32", "--max-tokens", "12", "--temperature", "0", "--json", r.Question}
			for _, p := range r.Pictures {
				args = append(args, "--image", askedAbout+p)
			}
			if r.How["do_image_splitting"] == false {
				args = append(args, "--detail", "low")
			}
			d := newDesk(t)
			code, out, errs := runReal(d, args...)
			var a toldAnswer
			if code != 0 || json.Unmarshal([]byte(out), &a) != nil {
				t.Fatalf("%s %d: %d %s %s", name, i, code, out, errs)
			}
			if !slices.Equal(a.IDs, r.New) || a.Model != name || len(a.Answers) != 1 || a.Answers[0].Answer != a.Answer || a.DType != "f32" || a.Usage.Pictures == 0 {
				t.Errorf("%s %d: %+v, want the tokens %v", name, i, a, r.New)
			}
		}
	}
}

// TestAskCandidates: candidates are weighed, and the evidence and the answer without it
// are told.
func TestAskCandidates(t *testing.T) {
	d := newDesk(t)
	args := []string{"ask", "--model", answerers + "idefics3", "--image", askedAbout + "wide.png", "--candidate", "cats", "--candidate", "a dog", "--evidence", "--counterfactual", "what is it?"}
	code, out, errs := runReal(d, append(args, "--json")...)
	var a toldAnswer
	if code != 0 || json.Unmarshal([]byte(out), &a) != nil {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if sum := a.Answers[0].Probability + a.Answers[1].Probability; len(a.Answers) != 2 || a.Answer != a.Answers[0].Answer || sum < 0.999 || sum > 1.001 || a.Kind != "given" {
		t.Errorf("%+v", a)
	}
	if a.Evidence == nil || len(a.Evidence.Boxes) == 0 || a.Counterfactual == nil || len(a.Counterfactual.Answers) != 2 {
		t.Errorf("%+v", a)
	}
	code, out, errs = runReal(d, args...)
	if code != 0 || !strings.HasPrefix(out, a.Answer+"  ") || !strings.Contains(out, "without that: ") {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

// TestAskBadly: what cannot be answered is refused in words, and nothing is printed.
func TestAskBadly(t *testing.T) {
	model := []string{"--model", answerers + "idefics3"}
	picture := []string{"--image", askedAbout + "long.png"}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"what?"}, 2, "no picture"},
		{[]string{"", "--image", "x.png"}, 2, "one question"},
		{append(slices.Repeat(picture, 20), "what?"), 2, "20 pictures"},
		{append(slices.Repeat(picture, 12), "what?"), 1, "the model reads 320"},
		{append(picture, "what?", "--library", "default"), 2, "not about a library"},
		{append(picture, "what?", "--max-tiles", "-1"), 2, "negative"},
		{append(picture, "what?", "--detail", "fine"), 2, "detail"},
		{append(picture, "what is <image>?"), 2, "leave the text <image> out"},
		{[]string{"what?", "--image", askedAbout + "nothing.png"}, 1, "nothing.png"},
	} {
		d := newDesk(t)
		code, out, errs := runReal(d, append(append([]string{"ask"}, model...), c.args...)...)
		if code != c.code || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%v: %d %q %q, want %d %q", c.args, code, out, errs, c.code, c.want)
		}
	}
	d := newDesk(t)
	if code, _, errs := runReal(d, "ask", "--image", askedAbout+"long.png", "--max-tokens", "5", "what is it?"); code != 2 || !strings.Contains(errs, "--model") {
		t.Errorf("%d %s", code, errs)
	}
}

// TestInspectAnswerer: a model that answers says what it is.
func TestInspectAnswerer(t *testing.T) {
	d := newDesk(t)
	code, out, errs := runReal(d, "inspect", "--json", answerers+"smolvlm")
	var i answererInspection
	if code != 0 || json.Unmarshal([]byte(out), &i) != nil {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if i.Family != "smolvlm" || i.Tiles != 10 || i.ImageTokens != 9 || i.Context != 320 || i.Whole.FLOPs == 0 || i.Question.FLOPs == 0 || len(i.Bindings) == 0 {
		t.Errorf("%+v", i)
	}
}
