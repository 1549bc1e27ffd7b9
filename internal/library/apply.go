package library

import (
	"context"
	"strings"

	"github.com/emblem-search/emblem/index"
)

// Apply runs a group of lines, one operation each, in their order. tell gets the
// results, a JSON value a line and in order too, when they are final: writes that
// follow each other share one commit and are told of when it is on disk; all else
// sees what was written before it. failed counts the lines whose result is an
// error. An error of Apply is the store's or the context's; of what was not told,
// writes may have happened.
func (l *Library) Apply(ctx context.Context, lines []Line, tell func([]any)) (failed int, err error) {
	a := &applying{lib: l, ctx: ctx, tell: tell, touched: map[string]bool{}}
	for _, line := range lines {
		if err := a.line(line); err != nil {
			return a.failed, err
		}
	}
	return a.failed, a.flush()
}

// applying is one call of Apply.
type applying struct {
	lib  *Library
	ctx  context.Context
	tell func([]any)

	waiting []*opResult // of writes and of bad lines between them, in order
	changes []index.Change
	touched map[string]bool // ids of changes
	failed  int
	broken  error // a commit that failed
}

// opResult is the result of a write or of a bad line. That of a write is
// completed by flush.
type opResult struct {
	Op      string       `json:"op,omitempty"`
	ID      string       `json:"id,omitempty"`
	Name    string       `json:"name,omitempty"`
	Status  index.Status `json:"status,omitempty"`
	Results []idStatus   `json:"results,omitempty"` // of ids
	Deleted *int         `json:"deleted,omitempty"` // of ids and filter
	Seq     uint64       `json:"seq,omitempty"`
	Line    int          `json:"line,omitempty"` // of an error
	Error   *opError     `json:"error,omitempty"`

	line    int
	changes int // that belong to it
}

type idStatus struct {
	ID     string       `json:"id"`
	Status index.Status `json:"status"`
}

type opError struct {
	Message string `json:"message"`
}

func (r *opResult) fail(err error) {
	r.Status, r.Line, r.Error = index.Failed, r.line, &opError{message(err)}
}

// message is an error without the names of packages.
func message(err error) string { return strings.ReplaceAll(err.Error(), "index: ", "") }

// line runs one line, or keeps its write for flush. Its error ends Apply.
func (a *applying) line(line Line) error {
	o, err := parseOp(line)
	r := &opResult{Op: o.Op, line: line.Number}
	if o.ID != nil {
		r.ID = *o.ID
	}
	if err == nil {
		err = a.run(o, r)
	}
	switch {
	case a.broken != nil:
		return a.broken
	case a.ctx.Err() != nil:
		return context.Cause(a.ctx)
	case err != nil:
		r.fail(err)
		a.failed++
		a.waiting = append(a.waiting, r)
	}
	return nil
}

// run does what the line says. Its error is the line's, or that of a commit.
func (a *applying) run(o op, r *opResult) error {
	switch o.Op {
	case "space":
		return a.space(o, r)
	case "put":
		return a.put(index.Put, o, r)
	case "attach":
		return a.put(index.Attach, o, r)
	case "meta":
		return a.meta(o, r)
	case "delete":
		return a.delete(o, r)
	}
	if err := a.flush(); err != nil {
		return err
	}
	result, err := a.ask(o)
	if err != nil {
		return err
	}
	a.tell([]any{result})
	return nil
}

// ask answers an operation that writes nothing.
func (a *applying) ask(o op) (any, error) {
	switch o.Op {
	case "get":
		return a.get(o)
	case "search":
		return a.search(o)
	default:
		return a.stats()
	}
}

// write keeps changes for the next commit.
func (a *applying) write(r *opResult, changes ...index.Change) {
	r.changes = len(changes)
	a.changes = append(a.changes, changes...)
	a.waiting = append(a.waiting, r)
	for _, c := range changes {
		a.touched[c.Document.ID] = true
	}
}

// flush commits what was kept and tells of it. Its error ends Apply.
func (a *applying) flush() error {
	if len(a.waiting) == 0 {
		return nil
	}
	receipt, err := a.lib.ix.Apply(a.ctx, a.changes)
	if err != nil {
		a.broken = err
		return err
	}
	told := make([]any, len(a.waiting))
	results := receipt.Results
	for i, r := range a.waiting {
		a.complete(r, receipt.Seq, results[:r.changes])
		results = results[r.changes:]
		told[i] = r
	}
	a.waiting, a.changes = nil, nil
	clear(a.touched)
	a.tell(told)
	return nil
}

// complete fills in a result from those of its changes.
func (a *applying) complete(r *opResult, seq uint64, results []index.Result) {
	if r.Error != nil || r.Op == "space" {
		return
	}
	r.Seq = seq
	if r.Deleted == nil {
		r.Status = results[0].Status
		if err := results[0].Err; err != nil {
			r.Seq = 0
			r.fail(err)
			a.failed++
		}
		return
	}
	for _, res := range results {
		if res.Status == index.Deleted {
			*r.Deleted++
		}
		if r.Results != nil {
			r.Results = append(r.Results, idStatus{res.ID, res.Status})
		}
	}
}
