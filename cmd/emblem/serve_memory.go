package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/emblem-search/emblem/internal/models"
	"github.com/emblem-search/emblem/server"
)

// budget is what the server's models may take, with the word of --keep-alive.
func (x *serving) budget() *models.Budget {
	b := models.NewBudget(int64(x.options.Memory), x.options.Keep)
	b.Log = x.log
	return b
}

// mayFit brings the first model into memory, so that the first request finds it
// there; the others come when they are asked for. One that would never fit is told
// now: the first ends the start, for nothing could be answered by default.
func (x *serving) mayFit(ctx context.Context, e server.Embedder, first bool) error {
	r, ok := e.(service)
	if !ok {
		return nil
	}
	if first {
		if err := r.dual.Wake(ctx); err != nil {
			return refusef("model_invalid", "%w", err)
		}
		return nil
	}
	if need := r.Memory().Bytes; x.options.Memory > 0 && need > x.host.budget.Room() {
		x.log.Warn("a model cannot be used: it is larger than --memory allows", "model", e.Name(), "bytes", need, "memory", x.options.Memory.String())
	}
	return nil
}

// size is a number of bytes as a flag: 500MB, 2GB, 1.5GiB, or bytes.
type size int64

var sizeUnits = []struct {
	name  string
	bytes float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"B", 1}}

// String implements pflag.Value.
func (s *size) String() string {
	switch n := int64(*s); {
	case n == 0:
		return ""
	case n%1e9 == 0:
		return fmt.Sprintf("%dGB", n/1e9)
	case n%1e6 == 0:
		return fmt.Sprintf("%dMB", n/1e6)
	}
	return strconv.FormatInt(int64(*s), 10)
}

// Type implements pflag.Value.
func (s *size) Type() string { return "size" }

// Set implements pflag.Value.
func (s *size) Set(value string) error {
	number, factor := strings.TrimSpace(value), 1.0
	for _, u := range sizeUnits {
		if n := len(number) - len(u.name); n > 0 && strings.EqualFold(number[n:], u.name) {
			number, factor = strings.TrimSpace(number[:n]), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0) || n*factor > 1<<60 || n*factor < 1 {
		return fmt.Errorf("%q is no size such as 500MB or 2GB", value)
	}
	*s = size(n * factor)
	return nil
}

// keeping is a duration as Ollama has it: 5m, seconds without a unit, below 0 for
// ever.
type keeping time.Duration

// String implements pflag.Value.
func (k *keeping) String() string {
	if *k < 0 {
		return "-1"
	}
	return time.Duration(*k).String()
}

// Type implements pflag.Value.
func (k *keeping) Type() string { return "duration" }

// Set implements pflag.Value.
func (k *keeping) Set(value string) error {
	d, err := server.ParseKeepAlive(value)
	if err != nil {
		return err
	}
	*k = keeping(d)
	return nil
}
