package minidc

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Numbers of extended operations.
const oidStartTLS = "1.3.6.1.4.1.1466.20037"

// writeTimeout ends a connection whose other side reads nothing any more.
const writeTimeout = 30 * time.Second

// conn is one connection. Its requests are served one after the other; only
// change notifications are written from elsewhere, hence out.
type conn struct {
	srv    *Server
	nc     net.Conn
	out    sync.Mutex
	secure bool
	user   identity
	pages  pages
}

// identity is who a connection is bound as; the zero value is anonymous.
type identity struct {
	entry *entry
	sids  map[sid]bool
}

func (i identity) anonymous() bool { return i.entry == nil }

// serve runs one accepted connection to its end.
func (s *Server) serve(nc net.Conn, secure bool) {
	if !s.admit(nc) {
		return
	}
	c := &conn{srv: s, nc: nc, secure: secure}
	defer c.stopWatching()
	if secure && !c.handshake() {
		return
	}
	for c.next() {
	}
}

// handshake turns the connection into TLS.
func (c *conn) handshake() bool {
	t := tls.Server(c.nc, c.srv.tlsConfig())
	t.SetDeadline(time.Now().Add(writeTimeout))
	if t.Handshake() != nil {
		return false
	}
	t.SetDeadline(time.Time{})
	c.nc, c.secure = t, true
	return true
}

// next serves one request; false ends the connection. What can't be decoded
// ends it without a word, as on Samba.
func (c *conn) next() bool {
	limit := maxMessageBytes
	if c.user.anonymous() {
		limit = maxAnonymousBytes
	}
	p, err := readMessage(c.nc, limit)
	if err != nil {
		return false
	}
	req, err := parseRequest(p)
	if err != nil {
		return false
	}
	return c.dispatch(req)
}

// dispatch applies faults and serves the operation.
func (c *conn) dispatch(req *request) bool {
	op, dn, ok := c.describe(req)
	if !ok {
		return req.op.Tag == tagAbandonRequest && c.abandon(req)
	}
	f := c.srv.trip(op, dn)
	if !f.before(c) {
		return f.keepOpen()
	}
	if f != nil && f.Kind == refuse {
		return c.send(message(req.id, result{code: f.Code, text: f.Diagnostic, referral: f.Referral}.answer(responseTag[op])))
	}
	if oid := c.srv.unsupported(req); oid != "" {
		text := "00002040: SvcErr: DSID-0314023C, problem 5010 (UNAVAIL_EXTENSION), data 0, control " + oid
		return c.send(message(req.id, result{code: unavailableCritical, text: text}.answer(responseTag[op])))
	}
	c.srv.countOp(op)
	if f != nil && f.Kind == loseAnswer {
		c.handleMute(op, req)
		return false
	}
	return c.handle(op, req)
}

// responseTag is the answer's tag by operation.
var responseTag = map[Operation]ber.Tag{
	OpBind: tagBindResponse, OpSearch: tagSearchDone, OpModify: tagModifyResponse, OpAdd: tagAddResponse,
	OpDelete: tagDelResponse, OpRename: tagModDNResponse, OpCompare: tagCompareResponse, OpExtended: tagExtendedResponse,
}

// describe names the operation and the object it is about; ok is false for
// what has no answer (unbind, abandon) and for what is no request.
func (c *conn) describe(req *request) (op Operation, dn string, ok bool) {
	switch req.op.Tag {
	case tagBindRequest:
		op = OpBind
	case tagSearchRequest:
		op = OpSearch
	case tagModifyRequest:
		op = OpModify
	case tagAddRequest:
		op = OpAdd
	case tagDelRequest:
		s, isName := str(req.op)
		return OpDelete, s, isName
	case tagModDNRequest:
		op = OpRename
	case tagCompareRequest:
		op = OpCompare
	case tagExtendedRequest:
		return OpExtended, "", true
	default:
		return "", "", false
	}
	at := 0
	if op == OpBind {
		at = 1
	}
	if len(req.op.Children) <= at {
		return "", "", false
	}
	dn, ok = str(req.op.Children[at])
	return op, dn, ok
}

// handle serves an operation and answers it.
func (c *conn) handle(op Operation, req *request) bool {
	switch op {
	case OpSearch:
		return c.search(req)
	case OpExtended:
		return c.extended(req)
	}
	res, err := c.perform(op, req)
	if err != nil {
		return false
	}
	return c.send(message(req.id, res.answer(responseTag[op])))
}

// handleMute serves an operation whose answer is to be lost.
func (c *conn) handleMute(op Operation, req *request) {
	if op != OpSearch && op != OpExtended {
		c.perform(op, req)
	}
}

// perform runs the operations that answer with one plain result.
func (c *conn) perform(op Operation, req *request) (result, error) {
	if op != OpBind && c.user.anonymous() {
		return result{code: operationsError, text: "00002020: Operation unavailable without authentication"}, nil
	}
	switch op {
	case OpBind:
		b, err := parseBind(req.op)
		if err != nil {
			return result{}, err
		}
		return c.bind(b), nil
	case OpModify:
		dn, changes, err := parseModify(req.op)
		if err != nil {
			return result{}, err
		}
		return c.srv.modify(c.user, dn, changes, req), nil
	case OpAdd:
		dn, attrs, err := parseAdd(req.op)
		if err != nil {
			return result{}, err
		}
		return c.srv.add(c.user, dn, attrs), nil
	case OpDelete:
		return c.srv.remove(c.user, req.op.Data.String(), req.control(oidTreeDelete) != nil), nil
	case OpRename:
		r, err := parseModDN(req.op)
		if err != nil {
			return result{}, err
		}
		return c.srv.rename(c.user, r), nil
	}
	return c.compare(req)
}

// extended serves StartTLS and refuses everything else as Samba does.
func (c *conn) extended(req *request) bool {
	if len(req.op.Children) == 0 {
		return false
	}
	oid, ok := str(req.op.Children[0])
	if !ok {
		return false
	}
	if oid != oidStartTLS {
		text := "Extended Operation(" + strings.ToValidUTF8(oid, "?") + ") not supported"
		return c.send(message(req.id, result{code: protocolError, text: text}.answer(tagExtendedResponse)))
	}
	if c.secure {
		r := result{code: operationsError, text: "START-TLS: TLS is already active on this connection"}
		return c.send(message(req.id, r.answer(tagExtendedResponse)))
	}
	res := done.answer(tagExtendedResponse)
	res.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 10, oidStartTLS, ""))
	return c.send(message(req.id, res)) && c.handshake()
}

func (c *conn) send(b []byte) bool {
	c.out.Lock()
	defer c.out.Unlock()
	c.nc.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.nc.Write(b)
	return err == nil
}

// compare answers whether an attribute holds a value.
func (c *conn) compare(req *request) (result, error) {
	if len(req.op.Children) != 2 || len(req.op.Children[1].Children) != 2 {
		return result{}, errMessage
	}
	name, ok1 := str(req.op.Children[1].Children[0])
	v, ok2 := str(req.op.Children[1].Children[1])
	dn, ok3 := str(req.op.Children[0])
	if !ok1 || !ok2 || !ok3 {
		return result{}, errMessage
	}
	return c.srv.compare(c.user, dn, name, v), nil
}
