package minidc

import (
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Controls of searches.
const (
	oidNotify        = "1.2.840.113556.1.4.528"
	oidPaging        = "1.2.840.113556.1.4.319"
	oidSort          = "1.2.840.113556.1.4.473"
	oidSDFlags       = "1.2.840.113556.1.4.801"
	oidDomainScope   = "1.2.840.113556.1.4.1339"
	oidSearchOptions = "1.2.840.113556.1.4.1340"
)

const (
	scopeBase = iota
	scopeOne
	scopeSub
)

// searchRequest is one decoded search.
type searchRequest struct {
	base      string
	scope     int
	typesOnly bool
	filter    *filter
	attrs     []string // lower case
	sdParts   int      // parts of nTSecurityDescriptor asked for by control
	sdAsked   bool
	sortBy    string
	noRefs    bool
	extended  bool // names with GUID and SID
}

func parseSearch(req *request) (*searchRequest, error) {
	p := req.op
	if len(p.Children) != 8 {
		return nil, errMessage
	}
	s := &searchRequest{sdParts: sdOwner | sdGroup | sdDACL | sdSACL}
	var ok [6]bool
	s.base, ok[0] = str(p.Children[0])
	s.scope, ok[1] = num(p.Children[1])
	_, ok[2] = num(p.Children[3])
	_, ok[3] = num(p.Children[4])
	s.typesOnly, ok[4] = flag(p.Children[5])
	s.attrs, ok[5] = strs(p.Children[7])
	if ok != [6]bool{true, true, true, true, true, true} {
		return nil, errMessage
	}
	for i, a := range s.attrs {
		s.attrs[i] = strings.ToLower(a)
	}
	var err error
	if s.filter, err = parseFilter(p.Children[6]); err != nil {
		return nil, err
	}
	return s, s.controls(req)
}

// controls reads the controls that shape a search.
func (s *searchRequest) controls(req *request) error {
	s.noRefs = req.control(oidDomainScope) != nil
	var err error
	if s.extended, err = parseExtendedDN(req); err != nil {
		return err
	}
	if c := req.control(oidSDFlags); c != nil {
		p, err := decode([]byte(c.value))
		if err != nil || len(p.Children) != 1 {
			return errMessage
		}
		n, ok := num(p.Children[0])
		if !ok {
			return errMessage
		}
		s.sdParts, s.sdAsked = n, true
	}
	if c := req.control(oidSort); c != nil {
		p, err := decode([]byte(c.value))
		if err != nil || len(p.Children) == 0 || len(p.Children[0].Children) == 0 {
			return errMessage
		}
		name, ok := str(p.Children[0].Children[0])
		if !ok {
			return errMessage
		}
		s.sortBy = strings.ToLower(name)
	}
	return nil
}

// search serves a search request, with its entries, references and end.
func (c *conn) search(req *request) bool {
	s, err := parseSearch(req)
	if err != nil {
		return false
	}
	if s.base == "" && s.scope == scopeBase {
		return c.rootDSE(req, s)
	}
	end := func(r result, controls ...*ber.Packet) bool {
		return c.send(message(req.id, r.answer(tagSearchDone), controls...))
	}
	if c.user.anonymous() {
		return end(result{code: operationsError, text: "00002020: Operation unavailable without authentication"})
	}
	if req.control(oidNotify) != nil {
		return c.watch(req, s, end)
	}
	if paging := req.control(oidPaging); paging != nil {
		return c.searchPage(req, s, paging, end)
	}
	found, refs, res := c.srv.find(c.user, s)
	if !res.ok() {
		return end(res)
	}
	for _, op := range append(found, refs...) {
		if !c.send(message(req.id, op)) {
			return false
		}
	}
	return end(done)
}

// find runs a search and encodes what it found.
func (s *Server) find(who identity, q *searchRequest) (found, refs []*ber.Packet, res result) {
	d := s.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	v := view{s, who}
	base, res := d.searchBase(q)
	if !res.ok() {
		return nil, nil, res
	}
	if q.filter.broken() || q.scope != scopeBase && q.wants("tokengroups") {
		return nil, nil, result{code: operationsError, text: "00002020: Indexed and full searches both failed!\n"}
	}
	var hits []*entry
	consider := func(e *entry) {
		if v.matches(e, q.filter) {
			hits = append(hits, e)
		}
	}
	switch q.scope {
	case scopeBase:
		consider(base)
	case scopeOne:
		for _, e := range base.children {
			if !e.head {
				consider(e)
			}
		}
	default:
		base.walk(consider)
	}
	v.order(hits, q.sortBy)
	for _, e := range hits {
		found = append(found, v.encode(e, q))
	}
	return found, d.references(base, q), done
}

func (q *searchRequest) wants(name string) bool { return slices.Contains(q.attrs, name) }

// searchBase finds the object that a search starts from, or says in Samba's
// words why there is none.
func (d *directory) searchBase(q *searchRequest) (*entry, result) {
	if q.scope > scopeSub {
		return nil, result{code: protocolError, text: "00002021: Protocol error. Invalid scope"}
	}
	if q.base == "" {
		return nil, result{code: noSuchObject, text: "empty base DN at ../../source4/dsdb/samdb/ldb_modules/partition.c:821"}
	}
	e, res := d.lookup(q.base, "ldb_search")
	switch {
	case res.code == invalidDNSyntax:
		res.text = "00002032: ldb_search: invalid basedn '(null)'"
	case res.code == noSuchObject && !strings.HasPrefix(q.base, "<"):
		res.text = "acl_read: Error retrieving instanceType for base. at ../../source4/dsdb/samdb/ldb_modules/acl_read.c:967"
	}
	return e, res
}

// references point to the naming contexts below the domain's head.
func (d *directory) references(base *entry, q *searchRequest) []*ber.Packet {
	if base != d.root || q.scope == scopeBase || q.noRefs {
		return nil
	}
	tail := ""
	if q.scope == scopeOne {
		tail = "??base"
	}
	var out []*ber.Packet
	for _, nc := range []string{"CN=Configuration", "DC=DomainDnsZones", "DC=ForestDnsZones"} {
		p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tagSearchReference, nil, "")
		p.AppendChild(octetString("ldaps://" + d.cfg.Domain + "/" + nc + "," + d.baseDN() + tail))
		out = append(out, p)
	}
	return out
}

