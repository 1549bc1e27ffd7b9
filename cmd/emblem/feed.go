package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"golang.org/x/sync/semaphore"

	"github.com/emblem-search/emblem/internal/library"
)

const (
	groupLines = 1024    // most lines of a group
	groupBytes = 4 << 20 // from which a group takes no more lines
	feedBytes  = library.MaxLine
)

// feed reads lines ahead, within its memory, and hands them out in groups: what
// came while the group before was worked on goes together, so that a fast writer
// shares commits and a slow one does not wait.
type feed struct {
	lines  chan library.Line
	memory *semaphore.Weighted
	err    error // set before lines is closed
}

func newFeed(r io.Reader) *feed {
	f := &feed{lines: make(chan library.Line, groupLines), memory: semaphore.NewWeighted(feedBytes)}
	go f.read(bufio.NewReaderSize(r, 256<<10))
	return f
}

// read ends at the end of the input; until then it outlives a feed that nobody
// asks any more, as reading cannot be called off.
func (f *feed) read(r *bufio.Reader) {
	defer close(f.lines)
	for number := 1; ; number++ {
		line, err := nextLine(r)
		line.Number = number
		if number == 1 {
			line.Text = bytes.TrimPrefix(line.Text, []byte("\ufeff"))
		}
		if len(bytes.TrimSpace(line.Text)) > 0 || line.Long {
			f.memory.Acquire(context.Background(), weight(line))
			f.lines <- line
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.err = err
			}
			return
		}
	}
}

func weight(l library.Line) int64 { return min(int64(len(l.Text)), feedBytes) }

// nextLine reads up to a newline or the end. Of a line that is too long only that
// is kept.
func nextLine(r *bufio.Reader) (line library.Line, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if !line.Long {
			line.Text = append(line.Text, part...)
		}
		if len(line.Text) > library.MaxLine {
			line.Text, line.Long = nil, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// next waits for a line and returns it with those behind it, or nil at the end.
func (f *feed) next(ctx context.Context) (group []library.Line, err error) {
	size := 0
	take := func(l library.Line) {
		group = append(group, l)
		size += len(l.Text)
		f.memory.Release(weight(l))
	}
	select {
	case l, ok := <-f.lines:
		if !ok {
			return nil, f.err
		}
		take(l)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	for len(group) < groupLines && size < groupBytes {
		select {
		case l, ok := <-f.lines:
			if !ok {
				return group, nil
			}
			take(l)
		default:
			return group, nil
		}
	}
	return group, nil
}
