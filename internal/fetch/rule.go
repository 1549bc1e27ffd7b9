package fetch

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Rule is one entry of the list of what may be fetched from: a name, all names below
// one, any name, or addresses.
type Rule struct {
	name  string       // "" of addresses; "*" of any name
	below bool         // names below name, not name itself
	net   netip.Prefix // of addresses
	port  uint16       // 0: 80 and 443
}

// ParseRule reads HOST, HOST:PORT, *.HOST, *, an address, [ADDRESS]:PORT or a network
// such as 10.0.0.0/8. Without a port, 80 and 443 are meant. The error is a sentence
// about s.
func ParseRule(s string) (Rule, error) {
	if p, err := netip.ParsePrefix(s); err == nil && !p.Addr().Is4In6() {
		return Rule{net: p.Masked()}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() > 0 {
		return addressRule(ap.Addr(), ap.Port())
	}
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return addressRule(a, 0)
	}
	host, port, err := splitPort(s)
	if strings.Contains(s, "/") {
		err = errRule // a URL, or a network that cannot be read
	}
	if err != nil {
		return Rule{}, err
	}
	if host == "*" {
		return Rule{name: "*", port: port}, nil
	}
	name, below := strings.CutPrefix(host, "*.")
	if name = plainName(name); !validName(name) {
		return Rule{}, errRule
	}
	return Rule{name: name, below: below, port: port}, nil
}

var errRule = errors.New("it is none of HOST, HOST:PORT, *.HOST, *, an address and a network such as 10.0.0.0/8")

func addressRule(a netip.Addr, port uint16) (Rule, error) {
	if a.Zone() != "" {
		return Rule{}, errors.New("an address with a zone cannot be allowed")
	}
	a = a.Unmap()
	return Rule{net: netip.PrefixFrom(a, a.BitLen()), port: port}, nil
}

func splitPort(s string) (host string, port uint16, err error) {
	host, digits, found := strings.Cut(s, ":")
	if !found {
		return s, 0, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return "", 0, errors.New("its port is not a number from 1 to 65535")
	}
	return host, uint16(n), nil
}

// named says whether the rule has a host by its name.
func (r Rule) named(host string, port uint16) bool {
	switch {
	case !r.opens(port):
		return false
	case r.below:
		return strings.HasSuffix(host, "."+r.name)
	}
	return r.name == "*" || r.name == host
}

// addressed says whether the rule has an address itself.
func (r Rule) addressed(a netip.Addr, port uint16) bool {
	return r.opens(port) && r.net.IsValid() && r.net.Contains(a)
}

func (r Rule) opens(port uint16) bool {
	if r.port == 0 {
		return port == 80 || port == 443
	}
	return r.port == port
}

// plainName is a name as it is compared.
func plainName(s string) string { return strings.ToLower(strings.TrimSuffix(s, ".")) }

// validName says whether a name is one of DNS, in ASCII. One that ends in a number is
// an address to some resolvers (2130706433, 0x7f.1, 127.1) and a name to none.
func validName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || strings.ContainsFunc(l, notNameRune) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

func notNameRune(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
}
