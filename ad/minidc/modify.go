package minidc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Controls of writes.
const (
	oidPolicyHints    = "1.2.840.113556.1.4.2239"
	oidPolicyHintsOld = "1.2.840.113556.1.4.2066"
	oidPermissive     = "1.2.840.113556.1.4.1413"
	oidTreeDelete     = "1.2.840.113556.1.4.805"
)

// modification is a modify request on its way: draft is a copy of the object's
// values and links, and becomes the object when every step passed.
type modification struct {
	s          *Server
	who        identity
	target     *entry
	draft      *entry
	permissive bool
	password   passwordWrite
	counts     map[string]int64 // writes to what this controller keeps to itself
	touched    map[string]bool
}

func noBase(dn string) result {
	return result{code: noSuchObject, text: "00002030: No such Base DN: " + dn}
}

// lookup finds the object of a write, or says in Samba's words why not.
func (d *directory) lookup(dn, verb string) (*entry, result) {
	e, bad := d.find(dn)
	switch {
	case bad:
		return nil, result{code: invalidDNSyntax, text: "00002032: " + verb + ": invalid dn '(null)'"}
	case e == nil && strings.HasPrefix(dn, "<"):
		return nil, result{code: noSuchObject, text: "Base-DN '" + dn + "' not found"}
	case e == nil:
		if res, far := d.elsewhere(dn); far {
			return nil, res
		}
		return nil, noBase(dn)
	}
	return e, done
}

// modify serves a modify request: all of it or nothing.
func (s *Server) modify(who identity, dn string, changes []change, req *request) result {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	if dn == "" {
		return unwilling("rootdse_modify: unknown attribute to change!")
	}
	e, res := d.lookup(dn, "ldb_modify")
	if !res.ok() {
		return res
	}
	if s.cfg.ReadOnly {
		return s.refer(e)
	}
	m := &modification{
		s: s, who: who, target: e, draft: e.clone(),
		permissive: req.control(oidPermissive) != nil,
		counts:     map[string]int64{}, touched: map[string]bool{},
	}
	if res := m.run(changes); !res.ok() {
		return res
	}
	return m.finish(s.hints(req))
}

// hints tells whether a request carries policy hints that enforce the history.
func (s *Server) hints(req *request) bool {
	if !s.cfg.PolicyHints {
		return false
	}
	c := req.control(oidPolicyHints)
	if c == nil {
		c = req.control(oidPolicyHintsOld)
	}
	return c != nil && strings.HasSuffix(c.value, "\x02\x01\x01")
}

// clone copies what a modify may alter.
func (e *entry) clone() *entry {
	c := &entry{class: e.class, attrs: slices.Clone(e.attrs), links: map[string][]*entry{}}
	for name, l := range e.links {
		c.links[name] = slices.Clone(l)
	}
	return c
}

func (m *modification) run(changes []change) result {
	if len(changes) == 0 {
		return unwilling("objectclass: modify message must have elements/attributes!")
	}
	for _, c := range changes {
		if res := bounded(c, m.target.dn()); !res.ok() {
			return res
		}
	}
	for _, c := range changes {
		if strings.EqualFold(c.name, "unicodePwd") {
			m.password.take(c)
		}
	}
	for _, c := range changes {
		if res := m.permit(c); !res.ok() {
			return res
		}
	}
	for _, c := range changes {
		if res := m.step(c); !res.ok() {
			return res
		}
	}
	return done
}

// maxThumbnail is the rangeUpper of thumbnailPhoto (MS-ADA3), in bytes.
const maxThumbnail = 102400

// bounded refuses values that the schema has no room for.
func bounded(c change, dn string) result {
	thumbnail := strings.EqualFold(c.name, "thumbnailPhoto")
	for _, v := range c.values {
		switch {
		case v == "":
			return result{code: invalidSyntax, text: fmt.Sprintf("Element %s has empty attribute in ldb message (%s)!", c.name, dn)}
		case thumbnail && len(v) > maxThumbnail:
			return result{code: invalidSyntax, text: fmt.Sprintf("objectclass_attrs: attribute '%s' on entry '%s' contains at least one invalid value!", c.name, dn)}
		}
	}
	return done
}

