package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"github.com/spf13/cobra"

	"github.com/emblem-search/emblem/internal/vector"
)

// indexBench is what bench index is asked for.
type indexBench struct {
	base, queries, truth, calibrate, filter string
	metric, file                            string
	params                                  vector.Params
	threads, build                          int
	seconds                                 float64
	options                                 vector.GraphOptions
}

// indexReport is what it answers.
type indexReport struct {
	Build    float64 `json:"build_s"`
	Learn    float64 `json:"learn_s"`
	Open     float64 `json:"open_s,omitempty"`
	QPS      float64 `json:"qps"`
	Recall   float64 `json:"recall"`
	Expected float64 `json:"expected"`
	Resident int     `json:"resident_bytes"`
	Plan     string  `json:"plan"`
	Effort   int     `json:"effort"`
	Visited  float64 `json:"visited"`
	Rescored float64 `json:"rescored"`
}

func newBenchIndexCmd(a *app) *cobra.Command {
	var o indexBench
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "index --base B.npy --queries Q.npy --truth T.npy [--calibrate C.npy]",
		Short: "Time vector search over NumPy files",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := o.run()
			switch {
			case err != nil:
				return err
			case asJSON:
				return json.NewEncoder(a.stdout).Encode(r)
			}
			_, err = fmt.Fprintf(a.stdout, "built in %.1f s, learned in %.1f s; %.0f queries a second, recall %.4f (%.4f expected); %.1f MB; %s, effort %d, %.0f codes, %.0f rows a query\n",
				r.Build, r.Learn, r.QPS, r.Recall, r.Expected, float64(r.Resident)/1e6, r.Plan, r.Effort, r.Visited, r.Rescored)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.base, "base", "", "vectors, float32 (n, dim)")
	f.StringVar(&o.queries, "queries", "", "queries, float32 (q, dim)")
	f.StringVar(&o.truth, "truth", "", "the true best rows, int32 (q, at least limit)")
	f.StringVar(&o.calibrate, "calibrate", "", "a sample of queries, others than those timed, to set the effort by")
	f.StringVar(&o.filter, "filter", "", "rows that may be found, int32 (m)")
	f.StringVar(&o.file, "graph", "", "read the learned graph from this file, or write it there if it does not exist")
	f.StringVar(&o.metric, "metric", "dot", "dot or l2")
	f.IntVar(&o.params.Limit, "limit", 10, "hits a query")
	f.Float64Var(&o.params.MinRecall, "min-recall", 0.99, "recall to aim at")
	f.IntVar(&o.params.Effort, "effort", 0, "candidates of a walk, instead of the calibrated number")
	f.BoolVar(&o.params.Exact, "exact", false, "compare all rows")
	f.IntVar(&o.threads, "threads", 1, "queries side by side")
	f.IntVar(&o.build, "build-threads", 0, "workers of the build; 0: one a core")
	f.IntVar(&o.options.Degree, "degree", 0, "links a row; 0: the default")
	f.IntVar(&o.options.Extra, "extra", 0, "links a row for hard queries; 0: the default")
	f.IntVar(&o.options.Breadth, "breadth", 0, "candidates while building; 0: the default")
	f.Float32Var(&o.options.Alpha, "alpha", 0, "how much nearer a row must be to shadow another; 0: the default")
	f.Float64Var(&o.seconds, "seconds", 3, "how long to measure at least")
	f.BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

func (o *indexBench) run() (*indexReport, error) {
	base, dim, err := readNPY[float32](o.base)
	if err != nil {
		return nil, err
	}
	queries, _, err := readNPY[float32](o.queries)
	if err != nil {
		return nil, err
	}
	truth, width, err := readNPY[int32](o.truth)
	if err != nil {
		return nil, err
	}
	rows := vector.Matrix{Data: base, Dim: dim}
	r := &indexReport{}
	g, err := o.ready(rows, r)
	if err != nil {
		return nil, err
	}
	if o.filter != "" {
		ids, _, err := readNPY[int32](o.filter)
		if err != nil {
			return nil, err
		}
		o.params.Allow = vector.NewBitmap(g.Len())
		for _, id := range ids {
			if id < 0 || int(id) >= g.Len() {
				return nil, usagef("--filter: row %d of %d", id, g.Len())
			}
			o.params.Allow.Add(uint32(id))
		}
	}
	r.Resident = g.Bytes()
	return r, o.ask(g, vector.Matrix{Data: queries, Dim: dim}, truth, width, r)
}

