package attack

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	slowConns  = 64
	slowTime   = 20 * time.Second
	mostConns  = 1500 // over what a server takes at once
	honestRuns = 20
	patience   = 3 * time.Second // for honest requests
)

// slow opens connections that never finish their headers; honest requests have to
// be answered meanwhile, and the connections closed in the end.
func slow(ctx context.Context, t *Target) []Finding {
	conns := t.open(ctx, slowConns, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	defer hangUp(conns)
	during := t.beside(ctx, fmt.Sprintf("%d slow connections", len(conns)))
	closed := 0
	deadline := time.Now().Add(slowTime)
	for _, c := range conns {
		c.SetReadDeadline(deadline)
		if _, err := io.ReadAll(c); err == nil || !isTimeout(err) {
			closed++
		}
	}
	return []Finding{during, {Case: "slow connections are closed", OK: closed == len(conns), Detail: fmt.Sprintf("%d of %d within %s", closed, len(conns), slowTime)}}
}

// crowds takes all connections that there are, by clients that send nothing, a head
// or a body that never ends, or do not read what they asked for.
func crowds(ctx context.Context, t *Target) []Finding {
	host := "Host: localhost\r\n" + t.credentials()
	var out []Finding
	for _, c := range []struct{ name, begin string }{
		{"that say nothing", ""},
		{"with a head that never ends", "GET /livez HTTP/1.1\r\nX-Slow: "},
		{"with a body that never ends", "POST /v1/embeddings HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{"},
		{"with chunks that never end", "POST /v1/embeddings HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"},
		{"that do not read the answers", strings.Repeat("GET /openapi.json HTTP/1.1\r\n"+host+"\r\n", 20)},
	} {
		conns := t.open(ctx, t.crowd, c.begin)
		out = append(out, t.beside(ctx, fmt.Sprintf("%d connections %s", len(conns), c.name)))
		hangUp(conns)
	}
	return out
}

// open opens connections that begin like this and do not go on.
func (t *Target) open(ctx context.Context, n int, begin string) []net.Conn {
	var conns []net.Conn
	for range n {
		c, err := t.connect(ctx)
		if err != nil {
			break
		}
		conns = append(conns, c)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		io.WriteString(c, begin)
	}
	return conns
}

// beside asks honestly, each time on a connection of its own.
func (t *Target) beside(ctx context.Context, whom string) Finding {
	var took []time.Duration
	for range honestRuns {
		t.client.CloseIdleConnections()
		start := time.Now()
		if f := t.unharmed(ctx, ""); !f.OK {
			f.Case = "an honest request beside " + whom
			return f
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	worst := took[len(took)-1]
	return Finding{Case: fmt.Sprintf("%d honest requests beside %s", honestRuns, whom), OK: worst < patience, Millis: worst.Milliseconds(),
		Detail: fmt.Sprintf("the median took %s, the slowest %s", took[len(took)/2].Round(time.Millisecond), worst.Round(time.Millisecond))}
}

func hangUp(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}
