package minidc

import (
	"slices"
	"strconv"
	"strings"
)

// view is the directory as one identity sees it on one controller.
type view struct {
	srv *Server
	who identity
}

// values are what an attribute holds that is not constructed; key is its
// lower-case name. nil stands for absent and for unreadable alike.
func (v view) values(e *entry, key string) []string {
	a := attributes[key]
	if a == nil || a.is(secret) || !v.mayRead(e, a) {
		return nil
	}
	switch {
	case a.syntax == link:
		return names(v.srv.dir.known(e, key))
	case a.is(local):
		return v.srv.localValues(e, key)
	}
	switch key {
	case "distinguishedname":
		return []string{e.dn()}
	case "objectguid":
		return []string{string(e.guid[:])}
	case "objectsid":
		if e.sid == "" {
			return nil
		}
		return []string{string(e.sid)}
	case "objectcategory":
		return []string{v.srv.dir.categoryDN(e.first(key))}
	}
	return e.get(key)
}

func names(list []*entry) []string {
	var out []string
	for _, e := range list {
		out = append(out, e.dn())
	}
	return out
}

// categoryDN is the name of a class in the schema.
func (d *directory) categoryDN(c string) string {
	if strings.Contains(c, "=") {
		return c
	}
	return "CN=" + c + ",CN=Schema," + d.configDN()
}

// localValues are what this controller keeps of an account for itself.
func (s *Server) localValues(e *entry, key string) []string {
	if !e.isUser() {
		return nil
	}
	n := s.counts[e]
	if n == nil {
		n = &count{}
	}
	switch key {
	case "badpwdcount":
		return []string{strconv.Itoa(n.bad)}
	case "badpasswordtime":
		return []string{strconv.FormatInt(n.badTime, 10)}
	}
	return []string{"0"}
}

// construct computes an attribute that is only given when asked for by name.
func (v view) construct(e *entry, key string) []string {
	if !v.mayRead(e, attributes[key]) {
		return nil
	}
	d := v.srv.dir
	one := func(n int64) []string { return []string{strconv.FormatInt(n, 10)} }
	switch key {
	case "allowedattributeseffective":
		return v.who.writable(e)
	case "sdrightseffective":
		return one(v.who.security(e))
	case "canonicalname":
		return []string{e.canonical(d.cfg.Domain)}
	case "structuralobjectclass":
		return e.get("objectclass")
	case "createtimestamp":
		return e.get("whencreated")
	case "modifytimestamp":
		return e.get("whenchanged")
	case "subschemasubentry":
		return []string{"CN=Aggregate,CN=Schema," + d.configDN()}
	case "parentguid":
		if e.parent != nil {
			return []string{string(e.parent.guid[:])}
		}
	case "primarygrouptoken":
		if e.is("group") {
			return one(int64(e.sid.rid()))
		}
	case "msds-isrodc":
		return v.srv.isRODC(e)
	}
	if e.isUser() {
		return v.constructUser(e, key, one)
	}
	return nil
}

func (v view) constructUser(e *entry, key string, one func(int64) []string) []string {
	d := v.srv.dir
	switch key {
	case "msds-keyversionnumber":
		if !e.cred.set {
			return nil
		}
		return one(int64(e.cred.version))
	case "msds-user-account-control-computed":
		return one(d.computedControl(e))
	case "msds-userpasswordexpirytimecomputed":
		return one(d.passwordExpires(e, d.policyFor(e)))
	case "msds-resultantpso":
		if p := d.resultantPSO(e); p != nil {
			return []string{p.dn()}
		}
	case "tokengroups", "tokengroupsnogcacceptable":
		return sidsOf(d.groupsOf(e))
	case "tokengroupsglobalanduniversal":
		return sidsOf(slices.DeleteFunc(d.groupsOf(e), func(g *entry) bool { return g.number("grouptype")&groupLocal != 0 }))
	}
	return nil
}

func sidsOf(groups []*entry) []string {
	var out []string
	for _, g := range groups {
		out = append(out, string(g.sid))
	}
	return out
}

// computedControl is msDS-User-Account-Control-Computed (MS-ADTS 3.1.1.4.5.17):
// what userAccountControl can't say, locked and expired.
func (d *directory) computedControl(e *entry) int64 {
	var bits int64
	p := d.policyFor(e)
	if d.locked(e, p) {
		bits |= uacLockout
	}
	if d.expired(e, p) {
		bits |= uacExpired
	}
	return bits
}

// isRODC answers for the objects that stand for a controller.
func (s *Server) isRODC(e *entry) []string {
	if !e.is("computer") && !e.is("server") && !e.is("applicationSettings") {
		return nil
	}
	for _, dc := range s.dir.dcs {
		if dc.dsa == e || dc.dsa.parent == e || slices.Contains(dc.dsa.parent.links["serverreference"], e) {
			return []string{strings.ToUpper(strconv.FormatBool(dc.cfg.ReadOnly))}
		}
	}
	return []string{"FALSE"}
}

// Get reads an attribute, a computed one too, as an administrator sees it on
// this controller. Octets come as they are.
func (s *Server) Get(dn, attribute string) []string {
	s.dir.mu.Lock()
	defer s.dir.mu.Unlock()
	e, _ := s.dir.find(dn)
	if e == nil {
		return nil
	}
	v := view{s, s.dir.identify(s.dir.bySID(s.dir.domain.child(500)))}
	key := strings.ToLower(attribute)
	if a := attributes[key]; a != nil && a.is(constructed) {
		return v.construct(e, key)
	}
	return slices.Clone(v.values(e, key))
}
