package fetch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/internal/picture"
)

// Limits bound what fetching may cost. A zero field means the default.
type Limits struct {
	Bytes  int64         // of a picture's file; 20 MiB
	Time   time.Duration // of one picture, from its name's resolution to its last byte; 5 seconds
	AtOnce int64         // pictures that are fetched at the same time; 32
}

func (l *Limits) fill() {
	if l.Bytes == 0 {
		l.Bytes = picture.HTTPLimits().MaxBytes
	}
	if l.Time == 0 {
		l.Time = 5 * time.Second
	}
	if l.AtOnce == 0 {
		l.AtOnce = 32
	}
}

// Fetcher fetches pictures. Its methods may be called from many goroutines.
type Fetcher struct {
	limits    Limits
	rules     []Rule
	places    *semaphore.Weighted
	dialer    net.Dialer
	transport *http.Transport
}

// New returns a Fetcher for what the list allows; see ParseRule for its entries.
func New(allow []string, l Limits) (*Fetcher, error) {
	l.fill()
	f := &Fetcher{limits: l, places: semaphore.NewWeighted(l.AtOnce)}
	for _, s := range allow {
		r, err := ParseRule(s)
		if err != nil {
			return nil, fmt.Errorf("--fetch-allow %q: %w", s, err)
		}
		f.rules = append(f.rules, r)
	}
	f.dialer.ControlContext = f.control
	f.transport = &http.Transport{
		Proxy:                  nil, // a proxy would see other addresses than the check
		DialContext:            f.dialer.DialContext,
		DisableCompression:     true, // a picture is packed already; what unpacks is a bomb
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return f, nil
}

// Close lets the connections go that are kept for the next picture.
func (f *Fetcher) Close() { f.transport.CloseIdleConnections() }

// allowed says whether the list has a place at all. Its address is looked at when it
// is known.
func (f *Fetcher) allowed(p *place) error {
	var ok bool
	if p.addr.IsValid() {
		ok = f.reaches(p.addr, p.port) && slices.ContainsFunc(f.rules, func(r Rule) bool {
			return r.addressed(p.addr, p.port) || r.name == "*" && r.opens(p.port)
		})
	} else {
		ok = slices.ContainsFunc(f.rules, func(r Rule) bool { return r.named(p.host, p.port) })
	}
	if !ok {
		return refused("this server does not fetch from %s; it is to be started with --fetch-allow %s for that", p.shown(), p.shown())
	}
	return nil
}

// reaches says whether an address may be connected to: a public one of another
// machine, or one that the list has itself.
func (f *Fetcher) reaches(a netip.Addr, port uint16) bool {
	return slices.ContainsFunc(f.rules, func(r Rule) bool { return r.addressed(a, port) }) || public(a) && !own(a)
}

// control looks at an address when its socket is about to be connected.
func (f *Fetcher) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" || !f.reaches(ap.Addr().Unmap(), ap.Port()) {
		return &Error{NotAllowed: true, Message: "the host's address is not a public one; this server is to be started with --fetch-allow ADDRESS for that", Err: errors.New(address)}
	}
	return nil
}

// Open fetches a picture. The stream ends with an *Error if the picture is larger
// than it may be, takes too long or breaks off; it has to be closed.
func (f *Fetcher) Open(ctx context.Context, address string) (io.ReadCloser, error) {
	p, err := parse(address)
	if err != nil {
		return nil, err
	}
	if err := f.allowed(p); err != nil {
		return nil, err
	}
	if err := f.places.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	s := &stream{fetcher: f, place: p, outer: ctx, left: f.limits.Bytes}
	s.inner, s.cancel = context.WithTimeout(ctx, f.limits.Time)
	if err := s.open(); err != nil {
		s.Close()
		return nil, explain(ctx, p, f.limits.Time, err)
	}
	return s, nil
}

// stream is a picture on its way.
type stream struct {
	fetcher      *Fetcher
	place        *place
	outer, inner context.Context
	cancel       context.CancelFunc
	body         io.Closer
	from         *bufio.Reader
	left         int64 // bytes that may come yet
	closed       bool
}

// open sends the request and looks at how the answer begins.
func (s *stream) open() error {
	r, err := http.NewRequestWithContext(s.inner, http.MethodGet, s.place.url.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "emblem (https://github.com/emblem-search/emblem)")
	r.Header.Set("Accept", "image/*")
	answer, err := s.fetcher.transport.RoundTrip(r) // a client would follow redirects
	if err != nil {
		return err
	}
	s.body = answer.Body
	switch {
	case answer.StatusCode >= 300 && answer.StatusCode < 400:
		return failed(nil, "%s sends on to another address, which is not followed; give the last one", s.place.shown())
	case answer.StatusCode != http.StatusOK:
		return failed(nil, "%s answered with status %d", s.place.shown(), answer.StatusCode)
	case answer.Header.Get("Content-Encoding") != "":
		return failed(nil, "%s sends the picture packed, which is not read", s.place.shown())
	case answer.ContentLength > s.left:
		return s.tooLarge()
	}
	s.from = bufio.NewReaderSize(answer.Body, 4<<10)
	head, err := s.from.Peek(512)
	if err != nil && err != io.EOF {
		return err
	}
	if _, ok := picture.Sniff(head); !ok {
		return failed(nil, "what %s sends is not a picture that can be read", s.place.shown())
	}
	return nil
}

func (s *stream) tooLarge() error {
	return failed(nil, "the picture at %s has over %d bytes", s.place.shown(), s.fetcher.limits.Bytes)
}

// Read implements io.Reader.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.from.Read(b[:min(int64(len(b)), s.left+1)])
	if s.left -= int64(n); s.left < 0 {
		return 0, s.tooLarge()
	}
	if err == io.EOF {
		return n, err
	}
	return n, explain(s.outer, s.place, s.fetcher.limits.Time, err)
}

// Close implements io.Closer.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.cancel()
	s.fetcher.places.Release(1)
	if s.body == nil {
		return nil
	}
	return s.body.Close()
}
