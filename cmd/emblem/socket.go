package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The protocol of DIR/emblem.sock, JSON by lines: the client writes one request
// and reads frames until one has a verdict or says handover. A client that
// closes the connection cancels its operation.

const (
	socketName      = "emblem.sock"
	protocolVersion = 2
	maxRequest      = 128 << 20        // apply's longest line, in base64, with a group before it
	frameTimeout    = 30 * time.Second // for a client to take a frame
)

type request struct {
	Version   int             `json:"version"`
	Operation string          `json:"operation"`
	Options   json.RawMessage `json:"options"`
	Terminal  terminal        `json:"terminal"`
}

// pathList is paths that reach the owner as they are: JSON's strings would change
// names that are not UTF-8.
type pathList []string

// MarshalJSON writes the bytes of each path in base64.
func (l pathList) MarshalJSON() ([]byte, error) {
	raw := make([][]byte, len(l))
	for i, p := range l {
		raw[i] = []byte(p)
	}
	return json.Marshal(raw)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (l *pathList) UnmarshalJSON(data []byte) error {
	var raw [][]byte
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*l = make(pathList, len(raw))
	for i, p := range raw {
		(*l)[i] = string(p)
	}
	return nil
}

type frame struct {
	Stdout   []byte   `json:"stdout,omitempty"`
	Stderr   []byte   `json:"stderr,omitempty"`
	Verdict  *verdict `json:"verdict,omitempty"`
	Handover bool     `json:"handover,omitempty"`
}

// verdict is an operation's error or, with exit 0, its success.
type verdict struct {
	Exit    int    `json:"exit"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	Silent  bool   `json:"silent,omitempty"`
}

func verdictOf(ctx context.Context, err error) *verdict {
	if err == nil {
		return &verdict{}
	}
	var own *cliError
	if err = classify(ctx, err, true); !errors.As(err, &own) {
		return &verdict{Exit: exitFailed, Code: "failed", Message: err.Error()}
	}
	return &verdict{own.exit, own.code, err.Error(), own.silent}
}

func (v *verdict) error() error {
	if v.Exit == exitOK {
		return nil
	}
	return &cliError{exit: v.Exit, code: v.Code, err: errors.New(v.Message), silent: v.Silent}
}

// ask hands a request to the owner of dir and copies its output, if whole when it
// is complete. errHandover means to try again; reached says that the owner was
// there.
func (a *app) ask(ctx context.Context, dir string, r request, whole bool) (reached bool, err error) {
	conn, err := dialOwner(dir)
	if err != nil {
		return false, errHandover // between taking the lock and listening, or leaving
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return false, a.cut(ctx)
	}
	var kept bytes.Buffer
	stdout := a.stdout
	if whole {
		stdout = &kept
	}
	frames := json.NewDecoder(bufio.NewReaderSize(conn, 64<<10))
	for {
		var f frame
		if err := frames.Decode(&f); err != nil {
			return reached, a.cut(ctx)
		}
		reached = true
		if _, err := stdout.Write(f.Stdout); err != nil {
			return true, err
		}
		if _, err := a.stderr.Write(f.Stderr); err != nil {
			return true, err
		}
		if f.Handover {
			return true, errHandover
		}
		if f.Verdict != nil {
			if _, err := a.stdout.Write(kept.Bytes()); err != nil {
				return true, err
			}
			return true, f.Verdict.error()
		}
	}
}

// cut is why a connection ended: this side's signal, or the owner's end.
func (a *app) cut(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errHandover
}

// socketServer serves other processes' operations.
type socketServer struct {
	dir      string
	host     *host
	listener net.Listener
	ctx      context.Context
	leave    context.CancelCauseFunc
	running  sync.WaitGroup
	accepted chan struct{} // closed when no more connections come
}

func serveSocket(dir string, h *host) (*socketServer, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	ctx, leave := context.WithCancelCause(context.Background())
	s := &socketServer{dir: dir, host: h, listener: l, ctx: ctx, leave: leave, accepted: make(chan struct{})}
	go s.accept()
	return s, nil
}

func (s *socketServer) accept() {
	defer close(s.accepted)
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

// serve runs one connection's operation.
func (s *socketServer) serve(conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	in := bufio.NewReaderSize(conn, 64<<10)
	var r request
	conn.SetReadDeadline(time.Now().Add(patience))
	line, err := readLine(in, maxRequest)
	if err != nil {
		return
	}
	conn.SetReadDeadline(time.Time{})
	out := &frameWriter{conn: conn, cancel: cancel}
	if err := json.Unmarshal(line, &r); err != nil || r.Version != protocolVersion || operations()[r.Operation] == nil {
		out.send(frame{Verdict: &verdict{Exit: exitFailed, Code: "other_version", Message: "the data directory is in use by another version of emblem; end it first"}})
		return
	}
	go func() {
		in.ReadByte() // nothing more is sent: this returns when the client goes
		cancel(errors.New("the client went"))
	}()
	err = operations()[r.Operation](ctx, s.host, &session{r.Terminal, writerFunc(out.stdout), writerFunc(out.stderr)}, r.Options)
	if err != nil && errors.Is(context.Cause(s.ctx), errHandover) {
		out.send(frame{Handover: true})
		return
	}
	out.send(frame{Verdict: verdictOf(context.Background(), err)})
}

// readLine reads up to a newline; a longer line is an error.
func readLine(r *bufio.Reader, most int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > most {
			return nil, errors.New("the request is too long")
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// close takes no more operations, waits a little for those that run, hands the
// others over, and removes the socket. A nil server has nothing to close.
func (s *socketServer) close() {
	if s == nil {
		return
	}
	s.listener.Close()
	os.Remove(filepath.Join(s.dir, socketName))
	<-s.accepted
	timer := time.AfterFunc(grace, func() { s.leave(errHandover) })
	defer timer.Stop()
	s.running.Wait()
}

// frameWriter sends frames, one at a time. A client that does not take them
// loses its operation.
type frameWriter struct {
	mu     sync.Mutex
	conn   net.Conn
	cancel context.CancelCauseFunc
}

func (w *frameWriter) send(f frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn.SetWriteDeadline(time.Now().Add(frameTimeout))
	err := json.NewEncoder(w.conn).Encode(f)
	if err != nil {
		w.cancel(err)
	}
	return err
}

func (w *frameWriter) stdout(p []byte) error { return w.send(frame{Stdout: p}) }
func (w *frameWriter) stderr(p []byte) error { return w.send(frame{Stderr: p}) }

type writerFunc func([]byte) error

func (f writerFunc) Write(p []byte) (int, error) {
	if err := f(p); err != nil {
		return 0, err
	}
	return len(p), nil
}
