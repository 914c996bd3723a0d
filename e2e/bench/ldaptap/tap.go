// Package ldaptap stands between an LDAP client and its controller, over TLS on
// both sides, and keeps what the client asks, so that another client can ask
// exactly the same again.
package ldaptap

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/e2e/stand/authority"
)

// Tap is the proxy.
type Tap struct {
	URL    string // ldaps://127.0.0.1:port
	CAFile []byte // PEM

	to   string
	tls  *tls.Config
	l    net.Listener
	mu   sync.Mutex
	seen []Op
	open map[net.Conn]bool
}

// Open listens and leads to the controller at address "host:port".
func Open(address string, trust *tls.Config) (*Tap, error) {
	ca, err := authority.New()
	if err != nil {
		return nil, err
	}
	cert, err := ca.For("127.0.0.1")
	if err != nil {
		return nil, err
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	t := &Tap{URL: "ldaps://" + l.Addr().String(), CAFile: ca.PEM(), to: address, tls: trust, l: l, open: map[net.Conn]bool{}}
	go t.serve()
	return t, nil
}

// Close ends it and every connection.
func (t *Tap) Close() {
	t.l.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		c.Close()
	}
}

// Take returns what was asked since the last call, in order.
func (t *Tap) Take() []Op {
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := t.seen
	t.seen = nil
	return seen
}

func (t *Tap) serve() {
	for {
		c, err := t.l.Accept()
		if err != nil {
			return
		}
		go t.join(c)
	}
}

func (t *Tap) join(client net.Conn) {
	defer client.Close()
	server, err := tls.Dial("tcp", t.to, t.tls)
	if err != nil {
		return
	}
	defer server.Close()
	t.keep(client, true)
	defer t.keep(client, false)
	go func() {
		_, _ = io.Copy(client, server)
		client.Close()
	}()
	in := bufio.NewReader(client)
	for {
		p, err := ber.ReadPacket(in)
		if err != nil {
			return
		}
		if len(p.Children) > 1 {
			t.note(p)
		}
		if _, err := server.Write(p.Bytes()); err != nil {
			return
		}
	}
}

func (t *Tap) keep(c net.Conn, open bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if open {
		t.open[c] = true
	} else {
		delete(t.open, c)
	}
}

func (t *Tap) note(p *ber.Packet) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = append(t.seen, Op{packet: p})
}

// Op is one request as it was sent (RFC 4511 4.2 and on).
type Op struct{ packet *ber.Packet }

// Kind is its name: "search", "modify", "bind" …
func (o Op) Kind() string {
	return strings.ToLower(strings.TrimSuffix(ldap.ApplicationMap[uint8(o.packet.Children[1].Tag)], " Request"))
}

// String says what is asked, without values: a search's scope and attributes, a
// modification's changes.
func (o Op) String() string {
	body := o.packet.Children[1]
	switch body.Tag {
	case ldap.ApplicationSearchRequest:
		r, err := o.search()
		if err != nil {
			return "search: " + err.Error()
		}
		names, _, _ := strings.Cut(r.Filter, "=")
		base := r.BaseDN
		if strings.HasPrefix(base, "<GUID=") {
			base = "<GUID=…>"
		}
		return fmt.Sprintf("search %s of %q by %s…), %d attributes, %d controls", ldap.ScopeMap[r.Scope], base, names, len(r.Attributes), len(r.Controls))
	case ldap.ApplicationModifyRequest:
		r, err := o.modify()
		if err != nil {
			return "modify: " + err.Error()
		}
		s := "modify"
		for _, c := range r.Changes {
			s += " " + c.Modification.Type
		}
		return s
	}
	return o.Kind()
}

// ErrOther is returned for an operation that is not replayed.
var ErrOther = errors.New("neither search nor modify")

// Replay asks the same again on another connection. password takes the place of a
// password that is written; "" leaves it.
func (o Op) Replay(c *ldap.Conn, password string) error {
	switch o.packet.Children[1].Tag {
	case ldap.ApplicationSearchRequest:
		r, err := o.search()
		if err != nil {
			return err
		}
		_, err = c.Search(r)
		return err
	case ldap.ApplicationModifyRequest:
		r, err := o.modify()
		if err != nil {
			return err
		}
		for i := range r.Changes {
			if m := &r.Changes[i].Modification; password != "" && strings.EqualFold(m.Type, "unicodePwd") {
				m.Vals = []string{password}
			}
		}
		return c.Modify(r)
	}
	return ErrOther
}

func (o Op) search() (*ldap.SearchRequest, error) {
	p := o.packet.Children[1].Children
	if len(p) != 8 {
		return nil, fmt.Errorf("search of %d parts", len(p))
	}
	filter, err := ldap.DecompileFilter(p[6])
	if err != nil {
		return nil, err
	}
	controls, err := o.controls()
	if err != nil {
		return nil, err
	}
	var attributes []string
	for _, a := range p[7].Children {
		attributes = append(attributes, text(a))
	}
	typesOnly, _ := p[5].Value.(bool)
	return ldap.NewSearchRequest(text(p[0]), number(p[1]), number(p[2]), number(p[3]), number(p[4]), typesOnly, filter, attributes, controls), nil
}

func (o Op) modify() (*ldap.ModifyRequest, error) {
	p := o.packet.Children[1].Children
	if len(p) != 2 {
		return nil, fmt.Errorf("modify of %d parts", len(p))
	}
	controls, err := o.controls()
	if err != nil {
		return nil, err
	}
	r := ldap.NewModifyRequest(text(p[0]), controls)
	for _, c := range p[1].Children {
		var values []string
		for _, v := range c.Children[1].Children[1].Children {
			values = append(values, text(v))
		}
		r.Changes = append(r.Changes, ldap.Change{
			Operation:    uint(number(c.Children[0])),
			Modification: ldap.PartialAttribute{Type: text(c.Children[1].Children[0]), Vals: values},
		})
	}
	return r, nil
}

func (o Op) controls() (all []ldap.Control, err error) {
	if len(o.packet.Children) < 3 {
		return nil, nil
	}
	for _, p := range o.packet.Children[2].Children {
		c, err := ldap.DecodeControl(p)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func text(p *ber.Packet) string {
	if len(p.Children) == 0 && p.Data != nil {
		return p.Data.String()
	}
	s, _ := p.Value.(string)
	return s
}

func number(p *ber.Packet) int {
	n, _ := p.Value.(int64)
	return int(n)
}
