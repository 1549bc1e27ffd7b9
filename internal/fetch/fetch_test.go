package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func pictureFile(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// serve starts a server of pictures on an address and returns its port.
func serve(t *testing.T, address string, h http.HandlerFunc) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	web := httptest.NewUnstartedServer(h)
	web.Listener.Close()
	web.Listener = l
	web.Start()
	t.Cleanup(web.Close)
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

func fetchAll(f *Fetcher, url string) ([]byte, error) {
	body, err := f.Open(context.Background(), url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// TestRebinding: a name whose address is allowed at one question and this machine's
// at the next never leads to this machine, nor does one that has both at once.
func TestRebinding(t *testing.T) {
	good := pictureFile(t)
	port := serve(t, "127.0.0.2:0", func(w http.ResponseWriter, _ *http.Request) { w.Write(good) })
	tr := newTrap(t, "127.0.0.1:"+port)
	turns := [][]string{{"127.0.0.2"}, {"127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}, {"127.0.0.2", "127.0.0.1"}, {"127.0.0.3", "127.0.0.1"}, {"127.0.0.2"}}
	zone := &names{answers: func(_ string, n int) []string { return turns[n-1] }}
	f := newFetcher(t, Limits{}, "rebind.example:"+port, "127.0.0.2:"+port)
	f.dialer.Resolver = zone.resolver(t)
	for i, turn := range turns {
		data, err := fetchAll(f, "http://rebind.example:"+port+"/a.png")
		switch one := len(turn) == 1; {
		case one && turn[0] == "127.0.0.2" && !bytes.Equal(data, good):
			t.Errorf("turn %d: %v", i, err)
		case one && turn[0] == "127.0.0.1" && !isRefusal(err):
			t.Errorf("turn %d: %v", i, err)
		case err == nil && !bytes.Equal(data, good):
			t.Errorf("turn %d: something else came", i)
		}
		f.Close() // no connection is kept, each turn asks again
	}
	if n := zone.asked[0].Load(); int(n) != len(turns) {
		t.Fatalf("%d questions for %d turns", n, len(turns))
	}
	tr.untouched(t)
}

// TestPrivateByName: a name on the list whose address is private needs the address
// on the list too, for the same port.
func TestPrivateByName(t *testing.T) {
	good := pictureFile(t)
	port := serve(t, "127.0.0.2:0", func(w http.ResponseWriter, _ *http.Request) { w.Write(good) })
	for _, c := range []struct {
		allow string
		ok    bool
	}{{"127.0.0.2:" + port, true}, {"127.0.0.2", false}, {"127.0.0.3:" + port, false}, {"127.0.0.0/8", false}} {
		f := newFetcher(t, Limits{}, "*:"+port, c.allow)
		f.dialer.Resolver = (&names{answers: func(string, int) []string { return []string{"127.0.0.2"} }}).resolver(t)
		data, err := fetchAll(f, "http://photos.example:"+port+"/a.png")
		if c.ok != bytes.Equal(data, good) || !c.ok && !isRefusal(err) {
			t.Errorf("%s: %v", c.allow, err)
		}
	}
}

// TestAnswers: only a picture that comes whole, by itself and in time is taken.
func TestAnswers(t *testing.T) {
	good := pictureFile(t)
	large := append(bytes.Clone(good), make([]byte, 1<<20)...)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(good)
	z.Close()
	var asked []string
	var port string
	port = serve(t, "127.0.0.1:0", func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		switch r.URL.Path {
		case "/redirect", "/redirect308":
			status := 302
			if r.URL.Path == "/redirect308" {
				status = 308
			}
			http.Redirect(w, r, "http://127.0.0.1:"+port+"/inside", status)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(packed.Bytes())
		case "/large":
			w.Write(large)
		case "/says-large":
			w.Header().Set("Content-Length", "99999999")
			w.Write(good)
		case "/page":
			w.Header().Set("Content-Type", "image/png")
			io.WriteString(w, "<html><body>inside</body></html>")
		case "/empty":
		case "/broken":
			w.Header().Set("Content-Length", "9999")
			w.Write(good)
		case "/headers":
			w.Header().Set("X", strings.Repeat("x", 128<<10))
			w.Write(good)
		case "/slow":
			for i := range good {
				w.Write(good[i : i+1])
				w.(http.Flusher).Flush()
				time.Sleep(20 * time.Millisecond)
			}
		case "/late":
			<-r.Context().Done()
		case "/good":
			if r.Header.Get("Accept-Encoding") != "" || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" || r.Header.Get("Referer") != "" {
				t.Errorf("headers %v", r.Header)
			}
			w.Write(good)
		default:
			http.NotFound(w, r)
		}
	})
	f := newFetcher(t, Limits{Bytes: 1 << 20, Time: 300 * time.Millisecond}, "127.0.0.1:"+port)
	for path, words := range map[string]string{
		"redirect": "not followed", "redirect308": "not followed", "packed": "packed", "large": "over 1048576 bytes", "says-large": "over 1048576 bytes",
		"page": "not a picture", "empty": "not a picture", "none": "status 404", "broken": "broke off", "headers": "broke off", "slow": "within 300ms", "late": "within 300ms",
	} {
		data, err := fetchAll(f, "http://127.0.0.1:"+port+"/"+path)
		var own *Error
		if !errors.As(err, &own) || own.NotAllowed || !strings.Contains(own.Message, words) {
			t.Errorf("%s: %d bytes, %v", path, len(data), err)
		}
	}
	for _, p := range asked {
		if p == "/inside" {
			t.Error("a redirect was followed")
		}
	}
	if data, err := fetchAll(f, "HTTP://127.0.0.1:"+port+"/good#part"); err != nil || !bytes.Equal(data, good) {
		t.Errorf("good: %d bytes, %v", len(data), err)
	}
}

// TestEncrypted: the certificate has to be the host's.
func TestEncrypted(t *testing.T) {
	good := pictureFile(t)
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(good) }))
	defer web.Close()
	f := newFetcher(t, Limits{}, strings.TrimPrefix(web.URL, "https://"))
	if _, err := fetchAll(f, web.URL+"/a.png"); err == nil {
		t.Error("an unknown certificate was taken")
	}
	f.transport.TLSClientConfig = web.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	if data, err := fetchAll(f, web.URL+"/a.png"); err != nil || !bytes.Equal(data, good) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}

// TestAtOnce: who finds no place waits for one, and gives up when asked to.
func TestAtOnce(t *testing.T) {
	good := pictureFile(t)
	port := serve(t, "127.0.0.1:0", func(w http.ResponseWriter, _ *http.Request) { w.Write(good) })
	f := newFetcher(t, Limits{AtOnce: 1}, "127.0.0.1:"+port)
	url := "http://127.0.0.1:" + port + "/a.png"
	first, err := f.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := f.Open(ctx, url); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second: %v", err)
	}
	first.Close()
	first.Close() // gives one place back, not two
	second, err := f.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if f.places.TryAcquire(1) {
		t.Error("a place was given back twice")
	}
}