// ready returns the graph to ask, from its file if there is one.
func (o *indexBench) ready(rows vector.Matrix, r *indexReport) (*vector.Graph, error) {
	if data, err := os.ReadFile(o.file); err == nil {
		start := time.Now()
		g, err := vector.Open(data, rows, o.build)
		r.Open = time.Since(start).Seconds()
		return g, err
	}
	g, err := o.graph(rows, r)
	if err == nil {
		err = o.learn(g, rows.Dim, r)
	}
	if err != nil || o.file == "" {
		return g, err
	}
	f, err := os.Create(o.file)
	if err != nil {
		return nil, usagef("--graph: %v", err)
	}
	return g, errors.Join(g.Write(f), f.Close())
}

// graph encodes the base and, unless the search is exact, links it.
func (o *indexBench) graph(rows vector.Matrix, r *indexReport) (*vector.Graph, error) {
	metric, ok := map[string]vector.Metric{"dot": vector.Dot, "l2": vector.L2}[o.metric]
	if !ok {
		return nil, usagef("--metric %q: dot or l2", o.metric)
	}
	o.options.Workers = o.build
	n := len(rows.Data) / rows.Dim
	start := time.Now()
	codes, err := vector.NewCodes(vector.Options{Dim: rows.Dim, Metric: metric, Seed: 1}, vector.Mean(rows, n), n)
	if err != nil {
		return nil, err
	}
	g, err := vector.NewGraph(codes, rows, o.options)
	if err != nil {
		return nil, err
	}
	if o.params.Exact {
		err = g.Encode(n)
	} else {
		err = g.Add(n)
	}
	r.Build = time.Since(start).Seconds()
	return g, err
}

func (o *indexBench) learn(g *vector.Graph, dim int, r *indexReport) error {
	if o.calibrate == "" || o.params.Exact {
		return nil
	}
	data, _, err := readNPY[float32](o.calibrate)
	if err != nil {
		return err
	}
	start := time.Now()
	var sample [][]float32
	for len(data) > 0 {
		sample, data = append(sample, data[:dim]), data[dim:]
	}
	err = g.Learn(sample)
	r.Learn = time.Since(start).Seconds()
	return err
}

// ask answers all queries once for the recall, then again and again for the rate.
func (o *indexBench) ask(g *vector.Graph, queries vector.Matrix, truth []int32, width int, r *indexReport) error {
	n := len(queries.Data) / queries.Dim
	if width < o.params.Limit || len(truth)/width < n {
		return usagef("--truth: %d rows of %d for %d queries with limit %d", len(truth)/max(width, 1), width, n, o.params.Limit)
	}
	found := 0
	for i := range n {
		hits, rep, err := g.Search(queries.Row(uint32(i)), o.params)
		if err != nil {
			return err
		}
		for _, t := range truth[i*width : i*width+o.params.Limit] {
			for _, h := range hits {
				if int32(h.ID) == t {
					found++
				}
			}
		}
		r.Plan, r.Effort, r.Expected = string(rep.Plan), rep.Effort, rep.Expected
		r.Visited += float64(rep.Visited) / float64(n)
		r.Rescored += float64(rep.Rescored) / float64(n)
	}
	r.Recall = float64(found) / float64(n*o.params.Limit)
	runtime.GC()
	start, rounds := time.Now(), 0
	for time.Since(start).Seconds() < o.seconds {
		vector.Share(n, o.threads, func(from, to int) {
			for i := from; i < to; i++ {
				_, _, _ = g.Search(queries.Row(uint32(i)), o.params)
			}
		})
		rounds++
	}
	r.QPS = float64(rounds*n) / time.Since(start).Seconds()
	return nil
}

var npyShape = regexp.MustCompile(`'descr': '<(f4|i4)', 'fortran_order': False, 'shape': \((\d+),(?: (\d+))?\)`)

// readNPY reads a matrix of float32 or int32 in NumPy's format and its width, 1 for
// a list.
func readNPY[T float32 | int32](path string) ([]T, int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, 0, usagef("%v", err)
	}
	var zero T
	kind := map[bool]string{true: "f4", false: "i4"}[any(zero) == any(float32(0))]
	if len(b) < 12 || string(b[:7]) != "\x93NUMPY\x01" {
		return nil, 0, usagef("%s: not a NumPy file of version 1", path)
	}
	end := 10 + int(binary.LittleEndian.Uint16(b[8:]))
	m := npyShape.FindStringSubmatch(string(b[10:min(end, len(b))]))
	if m == nil || m[1] != kind {
		return nil, 0, usagef("%s: want a matrix of %s in C order", path, kind)
	}
	n, _ := strconv.Atoi(m[2])
	width, _ := strconv.Atoi(m[3])
	width = max(width, 1)
	if end%4 != 0 || n < 1 || n > len(b) || width > len(b) || len(b)-end != 4*n*width {
		return nil, 0, usagef("%s: %d bytes of data for %d x %d values", path, len(b)-end, n, width)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[end])), n*width), width, nil
}
