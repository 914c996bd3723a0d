package ad_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchkey/latchkey/ad"
)

// nameServer is a small DNS server over UDP and TCP that a test may make fail.
type nameServer struct {
	testing.TB
	addr string

	mu     sync.Mutex
	srv    map[string][]dnsmessage.SRVResource // by lower-case question without the last dot
	hosts  map[string][4]byte
	silent bool
	code   dnsmessage.RCode // of every answer
	cut    bool             // answers over UDP are truncated
	noTCP  bool
	asked  map[string]int
}

func newNameServer(t testing.TB) *nameServer {
	t.Helper()
	s := &nameServer{TB: t, srv: map[string][]dnsmessage.SRVResource{}, hosts: map[string][4]byte{}, asked: map[string]int{}}
	udp, tcp := onePort(t)
	s.addr = udp.LocalAddr().String()
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	go s.serveUDP(udp)
	go s.serveTCP(tcp)
	return s
}

// onePort finds a port that is free for UDP and TCP alike.
func onePort(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for {
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", udp.LocalAddr().String())
		if err == nil {
			return udp, tcp
		}
		udp.Close()
		if !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatal(err)
		}
	}
}

func (s *nameServer) resolver() *net.Resolver {
	s.Helper()
	r, err := ad.NameServers(s.addr)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

func (s *nameServer) set(f func(*nameServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *nameServer) count(question string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[question]
}

// named puts the SRV records of a question: "host" or "host:port".
func (s *nameServer) named(question string, port uint16, hosts ...string) {
	s.set(func(s *nameServer) {
		s.srv[question] = nil
		for i, h := range hosts {
			s.srv[question] = append(s.srv[question], dnsmessage.SRVResource{
				Priority: uint16(i), Weight: 100, Port: port, Target: dnsmessage.MustNewName(strings.TrimSuffix(h, ".") + "."),
			})
		}
	})
}

func (s *nameServer) at(host string, ip [4]byte) { s.set(func(s *nameServer) { s.hosts[host] = ip }) }

func (s *nameServer) serveUDP(pc net.PacketConn) {
	b := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(b)
		if err != nil {
			return
		}
		if answer := s.answer(b[:n], true); answer != nil {
			pc.WriteTo(answer, from)
		}
	}
}

func (s *nameServer) serveTCP(ln net.Listener) {
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var size [2]byte
			if _, err := io.ReadFull(c, size[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			s.mu.Lock()
			refuse := s.noTCP
			s.mu.Unlock()
			if answer := s.answer(b, false); answer != nil && !refuse {
				c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
			}
		}()
	}
}

func (s *nameServer) answer(b []byte, udp bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(b) != nil || len(m.Questions) != 1 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	s.asked[name]++
	if s.silent {
		return nil
	}
	out := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, Authoritative: true, RCode: s.code}, Questions: m.Questions}
	if s.code == 0 {
		out.Answers = s.records(q, name)
		if len(out.Answers) == 0 && !s.knows(name) {
			out.RCode = dnsmessage.RCodeNameError
		}
	}
	packed, err := out.Pack()
	if err == nil && udp && (s.cut || len(packed) > 1232) {
		out.Answers, out.Truncated = nil, true
		packed, err = out.Pack()
	}
	if err != nil {
		return nil
	}
	return packed
}

func (s *nameServer) knows(name string) bool {
	_, host := s.hosts[name]
	_, srv := s.srv[name]
	return host || srv
}

func (s *nameServer) records(q dnsmessage.Question, name string) (out []dnsmessage.Resource) {
	header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
	switch q.Type {
	case dnsmessage.TypeSRV:
		for _, r := range s.srv[name] {
			out = append(out, dnsmessage.Resource{Header: header, Body: &r})
		}
	case dnsmessage.TypeA:
		if ip, ok := s.hosts[name]; ok {
			out = append(out, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: ip}})
		}
	}
	return out
}
