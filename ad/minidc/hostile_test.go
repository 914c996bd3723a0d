package minidc

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// sink is a connection that takes everything and gives what it was given.
type sink struct {
	net.Conn
	io.Reader
	written int
}

func (s *sink) Read(b []byte) (int, error)       { return s.Reader.Read(b) }
func (s *sink) Write(b []byte) (int, error)      { s.written += len(b); return len(b), nil }
func (s *sink) Close() error                     { return nil }
func (s *sink) SetWriteDeadline(time.Time) error { return nil }

// hear lets a server serve bytes, as the administrator or anonymous.
func hear(s *Server, data []byte, admin bool) {
	c := &conn{srv: s, nc: &sink{Reader: bytes.NewReader(data)}, secure: true}
	if admin {
		s.dir.mu.Lock()
		c.user = s.dir.identify(s.dir.byText("samaccountname", "Administrator"))
		s.dir.mu.Unlock()
	}
	for c.next() {
	}
	c.stopWatching()
	s.running.Wait()
}

// requests are one well-formed message of each kind.
func requests() [][]byte {
	app := func(tag ber.Tag, kids ...*ber.Packet) *ber.Packet {
		p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
		for _, k := range kids {
			p.AppendChild(k)
		}
		return p
	}
	number := func(n int) *ber.Packet {
		return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, n, "")
	}
	no := ber.NewLDAPBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, false, "")
	admin := "CN=Administrator,CN=Users,DC=corp,DC=example,DC=test"
	present := ber.NewString(ber.ClassContext, ber.TypePrimitive, opPresent, "objectClass", "")
	chain := ber.Encode(ber.ClassContext, ber.TypeConstructed, opExtensible, nil, "")
	for i, v := range []string{ruleChain, "memberOf", "CN=Administrators,CN=Builtin,DC=corp,DC=example,DC=test"} {
		chain.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, ber.Tag(i+1), v, ""))
	}
	search := func(filter *ber.Packet, controls ...*ber.Packet) []byte {
		return message(2, app(tagSearchRequest, octetString("DC=corp,DC=example,DC=test"), number(2), number(0),
			ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 0, ""),
			ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 0, ""), no, filter, setOf(nil)), controls...)
	}
	change := sequence(number(2), sequence(octetString("unicodePwd"), setOf([]string{"\"\x00A\x00b\x001\x00-\x00d\x00e\x00f\x00\"\x00"})))
	return [][]byte{
		message(1, app(tagBindRequest, ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 3, ""),
			octetString("CORP\\administrator"), ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "x", ""))),
		search(present), search(chain), search(present, pagingControl(3, "")),
		search(present, sequence(octetString(oidNotify))),
		message(3, app(tagModifyRequest, octetString(admin), sequence(change))),
		message(4, app(tagAddRequest, octetString("CN=x,DC=corp,DC=example,DC=test"),
			sequence(sequence(octetString("objectClass"), setOf([]string{"user"}))))),
		message(5, ber.NewString(ber.ClassApplication, ber.TypePrimitive, tagDelRequest, "OU=Domain Controllers,DC=corp,DC=example,DC=test", "")),
		message(6, app(tagModDNRequest, octetString(admin), octetString("CN=New"), no)),
		message(7, app(tagCompareRequest, octetString(admin), sequence(octetString("cn"), octetString("Administrator")))),
		message(8, app(tagExtendedRequest, ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.4203.1.11.3", ""))),
		message(9, ber.NewString(ber.ClassApplication, ber.TypePrimitive, tagAbandonRequest, "\x02", "")),
	}
}

// FuzzServe feeds whole conversations to the server: whatever comes, it must
// neither panic nor hang.
func FuzzServe(f *testing.F) {
	for _, r := range requests() {
		f.Add(r, true)
		f.Add(r, false)
	}
	f.Add(bytes.Join(requests(), nil), true)
	ca := newAuthority()
	cfg := Config{PolicyHints: true}.complete()
	f.Fuzz(func(t *testing.T, data []byte, admin bool) {
		hear(newController(cfg, newDirectory(cfg), ca), data, admin)
	})
}

// FuzzDN: a name that parses is written so that it parses to the same name.
func FuzzDN(f *testing.F) {
	for _, s := range []string{"CN=a,DC=b", `CN=\ a\,b\ ,OU=\23x`, `CN=a\0Ab`, "OU= x ", "CN=ä=b", `cn=\\`, "a=b+c=d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		path, err := parseDN(s)
		if err != nil {
			return
		}
		var text []string
		for _, r := range path {
			text = append(text, r.String())
		}
		again, err := parseDN(strings.Join(text, ","))
		if err != nil || len(again) != len(path) {
			t.Fatalf("%q → %q: %v", s, text, err)
		}
		for i := range path {
			if path[i] != again[i] {
				t.Fatalf("%q → %q", path[i], again[i])
			}
		}
	})
}

func TestOversizedAndDeepMessagesEndTheConnection(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x30, 0x80}, 10), 0)
	nested := []byte{0x04, 0x00}
	for range maxDepth + 1 {
		nested = append([]byte{0x30, 0x84, 0, 0, byte(len(nested) >> 8), byte(len(nested))}, nested...)
	}
	many := bytes.Repeat([]byte{0x04, 0x00}, maxElements)
	many = append([]byte{0x30, 0x84, 0, byte(len(many) >> 16), byte(len(many) >> 8), byte(len(many))}, many...)
	for name, data := range map[string][]byte{
		"indefinite length": deep, "nested": nested, "many elements": many,
		"promises two gigabytes": {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, "length of five octets": {0x30, 0x85, 0, 0, 0, 0, 1, 0},
		"high tag": {0x30, 0x03, 0x1f, 0x81, 0x00}, "a real": {0x30, 0x03, 0x09, 0x01, 0x00}, "primitive sequence": {0x10, 0x00}, "empty": {},
	} {
		if _, err := readMessage(bytes.NewReader(data), maxMessageBytes); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestAnAnonymousClientIsHeldToSmallMessages(t *testing.T) {
	big := message(1, ber.NewString(ber.ClassApplication, ber.TypePrimitive, tagDelRequest, strings.Repeat("x", maxAnonymousBytes), ""))
	if _, err := readMessage(bytes.NewReader(big), maxAnonymousBytes); err == nil {
		t.Error("read")
	}
	if _, err := readMessage(bytes.NewReader(big), maxMessageBytes); err != nil {
		t.Error(err)
	}
}

// The shapes that made another server panic: attributes without values.
func TestEmptyShapesAreNoPanic(t *testing.T) {
	cfg := Config{}.complete()
	s := newController(cfg, newDirectory(cfg), newAuthority())
	for _, r := range requests() {
		p, err := decode(r)
		if err != nil {
			t.Fatal(err)
		}
		var strip func(*ber.Packet, int) *ber.Packet
		strip = func(p *ber.Packet, level int) *ber.Packet {
			out := ber.Encode(p.ClassType, p.TagType, p.Tag, nil, "")
			for _, c := range p.Children {
				if level > 0 {
					out.AppendChild(strip(c, level-1))
				}
			}
			if p.TagType == ber.TypePrimitive {
				out.Data.Write(p.Data.Bytes())
			}
			return out
		}
		for level := range 8 {
			hear(s, strip(p, level).Bytes(), true)
		}
	}
}
