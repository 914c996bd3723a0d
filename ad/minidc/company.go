package minidc

import (
	"strconv"
	"time"
)

// Company is a small made-up company: who works there, and the service account.
type Company struct {
	BaseDN string
	People []Person // by department; the first is an ordinary one
	// ServiceBind is the account with the rights that Latchkey needs on
	// OU=Staff; AdminBind is the domain's administrator.
	ServiceBind, ServicePassword string
	AdminBind, AdminPassword     string
}

// Person is somebody of the company.
type Person struct {
	Name, Account, UPN, Password string
	DN                           string
	GUID                         GUID // the same in every process
	Department, Title            string
	Manager                      string // account name; "" where nobody is named
	Note                         string // what is special about the account; "" for nothing
}

// Person finds somebody by account name.
func (c Company) Person(account string) (Person, bool) {
	for _, p := range c.People {
		if p.Account == account {
			return p, true
		}
	}
	return Person{}, false
}

// NewCompany makes the controller of corp.example.test with the company in it.
func NewCompany(now func() time.Time) (*Server, Company) {
	s := New(Config{Now: now})
	return s, s.SeedCompany()
}

// staff is a person's account with what happened to it.
type staff struct {
	Person
	given, surname string
	language       string
	age            time.Duration // of the password
	groups         []string
	photo          string // the attribute that holds a picture; "" for none
	spoil          func(s *Server, dn string)
}

// Departments, and the ages of ordinary passwords.
const (
	workshop = "Workshop"
	finance  = "Finance"
	people   = "People"
)

// employees are in the order in which they are shown. Every password keeps to
// its policy: ten characters, fourteen in Finance.
func employees() []staff {
	as := func(account, name, title, department, manager, password, note string) Person {
		return Person{Account: account, Name: name, Title: title, Department: department, Manager: manager, Password: password, Note: note}
	}
	return []staff{
		{Person: as("priya.raman", "Priya Raman", "Boat builder", workshop, "kwame.mensah", "Copper-Rivet-21", ""),
			given: "Priya", surname: "Raman", age: 20 * day, photo: "thumbnailPhoto"},
		{Person: as("kwame.mensah", "Kwame Mensah", "Head of the workshop", workshop, "ingrid.solheim", "Tidal-Chart-84", ""),
			given: "Kwame", surname: "Mensah", age: 33 * day, photo: "thumbnailPhoto"},
		{Person: as("siobhan.oneill", "Siobhán O’Neill", "Sailmaker", workshop, "kwame.mensah", "Canvas-Needle-5", "password expired five days ago"),
			given: "Siobhán", surname: "O’Neill", age: 95 * day},
		{Person: as("mai.nguyen", "Nguyễn Thị Mai", "Apprentice", workshop, "diego.nunez", "Fresh-Start-001", "new: must change the password at first logon; the manager's account is disabled"),
			given: "Mai", surname: "Nguyễn", age: time.Hour, spoil: func(s *Server, dn string) { s.Set(dn, "pwdLastSet", "0") }},
		{Person: as("diego.nunez", "Diego Núñez", "Rigger", workshop, "kwame.mensah", "Knots-And-Rope-9", "left the company: the account is disabled"),
			given: "Diego", surname: "Núñez", age: 60 * day, spoil: func(s *Server, dn string) { s.Set(dn, "userAccountControl", "514") }},
		{Person: as("amara.okafor", "Amara Okafor", "Head of finance", finance, "ingrid.solheim", "Ledger-Harbour-2026", "a stricter policy: 14 characters"),
			given: "Amara", surname: "Okafor", age: 12 * day, groups: []string{"Finance-Controllers"}, photo: "thumbnailPhoto"},
		{Person: as("juergen.weiss", "Jürgen Weiß", "Accountant", finance, "amara.okafor", "Blaue-Tinte-und-7", "locked out until somebody unlocks the account"),
			given: "Jürgen", surname: "Weiß", language: "de", age: 40 * day, groups: []string{"Finance-Controllers"}, spoil: (*Server).Lock},
		{Person: as("tomasz.wisniewski", "Tomasz Wiśniewski", "Payroll clerk", finance, "amara.okafor", "Quiet-Monday-Till-3", "password expires in two days"),
			given: "Tomasz", surname: "Wiśniewski", age: 88 * day},
		{Person: as("ingrid.solheim", "Ingrid Solheim", "Managing director", people, "ingrid.solheim", "Northern-Light-6", "her own manager"),
			given: "Ingrid", surname: "Solheim", age: 25 * day, photo: "jpegPhoto"},
		{Person: as("zoe.lefevre", "Zoë Lefèvre", "People partner", people, "", "Paper-Lantern-58", "no manager is named; approves in IT-Security"),
			given: "Zoë", surname: "Lefèvre", language: "fr", age: 15 * day, groups: []string{"IT-Security"}},
		{Person: as("yusuf.demir", "Yusuf Demir", "IT helpdesk", people, "ingrid.solheim", "Green-Cable-404", "helpdesk; approves in IT-Security through a nested group"),
			given: "Yusuf", surname: "Demir", language: "de", age: 5 * day, groups: []string{"Helpdesk"}, photo: "thumbnailPhoto"},
		{Person: as("elena.petrova", "Елена Петрова", "IT administrator", people, "ingrid.solheim", "Vault-Keeper-118", "protected: a domain administrator through a group; Latchkey never acts for her"),
			given: "Елена", surname: "Петрова", age: 9 * day, groups: []string{"IT-Administrators", "IT-Security"}},
	}
}

