package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// open connects and sends the beginning of something.
func open(t *testing.T, addr, begin string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	io.WriteString(c, begin)
	return c
}

// isClosed says whether the server has closed a connection within a while.
func isClosed(c net.Conn) bool {
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, err := io.ReadAll(c)
	e, ok := err.(net.Error)
	return !ok || !e.Timeout()
}

const honest = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

// answered says whether a connection gets an answer, soon.
func answered(t *testing.T, c net.Conn) bool {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	return err == nil && r.StatusCode == 200
}

// TestSlowClientsMakeRoom: with all connections taken by clients that are slow in
// sending heads, bodies, or nothing, each new one is answered; the slowest goes.
func TestSlowClientsMakeRoom(t *testing.T) {
	s := newTest(t, Options{MaxConns: 6})
	addr := start(t, s)
	var slow []net.Conn
	for i := range 20 {
		begin := []string{"", "GET /livez HTTP/1.1\r\nX-Slow: ", "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"}[i%3]
		slow = append(slow, open(t, addr, begin))
		time.Sleep(5 * time.Millisecond)
		if c := open(t, addr, honest); !answered(t, c) {
			t.Fatalf("no answer beside %d slow clients", i+1)
		}
	}
	if !isClosed(slow[0]) {
		t.Error("the slowest is still there")
	}
	if isClosed(slow[len(slow)-1]) {
		t.Error("the last one had to go before others")
	}
}

// TestRequestsInHandKeepTheirConnection: who waits for us is not sent away, and the
// others wait until there is room.
func TestRequestsInHandKeepTheirConnection(t *testing.T) {
	f := &fake{name: "slow", gate: make(chan struct{})}
	s := newTest(t, Options{Embedders: []Embedder{f}, MaxConns: 3})
	addr := start(t, s)
	var working []net.Conn
	for i := range 3 {
		body := fmt.Sprintf(`{"input":"text %d"}`, i)
		working = append(working, open(t, addr, fmt.Sprintf("POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)))
	}
	for inHand := 0; inHand < 3; time.Sleep(time.Millisecond) {
		st := s.encoders[0].texts.Stats()
		inHand = st.Waiting + st.Running
	}
	late := open(t, addr, honest)
	if isClosed(late) {
		t.Fatal("who comes late is sent away")
	}
	close(f.gate)
	for i, c := range working {
		if !answered(t, c) {
			t.Errorf("request %d has no answer", i)
		}
	}
	late.SetReadDeadline(time.Time{})
	if !answered(t, late) {
		t.Error("no answer to who came late")
	}
}

// TestWhoDoesNotReadMakesRoom: an answer that nobody takes does not hold the door.
func TestWhoDoesNotReadMakesRoom(t *testing.T) {
	s := newTest(t, Options{MaxConns: 4})
	addr := start(t, s)
	ask := strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n", 2000)
	for i := range 8 {
		c := open(t, addr, "")
		c.(*net.TCPConn).SetReadBuffer(4 << 10)
		go io.WriteString(c, ask)
		time.Sleep(50 * time.Millisecond) // until it is stuck
		if c := open(t, addr, honest); !answered(t, c) {
			t.Fatalf("no answer beside %d clients who do not read", i+1)
		}
	}
}

// TestBodiesThatBeginTakeLittle: many bodies of which a byte has come leave room for
// those that come whole.
func TestBodiesThatBeginTakeLittle(t *testing.T) {
	s := newTest(t, Options{MaxBody: 1 << 20, MaxBusy: 8 << 20})
	addr := start(t, s)
	for range 200 {
		open(t, addr, "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	}
	if w := do(s, "POST", "/v1/embeddings", `{"input":"a cat"}`); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
