package fetch

import (
	"net"
	"net/netip"
	"slices"
)

// special are the networks that are not the public internet, or that lead to one
// that is not. IANA's registries of special-purpose addresses (RFC 6890 and its
// successors), and what clouds put elsewhere.
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carriers' NAT; Alibaba's metadata
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's host
	"169.254.0.0/16",   // link-local; most clouds' metadata
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; Oracle's metadata
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved; broadcast

	"2001::/23",     // protocol assignments: Teredo (an IPv4 inside), benchmarks, ORCHID
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4 (an IPv4 inside)
	"3fff::/20",     // documentation
)

// global is all of IPv6 that is handed out. Outside are loopback, addresses with an
// IPv4 inside (::a.b.c.d, ::ffff:0:0/96, NAT64's 64:ff9b::/96 and 64:ff9b:1::/48),
// unique local, link-local, site-local, multicast, discard-only and segment routing.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// public says whether an address is one of the public internet, as anybody could
// reach it. An IPv4 inside of an IPv6 never is: it would be reached by whoever
// unpacks it.
func public(a netip.Addr) bool {
	switch {
	case !a.IsValid(), a.Zone() != "":
		return false
	case a.Is6() && (!global.Contains(a) || isatap(a)):
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// isatap says whether an address ends in 0:5efe:a.b.c.d or 200:5efe:a.b.c.d, an IPv4
// inside whatever its prefix (RFC 5214).
func isatap(a netip.Addr) bool {
	b := a.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
}

// own says whether an address is one of this machine's: what listens there may trust
// whoever comes from here.
func own(a netip.Addr) bool {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return true // not known to be somebody else's
	}
	return slices.ContainsFunc(list, func(have net.Addr) bool {
		p, err := netip.ParsePrefix(have.String())
		return err == nil && p.Addr().Unmap().WithZone("") == a
	})
}
