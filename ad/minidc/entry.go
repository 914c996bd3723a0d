package minidc

import (
	"slices"
	"strconv"
	"strings"
)

// value is one attribute as an entry holds it, under its lower-case name.
type value struct {
	key  string
	list []string
}

// entry is one object. Names are not stored but follow from the tree, and
// links are references, so that a rename has nothing to repair.
type entry struct {
	rdn      rdn
	parent   *entry
	suffix   string // the rest of the name above a naming context's head
	head     bool   // a naming context of its own: searches from above stop here
	children []*entry
	byRDN    map[string]*entry

	guid  GUID
	sid   sid
	class *class
	attrs []value
	links map[string][]*entry // forward links by lower-case attribute name
	back  map[string][]*entry // by the forward link's name

	cred     credential
	aces     []ace
	isolated bool // inherits no rights (SE_DACL_PROTECTED)
	private  bool // nobody reads it without a right: the Password Settings Container
}

// credential is what a person signs in with.
type credential struct {
	set      bool
	password string
	history  []string // the latest first, without the current one
	version  int      // msDS-KeyVersionNumber
}

func (e *entry) dn() string {
	if e.parent == nil {
		return e.suffix
	}
	return e.rdn.String() + "," + e.parent.dn()
}

// canonical is the name as canonicalName writes it.
func (e *entry) canonical(domain string) string {
	if e.parent == nil {
		return domain + "/"
	}
	up := e.parent.canonical(domain)
	return strings.TrimSuffix(up, "/") + "/" + strings.ReplaceAll(e.rdn.value, "/", `\/`)
}

func (e *entry) get(name string) []string {
	for i := range e.attrs {
		if e.attrs[i].key == name {
			return e.attrs[i].list
		}
	}
	return nil
}

func (e *entry) first(name string) string {
	if v := e.get(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// number reads an integer attribute; 0 when absent.
func (e *entry) number(name string) int64 {
	n, _ := strconv.ParseInt(e.first(name), 10, 64)
	return n
}

// set replaces the values of an attribute; none removes it.
func (e *entry) set(name string, values ...string) {
	name = strings.ToLower(name)
	i := slices.IndexFunc(e.attrs, func(v value) bool { return v.key == name })
	switch {
	case i < 0 && len(values) > 0:
		e.attrs = append(e.attrs, value{name, values})
	case i >= 0 && len(values) == 0:
		e.attrs = slices.Delete(e.attrs, i, i+1)
	case i >= 0:
		e.attrs[i].list = values
	}
}

// is tells whether the entry has the class, itself or by inheritance.
func (e *entry) is(name string) bool {
	return e.class != nil && slices.ContainsFunc(e.class.chain, func(c string) bool { return strings.EqualFold(c, name) })
}

// linkTo adds a forward link and its back link.
func (e *entry) linkTo(name string, target *entry) {
	if slices.Contains(e.links[name], target) {
		return
	}
	if e.links == nil {
		e.links = map[string][]*entry{}
	}
	if target.back == nil {
		target.back = map[string][]*entry{}
	}
	e.links[name] = append(e.links[name], target)
	target.back[name] = append(target.back[name], e)
}

// unlink removes a forward link and its back link, when there is one.
func (e *entry) unlink(name string, target *entry) {
	if !slices.Contains(e.links[name], target) {
		return
	}
	drop := func(list []*entry, x *entry) []*entry {
		return slices.DeleteFunc(slices.Clone(list), func(y *entry) bool { return y == x })
	}
	if l := drop(e.links[name], target); len(l) == 0 {
		delete(e.links, name)
	} else {
		e.links[name] = l
	}
	if target.back[name] = drop(target.back[name], e); len(target.back[name]) == 0 {
		delete(target.back, name)
	}
}

// linked are the objects at the other end of a link or back link.
func (e *entry) linked(name string) []*entry {
	if f, ok := backLinks[name]; ok {
		return e.back[f]
	}
	return e.links[name]
}

// inSubtree tells whether e is top or below it, in the same naming context.
func (e *entry) inSubtree(top *entry) bool {
	for x := e; x != nil; x = x.parent {
		if x == top {
			return true
		}
		if x.head {
			return false
		}
	}
	return false
}

// walk visits e and what is below it in the same naming context.
func (e *entry) walk(visit func(*entry)) {
	visit(e)
	for _, c := range e.children {
		if !c.head {
			c.walk(visit)
		}
	}
}

// security tells whether a group counts for access (not a distribution list).
func (e *entry) security() bool {
	return e.is("group") && int32(e.number("grouptype"))&groupSecurity != 0
}

// isUser tells whether the entry is a person's account: inetOrgPerson is one.
func (e *entry) isUser() bool { return e.is("user") }
