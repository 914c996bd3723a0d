package minidc

import (
	"crypto/rand"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// directory is what all controllers of a domain share. Every exported door
// takes mu; whatever is below it expects mu to be held.
type directory struct {
	mu      *sync.Mutex  // one for the whole forest
	top     *directory   // the forest's root domain
	domains []*directory // of the forest, the root's first; kept by top
	cfg     Config
	domain  sid
	root    *entry // the domain's head
	byGUID  map[GUID]*entry
	sids    map[sid]*entry
	nextID  uint32
	usn     int64
	dcs     []*Server
	watch   map[*watcher]struct{}
	hides   bool // some attribute may not be read by somebody
}

func newDirectory(cfg Config) *directory { return newDirectoryIn(cfg, nil) }

// newDirectoryIn makes a domain of a forest, or the first one of a new forest;
// top.mu is held.
func newDirectoryIn(cfg Config, top *directory) *directory {
	var b [12]byte
	rand.Read(b[:])
	u := func(i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) | 1<<28 }
	d := &directory{
		cfg:    cfg,
		domain: newSID(5, 21, u(0), u(4), u(8)),
		byGUID: map[GUID]*entry{},
		sids:   map[sid]*entry{},
		nextID: 1103,
		watch:  map[*watcher]struct{}{},
	}
	if d.top = top; top == nil {
		d.top, d.mu = d, new(sync.Mutex)
	} else {
		d.mu = top.mu
	}
	d.top.domains = append(d.top.domains, d)
	d.seed()
	return d
}

func (d *directory) now() time.Time { return d.cfg.Now() }

// baseDN is the domain's name, DC=corp,DC=example,DC=test.
func (d *directory) baseDN() string { return d.root.suffix }

// configDN is the configuration, which is the forest's.
func (d *directory) configDN() string { return "CN=Configuration," + d.top.baseDN() }

func domainDN(domain string) string { return "DC=" + strings.ReplaceAll(domain, ".", ",DC=") }

// find looks an object up by any form of its name: a distinguished name,
// <GUID=…>, <SID=…> or <WKGUID=…,…>. bad says that it is no name at all.
func (d *directory) find(name string) (e *entry, bad bool) {
	if strings.HasPrefix(name, "<") {
		return d.findExtended(name)
	}
	path, err := parseDN(name)
	if err != nil || len(path) == 0 {
		return nil, true
	}
	return d.walkDown(path), false
}

// walkDown follows a parsed name from the domain's head.
func (d *directory) walkDown(path []rdn) *entry {
	if d != d.top && under(path, "CN=Configuration,"+d.top.baseDN()) {
		return d.top.walkDown(path)
	}
	head, _ := parseDN(d.root.suffix)
	if len(path) < len(head) {
		return nil
	}
	cut := len(path) - len(head)
	for i, r := range head {
		if path[cut+i].key() != r.key() {
			return nil
		}
	}
	e := d.root
	for i := cut - 1; i >= 0 && e != nil; i-- {
		e = e.byRDN[path[i].key()]
	}
	return e
}

// wellKnown maps the numbers of well-known containers to their names.
var wellKnown = map[string]string{
	"A9D1CA15768811D1ADED00C04FD8D5CD": "CN=Users",
	"AA312825768811D1ADED00C04FD8D5CD": "CN=Computers",
	"AB1D30F3768811D1ADED00C04FD8D5CD": "CN=System",
	"A361B2FFFFD211D1AA4B00C04FD7D83A": "OU=Domain Controllers",
}

func (d *directory) findExtended(name string) (e *entry, bad bool) {
	kind, arg, ok := strings.Cut(strings.TrimSuffix(name[1:], ">"), "=")
	if !ok || !strings.HasSuffix(name, ">") {
		return nil, true
	}
	switch strings.ToUpper(kind) {
	case "GUID":
		g, ok := parseGUID(arg)
		return d.byGUID[g], !ok
	case "SID":
		s, ok := parseSID(arg)
		return d.bySID(s), !ok
	case "WKGUID":
		id, _, _ := strings.Cut(arg, ",")
		if at := wellKnown[strings.ToUpper(id)]; at != "" {
			return d.find(at + "," + d.baseDN())
		}
		return nil, false
	}
	return nil, true
}

// search visits every object of every naming context until f says stop.
func (d *directory) search(f func(*entry) bool) *entry {
	for _, e := range d.byGUID {
		if f(e) {
			return e
		}
	}
	return nil
}

func (d *directory) bySID(s sid) *entry { return d.sids[s] }

// byText finds the object with this value of a text attribute.
func (d *directory) byText(name, v string) *entry {
	v = fold(v)
	return d.search(func(e *entry) bool {
		have := e.get(name)
		return len(have) > 0 && fold(have[0]) == v
	})
}

// stamp records a change for whenChanged and the watchers.
func (d *directory) stamp(e *entry) {
	d.usn++
	e.set("whenChanged", generalized(d.now()))
	e.set("uSNChanged", strconv.FormatInt(d.usn, 10))
	d.notify(e)
}

// insert puts a finished entry below its parent.
func (d *directory) insert(parent *entry, e *entry) {
	e.parent = parent
	if parent.byRDN == nil {
		parent.byRDN = map[string]*entry{}
	}
	parent.byRDN[e.rdn.key()] = e
	parent.children = append(parent.children, e)
	d.byGUID[e.guid] = e
	if e.sid != "" {
		d.sids[e.sid] = e
	}
	d.stamp(e)
}

// detach takes an entry out of its parent, keeping links and indexes.
func (d *directory) detach(e *entry) {
	p := e.parent
	delete(p.byRDN, e.rdn.key())
	p.children = slices.DeleteFunc(slices.Clone(p.children), func(x *entry) bool { return x == e })
}

// remove deletes an entry for good, with every link to and from it.
func (d *directory) remove(e *entry) {
	for _, c := range slices.Clone(e.children) {
		d.remove(c)
	}
	for name, list := range e.links {
		for _, t := range slices.Clone(list) {
			e.unlink(name, t)
		}
	}
	for name, list := range e.back {
		for _, from := range slices.Clone(list) {
			from.unlink(name, e)
		}
	}
	d.detach(e)
	delete(d.byGUID, e.guid)
	delete(d.sids, e.sid)
	for _, s := range d.dcs {
		delete(s.counts, e)
	}
	d.usn++
}

// newEntry makes an object of a class with what the system sets itself.
func (d *directory) newEntry(name rdn, c *class) *entry {
	e := &entry{rdn: rdn{c.rdn, name.value}, class: c, guid: newGUID()}
	if c.rdn != name.typ && !strings.EqualFold(c.rdn, name.typ) {
		e.rdn.typ = strings.ToUpper(name.typ)
	}
	d.usn++
	now := generalized(d.now())
	e.set("objectClass", c.chain...)
	e.set(e.rdn.typ, name.value)
	e.set("instanceType", "4")
	e.set("whenCreated", now)
	e.set("whenChanged", now)
	e.set("uSNCreated", strconv.FormatInt(d.usn, 10))
	e.set("uSNChanged", strconv.FormatInt(d.usn, 10))
	e.set("name", name.value)
	return e
}

// newRID hands out the next relative identifier of the domain.
func (d *directory) newRID() sid {
	d.nextID++
	return d.domain.child(d.nextID)
}
