package minidc

import (
	"strings"
)

// Child makes the first controller of a domain below this one, in the same
// forest: cfg.Domain ends in this domain's name. Links lead over the border in
// both directions, the configuration is shared, and the same authority signs
// the certificates. As on a controller that is no global catalog, a link is
// known only in the domain of the object that holds it: memberOf shows groups
// of the account's own domain, while tokenGroups holds the universal groups of
// every domain (MS-ADTS 3.1.1.4.5.19) and no local group of another one.
func (s *Server) Child(cfg Config) *Server {
	cfg.Now = s.cfg.Now
	if cfg.Host == "" {
		cfg.Host = "dc1." + cfg.Domain
	}
	if !strings.HasSuffix(cfg.Domain, "."+s.cfg.Domain) {
		panic("minidc: " + cfg.Domain + " is not below " + s.cfg.Domain)
	}
	s.dir.mu.Lock()
	d := newDirectoryIn(cfg.complete(), s.dir.top)
	s.dir.mu.Unlock()
	return newController(cfg.complete(), d, s.ca)
}

// far finds an object in any domain of the forest, as the target of a link.
func (d *directory) far(name string) (e *entry, bad bool) {
	if e, bad = d.find(name); e != nil || bad {
		return e, bad
	}
	for _, other := range d.top.domains {
		if e, _ := other.find(name); e != nil {
			return e, false
		}
	}
	return nil, false
}

func (d *directory) mustFindFar(name string) *entry {
	e, _ := d.far(name)
	if e == nil {
		panic("minidc: no such object: " + name)
	}
	return e
}

// owns tells whether the object lies in this domain or in the configuration.
func (d *directory) owns(e *entry) bool {
	for e.parent != nil {
		if e.rdn.key() == "CN=CONFIGURATION" && e.parent == d.top.root {
			return true
		}
		e = e.parent
	}
	return e == d.root
}

// known are the objects at the other end of a link, as far as a controller of
// this domain knows them: a link lives where the object does that holds it.
func (d *directory) known(e *entry, name string) []*entry {
	list := e.linked(name)
	if len(d.top.domains) == 1 {
		return list
	}
	if _, back := backLinks[name]; !back {
		if d.owns(e) {
			return list
		}
		return nil
	}
	var own []*entry
	for _, x := range list {
		if d.owns(x) {
			own = append(own, x)
		}
	}
	return own
}

// elsewhere refers a name of another domain of the forest to that domain (MS-ADTS
// 3.1.1.4.6); the deepest domain that holds it.
func (d *directory) elsewhere(dn string) (result, bool) {
	path, err := parseDN(dn)
	if err != nil || strings.HasPrefix(dn, "<") {
		return result{}, false
	}
	home := d
	for _, other := range d.top.domains {
		if under(path, other.baseDN()) && len(other.baseDN()) > len(home.baseDN()) || home == d && !under(path, d.baseDN()) && under(path, other.baseDN()) {
			home = other
		}
	}
	if home == d {
		return result{}, false
	}
	return result{
		code:     referralCode,
		text:     "0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: '" + home.cfg.Domain + "'\n",
		referral: []string{"ldap://" + home.cfg.Domain + "/" + dn},
	}, true
}

func under(path []rdn, base string) bool {
	head, _ := parseDN(base)
	if len(path) < len(head) {
		return false
	}
	for i, r := range head {
		if path[len(path)-len(head)+i].key() != r.key() {
			return false
		}
	}
	return true
}

// oidExtendedDN asks for names with GUID and SID (MS-ADTS 3.1.1.3.4.1.5).
const oidExtendedDN = "1.2.840.113556.1.4.529"

// parseExtendedDN reads the control: the string form is 1.
func parseExtendedDN(req *request) (asked bool, err error) {
	c := req.control(oidExtendedDN)
	if c == nil {
		return false, nil
	}
	p, err := decode([]byte(c.value))
	if err != nil || len(p.Children) != 1 {
		return false, errMessage
	}
	if form, ok := num(p.Children[0]); !ok || form != 1 {
		return false, errMessage
	}
	return true, nil
}

// extendedName is a link's target in the string form.
func (e *entry) extendedName() string {
	s := "<GUID=" + e.guid.String() + ">;"
	if e.sid != "" {
		s += "<SID=" + e.sid.String() + ">;"
	}
	return s + e.dn()
}
