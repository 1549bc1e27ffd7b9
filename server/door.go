package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// door is a listener that keeps to a number of connections. When all are taken, the
// one that has kept us waiting for longest has to go: who sends a request at once is
// let in, however many send theirs a byte at a time.
type door struct {
	net.Listener
	most int

	mu     sync.Mutex
	left   sync.Cond // somebody has gone, or it is the turn of one more, or it is closed
	inside map[*visitor]struct{}
	closed bool
}

// visitor is a connection. It is the client's turn while none of its requests is in
// our hands.
type visitor struct {
	net.Conn
	door  *door
	hands int       // requests that have come whole and are not answered yet
	since time.Time // when the client's turn began
}

func newDoor(l net.Listener, most int) *door {
	d := &door{Listener: l, most: most, inside: map[*visitor]struct{}{}}
	d.left.L = &d.mu
	return d
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	c, err := d.Listener.Accept()
	if err != nil {
		return nil, err
	}
	v := &visitor{Conn: c, door: d, since: time.Now()}
	if !d.admit(v) {
		c.Close()
		return nil, net.ErrClosed
	}
	return v, nil
}

// admit waits for room, or makes it.
func (d *door) admit(v *visitor) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.inside) >= d.most && !d.closed {
		if slow := d.slowest(); slow != nil {
			delete(d.inside, slow)
			slow.Conn.Close()
			continue
		}
		d.left.Wait()
	}
	d.inside[v] = struct{}{}
	return !d.closed
}

// slowest is whose turn has lasted for longest, of the clients.
func (d *door) slowest() *visitor {
	var slow *visitor
	for v := range d.inside {
		if v.hands == 0 && (slow == nil || v.since.Before(slow.since)) {
			slow = v
		}
	}
	return slow
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.mu.Lock()
	d.closed = true
	d.left.Broadcast()
	d.mu.Unlock()
	return d.Listener.Close()
}

// Close implements net.Conn.
func (v *visitor) Close() error {
	v.door.mu.Lock()
	delete(v.door.inside, v)
	v.door.left.Broadcast()
	v.door.mu.Unlock()
	return v.Conn.Close()
}

// turn is one request's share of a connection.
type turn struct {
	visitor *visitor
	ours    bool // it has come whole
}

type visitorKey struct{}
type turnKey struct{}

// greet remembers a connection for its requests.
func greet(ctx context.Context, c net.Conn) context.Context {
	if enc, ok := c.(*tls.Conn); ok {
		c = enc.NetConn()
	}
	v, _ := c.(*visitor)
	return context.WithValue(ctx, visitorKey{}, v)
}

// newTurn begins a request, which is ours already if it has no body.
func newTurn(r *http.Request) (*turn, *http.Request) {
	v, _ := r.Context().Value(visitorKey{}).(*visitor)
	t := &turn{visitor: v}
	if r.Body == nil || r.Body == http.NoBody {
		t.take()
	}
	return t, r.WithContext(context.WithValue(r.Context(), turnKey{}, t))
}

// take makes it our turn: the request has come.
func (t *turn) take() {
	if t != nil && t.visitor != nil && !t.ours {
		t.ours = true
		t.visitor.mark(1)
	}
}

// end gives the turn back: the request is answered.
func (t *turn) end() {
	if t.ours {
		t.visitor.mark(-1)
	}
}

// lend makes it the client's turn for as long as it reads a piece of the answer.
func (t *turn) lend() {
	if t != nil && t.ours {
		t.visitor.mark(-1)
	}
}

// reclaim ends that.
func (t *turn) reclaim() {
	if t != nil && t.ours {
		t.visitor.mark(1)
	}
}

func (v *visitor) mark(more int) {
	v.door.mu.Lock()
	defer v.door.mu.Unlock()
	if v.hands += more; v.hands == 0 {
		v.since = time.Now()
		v.door.left.Broadcast()
	}
}
