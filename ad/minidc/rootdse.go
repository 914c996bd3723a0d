package minidc

import (
	"slices"
	"strconv"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// Capabilities (MS-ADTS 3.1.1.3.4.3).
const (
	capActiveDirectory = "1.2.840.113556.1.4.800"
	capSigning         = "1.2.840.113556.1.4.1791"
	cap2003            = "1.2.840.113556.1.4.1670"
	cap2008            = "1.2.840.113556.1.4.1935"
	cap2008R2          = "1.2.840.113556.1.4.2080"
	capReadOnly        = "1.2.840.113556.1.4.1920" // LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS: an RODC
)

// property is one attribute of the root DSE.
type property struct {
	name   string
	values []string
}

// rootDSE answers a base search of the empty name, which needs no bind.
func (c *conn) rootDSE(req *request, q *searchRequest) bool {
	end := func(r result) bool { return c.send(message(req.id, r.answer(tagSearchDone))) }
	if q.wants("tokengroups") && c.user.anonymous() {
		return end(result{code: operationsError, text: "00002020: operations error at ../../source4/dsdb/samdb/ldb_modules/rootdse.c:589"})
	}
	list := ber.NewSequence("")
	for _, p := range c.properties(q) {
		values := p.values
		if q.typesOnly {
			values = nil
		}
		list.AppendChild(sequence(octetString(p.name), setOf(values)))
	}
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tagSearchEntry, nil, "")
	e.AppendChild(octetString(""))
	e.AppendChild(list)
	return c.send(message(req.id, e)) && end(done)
}

// properties are the attributes that the search asks for.
func (c *conn) properties(q *searchRequest) []property {
	d := c.srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	all := len(q.attrs) == 0 || q.wants("*")
	var out []property
	for _, p := range c.srv.root() {
		if all || q.wants(strings.ToLower(p.name)) {
			out = append(out, p)
		}
	}
	if q.wants("tokengroups") {
		out = append(out, property{"tokenGroups", c.token()})
	}
	return c.srv.answered(out)
}

// Answer replaces what the root DSE says of one property, as a controller of
// another kind or age would; no values leave it out.
func (s *Server) Answer(name string, values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[strings.ToLower(name)] = values
}

// AnswerTruly takes back every Answer.
func (s *Server) AnswerTruly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.answers)
}

func (s *Server) answered(list []property) []property {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range list {
		if values, ok := s.answers[strings.ToLower(p.name)]; ok {
			list[i].values = values
		}
	}
	return slices.DeleteFunc(list, func(p property) bool { return len(p.values) == 0 })
}

// token are the SIDs that the connection is known by.
func (c *conn) token() []string {
	out := []string{string(c.user.entry.sid)}
	for s := range c.user.sids {
		if s != c.user.entry.sid {
			out = append(out, string(s))
		}
	}
	slices.Sort(out[1:])
	return out
}

func (s *Server) root() []property {
	d := s.dir
	base := d.baseDN()
	config := d.configDN()
	label, _, _ := strings.Cut(s.cfg.Host, ".")
	caps := []string{capActiveDirectory, cap2003, capSigning, cap2008, cap2008R2}
	if s.cfg.ReadOnly {
		caps = append(caps, capReadOnly)
	}
	one := func(v string) []string { return []string{v} }
	return []property{
		{"configurationNamingContext", one(config)},
		{"defaultNamingContext", one(base)},
		{"rootDomainNamingContext", one(d.top.baseDN())},
		{"schemaNamingContext", one("CN=Schema," + config)},
		{"subschemaSubentry", one("CN=Aggregate,CN=Schema," + config)},
		{"namingContexts", []string{base, config, "CN=Schema," + config}},
		{"supportedCapabilities", caps},
		{"supportedLDAPVersion", []string{"2", "3"}},
		{"supportedControl", s.offered()},
		{"supportedSASLMechanisms", []string{"GSS-SPNEGO", "GSSAPI", "NTLM"}},
		{"vendorName", one("Latchkey minidc")},
		{"isSynchronized", one("TRUE")},
		{"isGlobalCatalogReady", one("TRUE")},
		{"dsServiceName", one(s.dsa.dn())},
		{"serverName", one(s.dsa.parent.dn())},
		{"dnsHostName", one(s.cfg.Host)},
		{"ldapServiceName", one(s.cfg.Domain + ":" + strings.ToLower(label) + "$@" + strings.ToUpper(s.cfg.Domain))},
		{"currentTime", one(generalized(d.now()))},
		{"highestCommittedUSN", one(strconv.FormatInt(d.usn, 10))},
		{"domainFunctionality", one("4")},
		{"forestFunctionality", one("4")},
		{"domainControllerFunctionality", one("4")},
	}
}
