package minidc

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// addition is an add request on its way.
type addition struct {
	d      *directory
	dn     string
	parent *entry
	entry  *entry
	cred   *string // the password to set
	// mustChange: the request itself says pwdLastSet 0.
	mustChange bool
}

// add serves an add request. Only administrators may.
func (s *Server) add(who identity, dn string, attrs []change) result {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	path, err := parseDN(dn)
	if err != nil || len(path) == 0 {
		return result{code: invalidDNSyntax, text: "00002032: ldb_add: invalid dn '(null)'"}
	}
	if s.cfg.ReadOnly {
		return s.refer(d.root)
	}
	a := &addition{d: d, dn: dn, parent: d.walkDown(path[1:])}
	if a.parent == nil {
		return result{code: noSuchObject, text: fmt.Sprintf("00002030: objectclass: Cannot add %s, parent does not exist!", dn)}
	}
	if !who.admin() {
		return result{code: insufficientRights, text: "acl: unable to get access to " + dn + "\n"}
	}
	if res := a.build(path[0], attrs); !res.ok() {
		return res
	}
	if a.parent.byRDN[a.entry.rdn.key()] != nil {
		return result{code: entryAlreadyExists, text: "Entry " + dn + " already exists"}
	}
	a.commit()
	return done
}

// build makes the entry from the request's attributes and the class's defaults.
func (a *addition) build(name rdn, attrs []change) result {
	c, res := a.class(attrs)
	if !res.ok() {
		return res
	}
	if !strings.EqualFold(name.typ, c.rdn) {
		return result{code: objectClassViolation, text: fmt.Sprintf("00002014: objectclass_attrs: at least one mandatory attribute ('%s') on entry '%s' wasn't specified!", strings.ToLower(c.rdn), a.dn)}
	}
	a.entry = a.d.newEntry(name, c)
	for _, at := range attrs {
		if res := a.take(at, name); !res.ok() {
			return res
		}
	}
	if c.name == "msDS-GroupManagedServiceAccount" && a.entry.first("msds-managedpasswordinterval") == "" {
		return result{code: objectClassViolation, text: fmt.Sprintf("00002014: objectclass_attrs: at least one mandatory attribute ('msDS-ManagedPasswordInterval') on entry '%s' wasn't specified!", a.dn)}
	}
	return a.complete()
}

// class finds the most specific class that the request names.
func (a *addition) class(attrs []change) (*class, result) {
	var best *class
	for _, at := range attrs {
		if !strings.EqualFold(at.name, "objectClass") {
			continue
		}
		for _, v := range at.values {
			c := classes[strings.ToLower(v)]
			if c == nil {
				return nil, result{code: noSuchAttribute, text: "0000200A: objectclass " + v + " is not a valid objectClass in schema"}
			}
			if best == nil || len(c.chain) > len(best.chain) {
				best = c
			}
		}
	}
	if best == nil {
		return nil, result{code: objectClassViolation, text: fmt.Sprintf("00002014: objectclass: Cannot add %s, no objectclass specified!", a.dn)}
	}
	return best, done
}

// take checks one attribute of the request and puts it into the entry.
func (a *addition) take(c change, name rdn) result {
	at := attributes[strings.ToLower(c.name)]
	on := fmt.Sprintf("objectclass_attrs: attribute '%s' on entry '%s' ", c.name, a.dn)
	switch {
	case at == nil:
		return result{code: noSuchAttribute, text: "0000200A: " + on + "was not found in the schema!"}
	case len(c.values) == 0:
		return result{code: invalidSyntax, text: fmt.Sprintf("Element %s has empty attribute in ldb message (%s)!", c.name, a.dn)}
	case !bounded(c, a.dn).ok():
		return bounded(c, a.dn)
	case at.name == "objectClass":
		return done
	case at.name == "objectSid":
		return unwilling("samldb: objectSid must not be specified!")
	case at.is(onAdd):
		return unwilling("replmd_add: it's not allowed to add an object with " + at.name + "!")
	case strings.EqualFold(at.name, name.typ) && fold(c.values[0]) != fold(name.value):
		return result{code: invalidDNSyntax, text: fmt.Sprintf("00002032: RDN mismatch on %s: %s (%s) should match one of: (%s)", a.dn, name.typ, name.value, c.values[0])}
	case strings.EqualFold(at.name, name.typ), at.name == "name":
		return done
	case at.name == "unicodePwd":
		return a.takePassword(c.values[0])
	case at.is(backLink), at.is(systemOnly), at.is(constructed):
		return result{code: constraintViolation, text: "0000202F: " + on + "can only be modified as system"}
	case at.syntax == link:
		return a.takeLinks(at, c.values)
	case len(c.values) > 1 && !at.is(multi):
		return result{code: attributeExists, text: fmt.Sprintf("0000200D: SINGLE-VALUE attribute %s on %s specified more than once", at.name, a.dn)}
	}
	a.entry.set(at.name, c.values...)
	a.mustChange = a.mustChange || at.name == "pwdLastSet" && c.values[0] == "0"
	return done
}