// SeedCompany fills the directory with the company. The domain then locks
// after 5 bad passwords for 15 minutes and asks for 10 characters; Finance has
// a policy of its own.
func (s *Server) SeedCompany() Company {
	base := domainDN(s.cfg.Domain)
	s.SetDomainPolicy(Policy{
		MinLength: 10, Complexity: true, History: 5, MaxAge: 90 * day,
		LockoutThreshold: 5, LockoutDuration: 15 * minute, ObservationWindow: 15 * minute,
	})
	s.seedCompanyGroups(base)
	c := Company{
		BaseDN:        base,
		ServiceBind:   "svc-latchkey@" + s.cfg.Domain,
		AdminBind:     "administrator@" + s.cfg.Domain,
		AdminPassword: AdminPassword,
	}
	c.ServicePassword = s.seedService(base)
	for _, e := range employees() {
		c.People = append(c.People, s.hire(base, e))
	}
	for _, p := range c.People {
		if boss, ok := c.Person(p.Manager); ok {
			s.Set(p.DN, "manager", boss.DN)
		}
	}
	return c
}

// seedCompanyGroups makes departments, nested groups and the policy of Finance.
func (s *Server) seedCompanyGroups(base string) {
	groups := "OU=Groups," + base
	s.AddOU(groups)
	dn := func(name string) string { return "CN=" + name + "," + groups }
	add := func(name string, members ...string) {
		s.AddGroup(Group{Name: name, Parent: groups, Members: members, GUID: namedGUID("group " + name)})
	}
	add("Finance-Controllers")
	add(finance, dn("Finance-Controllers"))
	add(workshop)
	add(people)
	add("Everybody", dn(finance), dn(workshop), dn(people))
	add("Helpdesk")
	add("IT-Security", dn("Helpdesk"))
	add("IT-Administrators")
	s.Set("CN=Domain Admins,CN=Users,"+base, "member", "CN=Administrator,CN=Users,"+base, dn("IT-Administrators"))
	s.AddPSO(PSO{Name: "Finance", Precedence: 10, AppliesTo: []string{dn(finance)}, Policy: Policy{
		MinLength: 14, Complexity: true, History: 10, MaxAge: 90 * day,
		LockoutThreshold: 5, ObservationWindow: 15 * minute,
	}})
}

// seedService makes the service account and gives it what Latchkey needs.
func (s *Server) seedService(base string) (password string) {
	password = "Harbour-Gate-Keeper-7"
	ou := "OU=Service," + base
	s.AddOU(ou)
	s.AddOU("OU=Staff," + base)
	s.AddUser(User{
		Name: "svc-latchkey", Parent: ou, Account: "svc-latchkey", Password: password, GUID: namedGUID("svc-latchkey"),
		Attributes: map[string][]string{"userAccountControl": {strconv.Itoa(uacNormal | uacNeverExpires)}},
	})
	s.Delegate("CN=svc-latchkey,"+ou, "OU=Staff,"+base, ResetPassword, WriteLockoutTime, WritePwdLastSet, ReadPSOs)
	return password
}

// hire makes one person's account and lets happen to it what happened.
func (s *Server) hire(base string, e staff) Person {
	ou := "OU=" + e.Department + ",OU=Staff," + base
	s.AddOU(ou)
	p := e.Person
	p.UPN = p.Account + "@" + s.cfg.Domain
	p.DN = "CN=" + escapeRDN(p.Name) + "," + ou
	groups := []string{"CN=" + p.Department + ",OU=Groups," + base}
	for _, g := range e.groups {
		groups = append(groups, "CN="+g+",OU=Groups,"+base)
	}
	if p.Department == finance && len(e.groups) > 0 {
		groups = groups[1:] // in Finance through the nested group
	}
	p.GUID = s.AddUser(User{
		Name: p.Name, Parent: ou, Account: p.Account, Password: p.Password, GUID: namedGUID("person " + p.Account),
		DisplayName: p.Name, GivenName: e.given, Surname: e.surname, Mail: p.UPN, Department: p.Department,
		Title: p.Title, Language: e.language, Groups: groups,
	})
	if e.photo != "" {
		s.Set(p.DN, e.photo, Portrait(p.Department))
	}
	s.Set(p.DN, "pwdLastSet", filetimeText(s.cfg.Now().Add(-e.age)))
	if e.spoil != nil {
		e.spoil(s, p.DN)
	}
	return p
}
