package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emblem-search/emblem/internal/lockfile"
)

// One process owns a data directory: it holds the lock on DIR/lock and listens
// on DIR/emblem.sock. A library command either becomes the owner or hands its
// operation to the owner. When an owner ends, by whatever end, the operations
// that others had with it begin again with the next owner: all of them can.

// errHandover says that the owner is leaving or gone, and the operation is to be
// tried again.
var errHandover = errors.New("the owner of the data directory ended")

const (
	// patience is how long a process that holds the lock may take to answer.
	patience = 15 * time.Second
	retryGap = 30 * time.Millisecond
	// grace is how long an owner that is done waits for others' operations.
	grace = 2 * time.Second
)

// errand is an operation on a data directory.
type errand struct {
	operation string
	options   any
	// alone, if not nil, is what the owner does in place of the operation: more of
	// its kind, say.
	alone func(context.Context, *host, *session) error
	// whole keeps another owner's output back until its end, so that an operation
	// that begins again says nothing twice.
	whole bool
}

// perform runs an operation on the data directory dir, in this process or in its
// owner, with the same output.
func (a *app) perform(ctx context.Context, dir, name string, options any) error {
	return a.performAs(ctx, dir, errand{operation: name, options: options})
}

func (a *app) performAs(ctx context.Context, dir string, e errand) error {
	raw, err := json.Marshal(e.options)
	if err != nil {
		return err
	}
	if e.alone == nil {
		e.alone = func(ctx context.Context, h *host, s *session) error {
			return operations()[e.operation](ctx, h, s, raw)
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return refusef("config", "the data directory %s cannot be made: %v; name another with --data", dir, err)
	}
	r := request{Version: protocolVersion, Operation: e.operation, Options: raw, Terminal: a.terminal()}
	deadline := time.Now().Add(patience)
	for {
		lock, busy, err := lockDir(dir)
		if err != nil {
			return err
		}
		if !busy {
			return a.own(ctx, dir, lock, e.alone)
		}
		reached, err := a.ask(ctx, dir, r, e.whole)
		if !errors.Is(err, errHandover) {
			return err
		}
		if reached {
			deadline = time.Now().Add(patience)
		}
		if time.Now().After(deadline) {
			return failf("data_locked", "another process%s holds the data directory %s and does not answer; end it, or use another directory with --data", holder(dir), dir)
		}
		select {
		case <-time.After(retryGap):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lockDir takes the lock of a data directory and leaves this process's id in it.
func lockDir(dir string) (lock *os.File, busy bool, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, refusef("config", "the data directory cannot be used: %v", err)
	}
	busy, err = lockfile.Try(f)
	if err != nil || busy {
		f.Close()
		return nil, busy, err
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, false, err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return f, false, err
}

// holder names the process that has the lock, for a message.
func holder(dir string) string {
	pid, err := os.ReadFile(filepath.Join(dir, "lock"))
	if err != nil || len(pid) == 0 {
		return ""
	}
	return " (" + strings.TrimSpace(string(pid)) + ")"
}

// own runs an operation as the owner of dir and serves others meanwhile.
func (a *app) own(ctx context.Context, dir string, lock *os.File, run func(context.Context, *host, *session) error) error {
	defer lock.Close() // gives the lock back, after all else
	h, err := a.newHost(dir)
	if err != nil {
		return err
	}
	srv, err := serveSocket(dir, h)
	if err != nil {
		// Without the socket others have to wait; this operation need not.
		a.log.Warn("other processes cannot use the data directory meanwhile", "error", err)
	}
	err = run(ctx, h, &session{a.terminal(), a.stdout, a.stderr})
	srv.close()
	if closing := h.close(); err == nil {
		err = closing
	}
	return err
}

// dialOwner connects to the owner of dir.
func dialOwner(dir string) (net.Conn, error) {
	path, done, err := shortPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.DialTimeout("unix", filepath.Join(path, socketName), patience)
}
