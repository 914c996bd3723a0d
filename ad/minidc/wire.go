package minidc

import (
	"errors"
	"io"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Bounds of one message. The decoder below builds a node for each element and
// copies each element once a level, so size, count and depth are all bounded
// before it runs. The sizes are Samba's defaults.
const (
	maxAnonymousBytes = 256_000
	maxMessageBytes   = 16 << 20
	maxDepth          = 64
	maxElements       = 100_000
)

var errMessage = errors.New("malformed message")

// readMessage reads one LDAPMessage of at most limit bytes and decodes it.
func readMessage(r io.Reader, limit int) (*ber.Packet, error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return nil, err
	}
	size, used := int(head[1]), 2
	if head[0] != 0x30 || size == 0x80 || size > 0x84 {
		return nil, errMessage
	}
	if size > 0x80 {
		n := size - 0x80
		if _, err := io.ReadFull(r, head[2:2+n]); err != nil {
			return nil, err
		}
		size, used = 0, 2+n
		for _, b := range head[2:used] {
			size = size<<8 | int(b)
		}
	}
	if size > limit {
		return nil, errMessage
	}
	// The buffer grows with what arrives, not with what is promised.
	body, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil || len(body) < size {
		return nil, io.ErrUnexpectedEOF
	}
	return decode(append(head[:used:used], body...))
}

// decode turns bytes into a tree after checking its shape.
func decode(b []byte) (*ber.Packet, error) {
	elements := 0
	n, err := scan(b, 1, &elements)
	if err != nil || n != len(b) {
		return nil, errMessage
	}
	p, err := ber.DecodePacketErr(b)
	if err != nil {
		return nil, errMessage
	}
	return p, nil
}

// scan measures the element at the front of b. It takes the subset of BER that
// LDAP uses (RFC 4511, 5.1): definite lengths, small tags, primitive strings.
func scan(b []byte, depth int, elements *int) (int, error) {
	if *elements++; depth > maxDepth || *elements > maxElements || len(b) < 2 {
		return 0, errMessage
	}
	if !plainTag(b[0]) {
		return 0, errMessage
	}
	size, used, ok := length(b[1:])
	end := 1 + used + size
	if !ok || end > len(b) || end < 0 {
		return 0, errMessage
	}
	if b[0]&0x20 == 0 {
		return end, nil
	}
	for at := 1 + used; at < end; {
		n, err := scan(b[at:end], depth+1, elements)
		if err != nil {
			return 0, err
		}
		at += n
	}
	return end, nil
}

// plainTag tells whether LDAP uses the identifier octet.
func plainTag(c byte) bool {
	if c&0x1f == 0x1f {
		return false
	}
	switch c {
	case 0x01, 0x02, 0x04, 0x0a, 0x30, 0x31: // BOOLEAN INTEGER OCTET-STRING ENUMERATED SEQUENCE SET
		return true
	}
	return c&0xc0 != 0 // application, context
}

// length reads a definite length and says how many octets it took.
func length(b []byte) (size, used int, ok bool) {
	if b[0] < 0x80 {
		return int(b[0]), 1, true
	}
	n := int(b[0]) - 0x80
	if n == 0 || n > 4 || len(b) < 1+n {
		return 0, 0, false
	}
	for _, c := range b[1 : 1+n] {
		size = size<<8 | int(c)
	}
	return size, 1 + n, true
}

// isUniversal tells whether p has the universal tag.
func isUniversal(p *ber.Packet, tag ber.Tag) bool {
	return p.ClassType == ber.ClassUniversal && p.Tag == tag
}

// str reads an OCTET STRING, or a primitive with a context tag.
func str(p *ber.Packet) (string, bool) {
	if p.TagType != ber.TypePrimitive || p.ClassType == ber.ClassUniversal && p.Tag != ber.TagOctetString {
		return "", false
	}
	return p.Data.String(), true
}

// num reads an INTEGER or ENUMERATED of up to 31 bits.
func num(p *ber.Packet) (int, bool) {
	if !isUniversal(p, ber.TagInteger) && !isUniversal(p, ber.TagEnumerated) {
		return 0, false
	}
	v, ok := p.Value.(int64)
	if n := p.Data.Len(); !ok || n == 0 || n > 8 || v < 0 || v > 1<<31-1 {
		return 0, false
	}
	return int(v), true
}

// flag reads a BOOLEAN: like Samba, only FF is true.
func flag(p *ber.Packet) (v, ok bool) {
	b := p.Data.Bytes()
	if !isUniversal(p, ber.TagBoolean) || len(b) != 1 {
		return false, false
	}
	return b[0] == 0xff, true
}

// strs reads a SEQUENCE OF or SET OF strings.
func strs(p *ber.Packet) ([]string, bool) {
	if p.TagType != ber.TypeConstructed {
		return nil, false
	}
	out := make([]string, 0, len(p.Children))
	for _, c := range p.Children {
		s, ok := str(c)
		if !ok {
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

// octetString and sequence build answers.
func octetString(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func sequence(children ...*ber.Packet) *ber.Packet {
	p := ber.NewSequence("")
	for _, c := range children {
		p.AppendChild(c)
	}
	return p
}

func setOf(values []string) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	for _, v := range values {
		p.AppendChild(octetString(v))
	}
	return p
}
