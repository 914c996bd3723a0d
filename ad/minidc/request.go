package minidc

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

// Application tags of RFC 4511.
const (
	tagBindRequest      = 0
	tagBindResponse     = 1
	tagUnbindRequest    = 2
	tagSearchRequest    = 3
	tagSearchEntry      = 4
	tagSearchDone       = 5
	tagModifyRequest    = 6
	tagModifyResponse   = 7
	tagAddRequest       = 8
	tagAddResponse      = 9
	tagDelRequest       = 10
	tagDelResponse      = 11
	tagModDNRequest     = 12
	tagModDNResponse    = 13
	tagCompareRequest   = 14
	tagCompareResponse  = 15
	tagAbandonRequest   = 16
	tagSearchReference  = 19
	tagExtendedRequest  = 23
	tagExtendedResponse = 24
)

// control is a request control.
type control struct {
	oid      string
	critical bool
	value    string
}

// request is one decoded LDAPMessage.
type request struct {
	id       int
	op       *ber.Packet
	controls []control
}

// control returns the request's control with this number, or nil.
func (r *request) control(oid string) *control {
	for i := range r.controls {
		if r.controls[i].oid == oid {
			return &r.controls[i]
		}
	}
	return nil
}

func parseRequest(p *ber.Packet) (*request, error) {
	if len(p.Children) < 2 || len(p.Children) > 3 {
		return nil, errMessage
	}
	id, ok := num(p.Children[0])
	op := p.Children[1]
	if !ok || op.ClassType != ber.ClassApplication {
		return nil, errMessage
	}
	r := &request{id: id, op: op}
	if len(p.Children) == 3 {
		return r, r.parseControls(p.Children[2])
	}
	return r, nil
}

func (r *request) parseControls(p *ber.Packet) error {
	if p.ClassType != ber.ClassContext || p.Tag != 0 || p.TagType != ber.TypeConstructed {
		return errMessage
	}
	for _, c := range p.Children {
		ctl, err := parseControl(c)
		if err != nil {
			return err
		}
		r.controls = append(r.controls, ctl)
	}
	return nil
}

func parseControl(p *ber.Packet) (control, error) {
	var c control
	if !isUniversal(p, ber.TagSequence) || len(p.Children) == 0 || len(p.Children) > 3 {
		return c, errMessage
	}
	var ok bool
	if c.oid, ok = str(p.Children[0]); !ok {
		return c, errMessage
	}
	for _, x := range p.Children[1:] {
		if isUniversal(x, ber.TagBoolean) {
			c.critical, ok = flag(x)
		} else {
			c.value, ok = str(x)
		}
		if !ok {
			return c, errMessage
		}
	}
	return c, nil
}

// bindRequest is a simple bind; sasl says that another way was asked for.
type bindRequest struct {
	name, password string
	sasl           bool
}

func parseBind(p *ber.Packet) (bindRequest, error) {
	var b bindRequest
	if len(p.Children) != 3 {
		return b, errMessage
	}
	version, ok1 := num(p.Children[0])
	name, ok2 := str(p.Children[1])
	auth := p.Children[2]
	if !ok1 || !ok2 || version < 2 || version > 3 || auth.ClassType != ber.ClassContext {
		return b, errMessage
	}
	b.name, b.sasl = name, auth.Tag != 0
	if !b.sasl {
		var ok bool
		if b.password, ok = str(auth); !ok {
			return b, errMessage
		}
	}
	return b, nil
}

// change is one step of a modify request.
type change struct {
	op     int // 0 add, 1 delete, 2 replace
	name   string
	values []string
}

func parseModify(p *ber.Packet) (dn string, changes []change, err error) {
	if len(p.Children) != 2 || p.Children[1].TagType != ber.TypeConstructed {
		return "", nil, errMessage
	}
	dn, ok := str(p.Children[0])
	if !ok {
		return "", nil, errMessage
	}
	for _, c := range p.Children[1].Children {
		if len(c.Children) != 2 {
			return "", nil, errMessage
		}
		op, ok := num(c.Children[0])
		ch, err := parseAttribute(c.Children[1])
		if !ok || err != nil {
			return "", nil, errMessage
		}
		ch.op = op
		changes = append(changes, ch)
	}
	return dn, changes, nil
}

// parseAttribute reads a type and its set of values.
func parseAttribute(p *ber.Packet) (change, error) {
	if len(p.Children) != 2 {
		return change{}, errMessage
	}
	name, ok1 := str(p.Children[0])
	values, ok2 := strs(p.Children[1])
	if !ok1 || !ok2 {
		return change{}, errMessage
	}
	return change{name: name, values: values}, nil
}

func parseAdd(p *ber.Packet) (dn string, attrs []change, err error) {
	if len(p.Children) != 2 || p.Children[1].TagType != ber.TypeConstructed {
		return "", nil, errMessage
	}
	dn, ok := str(p.Children[0])
	if !ok {
		return "", nil, errMessage
	}
	for _, c := range p.Children[1].Children {
		a, err := parseAttribute(c)
		if err != nil {
			return "", nil, err
		}
		attrs = append(attrs, a)
	}
	return dn, attrs, nil
}

// rename is a modify DN request; under is the new parent, when there is one.
type rename struct {
	dn, rdn   string
	deleteOld bool
	under     string
	move      bool
}

func parseModDN(p *ber.Packet) (rename, error) {
	var r rename
	if len(p.Children) < 3 || len(p.Children) > 4 {
		return r, errMessage
	}
	var ok [4]bool
	r.dn, ok[0] = str(p.Children[0])
	r.rdn, ok[1] = str(p.Children[1])
	r.deleteOld, ok[2] = flag(p.Children[2])
	// Some clients write TRUE as 01, which the directory reads as FALSE
	// elsewhere; here it is taken as meant.
	r.deleteOld = r.deleteOld || ok[2] && p.Children[2].Data.Bytes()[0] != 0
	ok[3] = true
	if len(p.Children) == 4 {
		r.under, ok[3] = str(p.Children[3])
		r.move = true
	}
	if ok != [4]bool{true, true, true, true} {
		return r, errMessage
	}
	return r, nil
}
