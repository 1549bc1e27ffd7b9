package fetch

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// mostURL is the length of an address in bytes; signed ones of clouds have some
// thousand.
const mostURL = 8 << 10

// place is where an address leads: what is checked is what is dialled.
type place struct {
	url  *url.URL
	host string     // a name, plain; "" if addr is given
	addr netip.Addr // if the host is an address
	port uint16
}

// parse reads an address of a picture. What one reader takes for this host and
// another for that one is refused: user names, odd forms of IPv4, zones, names that
// are not ASCII.
func parse(s string) (*place, error) {
	if len(s) > mostURL {
		return nil, refused("the address has %d bytes; at most %d", len(s), mostURL)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return nil, refused("the address cannot be read; give one such as https://HOST/picture.jpg")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, refused("addresses of %s are not fetched; give one of http or https", schemeName(u.Scheme))
	case u.User != nil:
		return nil, refused("the address holds a user name or password, which is not sent")
	}
	p := &place{url: u}
	if err := p.readHost(u.Hostname()); err != nil {
		return nil, err
	}
	if err := p.readPort(u.Port()); err != nil {
		return nil, err
	}
	u.Host, u.Fragment = p.hostPort(), ""
	return p, nil
}

func (p *place) readHost(host string) error {
	host = plainName(host)
	if a, err := netip.ParseAddr(host); err == nil {
		if a.Zone() != "" || a.Is4In6() {
			return refused("the address %s is written in a form that is not fetched", clip(host))
		}
		p.addr = a
		return nil
	}
	if !validName(host) {
		return refused("%q is neither a host's name nor a plain address", clip(host))
	}
	p.host = host
	return nil
}

func (p *place) readPort(digits string) error {
	if digits == "" {
		p.port = 80
		if p.url.Scheme == "https" {
			p.port = 443
		}
		return nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n == 0 {
		return refused("the port %s is not a number from 1 to 65535", clip(digits))
	}
	p.port = uint16(n)
	return nil
}

// hostPort is the host as it is dialled; a port that goes without saying is left out,
// as browsers do.
func (p *place) hostPort() string {
	host := p.host
	if p.addr.IsValid() {
		host = p.addr.String()
	}
	if std := map[string]uint16{"http": 80, "https": 443}[p.url.Scheme]; std == p.port {
		if p.addr.Is6() {
			return "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(p.port)))
}

// shown is the host as it is named in messages.
func (p *place) shown() string { return clip(p.url.Host) }

func schemeName(s string) string {
	if s == "" {
		return "no scheme"
	}
	return clip(s)
}

// clip keeps a stranger's words short and harmless in a message.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), 80)]
}