// permit checks the right to a step.
func (m *modification) permit(c change) result {
	a := attributes[strings.ToLower(c.name)]
	dn := m.target.dn()
	switch {
	case a == nil:
		return result{code: noSuchAttribute, text: fmt.Sprintf("acl_modify: attribute '%s' on entry '%s' was not found in the schema!", c.name, dn)}
	case a.name == "unicodePwd":
		if m.password.isChange() && m.who.mayChange(m.target) || !m.password.isChange() && m.who.mayReset(m.target) {
			return done
		}
		return result{code: insufficientRights, text: "error in module acl: insufficient access rights during LDB_MODIFY (50)"}
	case !m.who.mayWrite(m.target, a):
		return result{code: insufficientRights, text: "00002098: Object " + dn + " has no write property access\n"}
	}
	return done
}

// step applies one change to the draft.
func (m *modification) step(c change) result {
	a := attributes[strings.ToLower(c.name)]
	m.touched[strings.ToLower(a.name)] = true
	if res := m.protected(a); !res.ok() || a.name == "unicodePwd" {
		return res
	}
	switch {
	case a.name == "objectClass":
		return stepClass(c)
	case a.syntax == link:
		return m.stepLink(a, c)
	case a.is(local):
		if len(c.values) == 1 {
			m.counts[a.name], _ = strconv.ParseInt(c.values[0], 10, 64)
		}
		return done
	}
	return m.stepValues(a, c)
}

// protected refuses attributes that nobody writes by LDAP.
func (m *modification) protected(a *attribute) result {
	dn := m.target.dn()
	on := fmt.Sprintf("objectclass_attrs: attribute '%s' on entry '%s' ", a.name, dn)
	switch {
	case a.name == "objectSid":
		return unwilling("samldb: objectSid must not be specified!")
	case a.is(backLink):
		return unwilling(on + "must not be modified directly, it is a linked attribute")
	case a.is(constructed):
		return result{code: constraintViolation, text: "0000202F: " + on + "is constructed!"}
	case a.is(systemOnly):
		return result{code: constraintViolation, text: "0000202F: " + on + "can only be modified as system"}
	case strings.EqualFold(a.name, m.target.rdn.typ), a.name == "name", a.name == "distinguishedName":
		return result{code: 67, text: fmt.Sprintf("00002016: Modify of RDN '%s' on %s not permitted, must use 'rename' operation instead", a.name, dn)}
	case a.name == "nTSecurityDescriptor":
		return unwilling("minidc: access rights are given with Delegate")
	}
	return done
}

// stepClass refuses to change what an object is.
func stepClass(c change) result {
	for _, v := range c.values {
		if classes[strings.ToLower(v)] == nil {
			return result{code: noSuchAttribute, text: "0000200A: objectclass " + v + " is not a valid objectClass in schema"}
		}
	}
	return result{code: objectClassViolation, text: "0000207D: objectclass: minidc keeps the class of an object"}
}

