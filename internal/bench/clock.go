package bench

import (
	"slices"
	"time"
)

// fewest is how often a pass is timed at least, whatever it takes.
const fewest = 5

// unseen is how many passes come before those that count.
const unseen = 2

// repeat runs pass, first unseen, then for a while, and returns its times in
// order.
func repeat(least time.Duration, pass func() error) ([]time.Duration, error) {
	for range unseen {
		if err := pass(); err != nil {
			return nil, err
		}
	}
	var times []time.Duration
	for begin := time.Now(); len(times) < fewest || time.Since(begin) < least; {
		start := time.Now()
		if err := pass(); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	return times, nil
}

// median of sorted times.
func median(times []time.Duration) time.Duration {
	n := len(times)
	return (times[(n-1)/2] + times[n/2]) / 2
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
