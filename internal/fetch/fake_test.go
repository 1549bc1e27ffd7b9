package fetch

import (
	"context"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A proxy of the environment that answers nobody: whoever asks it fails.
func init() {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		os.Setenv(name, "http://127.0.0.1:1")
	}
}

// names is a server of DNS: answers gives the addresses of a name, at its n-th
// question for one of their kind.
type names struct {
	answers func(name string, n int) []string
	asked   [2]atomic.Int64 // for IPv4, for IPv6
}

// resolver starts the server and returns who asks it.
func (d *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := d.reply(buf[:n]); out != nil {
				conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (d *names) reply(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	six := q.Type == dnsmessage.TypeAAAA
	kind := 0
	if six {
		kind = 1
	}
	for _, s := range d.answers(q.Name.String(), int(d.asked[kind].Add(1))) {
		a := netip.MustParseAddr(s)
		if a.Is6() != six {
			continue
		}
		head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 0}
		var body dnsmessage.ResourceBody = &dnsmessage.AResource{A: [4]byte(a.AsSlice())}
		if six {
			body = &dnsmessage.AAAAResource{AAAA: a.As16()}
		}
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: head, Body: body})
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

// trap listens where nobody is to come, and counts who does.
type trap struct {
	port string
	seen atomic.Int64
}

func newTrap(t *testing.T, address string) *trap {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { l.Close() })
	tr := &trap{}
	_, tr.port, _ = net.SplitHostPort(l.Addr().String())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tr.seen.Add(1)
			c.Close()
		}
	}()
	return tr
}

// untouched fails the test if somebody came.
func (tr *trap) untouched(t *testing.T) {
	t.Helper()
	time.Sleep(20 * time.Millisecond) // for who is on the way
	if n := tr.seen.Load(); n > 0 {
		t.Errorf("%d connections were made", n)
	}
}

func newFetcher(t *testing.T, l Limits, allow ...string) *Fetcher {
	t.Helper()
	f, err := New(allow, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}
