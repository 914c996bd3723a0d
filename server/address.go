package server

import (
	"net"
	"net/netip"
	"strings"
)

// peerOf is the connection's other end; the zero address where it has none.
func peerOf(a net.Addr) netip.Addr {
	at, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return at.AddrPort().Addr().Unmap().WithZone("")
}

// maxHops bounds the walk through X-Forwarded-For.
const maxHops = 32

// clientAddress finds who is asking: it starts at the connection's other end
// and, while that is a trusted proxy, takes the next hop from the right of
// X-Forwarded-For. Whatever stands left of the first untrusted hop was written
// by the client and is never looked at. A hop that can't be read ends the walk
// at the proxy that sent it.
func clientAddress(peer netip.Addr, forwarded []string, trusted []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	at := peer.Unmap().WithZone("")
	for range min(len(hops), maxHops) {
		if !contains(trusted, at) {
			return at
		}
		hop, ok := parseHop(hops[len(hops)-1])
		if !ok {
			return at
		}
		at, hops = hop, hops[:len(hops)-1]
	}
	return at
}

// parseHop reads one entry: an address, or an address with a port as some
// proxies write it ("192.0.2.1:4711", "[2001:db8::1]:4711").
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func contains(nets []netip.Prefix, a netip.Addr) bool {
	for _, n := range nets {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// network is what limits count: an IPv4 address, or the /64 that one IPv6
// customer has at least.
func network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// whence is what a limit counts as one that somebody with many networks should not get
// past: of IPv6 the site, which has 65,536 networks of its own.
func whence(a netip.Addr) string {
	if site, ok := siteOf(a); ok {
		return site
	}
	return network(a)
}

// siteOf is the /48 that one IPv6 site is given at most (RFC 6177).
func siteOf(a netip.Addr) (string, bool) {
	if !a.Is6() {
		return "", false
	}
	p, err := a.Prefix(48)
	return p.String(), err == nil
}
