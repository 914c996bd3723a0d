package ad

import (
	"context"
	"errors"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/secret"
)

// ErrStopped is the cause of a write that Write.Check stopped with an error
// that has no Cause of its own; that error lies beneath.
const ErrStopped Cause = "write.stopped"

// change builds the one modify of a write from the account as read right
// before it; nil means that there is nothing to write.
type change func(a Account, info *rootInfo) *ldap.ModifyRequest

// Unlock writes lockoutTime 0. Where that is 0 already nothing is written and
// nothing is wrong: the account comes back with the same Marks.
func (c *Client) Unlock(ctx context.Context, w Write) (Account, error) {
	return c.write(ctx, "unlock account", w, nil, func(a Account, _ *rootInfo) *ldap.ModifyRequest {
		if a.Marks.LockoutTime == 0 && !a.Locked {
			return nil
		}
		m := modifyOf(a)
		m.Replace("lockoutTime", []string{"0"})
		return m
	})
}

// ResetPassword sets a new password without the old one, in one modify with
// pwdLastSet 0 where MustChange says so and lockoutTime 0 where that is not 0.
// Where the controller offers the policy hints control, the history is kept.
func (c *Client) ResetPassword(ctx context.Context, w Write, p NewPassword) (Account, error) {
	return c.write(ctx, "reset password", w, []secret.Text{p.Value}, func(a Account, info *rootInfo) *ldap.ModifyRequest {
		m := modifyOf(a)
		if info.hints != "" {
			m.Controls = []ldap.Control{policyHints(info.hints)}
		}
		m.Replace("unicodePwd", []string{quoted(p.Value)})
		if p.MustChange {
			m.Replace("pwdLastSet", []string{"0"})
		}
		if a.Marks.LockoutTime != 0 || a.Locked {
			m.Replace("lockoutTime", []string{"0"})
		}
		return m
	})
}

// ChangePassword replaces old by new in one modify. A wrong old password is
// ErrOldPassword and counts for the lockout.
func (c *Client) ChangePassword(ctx context.Context, w Write, old, new secret.Text) (Account, error) {
	return c.write(ctx, "change password", w, []secret.Text{old, new}, func(a Account, _ *rootInfo) *ldap.ModifyRequest {
		m := modifyOf(a)
		m.Delete("unicodePwd", []string{quoted(old)})
		m.Add("unicodePwd", []string{quoted(new)})
		return m
	})
}

// modifyOf names the object by its objectGUID: a DN may have moved on.
func modifyOf(a Account) *ldap.ModifyRequest {
	return ldap.NewModifyRequest("<GUID="+a.GUID.String()+">", nil)
}

// oneWrite is one write on its way.
type oneWrite struct {
	op      string
	w       Write
	secrets []secret.Text
	change  change

	landed Account
	err    *Error // of what came after the point where another try is allowed
}

// write reads the account, checks it, sends one modify and reads back, all on
// one connection. It moves on only as long as nothing was sent.
func (c *Client) write(ctx context.Context, op string, w Write, secrets []secret.Text, change change) (Account, error) {
	for _, s := range secrets {
		if !wellFormed(s) {
			return Account{}, &Error{Cause: ErrPasswordMalformed, Op: op, Outcome: OutcomeNotWritten, Err: errMalformed}
		}
	}
	one := &oneWrite{op: op, w: w, secrets: secrets, change: change}
	var err error
	if w.Controller == "" {
		err = c.try(ctx, op, writing, func(ctx context.Context, on *conn) error { return c.writeOn(ctx, on, one) })
	} else {
		err = c.writeAt(ctx, one)
	}
	if err != nil {
		return Account{}, err
	}
	if one.err != nil {
		return Account{}, one.err
	}
	return one.landed, nil
}

// writeAt goes to the controller that the marks were read on, and nowhere else.
func (c *Client) writeAt(ctx context.Context, one *oneWrite) error {
	at, missing := c.named(one.op, one.w.Controller)
	if missing != nil {
		return missing
	}
	if err := c.use(ctx, at, c.as(writing), func(ctx context.Context, on *conn) error { return c.writeOn(ctx, on, one) }); err != nil {
		return fault(one.op, at, err)
	}
	return nil
}

// writeOn returns an error only while nothing was decided or sent, so that the
// caller may try again; everything else is in one.
func (c *Client) writeOn(ctx context.Context, on *conn, one *oneWrite) error {
	info, _ := on.at.state(c.now())
	if !info.writable {
		return &Error{Cause: ErrUnavailable, Outcome: OutcomeNotWritten, Err: errors.New("the controller is read-only")}
	}
	before, err := c.readAccount(ctx, on, one.w.Target)
	if err != nil {
		return err
	}
	if one.err = one.allowed(before); one.err != nil {
		return nil
	}
	request := one.change(before, info)
	if request == nil {
		one.landed = before
		return nil
	}
	sent, err := on.modify(ctx, request)
	switch {
	case err == nil:
		c.readBack(ctx, on, one)
		return nil
	case !sent: // no answer either
		return err
	}
	c.failed(ctx, on, one, before, err)
	return nil
}

// allowed holds the account to the rules again, right before the write.
func (one *oneWrite) allowed(a Account) *Error {
	e := &Error{Op: one.op, Controller: a.Controller, Outcome: OutcomeNotWritten}
	switch {
	case a.Protected != NotProtected:
		e.Cause, e.Diagnostic = ErrProtected, string(a.Protected)
		return e
	case a.Disabled:
		e.Cause = ErrDisabled
		return e
	case one.w.Check == nil:
		return nil
	}
	err := one.w.Check(a)
	if err == nil {
		return nil
	}
	e.Cause, e.Err = ErrStopped, err
	var cause Cause
	if errors.As(err, &cause) {
		e.Cause = cause
	}
	return e
}

// readBack reads what the write left. The write landed, whatever becomes of
// this read.
func (c *Client) readBack(ctx context.Context, on *conn, one *oneWrite) {
	landed, err := c.readAccount(ctx, on, one.w.Target)
	if err == nil {
		one.landed = landed
		return
	}
	e := fault(one.op, on.at, err)
	e.Outcome = OutcomeWritten
	one.err = e
}

// failed tells a refusal, after which nothing was written, from a lost answer.
func (c *Client) failed(ctx context.Context, on *conn, one *oneWrite, before Account, err error) {
	e := fault(one.op, on.at, err)
	if lost(err) {
		e.Outcome = OutcomeUnknown
		c.log.Warn("answer to a write was lost", "operation", one.op, "controller", on.at.name, "account", before.GUID.String())
	}
	for _, s := range one.secrets {
		if strings.Contains(e.Diagnostic, s.Reveal()) {
			e.Diagnostic = ""
		}
	}
	if e.Cause == ErrPasswordRules && one.op == "change password" && c.tooYoung(ctx, on, before) {
		e.Cause = ErrPasswordTooYoung
	}
	one.err = e
}

// tooYoung says whether the minimum age explains the refusal of a change, which
// Windows does not say. What can't be read explains nothing.
func (c *Client) tooYoung(ctx context.Context, on *conn, a Account) bool {
	if a.PasswordSet.IsZero() || a.MustChange {
		return false
	}
	e, ok, _ := on.object(ctx, "<GUID="+a.GUID.String()+">", []string{attrResultantPSO})
	if !ok { // neither where there is an error
		return false
	}
	policy, err := c.policyOf(ctx, on, a.DN, e.text(attrResultantPSO))
	return err == nil && policy.Source != PolicyUnreadable && c.now().Before(a.PasswordSet.Add(policy.MinAge))
}
