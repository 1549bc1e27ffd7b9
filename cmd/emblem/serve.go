package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/hub"
	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
)

// serveOptions are those of the serve command.
type serveOptions struct {
	Addr     string
	Models   []string // [NAME=]M
	Pull     bool     // fetch those that are not here
	DType    string
	Reduce   string
	Hosts    []string
	Roots    []string // folders whose folders may be indexed over HTTP
	Watch    bool     // keep what is indexed of them up to date
	TrustNet []string
	Fetch    []string // what pictures may be fetched from
	Immich   string   // address of a service for Immich's other tasks
	TLSCert  string
	TLSKey   string
	Keys     string // the file of keys; "" means the data directory's
	Insecure bool   // no key is asked for, wherever the address
	Wait     time.Duration
	Drain    time.Duration
	Memory   size          // of all models' weights; 0: no bound
	Keep     time.Duration // how long weights stay that nobody uses; below 0 as long as there is room
	Traces   string        // address of a collector; "" means that of the environment, if any
	nets     []netip.Prefix
	wordModels
}

const defaultAddr = "127.0.0.1:3625"

func newServeCmd(a *app) *cobra.Command {
	o := serveOptions{Keep: models.Forever}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve search and vectors over HTTP, with a page for the browser",
		Long: `Serve search and vectors over HTTP, with a page for the browser.

OpenAI's clients find vectors of texts and pictures at /v1/embeddings; the
servers of Infinity, TEI, Cohere, Jina, Ollama, Immich and Weaviate's module are
spoken too. The page is at /.

Only this machine can reach it, unless --addr says otherwise; then clients need
a key: emblem key add NAME. With --data none nothing is kept: a server of
vectors alone, of which there may be many.`,
		Example: `  emblem serve
  emblem serve --model laion/CLIP-ViT-B-32-laion2B-s34B-b79K
  emblem serve --addr 0.0.0.0:3625 --tls-cert cert.pem --tls-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ended(cmd.Context(), a.serve(cmd.Context(), o))
		},
	}
	a.checks[cmd] = func(run bool) problems { return a.checkServe(&o, run) }
	f := cmd.Flags()
	f.StringVar(&o.Addr, "addr", defaultAddr, "address to listen on")
	f.StringArrayVar(&o.Models, "model", nil, "a model to serve, as M or NAME=M (repeatable); default: builtin/search")
	f.BoolVar(&o.Pull, "pull", false, "fetch the models of --model that are not here from the Hugging Face hub, as emblem pull does")
	f.StringVar(&o.DType, "dtype", "auto", "auto, f32, f16, bf16, int8 or int4")
	addReduce(cmd, &o.Reduce)
	addWordModels(cmd, &o.wordModels)
	f.StringArrayVar(&o.Hosts, "allowed-host", nil, "a name that clients may call this server by (repeatable)")
	f.StringArrayVar(&o.Roots, "root", nil, "a folder of this machine that keys with the scope admin may index (repeatable; default none)")
	f.BoolVar(&o.Watch, "watch", false, "keep the folders of --root up to date, in the library that holds them or else in default; those of index --watch are so anyway")
	f.StringArrayVar(&o.TrustNet, "trust-net", nil, "a network, such as 10.0.0.0/8, that gets vectors without a key (repeatable)")
	f.StringArrayVar(&o.Fetch, "fetch-allow", nil, "a host, HOST[:PORT], that pictures may be fetched from when a request gives their address (repeatable; default none)")
	f.StringVar(&o.Immich, "immich-upstream", "", "address of Immich's own machine learning, for faces and text in pictures")
	f.StringVar(&o.TLSCert, "tls-cert", "", "certificate chain (PEM); read again when it changes")
	f.StringVar(&o.TLSKey, "tls-key", "", "the certificate's key (PEM)")
	f.StringVar(&o.Keys, "keys", "", "file of keys; default: keys.json in the data directory")
	f.BoolVar(&o.Insecure, "insecure-no-key", false, "let everybody who reaches the address do everything")
	f.Var(&o.Memory, "memory", "what the models' weights may take together, such as 2GB; those used least recently make room (default no bound)")
	f.Var((*keeping)(&o.Keep), "keep-alive", "how long a model that nobody uses stays in memory, such as 5m; 0: not at all, -1: until others need the room")
	f.StringVar(&o.Traces, "otel-endpoint", "", "address of an OpenTelemetry collector that gets traces (OTLP over HTTP); default: OTEL_EXPORTER_OTLP_ENDPOINT, or none are sent")
	f.DurationVar(&o.Wait, "batch-wait", 0, "how long a batch waits for company")
	f.DurationVar(&o.Drain, "shutdown-timeout", 30*time.Second, "how long running requests may take to end")
	return cmd
}

// noData is the value of --data for a server that keeps nothing.
const noData = "none"

// serve owns the data directory and answers until it is told to stop.
func (a *app) serve(ctx context.Context, o serveOptions) error {
	if err := a.openDevice(); err != nil {
		return err
	}
	keys, err := a.keys(o)
	if err != nil {
		return err
	}
	x := &serving{app: a, options: o, keys: keys}
	if a.data == noData {
		x.host = &host{log: x.log, wiring: a.wiring, device: a.device, budget: x.budget(), models: map[modelChoice]embedder{}}
		return errors.Join(x.run(ctx), x.host.closeModels())
	}
	return a.owning(ctx, func(ctx context.Context, dir string, h *host, s *session) error {
		x.dir, x.host, x.session = dir, h, s
		h.words = o.wordModels
		if err := h.words.resolve(a); err != nil {
			return err
		}
		if _, err := h.describer(ctx, h.words); err != nil { // what is wrong with them is told now
			return err
		}
		h.budget = x.budget()
		return x.run(ctx)
	})
}

// owning runs f as the owner of the data directory. Another owner is an error.
func (a *app) owning(ctx context.Context, f func(context.Context, string, *host, *session) error) error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return refusef("config", "the data directory %s cannot be made: %v; name another with --data", dir, err)
	}
	lock, busy, err := lockDir(dir)
	if err != nil {
		return err
	}
	if busy {
		return failf("data_locked", "another process%s uses the data directory %s; end it, or name another with --data", holder(dir), dir)
	}
	return a.own(ctx, dir, lock, func(ctx context.Context, h *host, s *session) error { return f(ctx, dir, h, s) })
}

// keys opens the keyring. Beyond loopback there has to be a key.
func (a *app) keys(o serveOptions) (*server.Keyring, error) {
	path := o.Keys
	if path == "" && a.data != noData {
		dir, err := a.dataDir()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(dir, keyFile)
	}
	ring, err := server.OpenKeyring(path)
	if err != nil {
		return nil, refusef("config", "%w", err)
	}
	if !o.Insecure && !loopback(o.Addr) && !ring.Any() {
		return nil, refusef("no_key", "others could reach %s and there is no key yet; make one with: emblem key add NAME, or let everybody in with --insecure-no-key", o.Addr)
	}
	return ring, nil
}

// loopback says whether only this machine can reach an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr // without a port
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// serving is one run of the serve command.
type serving struct {
	*app
	host    *host
	session *session
	options serveOptions
	dir     string
	keys    *server.Keyring
}

func (x *serving) run(ctx context.Context) error {
	encryption, err := tlsConfig(x.options.TLSCert, x.options.TLSKey)
	if err != nil {
		return err
	}
	listener, err := x.listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	roots, err := realFolders(x.options.Roots)
	if err != nil {
		return err
	}
	completers, err := x.completers(ctx)
	defer func() {
		for _, c := range completers {
			c.Close()
		}
	}()
	if err != nil {
		return err
	}
	answerers, err := x.answerers(ctx)
	defer func() {
		for _, a := range answerers {
			a.model.Close()
		}
	}()
	if err != nil {
		return err
	}
	chatters, err := x.chatters(completers, answerers)
	if err != nil {
		return err
	}
	embedders, err := x.embedders(ctx)
	if err != nil {
		return err
	}
	address, err := x.tracesTo(x.options.Traces)
	if err != nil {
		return err
	}
	traces, sent, err := x.traces(ctx, address)
	if err != nil {
		return err
	}
	defer sent()
	o := server.Options{
		Traces:    traces,
		Embedders: embedders, Completers: served(completers), Chatters: chatters, Answerers: asked(answerers), Version: readRelease("").Version,
		TrustNet: x.options.nets, Hosts: x.options.Hosts, Wait: x.options.Wait, Drain: x.options.Drain, TLS: encryption, Log: x.log,
		Suggestions: suggestions(), FetchAllow: x.options.Fetch, ImmichUpstream: x.options.Immich,
	}
	if !x.options.Insecure {
		o.Keys, o.OpenWithoutKeys = x.keys, loopback(x.options.Addr)
	}
	if x.host.store != nil {
		o.Libraries = shelves{x.host, roots}
	}
	srv, err := server.New(o)
	if err != nil {
		return err
	}
	defer srv.Close()
	x.announce(srv, listener, embedders, completers, answerers)
	samples, watches := x.samples(ctx), x.watch(ctx, roots)
	err = srv.Serve(ctx, listener)
	<-samples
	<-watches
	return err
}

// listen takes the address. One that is in use is a sentence with the next one.
func (x *serving) listen() (net.Listener, error) {
	l, err := net.Listen("tcp", x.options.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, failf("address_in_use", "%s is in use, perhaps by another emblem; take the next one with: emblem serve --addr %s", x.options.Addr, nextAddr(x.options.Addr))
	}
	if err != nil {
		return nil, refusef("address", "cannot listen on %s: %v", x.options.Addr, err)
	}
	return l, nil
}

// nextAddr is the next address that is free.
func nextAddr(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		return addr
	}
	for p := n + 1; p < n+100; p++ {
		next := net.JoinHostPort(host, strconv.Itoa(p))
		if l, err := net.Listen("tcp", next); err == nil {
			l.Close()
			return next
		}
	}
	return net.JoinHostPort(host, "0")
}

// embedders opens the named models, or the built-in one, and those of the
// libraries, which are to be searched too.
func (x *serving) embedders(ctx context.Context) ([]server.Embedder, error) {
	refs := x.options.Models
	if len(refs) == 0 {
		refs = []string{models.Default}
	}
	var out []server.Embedder
	for _, ref := range refs {
		name, m := splitModel(ref)
		if x.written(m) {
			continue
		}
		e, err := x.embedder(ctx, name, m)
		if err != nil {
			return nil, err
		}
		if err := x.mayFit(ctx, e, len(out) == 0); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if x.host.store == nil {
		return out, nil
	}
	names, err := x.host.store.Names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if e := x.libraryEmbedder(ctx, name, out); e != nil {
			out = append(out, e)
		}
	}
	return out, nil
}

// splitModel reads [NAME=]M.
func splitModel(ref string) (name, model string) {
	if name, model, ok := strings.Cut(ref, "="); ok && !exists(ref) {
		return name, model
	}
	return "", ref
}

func (x *serving) embedder(ctx context.Context, name, ref string) (server.Embedder, error) {
	ref, err := x.modelRef(ref)
	if err != nil {
		return nil, err
	}
	reduce, err := parseReduce(x.options.Reduce)
	if err != nil {
		return nil, err
	}
	choice := modelChoice{Ref: ref, DType: x.options.DType, Reduce: reduce}
	e, err := x.host.model(ctx, choice)
	if missing := (*hub.NotFound)(nil); errors.As(err, &missing) && missing.Repo != "" {
		e, err = x.pullFirst(ctx, choice, missing)
	}
	if err != nil {
		return nil, err
	}
	if x.host.first == (modelChoice{}) {
		x.host.first = choice
	}
	return serviceOf(name, e)
}

// libraryEmbedder opens the model of a library, unless it is open. A library
// whose model is gone is not searched; that is told, and stops nothing else.
func (x *serving) libraryEmbedder(ctx context.Context, name string, have []server.Embedder) server.Embedder {
	lib, err := x.host.store.Open(name)
	if err != nil {
		x.log.Warn("a library cannot be opened", "library", name, "error", err)
		return nil
	}
	m := lib.Manifest()
	if m.Ref == "" || slices.ContainsFunc(have, func(e server.Embedder) bool { return e.Fingerprint() == m.Fingerprint }) {
		return nil
	}
	e, err := x.embedder(ctx, "", m.Ref)
	if err != nil {
		x.log.Warn("a library cannot be searched: its model does not open", "library", name, "model", m.Model, "error", err)
		return nil
	}
	return e
}

// announce says where the server is, and how to get in.
func (x *serving) announce(srv *server.Server, l net.Listener, embedders []server.Embedder, completers []continuer, answerers []answering) {
	scheme := "http"
	if x.options.TLSCert != "" {
		scheme = "https"
	}
	addr := l.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	where := scheme + "://" + net.JoinHostPort(host, strconv.Itoa(addr.Port))
	fmt.Fprintf(x.stderr, "emblem is at %s%s\n", where, srv.LoginPath())
	for _, e := range embedders {
		fmt.Fprintf(x.stderr, "  model %s, %d dimensions\n", e.Name(), e.Dim())
	}
	for _, c := range completers {
		does := "continues texts"
		if c.Template != nil {
			does = "answers in conversations and continues texts"
		}
		fmt.Fprintf(x.stderr, "  model %s, %s of up to %d tokens\n", c.Name(), does, c.Positions())
	}
	for _, a := range answerers {
		fmt.Fprintf(x.stderr, "  model %s, answers about pictures in up to %d tokens\n", a.Name(), a.model.Sizes().Context)
	}
	if len(x.options.Fetch) > 0 {
		fmt.Fprintf(x.stderr, "  pictures are fetched from %s\n", strings.Join(x.options.Fetch, ", "))
	}
	for _, p := range x.options.nets {
		fmt.Fprintf(x.stderr, "  clients in %s get vectors without a key\n", p)
	}
	switch {
	case x.options.Insecure && !loopback(x.options.Addr):
		fmt.Fprintln(x.stderr, "  everybody who reaches this address may do everything: --insecure-no-key")
	case scheme == "http" && !loopback(x.options.Addr):
		fmt.Fprintln(x.stderr, "  keys and pictures travel unencrypted; give --tls-cert and --tls-key, or put a proxy in front")
	}
}
