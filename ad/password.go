package ad

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/secret"
)

// maxPassword bounds a password in bytes; AD takes 256 characters.
const maxPassword = 4096

// wellFormed says whether the value is a password at all: not empty, valid
// UTF-8 without NUL. It is sent as typed, never normalised.
func wellFormed(p secret.Text) bool {
	v := p.Reveal()
	return v != "" && len(v) <= maxPassword && utf8.ValidString(v) && !strings.ContainsRune(v, 0)
}

// quoted is the form of unicodePwd: in quotation marks, UTF-16 little-endian,
// no byte order mark, quotation marks inside as they are (MS-ADTS 3.1.1.3.1.5).
func quoted(p secret.Text) string {
	units := utf16.Encode([]rune(`"` + p.Reveal() + `"`))
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// CheckPassword binds as the person, on a connection of its own that is thrown
// away. nil proves the password, and so do ErrMustChange and
// ErrPasswordExpired; ErrWrongPassword, ErrLocked, ErrDisabled,
// ErrAccountExpired, ErrLogonHours, ErrWorkstation and ErrAccountRestriction
// don't. Each wrong one counts for the lockout. An empty or malformed password
// is ErrWrongPassword without a word to the network: an empty bind would
// succeed as nobody. Somebody whom a group, adminCount or an OU protects is tried
// like anybody, since a bind writes nothing; krbtgt, Latchkey's own accounts, what
// is no person and what may not be known are ErrProtected and not tried.
func (c *Client) CheckPassword(ctx context.Context, account GUID, password secret.Text) error {
	const op = "check password"
	if !wellFormed(password) {
		return &Error{Cause: ErrWrongPassword, Op: op, Outcome: OutcomeNotWritten}
	}
	var a Account
	var at *controller
	err := c.try(ctx, op, reading, func(ctx context.Context, on *conn) (err error) {
		at = on.at
		a, err = c.readAccount(ctx, on, account)
		return err
	})
	if err != nil {
		return err
	}
	if !mayBind(a.Protected) {
		return &Error{Cause: ErrProtected, Op: op, Controller: at.name, Outcome: OutcomeNotWritten}
	}
	// One try on one controller: a second one elsewhere could count twice.
	return c.bindPerson(ctx, op, at, a.DN, password)
}

// mayBind names whom a password is tried for: an unknown protection is not.
func mayBind(p Protection) bool {
	switch p {
	case NotProtected, ProtectedGroup, ProtectedAdmin, ProtectedOU:
		return true
	}
	return false
}

func (c *Client) bindPerson(ctx context.Context, op string, at *controller, dn string, password secret.Text) error {
	if err := at.enter(ctx); err != nil {
		return fault(op, at, err)
	}
	defer at.leave()
	at.makeRoom()
	dialing, cancel := context.WithTimeout(ctx, min(maxDial, c.timeout))
	defer cancel()
	on, err := c.dial(dialing, at)
	if err != nil {
		return fault(op, at, &lostError{err: err})
	}
	defer on.close()
	err = on.bind(ctx, dn, password.Reveal())
	if err == nil {
		return nil
	}
	e := fault(op, at, err)
	if lost(err) {
		e.Outcome = OutcomeUnknown // it may yet count as a wrong password
	}
	if r := refused(err); r != nil && r.ResultCode == ldap.LDAPResultInvalidCredentials {
		e.Cause = bindCause(e.Diagnostic)
	}
	return e
}

var errMalformed = errors.New("a password is valid text without NUL, and not empty")
