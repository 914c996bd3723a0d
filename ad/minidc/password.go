package minidc

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Texts and codes of refused passwords, as Samba words them.
const passwordRules = "0000052D: Constraint violation - check_password_restrictions: "

func unwilling(text string) result {
	return result{code: unwillingToPerform, text: "00002035: " + text}
}

func refusePassword(why string) result {
	return result{code: constraintViolation, text: passwordRules + why}
}

// passwordWrite is what a modify does to unicodePwd, taken from its steps.
type passwordWrite struct {
	old, new  []string
	dels      int
	adds      int
	replaces  int
	replaceOK bool // the replace has a value
}

func (w *passwordWrite) take(c change) {
	switch c.op {
	case 0:
		w.adds++
		w.new = append(w.new, c.values...)
	case 1:
		w.dels++
		w.old = append(w.old, c.values...)
	case 2:
		w.replaces++
		w.new = append(w.new, c.values...)
		w.replaceOK = len(c.values) > 0
	}
}

func (w passwordWrite) any() bool { return w.adds+w.dels+w.replaces > 0 }

// isChange tells a change, which needs the old password, from a reset, which
// needs a right.
func (w passwordWrite) isChange() bool { return w.replaces == 0 && w.dels == 1 && w.adds == 1 }

// values decodes the old and the new password, or says why they are none.
func (w passwordWrite) values() (old, new string, refused result) {
	const deleteOnly = "setup_io: It's not possible to delete the password (changes using the LAN Manager hash alone could be deactivated)!"
	switch {
	case w.adds > 0 && w.dels == 0 && w.replaces == 0:
		return "", "", unwilling("Only the add action for a password change specified!")
	case w.replaces > 0 && !w.replaceOK:
		return "", "", unwilling("setup_io: it's only allowed to set the old password once!")
	case len(w.new) == 0, w.dels > 0 && len(w.old) == 0:
		return "", "", unwilling(deleteOnly)
	}
	new, ok := unquote(w.new[len(w.new)-1])
	if ok && w.isChange() {
		old, ok = unquote(w.old[0])
	}
	if !ok {
		return "", "", unwilling("setup_io: it's not allowed to set the NT hash password directly'")
	}
	return old, new, done
}

// unquote reads the form of unicodePwd: UTF-16LE in double quotes
// (MS-ADTS 3.1.1.3.1.5).
func unquote(v string) (string, bool) {
	if len(v)%2 != 0 || len(v) < 4 || !strings.HasPrefix(v, "\"\x00") || !strings.HasSuffix(v, "\"\x00") {
		return "", false
	}
	units := make([]uint16, 0, len(v)/2-2)
	for i := 2; i < len(v)-2; i += 2 {
		units = append(units, uint16(v[i])|uint16(v[i+1])<<8)
	}
	return string(utf16.Decode(units)), true
}

// writePassword carries out a change or a reset. hints holds a reset to the
// history (policy hints). It returns what it refuses; then nothing happened
// but, perhaps, the counting of a wrong old password.
func (s *Server) writePassword(e *entry, w passwordWrite, hints bool) result {
	old, value, res := w.values()
	if !res.ok() {
		return res
	}
	policy := s.dir.policyFor(e)
	if w.isChange() {
		if res := s.checkOld(e, old, policy); !res.ok() {
			return res
		}
	}
	if res := checkRules(value, policy); !res.ok() {
		return res
	}
	if w.isChange() || hints {
		if res := e.cred.checkHistory(value, policy.History); !res.ok() {
			return res
		}
	}
	return done
}

// checkOld holds a change to the lockout, the old password and the minimum age.
func (s *Server) checkOld(e *entry, old string, p Policy) result {
	if s.dir.locked(e, p) {
		return result{code: constraintViolation, text: "00000775: Password change not permitted, account locked out! at ../../source4/dsdb/samdb/ldb_modules/password_hash.c:3929:setup_io"}
	}
	if !e.cred.matches(old) {
		s.countBad(e, p)
		return result{code: constraintViolation, text: "00000056: Constraint violation - check_password_restrictions: The old password specified doesn't match!"}
	}
	if set := e.number("pwdlastset"); set != 0 && set+int64(p.MinAge/100) > Filetime(s.dir.now()) {
		return refusePassword("password is too young to change!")
	}
	return done
}

// checkRules holds a password to length, in UTF-16 units, and complexity.
func checkRules(value string, p Policy) result {
	if len(utf16.Encode([]rune(value))) < p.MinLength {
		return refusePassword(fmt.Sprintf("the password is too short. It should be equal or longer than %d characters!", p.MinLength))
	}
	if p.Complexity && !complex(value) {
		return refusePassword("the password does not meet the complexity criteria!")
	}
	return done
}

// complex tells whether three of the five classes occur: upper, lower, digit,
// symbol (blanks are none), other letters.
func complex(value string) bool {
	var upper, lower, digit, symbol, other int
	for _, r := range value {
		switch {
		case r >= '0' && r <= '9':
			digit = 1
		case unicode.IsUpper(r):
			upper = 1
		case unicode.IsLower(r):
			lower = 1
		case r < 0x80:
			if r > ' ' && r < 0x7f {
				symbol = 1
			}
		default:
			other = 1
		}
	}
	return upper+lower+digit+symbol+other >= 3
}

func (c credential) checkHistory(value string, n int) result {
	if n > 0 && c.matches(value) {
		return refusePassword("the password was already used (previous password)!")
	}
	if n > 0 && slices.Contains(c.history[:min(n-1, len(c.history))], value) {
		return refusePassword("the password was already used (in history)!")
	}
	return done
}

// historyKept is as many passwords as any policy remembers.
const historyKept = 1024

// setPassword stores a password that passed, and what follows from it.
func (d *directory) setPassword(e *entry, value string) {
	if e.cred.set {
		h := append([]string{e.cred.password}, e.cred.history...)
		e.cred.history = h[:min(len(h), historyKept)]
	}
	e.cred.password, e.cred.set = value, true
	e.cred.version++
	e.set("pwdLastSet", strconv.FormatInt(Filetime(d.now()), 10))
}

// randomPassword is what an account gets that nobody is to sign in to.
func randomPassword() string { return rand.Text() + rand.Text() }
