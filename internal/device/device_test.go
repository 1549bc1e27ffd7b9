package device

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, want := range map[string]string{"": "auto", "auto": "auto", "cpu": "cpu", "dry": "dry", "gpu": "cuda:0", "cuda": "cuda:0", "cuda:3": "cuda:3", "cuda:03": "cuda:3"} {
		if got, err := parse(name); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"cuda:", "cuda:-1", "cuda:x", "rocm", "CPU"} {
		if got, err := parse(name); err == nil {
			t.Errorf("%q is %q, want an error", name, got)
		}
	}
}

// TestOpen: a place is opened once, and a card that is not there has a reason.
func TestOpen(t *testing.T) {
	one, err := Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	if two, err := Open("auto"); err != nil || two != one {
		t.Errorf("auto is %v, %v; want the processor of before", two, err)
	}
	if _, err := Open("cuda:77"); err == nil || !strings.Contains(err.Error(), "device: cuda:77: cuda: ") || !strings.Contains(err.Error(), "--device cpu") {
		t.Errorf("a card that is not there: %v", err)
	}
}
