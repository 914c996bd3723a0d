package minidc

import (
	"fmt"
	"strings"
)

// remove serves a delete request. Only administrators may.
func (s *Server) remove(who identity, dn string, tree bool) result {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e, bad := d.find(dn)
	switch {
	case bad:
		return result{code: invalidDNSyntax, text: "00002032: ldb_delete: invalid dn '(null)'"}
	case e == nil:
		return result{code: noSuchObject, text: fmt.Sprintf("00002030: objectclass: Cannot delete %s, entry does not exist!", dn)}
	case s.cfg.ReadOnly:
		return s.refer(e)
	case !who.admin():
		return result{code: insufficientRights, text: "dsdb_access: Access check failed on " + e.container().dn()}
	case e.parent == nil || e.first("iscriticalsystemobject") == "TRUE":
		return unwilling("objectclass: Cannot delete " + dn + ", it's a critical system object!")
	case len(e.children) > 0 && !tree:
		return result{code: notAllowedOnNonLeaf, text: fmt.Sprintf("00002015: subtree_delete: Unable to delete a non-leaf node (it has %d children)!", len(e.children))}
	}
	d.remove(e)
	return done
}

// container is the object above, or the head itself.
func (e *entry) container() *entry {
	if e.parent == nil {
		return e
	}
	return e.parent
}

// rename serves a modify DN request. Only administrators may.
func (s *Server) rename(who identity, r rename) result {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e, bad := d.find(r.dn)
	name, err := parseDN(r.rdn)
	switch {
	case bad || err != nil || len(name) != 1:
		return result{code: invalidDNSyntax, text: "00002032: ldb_rename: invalid dn '(null)'"}
	case e == nil:
		return result{code: noSuchObject, text: fmt.Sprintf("00002030: objectclass: Cannot rename %s, entry does not exist!", r.dn)}
	case s.cfg.ReadOnly:
		return s.refer(e)
	case !who.admin():
		return result{code: insufficientRights, text: "00002098: Object " + e.dn() + " has no wp on name\n"}
	case !r.deleteOld:
		return unwilling("Unwilling to perform. Old RDN must be deleted")
	case e.parent == nil:
		return unwilling("objectclass: Cannot rename a naming context")
	}
	under := e.parent
	if r.move {
		if under, _ = d.find(r.under); under == nil {
			return result{code: otherError, text: "00002030: objectclass: Cannot rename " + r.dn + ", parent does not exist!"}
		}
	}
	return d.move(e, under, name[0])
}

// move gives an object another name, parent, or both.
func (d *directory) move(e, under *entry, name rdn) result {
	if !strings.EqualFold(name.typ, e.rdn.typ) {
		return unwilling(fmt.Sprintf("objectclass: Invalid RDN '%s' for objectclass '%s'!", name.typ, e.class.name))
	}
	if under.inSubtree(e) {
		return unwilling("objectclass: Cannot move an object below itself")
	}
	if other := under.byRDN[name.key()]; other != nil && other != e {
		return result{code: entryAlreadyExists, text: "Entry " + other.dn() + " already exists"}
	}
	d.detach(e)
	e.rdn.value = name.value
	e.set(e.rdn.typ, name.value)
	e.set("name", name.value)
	d.insert(under, e)
	return done
}

// compare serves a compare request.
func (s *Server) compare(who identity, dn, name, v string) result {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	e, res := d.lookup(dn, "ldb_search")
	if !res.ok() {
		return res
	}
	f := &filter{op: opEqual, attr: strings.ToLower(name), value: v}
	view := view{s, who}
	switch {
	case view.values(e, f.attr) == nil:
		return result{code: noSuchAttribute, text: "00000057: LdapErr: DSID-0C090FC6, comment: Error in attribute conversion operation, data 0, v1db1"}
	case view.matches(e, f):
		return result{code: compareTrue}
	}
	return result{code: compareFalse}
}
