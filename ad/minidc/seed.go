package minidc

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// place makes an object at a name below the domain's head.
func (d *directory) place(dn, className string, attrs ...string) *entry {
	path, err := parseDN(dn + "," + d.baseDN())
	must(err)
	parent := d.walkDown(path[1:])
	if parent == nil {
		panic("minidc: no parent for " + dn)
	}
	e := d.newEntry(path[0], classes[strings.ToLower(className)])
	for i := 0; i+1 < len(attrs); i += 2 {
		e.set(attrs[i], attrs[i+1])
	}
	e.set("objectCategory", e.class.category)
	d.insert(parent, e)
	return e
}

// seed makes the objects that every domain has.
func (d *directory) seed() {
	d.seedRoot()
	for _, c := range []string{"Users", "Computers", "System", "ForeignSecurityPrincipals", "Managed Service Accounts", "Program Data"} {
		d.place("CN="+c, "container")
	}
	d.place("CN=Builtin", "builtinDomain")
	d.place("OU=Domain Controllers", "organizationalUnit")
	d.place("CN=Password Settings Container,CN=System", "msDS-PasswordSettingsContainer").private = true
	d.place("CN=AdminSDHolder,CN=System", "container").isolated = true
	d.seedGroups()
	d.seedAccounts()
	d.seedConfiguration()
}

func (d *directory) seedRoot() {
	label, _, _ := strings.Cut(d.cfg.Domain, ".")
	d.root = &entry{suffix: domainDN(d.cfg.Domain), head: true}
	e := d.newEntry(rdn{"DC", label}, classes["domaindns"])
	e.suffix, e.head, e.sid = d.root.suffix, true, d.domain
	d.root = e
	d.byGUID[e.guid] = e
	d.sids[e.sid] = e
	for name, v := range map[string]string{
		"objectCategory":        "Domain-DNS",
		"instanceType":          "5",
		"msDS-Behavior-Version": "4",
		"creationTime":          filetimeText(d.now()),
		"forceLogoff":           strconv.FormatInt(never, 10),
	} {
		e.set(name, v)
	}
	e.setPolicy(Policy{
		MinLength: 7, Complexity: true, History: 24, MinAge: day, MaxAge: 42 * day,
		LockoutDuration: 30 * minute, ObservationWindow: 30 * minute,
	})
}

// groupSeed is a built-in group.
type groupSeed struct {
	name      string
	rid       uint32
	protected bool // adminCount 1
	members   []string
}

// Built-in groups of the domain (in Users) and of this machine (in Builtin),
// in the order in which they can be made.
var (
	domainGlobals = []groupSeed{
		{"Domain Users", 513, false, nil},
		{"Domain Guests", 514, false, nil},
		{"Domain Computers", 515, false, nil},
		{"Domain Controllers", 516, true, nil},
		{"Read-only Domain Controllers", 521, true, nil},
		{"Domain Admins", 512, true, nil},
		{"Group Policy Creator Owners", 520, false, nil},
		{"Protected Users", 525, false, nil},
		{"Key Admins", 526, true, nil},
	}
	domainUniversals = []groupSeed{
		{"Schema Admins", 518, true, nil},
		{"Enterprise Admins", 519, true, nil},
		{"Enterprise Key Admins", 527, true, nil},
	}
	domainLocals = []groupSeed{
		{"Cert Publishers", 517, false, nil},
		{"RAS and IAS Servers", 553, false, nil},
		{"Allowed RODC Password Replication Group", 571, false, nil},
		{"Denied RODC Password Replication Group", 572, false, []string{"Domain Admins", "Enterprise Admins", "Schema Admins",
			"Group Policy Creator Owners", "Domain Controllers", "Read-only Domain Controllers", "Cert Publishers"}},
	}
	builtins = []groupSeed{
		{"Administrators", 544, true, []string{"Domain Admins", "Enterprise Admins"}},
		{"Users", 545, false, []string{"Domain Users"}},
		{"Guests", 546, false, []string{"Domain Guests"}},
		{"Account Operators", 548, true, nil},
		{"Server Operators", 549, true, nil},
		{"Print Operators", 550, true, nil},
		{"Backup Operators", 551, true, nil},
		{"Replicator", 552, true, nil},
		{"Pre-Windows 2000 Compatible Access", 554, false, nil},
		{"Remote Desktop Users", 555, false, nil},
		{"Network Configuration Operators", 556, false, nil},
		{"Incoming Forest Trust Builders", 557, false, nil},
		{"Windows Authorization Access Group", 560, false, nil},
		{"Event Log Readers", 573, false, nil},
	}
)

func (d *directory) seedGroups() {
	const builtinLocal = groupSecurity | groupLocal | 1
	for _, g := range domainGlobals {
		d.seedGroup("CN=Users", g, groupSecurity|groupGlobal, d.domain)
	}
	if d == d.top { // Enterprise Admins and its like exist in the forest's root
		for _, g := range domainUniversals {
			d.seedGroup("CN=Users", g, groupSecurity|groupUniversal, d.domain)
		}
	}
	for _, g := range domainLocals {
		d.seedGroup("CN=Users", g, groupSecurity|groupLocal, d.domain)
	}
	for _, g := range builtins {
		d.seedGroup("CN=Builtin", g, builtinLocal, sidBuiltin)
	}
}

