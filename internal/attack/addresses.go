package attack

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
)

// doors are the ways to name a picture by its address, by path.
var doors = []struct{ path, body string }{
	{"/v1/embeddings", `{"input":[{"image":%q}]}`},
	{"/v1/embeddings", `{"input":[{"type":"image_url","image_url":{"url":%q}}]}`},
	{"/v1/embeddings", `{"input":[{"type":"input_image","image_url":%q}]}`},
	{"/v1/embeddings", `{"modality":"image","input":[%q]}`},
	{"/v1/embeddings", `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":%q}}]}]}`},
	{"/embeddings_image", `{"input":[%q]}`},
	{"/v2/embed", `{"images":[%q]}`},
	{"/api/embed", `{"images":[%q]}`},
	{"/vectorize", `{"images":[%q]}`},
	{"/v1/rerank", `{"query":{"image":%q},"documents":["a"]}`},
	{"/v1/classify", `{"labels":["a","b"],"input":[{"image":%q}]}`},
}

// addresses asks the server to fetch things that only it can reach: each address once,
// the doors in turn, and a few of them through every door. A listener of our own
// would see it if it did.
func addresses(ctx context.Context, t *Target) []Finding {
	var seen atomic.Int64
	port := "80"
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		defer l.Close()
		_, port, _ = net.SplitHostPort(l.Addr().String())
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				seen.Add(1)
				c.Close()
			}
		}()
	}
	var out []Finding
	list := fetches(port)
	for i, url := range list {
		out = append(out, t.notFetched(ctx, url, i%len(doors)))
	}
	for i := range doors {
		for _, url := range []string{list[0], "http://169.254.169.254/latest/meta-data/", "https://127.0.0.1:" + port + "/a.png"} {
			f := t.notFetched(ctx, url, i)
			f.Case += fmt.Sprintf(" (door %d, %s)", i+1, doors[i].path)
			out = append(out, f)
		}
	}
	f := Finding{Case: "connections to this machine", OK: seen.Load() == 0, Detail: fmt.Sprint(seen.Load())}
	return append(out, f)
}

// notFetched is the finding of an address that has to be refused before anything is
// sent there.
func (t *Target) notFetched(ctx context.Context, url string, door int) Finding {
	a := t.post(ctx, doors[door].path, fmt.Sprintf(doors[door].body, url))
	f := a.refused(url, false, http.StatusBadRequest)
	if bytes.Contains(a.body, []byte("fetch_failed")) {
		f.OK, f.Detail = false, "the server tried to fetch it"
	}
	return f
}

// fetches are addresses of machines that strangers cannot reach, in all the ways
// there are to write them.
func fetches(port string) []string {
	var out []string
	for _, host := range []string{
		"127.0.0.1", "127.1", "127.0.1", "127.1.2.3", "2130706433", "0x7f000001", "0X7F.1", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "127.0.0.01", "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "a.localhost", "0.0.0.0", "0", "[::]", "[::1]", "[0:0:0:0:0:0:0:1]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::5efe:7f00:1]", "[2a00:1450:4001:80e:0:5efe:7f00:1]",
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1.254", "100.64.0.1", "100.100.100.200", "100.127.255.254", "169.254.169.254", "169.254.170.2", "168.63.129.16", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]",
		"192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[100::1]",
		"metadata.google.internal", "instance-data", "kubernetes.default.svc", "host.docker.internal", "127.0.0.1.nip.io", "7f000001.rbndr.us",
		"user:pass@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1%2523@example.com", "example.com%00.evil.example", "①②⑦.⓪.⓪.①", "127。0。0。1",
	} {
		out = append(out, "http://"+host+":"+port+"/a.png")
	}
	return append(out, "https://127.0.0.1/a.png", "file:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/a.png", "dict://127.0.0.1:11211/", "unix:///var/run/docker.sock", "//127.0.0.1/a.png", "HTTP://127.0.0.1:"+port+"/a.png",
		"http://127.0.0.1:"+port+"/"+strings.Repeat("a", 100000))
}
