package server

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/internal/fetch"
)

// Options say what is served, to whom. The zero value serves no model to
// everybody.
type Options struct {
	Embedders  []Embedder  // the first answers requests that name none
	Completers []Completer // the first answers requests that name none
	Chatters   []Chatter   // the first answers requests that name none; one that is a Completer too is in both lists
	Answerers  []Answerer  // the first answers questions that name no model where there is no Embedder; one that is a Chatter too is in both lists
	Libraries  Libraries   // nil: none are kept

	Keys            Keys           // nil: no key is asked for
	OpenWithoutKeys bool           // as long as there is no key, none is asked for
	TrustNet        []netip.Prefix // networks that need no key for vectors
	Hosts           []string       // names that the server answers to, besides loopback, addresses and this machine's own

	// FetchAllow lists what pictures may be fetched from that requests give by
	// address: names, addresses, networks; see docs/serve.md. nil: nothing.
	FetchAllow []string
	// ImmichUpstream is the address of Immich's own machine learning, which gets the
	// tasks that are not served here. "": they are refused.
	ImmichUpstream string

	MaxBody  int64         // bytes of a request; 0 means 32 MiB
	MaxBusy  int64         // bytes that all requests' bodies may take together, read and unpacked; 0 means 512 MiB
	Queue    int           // inputs that may wait before a model; 0 means 4096 texts, 512 pictures
	Wait     time.Duration // how long a batch waits for company; 0 means not at all
	Drain    time.Duration // how long running requests may take to end; 0 means 30 seconds
	MaxConns int           // connections at once; 0 means 1024
	TLS      *tls.Config   // nil: Serve does not encrypt

	Suggestions []Suggestion // models that visitors could fetch

	Traces  trace.TracerProvider // nil: none are kept
	Version string               // emblem's, for /openapi.json
	Log     *slog.Logger         // nil drops it
}

func (o *Options) fill() {
	if o.MaxBody == 0 {
		o.MaxBody = 32 << 20
	}
	if o.MaxBusy == 0 {
		o.MaxBusy = 512 << 20
	}
	o.MaxBusy = max(o.MaxBusy, unpacked*o.MaxBody)
	if o.Drain == 0 {
		o.Drain = 30 * time.Second
	}
	if o.MaxConns == 0 {
		o.MaxConns = 1024
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// Server answers requests. It is an http.Handler; Serve runs it.
type Server struct {
	Options
	handler     http.Handler
	encoders    []*encoder
	completers  []*completer
	chatters    []*chatter
	answerers   []*answerer
	hosts       []string
	fetcher     *fetch.Fetcher      // nil: nothing is fetched
	immich      *immichUpstream     // nil: there is none
	bodies      *semaphore.Weighted // bytes of requests that are being read or worked on
	sessions    *sessions
	thumbnails  *thumbnails
	metrics     *metrics
	tracing     tracing
	description json.RawMessage // OpenAPI
	started     time.Time
	draining    atomic.Bool
	stopping    chan struct{} // closed when the server begins to end
	stop        sync.Once
	jobs        *jobs
}

// New makes a server.
func New(o Options) (*Server, error) {
	o.fill()
	s := &Server{Options: o, bodies: semaphore.NewWeighted(o.MaxBusy), sessions: newSessions(o.Keys), thumbnails: newThumbnails(), metrics: newMetrics(), tracing: newTracing(o.Traces), started: time.Now(), stopping: make(chan struct{}), jobs: newJobs()}
	s.hosts = append(ownNames(), o.Hosts...)
	err := s.reachOut()
	if err != nil {
		return nil, err
	}
	for _, e := range o.Embedders {
		c := newEncoder(e, o.Queue, o.Wait, s.tracing)
		s.encoders = append(s.encoders, c)
		s.metrics.watch(c)
	}
	shared := map[string]*seats{} // of a model that does both, by its name
	for _, c := range o.Completers {
		shared[c.Name()] = &seats{}
		s.completers = append(s.completers, &completer{c, shared[c.Name()]})
	}
	for _, a := range o.Answerers {
		shared[a.Name()] = &seats{}
		s.answerers = append(s.answerers, &answerer{a, shared[a.Name()], semaphore.NewWeighted(decodeBudget)})
	}
	for _, c := range o.Chatters {
		s.chatters = append(s.chatters, newChatter(c, cmp.Or(shared[c.Name()], &seats{})))
	}
	routes := s.routes()
	if s.description, err = json.Marshal(s.openAPI(routes)); err != nil {
		return nil, err
	}
	s.handler = s.guard(s.newRouter(routes))
	return s, nil
}

// reachOut makes what asks other servers.
func (s *Server) reachOut() (err error) {
	if len(s.FetchAllow) > 0 {
		if s.fetcher, err = fetch.New(s.FetchAllow, fetch.Limits{}); err != nil {
			return err
		}
	}
	if s.ImmichUpstream != "" {
		s.immich, err = newImmichUpstream(s.ImmichUpstream)
	}
	return err
}

// Check says what is wrong with the addresses in the options, before models are
// opened in vain.
func (o *Options) Check() error { return (&Server{Options: *o}).reachOut() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close cancels jobs and ends the queues. What still waits in them gets an error.
func (s *Server) Close() {
	s.jobs.close()
	if s.fetcher != nil {
		s.fetcher.Close()
	}
	for _, c := range s.encoders {
		c.close()
	}
}

// readTimeout is how long a client may take to send a request.
const readTimeout = 2 * time.Minute

// Serve answers what comes to the listener until ctx ends. Then it is no longer
// ready, takes no more connections, and waits for running requests, up to
// Options.Drain; then it breaks them off, which is an error.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       readTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ConnContext:       greet,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		s.draining.Store(true)
		s.stop.Do(func() { close(s.stopping) })
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
		defer cancel()
		err := srv.Shutdown(limit)
		if err != nil {
			srv.Close()
			err = fmt.Errorf("requests that did not end within %s were broken off; --shutdown-timeout gives them longer", s.Drain)
		}
		stopped <- err
	})
	l = newDoor(l, s.MaxConns)
	if s.TLS != nil {
		l = tls.NewListener(l, s.TLS) // outermost: net/http has to see that it is TLS
	}
	err := srv.Serve(l)
	if stop() || !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
