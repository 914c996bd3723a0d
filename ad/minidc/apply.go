package minidc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// finish runs the rules that see the whole modify, then makes the draft real.
func (m *modification) finish(hints bool) result {
	for _, rule := range []func() result{m.lockoutTime, m.pwdLastSet, m.names, m.primaryGroup, m.accountControl} {
		if res := rule(); !res.ok() {
			return res
		}
	}
	if m.password.any() {
		if res := m.s.writePassword(m.target, m.password, hints); !res.ok() {
			return res
		}
	}
	m.commit()
	return done
}

// lockoutTime can't be deleted; 0 forgets the bad passwords of this controller.
func (m *modification) lockoutTime() result {
	if !m.touched["lockouttime"] {
		return done
	}
	v := m.draft.first("lockouttime")
	if v == "" {
		return result{code: unwillingToPerform, text: "00002077: samldb: 'lockoutTime' can't be deleted!"}
	}
	if v == "0" {
		m.counts["badPwdCount"] = 0
	}
	return done
}

// pwdLastSet takes 0 and -1; -1 sets it to now, but only when it was 0.
func (m *modification) pwdLastSet() result {
	if !m.touched["pwdlastset"] {
		return done
	}
	switch m.draft.first("pwdlastset") {
	case "0":
	case "-1":
		was := m.target.first("pwdlastset")
		if was == "0" || was == "" {
			was = strconv.FormatInt(Filetime(m.s.dir.now()), 10)
		}
		m.draft.set("pwdLastSet", was)
	default:
		return result{code: otherError, text: "00000057: setup_last_set_field: pwdLastSet must be 0 or -1 only! at ../../source4/dsdb/samdb/ldb_modules/password_hash.c:2436:setup_last_set_field"}
	}
	return done
}

// names keeps account names and principal names unique and well formed.
func (m *modification) names() result {
	if m.touched["samaccountname"] {
		if res := m.s.dir.checkSAM(m.draft.first("samaccountname"), m.target); !res.ok() {
			return res
		}
	}
	if m.touched["userprincipalname"] {
		return m.s.dir.checkUPN(m.draft.first("userprincipalname"), m.target)
	}
	return done
}

// checkSAM refuses an account name that can't be, or that another object has.
func (d *directory) checkSAM(name string, self *entry) result {
	if i := strings.IndexAny(name, `"/\[]:|<>+=;?*,`); i >= 0 {
		return result{code: constraintViolation, text: fmt.Sprintf("0000202F: samldb: sAMAccountName contains invalid '%c' character\n", name[i])}
	}
	if strings.HasSuffix(name, ".") {
		return result{code: constraintViolation, text: "0000202F: samldb: sAMAccountName ends with '.'"}
	}
	if name == "" {
		return unwilling("samldb: sAMAccountName can't be empty")
	}
	if other := d.byText("samaccountname", name); other != nil && other != self {
		return result{code: entryAlreadyExists, text: fmt.Sprintf("00002071: samldb: samAccountName '%s' already in use!", name)}
	}
	implied := name + "@" + d.cfg.Domain
	if other := d.byText("userprincipalname", implied); other != nil && other != self {
		return result{code: constraintViolation, text: fmt.Sprintf("0000202F: samldb: userPrincipalName '%s' is already in use (implied by sAMAccountName)", implied)}
	}
	return done
}

// checkUPN refuses a principal name that another account has, or that another
// account's name implies.
func (d *directory) checkUPN(name string, self *entry) result {
	if name == "" {
		return done
	}
	if other := d.byText("userprincipalname", name); other != nil && other != self {
		return result{code: constraintViolation, text: fmt.Sprintf("0000202F: samldb: userPrincipalName '%s' is already in use ", name)}
	}
	sam, domain, _ := strings.Cut(name, "@")
	if other := d.byText("samaccountname", sam); strings.EqualFold(domain, d.cfg.Domain) && other != nil && other != self {
		return result{code: entryAlreadyExists, text: fmt.Sprintf("00002071: samldb: sAMAccountName '%s' is already in use (implied by userPrincipalName)", sam)}
	}
	return done
}

// primaryGroup takes a group that the account is a member of; the old primary
// group becomes an ordinary membership and the new one stops being one.
func (m *modification) primaryGroup() result {
	if !m.touched["primarygroupid"] {
		return done
	}
	d := m.s.dir
	was, now := d.primaryGroup(m.target), d.primaryGroup(m.draft)
	if was == now {
		return done
	}
	if now == nil || !slices.Contains(m.target.back["member"], now) {
		return result{code: unwillingToPerform, text: "error in module samldb: Unwilling to perform during LDB_MODIFY (53)"}
	}
	return done
}

// accountControl: what a write of userAccountControl brings with it.
func (m *modification) accountControl() result {
	if !m.touched["useraccountcontrol"] {
		return done
	}
	v, err := strconv.ParseInt(m.draft.first("useraccountcontrol"), 10, 64)
	if err != nil {
		v = 0
	}
	kind := v & (uacNormal | uacWorkstation | uacServer | uacInterdomain)
	if kind == 0 {
		v |= uacNormal
	}
	if v&uacLockout == 0 {
		m.counts["badPwdCount"] = 0
		if m.draft.first("lockouttime") != "" {
			m.draft.set("lockoutTime", "0")
		}
	}
	m.draft.set("userAccountControl", strconv.FormatInt(v&^(uacLockout|uacCannotChange|uacExpired), 10))
	return done
}

// commit makes the draft the object.
func (m *modification) commit() {
	e, d := m.target, m.s.dir
	mustChange := m.touched["pwdlastset"] && m.draft.first("pwdlastset") == "0"
	smartcard := m.draft.number("useraccountcontrol")&^e.number("useraccountcontrol")&uacSmartcard != 0
	was, now := d.primaryGroup(e), d.primaryGroup(m.draft)
	e.attrs = m.draft.attrs
	e.relink(m.draft.links)
	if was != now && was != nil && now != nil {
		now.unlink("member", e)
		was.linkTo("member", e)
	}
	m.commitCounts()
	if m.touched["grouptype"] {
		e.set("sAMAccountType", groupAccountType(e.number("grouptype")))
	}
	m.commitPassword(smartcard, mustChange)
	d.stamp(e)
	m.s.countWrite(e.guid, m.password.any())
}

// commitPassword stores the new password; a pwdLastSet of 0 in the same modify
// stands.
func (m *modification) commitPassword(smartcard, mustChange bool) {
	e, d := m.target, m.s.dir
	if m.password.any() {
		_, value, _ := m.password.values()
		d.setPassword(e, value)
		if mustChange {
			e.set("pwdLastSet", "0")
		}
	} else if smartcard {
		set := e.first("pwdlastset")
		d.setPassword(e, randomPassword())
		e.set("pwdLastSet", set)
	}
}

func (m *modification) commitCounts() {
	n := m.s.countOf(m.target)
	if v, ok := m.counts["badPwdCount"]; ok {
		n.bad = int(v)
	}
	if v, ok := m.counts["badPasswordTime"]; ok {
		n.badTime = v
	}
}

// relink makes the forward links those of want.
func (e *entry) relink(want map[string][]*entry) {
	for name, have := range e.links {
		for _, t := range slices.Clone(have) {
			if !slices.Contains(want[name], t) {
				e.unlink(name, t)
			}
		}
	}
	for name, list := range want {
		for _, t := range list {
			e.linkTo(name, t)
		}
	}
}
