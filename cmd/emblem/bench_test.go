package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// runBench runs emblem bench with the given arguments.
func runBench(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = newApp(strings.NewReader(""), &out, &err).execute(context.Background(), append([]string{"bench"}, args...))
	return code, out.String(), err.String()
}

func TestBenchTower(t *testing.T) {
	code, stdout, stderr := runBench(t, "tower", "--arch", "clip-text-b", "--tokens", "4", "--dtype", "float32", "--seconds", "0.01", "--json")
	if code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var r map[string]any
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	for _, key := range []string{"ms", "min_ms", "per_s", "gflops", "peak_share"} {
		if v, ok := r[key].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v", key, r[key])
		}
	}
	if r["dtype"] != "f32" || r["device"] != "cpu" || r["tokens"] != 4.0 || r["kernels"] == "" {
		t.Errorf("answer %s", stdout)
	}
}

func TestBenchRefuses(t *testing.T) {
	code, stdout, stderr := runBench(t, "tower", "--arch", "sd15-unet", "--json")
	if code != exitUsage || stdout != "" || !strings.Contains(stderr, `{"error":{"message":"bench: the family of sd15-unet is not in this version`) {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
}

// TestBenchHidden keeps it out of the short help.
func TestBenchHidden(t *testing.T) {
	var out bytes.Buffer
	if code := newApp(strings.NewReader(""), &out, &out).execute(context.Background(), []string{"--help"}); code != exitOK {
		t.Fatalf("exit %d", code)
	}
	if help := out.String(); !strings.Contains(help, "version") || strings.Contains(help, "bench") {
		t.Errorf("help:\n%s", help)
	}
}
