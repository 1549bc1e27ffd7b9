package main

import (
	"math"
	"strings"
	"testing"
)

const towerModels = "../../fusion/testdata/"

// TestDimensions: vectors are cut to their first elements and have unit length
// again, or with --raw the model's own.
func TestDimensions(t *testing.T) {
	args := []string{"embed", "--model", towerModels + "metaclip2", "--json", "--text", "кошка", towerModels + "pictures/wide.png"}
	_, whole, _ := runCLI(t, "", args...)
	code, cut, stderr := runCLI(t, "", append(args, "--dimensions", "7")...)
	all, got := jsonLines[embedLine](t, whole), jsonLines[embedLine](t, cut)
	if code != exitOK || len(got) != 2 || len(all) != 2 {
		t.Fatal(code, stderr, cut)
	}
	for i := range got {
		var sum, ratio float64
		for j, x := range got[i].Embedding {
			sum += float64(x) * float64(x)
			ratio = float64(x) / float64(all[i].Embedding[j])
			if j > 0 && math.Abs(ratio-float64(got[i].Embedding[0])/float64(all[i].Embedding[0])) > 1e-4 {
				t.Errorf("element %d is not a cut of the whole vector's", j)
			}
		}
		if len(got[i].Embedding) != 7 || math.Abs(sum-1) > 1e-5 || ratio < 1 {
			t.Errorf("%d elements of length² %g", len(got[i].Embedding), sum)
		}
	}
	for _, n := range []string{"-1", "23"} {
		if code, out, stderr := runCLI(t, "", append(args, "--dimensions", n)...); code != exitUsage || out != "" || !strings.Contains(stderr, "metaclip2 has 1 to 22") {
			t.Error(n, code, out, stderr)
		}
	}
}

// TestTextsOnlyCommands: what a model of texts only is asked for, it does; the rest
// is one sentence and exit 2 before any output.
func TestTextsOnlyCommands(t *testing.T) {
	const mclip = towerModels + "towers/mclip"
	code, out, stderr := runCLI(t, "", "embed", "--model", mclip, "--json", "--text", "แมวบนหลังคา")
	if got := jsonLines[embedLine](t, out); code != exitOK || len(got) != 1 || len(got[0].Embedding) != 24 {
		t.Error(code, out, stderr)
	}
	code, out, stderr = runCLI(t, "", "inspect", mclip)
	if code != exitOK || strings.Contains(out, "a picture") || !strings.Contains(out, "at most 32 tokens") {
		t.Error(code, out, stderr)
	}
	for _, args := range [][]string{
		{"embed", "--model", mclip, "--json", "--text", "x", towerModels + "pictures/wide.png"},
		{"score", "--model", mclip, "--json", "--text", "x", towerModels + "pictures/wide.png"},
		{"embed", "--model", mclip, "--pool", "mean", "--text", "x"},
	} {
		code, out, stderr := runCLI(t, "", args...)
		if code != exitUsage || out != "" || !strings.Contains(stderr, "mclip reads texts only") {
			t.Errorf("%v: %d, %s, %s", args, code, out, stderr)
		}
	}
}