func (d *directory) seedGroup(container string, g groupSeed, kind int64, base sid) {
	path, _ := parseDN("CN=" + escapeRDN(g.name))
	e := d.newEntry(path[0], classes["group"])
	e.sid = base.child(g.rid)
	e.set("groupType", strconv.FormatInt(kind, 10))
	e.set("sAMAccountName", g.name)
	e.set("isCriticalSystemObject", "TRUE")
	if g.protected {
		e.set("adminCount", "1")
	}
	d.defaults(e)
	d.insert(d.mustFind(container+","+d.baseDN()), e)
	for _, m := range g.members {
		e.linkTo("member", d.inForest(m))
	}
}

// AdminPassword is the built-in administrator's, for tests and the suite.
const AdminPassword = "Adm1n-Pass.word"

func (d *directory) seedAccounts() {
	admin := d.seedUser("Administrator", 500, "512", AdminPassword)
	admin.set("adminCount", "1")
	for _, g := range []string{"Domain Admins", "Schema Admins", "Enterprise Admins", "Group Policy Creator Owners", "Administrators"} {
		if d == d.top || g != "Schema Admins" && g != "Enterprise Admins" {
			d.byText("samaccountname", g).linkTo("member", admin)
		}
	}
	guest := d.seedUser("Guest", 501, "66082", "")
	guest.set("primaryGroupID", "514")
	krbtgt := d.seedUser("krbtgt", 502, "514", randomPassword())
	krbtgt.set("adminCount", "1")
	krbtgt.set("servicePrincipalName", "kadmin/changepw")
	d.byText("samaccountname", "Denied RODC Password Replication Group").linkTo("member", krbtgt)
}

func (d *directory) seedUser(name string, rid uint32, uac, password string) *entry {
	e := d.newEntry(rdn{"CN", name}, classes["user"])
	e.sid = d.domain.child(rid)
	e.set("sAMAccountName", name)
	e.set("userAccountControl", uac)
	e.set("isCriticalSystemObject", "TRUE")
	d.defaults(e)
	if password != "" {
		d.setPassword(e, password)
	}
	d.insert(d.mustFind("CN=Users,"+d.baseDN()), e)
	return e
}

// seedConfiguration makes the part of the configuration in which a client
// finds controllers and the domain's short name.
func (d *directory) seedConfiguration() {
	if d == d.top {
		d.place("CN=Configuration", "configuration").head = true
		d.seedSchema()
		d.place("CN=Partitions,CN=Configuration", "crossRefContainer")
		d.place("CN=Sites,CN=Configuration", "sitesContainer")
		d.place("CN=Default-First-Site-Name,CN=Sites,CN=Configuration", "site")
		d.place("CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration", "serversContainer")
	}
	d.top.place("CN="+escapeRDN(d.cfg.NetBIOS)+",CN=Partitions,CN=Configuration", "crossRef",
		"dnsRoot", d.cfg.Domain, "nETBIOSName", d.cfg.NetBIOS, "systemFlags", "3").linkTo("ncname", d.root)
}

// seedSchema makes the attributes that exist known to who searches for them.
func (d *directory) seedSchema() {
	d.place("CN=Schema,CN=Configuration", "dMD").head = true
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		name := attributes[key].name
		d.place("CN="+name+",CN=Schema,CN=Configuration", "attributeSchema", "lDAPDisplayName", name)
	}
}

// inForest finds a built-in group here, or in the forest's root.
func (d *directory) inForest(account string) *entry {
	if e := d.byText("samaccountname", account); e != nil {
		return e
	}
	return d.top.byText("samaccountname", account)
}

// addController registers a controller: its computer account, its server
// object and its NTDS Settings; d.mu is held.
func (d *directory) addController(s *Server) {
	label, _, _ := strings.Cut(s.cfg.Host, ".")
	label = strings.ToUpper(label)
	computer := d.place("CN="+escapeRDN(label)+",OU=Domain Controllers", "computer",
		"sAMAccountName", label+"$", "dNSHostName", s.cfg.Host, "userAccountControl", "532480", "primaryGroupID", "516")
	computer.sid = d.newRID()
	d.sids[computer.sid] = computer
	d.defaults(computer)
	computer.set("isCriticalSystemObject", "TRUE")
	dsaClass := "nTDSDSA"
	if s.cfg.ReadOnly {
		computer.set("userAccountControl", strconv.Itoa(uacWorkstation|uacPartialSecret))
		computer.set("primaryGroupID", "521")
		dsaClass = "nTDSDSARO"
	}
	name := label
	if d != d.top { // server objects of all domains lie side by side
		name += "-" + d.cfg.NetBIOS
	}
	server := "CN=" + escapeRDN(name) + ",CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration"
	d.top.place(server, "server", "dNSHostName", s.cfg.Host).linkTo("serverreference", computer)
	s.dsa = d.top.place("CN=NTDS Settings,"+server, dsaClass, "options", "1")
	s.dsa.linkTo("msds-hasdomainncs", d.root)
	d.dcs = append(d.dcs, s)
	if s.cfg.PDC || len(d.dcs) == 1 {
		d.root.relinkOne("fsmoroleowner", s.dsa)
	}
	d.stamp(d.root)
}

// relinkOne makes a single-valued link point to target.
func (e *entry) relinkOne(name string, target *entry) {
	for _, t := range e.links[name] {
		e.unlink(name, t)
	}
	e.linkTo(name, target)
}

// writableHost is where an RODC refers writers to: the PDC emulator, or any
// controller that writes.
func (d *directory) writableHost() string {
	host := d.cfg.Domain
	for _, s := range d.dcs {
		if s.cfg.ReadOnly {
			continue
		}
		host = s.cfg.Host
		if len(d.root.links["fsmoroleowner"]) > 0 && d.root.links["fsmoroleowner"][0] == s.dsa {
			return host
		}
	}
	return host
}
