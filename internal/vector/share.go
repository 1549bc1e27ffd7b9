package vector

import "sync"

// share splits from..to among workers.
func share(from, to, workers int, f func(w, from, to int)) {
	workers = max(1, min(workers, to-from))
	if workers == 1 {
		f(0, from, to)
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { f(w, from+(to-from)*w/workers, from+(to-from)*(w+1)/workers) })
	}
	wg.Wait()
}

// Share splits 0..n among workers and waits for them.
func Share(n, workers int, f func(from, to int)) {
	share(0, n, workers, func(_, from, to int) { f(from, to) })
}