func (m *modification) stepValues(a *attribute, c change) result {
	key := strings.ToLower(a.name)
	dn := m.target.dn()
	have := slices.Clone(m.draft.get(key))
	switch c.op {
	case 0:
		for _, v := range c.values {
			if containsValue(a, have, v) {
				if m.permissive {
					continue
				}
				if a.is(multi) {
					return result{code: attributeExists, text: fmt.Sprintf("attribute '%s': value #0 on '%s' already exists", a.name, dn)}
				}
			}
			have = append(have, v)
		}
	case 1:
		if len(have) == 0 && !m.permissive {
			return result{code: noSuchAttribute, text: fmt.Sprintf("attribute '%s': no such attribute for delete on '%s'", a.name, dn)}
		}
		if len(c.values) == 0 {
			have = nil
		}
		for _, v := range c.values {
			i := slices.IndexFunc(have, func(h string) bool { return sameValue(a, h, v) })
			if i >= 0 {
				have = slices.Delete(have, i, i+1)
			} else if !m.permissive {
				return result{code: noSuchAttribute, text: fmt.Sprintf("attribute '%s': no matching attribute value while deleting attribute on '%s'", a.name, dn)}
			}
		}
	case 2:
		have = slices.Clone(c.values)
	default:
		return result{code: protocolError, text: "minidc: no such modification"}
	}
	if len(have) > 1 && !a.is(multi) {
		return result{code: attributeExists, text: fmt.Sprintf("0000200D: SINGLE-VALUE attribute %s on %s specified more than once", a.name, dn)}
	}
	m.draft.set(key, have...)
	return done
}

func (m *modification) stepLink(a *attribute, c change) result {
	key := strings.ToLower(a.name)
	var targets []*entry
	for _, v := range c.values {
		t, _ := m.s.dir.far(v)
		if t == nil {
			return noTarget(a)
		}
		targets = append(targets, t)
	}
	have := m.draft.links[key]
	switch c.op {
	case 0:
		for _, t := range targets {
			if res := m.mayAdd(a, have, t); !res.ok() {
				return res
			}
			if !slices.Contains(have, t) {
				have = append(have, t)
			}
		}
	case 1:
		for _, t := range targets {
			i := slices.Index(have, t)
			if i < 0 && !m.permissive {
				return unwilling0(fmt.Sprintf("Attribute %s doesn't exist for target GUID %s", a.name, t.guid))
			}
			if i >= 0 {
				have = slices.Delete(have, i, i+1)
			}
		}
		if len(targets) == 0 {
			if len(have) == 0 && !m.permissive {
				return result{code: noSuchAttribute, text: fmt.Sprintf("attribute '%s': no such attribute for delete on '%s'", a.name, m.target.dn())}
			}
			have = nil
		}
	default:
		have = targets
	}
	if len(have) > 1 && !a.is(multi) {
		return result{code: attributeExists, text: fmt.Sprintf("0000200D: SINGLE-VALUE attribute %s on %s specified more than once", a.name, m.target.dn())}
	}
	m.draft.links[key] = have
	return done
}

func unwilling0(text string) result { return result{code: unwillingToPerform, text: text} }

func noTarget(a *attribute) result {
	if a.name == "member" {
		return result{code: noSuchObject, text: "00000525: specified dn doesn't exist at ../../source4/dsdb/samdb/ldb_modules/extended_dn_store.c:160:extended_dn_handle_fpo_attr"}
	}
	return result{code: constraintViolation, text: "000020B5: Referenced object not found at ../../source4/dsdb/samdb/ldb_modules/extended_dn_store.c:357:extended_replace_callback"}
}

// mayAdd refuses a link that is there already, in one way or another.
func (m *modification) mayAdd(a *attribute, have []*entry, t *entry) result {
	switch {
	case m.permissive:
	case slices.Contains(have, t):
		return result{code: entryAlreadyExists, text: fmt.Sprintf("Attribute %s already exists for target GUID %s", a.name, t.guid)}
	case a.name == "member" && m.s.dir.primaryGroup(t) == m.target:
		return result{code: entryAlreadyExists, text: fmt.Sprintf("00002071: samldb: member %s already set via primaryGroupID %d", t.dn(), m.target.sid.rid())}
	}
	return done
}

// refer sends a writer to a controller that takes writes.
func (s *Server) refer(e *entry) result {
	host := s.dir.writableHost()
	return result{
		code:     referralCode,
		text:     "0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: '" + host + "'\n",
		referral: []string{"ldap://" + host + "/" + e.dn()},
	}
}