func (a *addition) takePassword(v string) result {
	value, ok := unquote(v)
	if !ok {
		return unwilling("setup_io: it's not allowed to set the NT hash password directly'")
	}
	a.cred = &value
	return checkRules(value, a.d.domainPolicy())
}

func (a *addition) takeLinks(at *attribute, values []string) result {
	if a.entry.links == nil {
		a.entry.links = map[string][]*entry{}
	}
	for _, v := range values {
		t, _ := a.d.far(v)
		if t == nil {
			return noTarget(at)
		}
		key := strings.ToLower(at.name)
		a.entry.links[key] = append(a.entry.links[key], t)
	}
	return done
}

// complete sets what an account or group has by default, and checks it.
func (a *addition) complete() result {
	e := a.entry
	if e.isUser() || e.is("group") {
		if e.first("samaccountname") == "" {
			e.set("sAMAccountName", generatedName())
		}
		if res := a.d.checkSAM(e.first("samaccountname"), nil); !res.ok() {
			return res
		}
		if res := a.d.checkUPN(e.first("userprincipalname"), nil); !res.ok() {
			return res
		}
		e.sid = a.d.newRID()
	}
	if e.isUser() && !e.is("computer") && e.number("useraccountcontrol")&uacWorkstation != 0 {
		return result{code: objectClassViolation, text: "0000217C: samldb: UF_WORKSTATION_TRUST_ACCOUNT requires objectclass 'computer'!"}
	}
	a.d.defaults(e)
	return done
}

// defaults fills in what the system sets on a new object.
func (d *directory) defaults(e *entry) {
	unset := func(name, v string) {
		if e.first(strings.ToLower(name)) == "" {
			e.set(name, v)
		}
	}
	unset("objectCategory", e.class.category)
	switch {
	case e.isUser():
		uac, group, kind := "546", "513", "805306368"
		if e.is("computer") {
			uac, group, kind = "4130", "515", "805306369"
		}
		unset("userAccountControl", uac)
		unset("primaryGroupID", group)
		unset("codePage", "0")
		unset("countryCode", "0")
		unset("accountExpires", strconv.FormatInt(neverExpires, 10))
		unset("pwdLastSet", "0")
		e.set("sAMAccountType", kind)
	case e.is("group"):
		unset("groupType", "-2147483646")
		e.set("sAMAccountType", groupAccountType(e.number("grouptype")))
	}
}

// groupAccountType is sAMAccountType by groupType (MS-ADTS 3.1.1.5.2.3).
func groupAccountType(groupType int64) string {
	local := groupType&groupLocal != 0
	security := int32(groupType)&groupSecurity != 0
	switch {
	case local && security:
		return "536870912"
	case local:
		return "536870913"
	case security:
		return "268435456"
	}
	return "268435457"
}

// generatedName is the account name of an object that was given none.
func generatedName() string {
	var b [12]byte
	rand.Read(b[:])
	return fmt.Sprintf("$%08X-%X", binary.BigEndian.Uint32(b[:4]), b[4:])
}

// commit puts the entry into the tree.
func (a *addition) commit() {
	e := a.entry
	links := e.links
	e.links = nil
	a.d.insert(a.parent, e)
	e.relink(links)
	if a.cred != nil {
		a.d.setPassword(e, *a.cred)
		if a.mustChange {
			e.set("pwdLastSet", "0")
		}
	}
}
