package server

import (
	"net/netip"
	"strings"
	"testing"
)

func nets(texts ...string) (out []netip.Prefix) {
	for _, s := range texts {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestClientAddressIsTheRightmostUntrustedHop(t *testing.T) {
	proxies := nets("10.0.0.0/8", "fd00::/8")
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		trusted    []netip.Prefix
		want       string
	}{
		{"no header", "192.0.2.1", nil, proxies, "192.0.2.1"},
		{"a stranger's header counts for nothing", "192.0.2.1", []string{"198.51.100.9"}, proxies, "192.0.2.1"},
		{"nobody is trusted", "10.0.0.1", []string{"198.51.100.9"}, nil, "10.0.0.1"},
		{"one proxy", "10.0.0.1", []string{"198.51.100.9"}, proxies, "198.51.100.9"},
		{"what the client wrote is on the left", "10.0.0.1", []string{"127.0.0.1, 6.6.6.6, 198.51.100.9"}, proxies, "198.51.100.9"},
		{"two proxies", "10.0.0.1", []string{"198.51.100.9, 10.0.0.2"}, proxies, "198.51.100.9"},
		{"several lines are one list", "10.0.0.1", []string{"6.6.6.6", "198.51.100.9", "10.0.0.2"}, proxies, "198.51.100.9"},
		{"everybody is a proxy", "10.0.0.1", []string{"10.0.0.3,10.0.0.2"}, proxies, "10.0.0.3"},
		{"a hop that can't be read", "10.0.0.1", []string{"198.51.100.9, unknown"}, proxies, "10.0.0.1"},
		{"an empty hop", "10.0.0.1", []string{"198.51.100.9,"}, proxies, "10.0.0.1"},
		{"an empty header", "10.0.0.1", []string{""}, proxies, "10.0.0.1"},
		{"with a port", "10.0.0.1", []string{"198.51.100.9:4711"}, proxies, "198.51.100.9"},
		{"IPv6", "fd00::1", []string{"2001:db8::5"}, proxies, "2001:db8::5"},
		{"IPv6 in brackets", "fd00::1", []string{"[2001:db8::5]"}, proxies, "2001:db8::5"},
		{"IPv6 with a port", "fd00::1", []string{"[2001:db8::5]:443"}, proxies, "2001:db8::5"},
		{"IPv4 in IPv6 is IPv4", "::ffff:10.0.0.1", []string{"::ffff:198.51.100.9"}, proxies, "198.51.100.9"},
		{"a zone is no part of it", "fe80::1%eth0", nil, proxies, "fe80::1"},
		{"a trusted address that the client claims", "192.0.2.1", []string{"10.0.0.1"}, proxies, "192.0.2.1"},
	} {
		got := clientAddress(netip.MustParseAddr(c.peer), c.forwarded, c.trusted)
		if got.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestLimitsCountAnIPv6NetworkAsOne(t *testing.T) {
	a, b := netip.MustParseAddr("2001:db8:1:2:3::1"), netip.MustParseAddr("2001:db8:1:2:ffff::9")
	if network(a) != network(b) || network(a) == network(netip.MustParseAddr("2001:db8:1:3::1")) {
		t.Errorf("%s, %s", network(a), network(b))
	}
	if got := network(netip.MustParseAddr("192.0.2.1")); got != "192.0.2.1" {
		t.Error(got)
	}
}

// Whatever stands in the header, an address comes out that is the peer's or one
// that a trusted proxy wrote on its right.
func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"", "1.2.3.4", "a, b, 1.2.3.4:5", "[::1]:9,10.0.0.1", strings.Repeat("10.0.0.1,", 99), ",,,", "::ffff:1.2.3.4%x"} {
		f.Add(s)
	}
	proxies := nets("10.0.0.0/8")
	peer := netip.MustParseAddr("10.0.0.1")
	f.Fuzz(func(t *testing.T, header string) {
		got := clientAddress(peer, []string{header}, proxies)
		if !got.IsValid() || got.Zone() != "" {
			t.Fatalf("%q: %v", header, got)
		}
		if stranger := netip.MustParseAddr("192.0.2.1"); clientAddress(stranger, []string{header}, proxies) != stranger {
			t.Fatalf("%q moves a stranger", header)
		}
		if got != peer && !strings.Contains(header, ":") && !strings.Contains(header, got.String()) {
			t.Fatalf("%q: %v stands nowhere", header, got)
		}
	})
}
