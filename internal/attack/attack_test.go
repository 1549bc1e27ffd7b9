package attack

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// naive is a server that takes everything: Run has to find fault with it.
func naive(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	json.NewEncoder(w).Encode(map[string]any{"data": []any{map[string]any{"embedding": []int{1}}}})
}

// TestRunFindsFault runs the quick attacks against a server without any defence.
func TestRunFindsFault(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(naive))
	defer web.Close()
	target := Target{URL: web.URL, client: web.Client(), vector: json.RawMessage("[1]")}
	for _, a := range attacks {
		if a.name == "slow" || a.name == "company" {
			continue
		}
		faults := 0
		for _, f := range a.run(context.Background(), &target) {
			if !f.OK {
				faults++
			}
		}
		if faults == 0 {
			t.Errorf("%s: no fault found with a server that takes everything", a.name)
		}
	}
}

// TestRunNeedsAnAnswer refuses a target that is none.
func TestRunNeedsAnAnswer(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	if err := Run(context.Background(), Target{URL: web.URL}, func(Finding) {}); err == nil {
		t.Error("no error")
	}
}
