package attack

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/webp"
	"golang.org/x/net/netutil"
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
		if a.name == "slow" || a.name == "company" || a.name == "crowds" {
			continue // they need more of a server than that it is naive
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

// TestCrowdsFindFault: a server whose connections are all taken does not answer
// honest requests.
func TestCrowdsFindFault(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(http.HandlerFunc(naive))
	web.Listener.Close()
	web.Listener = netutil.LimitListener(l, 8)
	web.Start()
	defer web.CloseClientConnections()
	target := Target{URL: web.URL, client: &http.Client{Timeout: time.Second}, crowd: 50, vector: json.RawMessage("[1]")}
	for _, f := range crowds(t.Context(), &target) {
		if f.OK && !strings.Contains(f.Case, "do not read") {
			t.Errorf("no fault found: %+v", f)
		}
	}
}

// TestBombsAreWhatTheySay: the pictures that have to be taken are pictures to Go too,
// and the others are small.
func TestBombsAreWhatTheySay(t *testing.T) {
	names := map[string]bool{}
	for _, b := range bombs() {
		if names[b.name] || len(b.file) > 2<<20 {
			t.Errorf("%s: %d bytes, or twice", b.name, len(b.file))
		}
		names[b.name] = true
		if b.fate != take {
			continue
		}
		if _, _, err := image.Decode(bytes.NewReader(b.file)); err != nil {
			t.Errorf("%s: %v", b.name, err)
		}
	}
	if len(names) < 50 {
		t.Errorf("only %d bombs", len(names))
	}
}

// TestAddressesAreMany counts the matrix.
func TestAddressesAreMany(t *testing.T) {
	if n := len(fetches("80")); n < 80 {
		t.Errorf("only %d addresses", n)
	}
}
