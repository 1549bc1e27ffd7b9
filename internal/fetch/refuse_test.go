package fetch

import (
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// notPublic are addresses that only this machine or its network reaches, or that
// nobody is at.
var notPublic = strings.Fields(`
	0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.254 127.0.0.1 127.1.2.3 127.255.255.255
	168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1
	192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
	:: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1
	64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b::808:808 64:ff9b:1::7f00:1 64:ff9b:1:ffff::a00:1
	2002:7f00:1:: 2002:a00:1::1 2002:808:808:: 2001:0:7f00:1:: 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
	2a00:1450:4001:80e::5efe:7f00:1 2a00:1450:4001:80e:0:5efe:a00:1 2a00:1450:4001:80e:200:5efe:a00:1 3fff::1 5f00::1
	100::1 100:0:0:1::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::5efe:7f00:1 febf::1 fec0::1 ff01::1 ff02::1 ff02::fb ff0e::1 fe80::1%eth0`)

func TestNotPublic(t *testing.T) {
	if len(notPublic) < 60 {
		t.Fatalf("only %d addresses", len(notPublic))
	}
	for _, s := range notPublic {
		if public(netip.MustParseAddr(s)) {
			t.Errorf("%s is taken for a public address", s)
		}
	}
	for _, s := range strings.Fields("1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 172.15.255.255 172.32.0.1 192.167.255.255 192.169.0.1 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001:80e::200e 2001:4860:4860::8888 2620:fe::fe") {
		if !public(netip.MustParseAddr(s)) {
			t.Errorf("%s is not taken for a public address", s)
		}
	}
}

func isRefusal(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.NotAllowed
}

// TestAddressesAreRefused asks for every such address by its digits and by a name
// that resolves to it, where any name is allowed.
func TestAddressesAreRefused(t *testing.T) {
	tr := newTrap(t, "127.0.0.1:0")
	var now atomic.Value // the address that every name has
	zone := &names{answers: func(string, int) []string { return []string{now.Load().(string)} }}
	f := newFetcher(t, Limits{}, "*", "*:"+tr.port)
	f.dialer.Resolver = zone.resolver(t)
	for _, s := range notPublic {
		a := netip.MustParseAddr(s)
		host := s
		if a.Is6() {
			host = "[" + strings.ReplaceAll(s, "%", "%25") + "]"
		}
		if _, err := f.Open(t.Context(), "http://"+host+":"+tr.port+"/a.png"); !isRefusal(err) {
			t.Errorf("%s by its digits: %v", s, err)
		}
		if a.Zone() != "" || a.Is4In6() && public(a.Unmap()) {
			continue // not in DNS; or the resolver makes it the public one that it holds
		}
		now.Store(s)
		if _, err := f.Open(t.Context(), "http://pictures.example:"+tr.port+"/a.png"); !isRefusal(err) {
			t.Errorf("%s by a name: %v", s, err)
		}
	}
	tr.untouched(t)
}

// TestFormsAreRefused asks in all the ways that there are to write this machine.
func TestFormsAreRefused(t *testing.T) {
	tr := newTrap(t, "127.0.0.1:0")
	zone := &names{answers: func(string, int) []string { return []string{"127.0.0.1", "::1"} }}
	f := newFetcher(t, Limits{}, "*", "*:"+tr.port, "example.com:"+tr.port)
	f.dialer.Resolver = zone.resolver(t)
	for _, s := range []string{
		"http://127.1", "http://127.0.1", "http://2130706433", "http://0x7f000001", "http://0X7F.1", "http://0x7f.0.0.1", "http://017700000001", "http://0177.0.0.1", "http://127.0.0.01", "http://127.0.0.1.", "http://0", "http://4294967295", "http://0.0.0.0x7f",
		"http://localhost", "http://LOCALHOST", "http://localhost.", "http://sub.localhost", "http://127.0.0.1.nip.io", "http://metadata.google.internal", "http://a",
		"http://[::]", "http://[0:0:0:0:0:0:0:1]", "http://[0000::1]", "http://[::ffff:7f00:1]", "http://[::1%25lo]", "http://[::1%25]", "http://[127.0.0.1]",
		"http://user:pass@example.com", "http://example.com@127.0.0.1", "http://127.0.0.1%2523@example.com", "http://example.com%00.evil.example", "http://example.com%2f@127.0.0.1", "http://①②⑦.⓪.⓪.①", "http://127。0。0。1", "http://exa mple.com", "http://example.com\\@127.0.0.1", "http://ex\tample.com", "http://-", "http://a..b",
	} {
		if _, err := f.Open(t.Context(), s+":"+tr.port+"/a.png"); !isRefusal(err) {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", "a.png", "//127.0.0.1/a.png", "http:///a.png", "http:127.0.0.1/a.png", "http://:80/", "http://example.com:0/", "http://example.com:65536/", "http://example.com:+80/", "file:///etc/passwd", "FILE:///etc/passwd", "gopher://127.0.0.1:6379/_INFO", "ftp://127.0.0.1/a.png", "dict://127.0.0.1:11211/", "unix:///var/run/docker.sock", "data:image/png;base64,AAAA", "javascript://%0aalert(1)", "http://example.com/" + strings.Repeat("a", mostURL)} {
		if _, err := f.Open(t.Context(), s); !isRefusal(err) {
			t.Errorf("%.80s: %v", s, err)
		}
	}
	tr.untouched(t)
}

// TestOnlyTheList: a public address is not enough.
func TestOnlyTheList(t *testing.T) {
	zone := &names{answers: func(string, int) []string { return nil }}
	f := newFetcher(t, Limits{}, "images.example.com", "*.cdn.example", "10.1.0.0/16", "other.example:8080")
	f.dialer.Resolver = zone.resolver(t)
	for _, s := range []string{"http://example.com/", "http://evil.images.example.com/", "http://images.example.com.evil.example/", "http://evilimages.example.com/", "http://cdn.example/", "http://evilcdn.example/", "http://images.example.com:8080/", "http://other.example/", "http://8.8.8.8/", "http://10.2.0.1/", "http://10.1.0.1:8080/"} {
		if _, err := f.Open(t.Context(), s); !isRefusal(err) {
			t.Errorf("%s: %v", s, err)
		}
	}
	if n := zone.asked[0].Load(); n > 0 {
		t.Errorf("%d names were looked up that are not on the list", n)
	}
	for _, s := range []string{"http://images.example.com/", "https://IMAGES.example.com./", "http://a.cdn.example:443/", "http://other.example:8080/", "http://10.1.2.3/"} {
		p, err := parse(s)
		if err == nil {
			err = f.allowed(p)
		}
		if err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestParseRule(t *testing.T) {
	for _, s := range []string{"images.example.com", "IMAGES.example.com.", "a.b:8080", "*", "*:8080", "*.example.com", "*.example.com:443", "10.0.0.0/8", "10.0.0.1", "10.0.0.1:8080", "::1", "[::1]", "[::1]:8080", "fd00::/8", "xn--bcher-kva.example", "a_b.example"} {
		if _, err := ParseRule(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
	for _, s := range []string{"", ":80", "a:", "a:0", "a:x", "a:65536", "*a.example", "a*.example", "*.*", "**", "*.", "a b", "a..b", "bücher.example", "http://a.example", "a.example/", "10.0.0.0/33", "127.1", "0x7f000001", "2130706433", "fe80::1%eth0", "::ffff:10.0.0.0/104"} {
		if r, err := ParseRule(s); err == nil {
			t.Errorf("%s was read as %+v", s, r)
		}
	}
}
