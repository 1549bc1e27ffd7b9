package library

import "sync"

// claims sees to it that a content is embedded once, however many files have it.
type claims struct {
	mu    sync.Mutex
	known map[digest]string    // a stored document with the content's vector
	open  map[digest][]outcome // contents on their way, with the files that wait
}

// take returns a stored document to copy from; or waits is true and o is dealt
// with when its content is; or neither, and the content is the caller's to
// embed.
func (c *claims) take(o outcome) (source string, waits bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if source = c.known[o.hash]; source != "" {
		return source, false
	}
	waiting, open := c.open[o.hash]
	if open {
		c.open[o.hash] = append(waiting, o)
		return "", true
	}
	c.open[o.hash] = nil
	return "", false
}

// forget says that the known document of a content is gone.
func (c *claims) forget(hash digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, hash)
}

// settle ends a claim and returns the files that waited for it. source is the
// stored document that has the vector now, or "" if there is none.
func (c *claims) settle(hash digest, source string) []outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.open[hash]
	delete(c.open, hash)
	if source != "" {
		c.known[hash] = source
	}
	return waiting
}
