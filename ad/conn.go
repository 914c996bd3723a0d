package ad

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// conn is one connection, used by one borrower at a time.
type conn struct {
	ldap    *ldap.Conn
	wire    *wire
	at      *controller
	as      service
	timeout time.Duration // of one operation
	reused  bool          // it waited in the pool: the other side may have closed it
	broken  bool
	idle    time.Time // since when it waits
}

// lostError says that the connection failed: the operation may or may not have
// reached the controller, and the connection is out of step and given up.
type lostError struct {
	err  error
	late bool // the other side was silent for the whole time, and did not close
}

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// run bounds one operation. What comes back is nil, the controller's own
// refusal (*ldap.Error), or *lostError.
func (c *conn) run(ctx context.Context, operation func() error) error {
	if err := ctx.Err(); err != nil {
		return &lostError{err: err}
	}
	c.wire.budget.Store(maxAnswer)
	began := time.Now()
	stop := context.AfterFunc(ctx, func() { c.wire.Close() })
	err := operation()
	if !stop() {
		c.broken = true
	}
	if err == nil || refused(err) != nil {
		return err
	}
	c.broken = true
	if ctx.Err() != nil {
		err = fmt.Errorf("%w (%s)", ctx.Err(), err)
	}
	return &lostError{err: err, late: time.Since(began) >= c.timeout}
}

// lost says whether the connection failed.
func lost(err error) bool {
	var e *lostError
	return errors.As(err, &e)
}

// late says whether the connection failed by silence.
func late(err error) bool {
	var e *lostError
	return errors.As(err, &e) && e.late
}

// refused returns the controller's answer, when it was one.
func refused(err error) *ldap.Error {
	var e *ldap.Error
	if errors.As(err, &e) && e.Packet != nil && e.ResultCode < ldap.ErrorNetwork {
		return e
	}
	return nil
}

// plain hides the library's error, whose packet must not travel on.
func plain(err error) error {
	if e := refused(err); e != nil {
		return fmt.Errorf("LDAP result %d: %.300q", e.ResultCode, e.Err)
	}
	return err
}

// query is one search. limit bounds the entries: 0 means one page of one.
type query struct {
	base     string
	scope    int
	filter   filter
	attrs    []string
	limit    uint32
	controls []ldap.Control
}

// search returns the entries of the first page, and whether there are more.
// References to other servers are dropped: they are never followed.
func (c *conn) search(ctx context.Context, q query) (entries []entry, more bool, err error) {
	entries, cookie, err := c.page(ctx, q, nil)
	return entries, len(cookie) > 0, err
}

// pages goes through everything that a search finds, q.limit entries at a
// time, until each says that it has enough. The cookie is the connection's
// (RFC 2696), so that all pages come over the same one.
func (c *conn) pages(ctx context.Context, q query, each func([]entry) (enough bool, err error)) error {
	var cookie []byte
	for {
		entries, next, err := c.page(ctx, q, cookie)
		if err != nil {
			return err
		}
		if enough, err := each(entries); enough || err != nil || len(next) == 0 {
			return err
		}
		cookie = next
	}
}

func (c *conn) page(ctx context.Context, q query, cookie []byte) (entries []entry, next []byte, err error) {
	controls := q.controls
	if q.scope != ldap.ScopeBaseObject {
		// Samba ignores the size limit, so a page bounds the answer.
		paging := ldap.NewControlPaging(max(q.limit, 1))
		paging.SetCookie(cookie)
		controls = append(slices.Clone(controls), paging)
	}
	request := ldap.NewSearchRequest(q.base, q.scope, ldap.NeverDerefAliases, 0, int(c.timeout/time.Second)+1, false,
		q.filter.text, q.attrs, controls)
	var result *ldap.SearchResult
	err = c.run(ctx, func() (err error) { result, err = c.ldap.Search(request); return err })
	if err != nil {
		return nil, nil, err
	}
	for _, e := range result.Entries {
		entries = append(entries, entry{e})
	}
	return entries, unread(result.Controls), nil
}

func unread(controls []ldap.Control) []byte {
	if page, ok := ldap.FindControl(controls, ldap.ControlTypePaging).(*ldap.ControlPaging); ok {
		return page.Cookie
	}
	return nil
}

// object reads one object by its DN, <GUID=…> or <SID=…>. ok is false where
// there is none.
func (c *conn) object(ctx context.Context, base string, attrs []string, controls ...ldap.Control) (e entry, ok bool, err error) {
	found, _, err := c.search(ctx, query{base: base, scope: ldap.ScopeBaseObject, filter: anything, attrs: attrs, controls: controls})
	if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultNoSuchObject {
		return entry{}, false, nil
	}
	if err != nil || len(found) != 1 {
		return entry{}, false, err
	}
	return found[0], true, nil
}

// overflowed says whether the last operation's answer passed maxAnswer.
func (c *conn) overflowed() bool { return c.wire.budget.Load() < 0 }

// modify sends one change. sent says whether anything of it may have reached
// the controller.
func (c *conn) modify(ctx context.Context, request *ldap.ModifyRequest) (sent bool, err error) {
	before := c.wire.writes.Load()
	err = c.run(ctx, func() error { return c.ldap.Modify(request) })
	return c.wire.writes.Load() != before, err
}

// bind authenticates. The identity of the whole connection changes.
func (c *conn) bind(ctx context.Context, name, password string) error {
	return c.run(ctx, func() error { return c.ldap.Bind(name, password) })
}

// close gives the connection up, without waiting for the other side.
func (c *conn) close() {
	c.broken = true
	c.wire.Close()
	c.ldap.Close()
}

// alive asks for nothing, which a controller answers at once.
func (c *conn) alive(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, min(maxDial, c.timeout))
	defer cancel()
	_, ok, err := c.object(ctx, "", []string{"1.1"})
	return err == nil && ok
}