// order sorts by an attribute when the client asked for it.
func (v view) order(hits []*entry, by string) {
	a := attributes[by]
	if a == nil {
		return
	}
	key := func(e *entry) string {
		if l := v.values(e, by); len(l) > 0 {
			return l[0]
		}
		return "\uffff"
	}
	slices.SortStableFunc(hits, func(x, y *entry) int { return compareValues(a, key(x), key(y)) })
}

// encode makes the SearchResultEntry of an object.
func (v view) encode(e *entry, q *searchRequest) *ber.Packet {
	list := ber.NewSequence("")
	for _, key := range v.selection(e, q) {
		values := v.asked(e, key, q)
		if len(values) == 0 {
			continue
		}
		if q.typesOnly {
			values = nil
		}
		list.AppendChild(sequence(octetString(attributes[key].name), setOf(values)))
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tagSearchEntry, nil, "")
	p.AppendChild(octetString(e.dn()))
	p.AppendChild(list)
	return p
}

// selection lists the attributes to show: those named, and for * or nothing
// every stored one.
func (v view) selection(e *entry, q *searchRequest) []string {
	var out []string
	all := len(q.attrs) == 0
	for _, name := range q.attrs {
		if name == "*" {
			all = true
		} else if attributes[name] != nil && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if !all {
		return out
	}
	for _, name := range e.stored() {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if q.sdAsked && !slices.Contains(out, "ntsecuritydescriptor") {
		out = append(out, "ntsecuritydescriptor")
	}
	return out
}

// stored names the attributes that an object has without being asked.
func (e *entry) stored() []string {
	out := []string{"objectclass"}
	for _, a := range e.attrs {
		if a.key != "objectclass" {
			out = append(out, a.key)
		}
	}
	for name := range e.links {
		out = append(out, name)
	}
	for name, forward := range backLinks {
		if len(e.back[forward]) > 0 {
			out = append(out, name)
		}
	}
	out = append(out, "objectguid", "objectsid", "distinguishedname")
	if e.isUser() {
		out = append(out, "badpwdcount", "badpasswordtime", "lastlogoff", "lastlogon", "logoncount")
	}
	return out
}

// asked reads one attribute for a search.
func (v view) asked(e *entry, key string, q *searchRequest) []string {
	a := attributes[key]
	if key == "ntsecuritydescriptor" {
		return v.security(e, q)
	}
	if a.is(constructed) {
		return v.construct(e, key)
	}
	if a.syntax == link && q.extended && v.who.mayRead(e) {
		var out []string
		for _, x := range v.srv.dir.known(e, key) {
			out = append(out, x.extendedName())
		}
		return out
	}
	return v.values(e, key)
}

// security shows the security descriptor: to others than administrators only
// with the control, and never with the SACL.
func (v view) security(e *entry, q *searchRequest) []string {
	if !v.who.admin() && (!q.sdAsked || q.sdParts&sdSACL != 0 || !v.mayRead(e, attributes["ntsecuritydescriptor"])) {
		return nil
	}
	return []string{v.srv.dir.descriptor(e, q.sdParts)}
}

// unsupported returns the number of a critical control that is not offered.
func (s *Server) unsupported(req *request) string {
	for _, c := range req.controls {
		if c.critical && !slices.Contains(s.offered(), c.oid) {
			return c.oid
		}
	}
	return ""
}

// offered are the controls that the controller takes.
func (s *Server) offered() []string {
	out := []string{oidPermissive, oidNotify, oidPaging, oidSort, oidSDFlags, oidTreeDelete, oidDomainScope, oidSearchOptions, oidExtendedDN}
	if s.cfg.PolicyHints {
		out = append(out, oidPolicyHints, oidPolicyHintsOld)
	}
	return out
}
