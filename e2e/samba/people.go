package samba

import (
	"fmt"
	"strings"

	"github.com/latchkey/latchkey/ad/minidc"
)

// The domain policy of both seeds: passwords of eight characters and three
// classes, five wrong tries lock for half an hour, no minimum age (so that a
// fresh password can be changed).
var domainPolicy = map[string][]string{
	"minPwdLength":             {"8"},
	"pwdHistoryLength":         {"5"},
	"minPwdAge":                {"0"},
	"maxPwdAge":                {"-36288000000000"}, // 42 days
	"lockoutThreshold":         {"5"},
	"lockoutDuration":          {"-18000000000"},
	"lockOutObservationWindow": {"-18000000000"},
}

// plainPeople is the seed that most tests want: a handful of people, nested
// groups, a policy. Who approves for whom:
//
//	ada           her manager, fay
//	ben, gus, hal nobody is named
//	cleo          her manager, ivy, whose account is disabled
//	dan, fay      themselves: each is their own manager
//	IT-Security   hal, and gus through the nested group Helpdesk
//
// Ada and fay have a photo. Nobody here holds a passkey. A test that adds its own
// people makes them nested members of IT-Security by joining them to Helpdesk;
// both groups lie below OU=Groups. The company has the same kinds: see the notes
// of its people, and its group IT-Security.
var plainPeople = []plainPerson{
	{given: "Ada", surname: "Stone", ou: "OU=Staff", department: "Workshop", title: "Boat builder", manager: "Fay Brooks", photo: true},
	{given: "Ben", surname: "Rivers", ou: "OU=Staff", department: "Workshop", title: "Rigger"},
	{given: "Cleo", surname: "Marsh", ou: "OU=Staff", department: "Finance", title: "Accountant", manager: "Ivy Heath"},
	{given: "Dan", surname: "Fields", ou: "OU=Staff", department: "Finance", title: "Payroll clerk", manager: "Dan Fields"},
	{given: "Eve", surname: "Lake", ou: "OU=Others", department: "Visitors"},
	{given: "Fay", surname: "Brooks", ou: "OU=Staff", department: "Workshop", title: "Head of the workshop", manager: "Fay Brooks", photo: true},
	{given: "Gus", surname: "Vale", ou: "OU=Staff", department: "People", title: "IT helpdesk"},
	{given: "Hal", surname: "Moor", ou: "OU=Staff", department: "People", title: "Security officer"},
	{given: "Ivy", surname: "Heath", ou: "OU=Staff", department: "Finance", title: "Head of finance", disabled: true},
}

type plainPerson struct {
	given, surname, ou, department, title, manager string
	photo, disabled                                bool
}

// seedOf returns what is planted.
func seedOf(company bool) (seed, error) {
	if company {
		return companySeed()
	}
	return plainSeed(), nil
}

func plainSeed() seed {
	s := seed{Policy: domainPolicy, OUs: []string{"OU=Groups"}}
	for _, p := range plainPeople {
		o := object{RDN: fmt.Sprintf("CN=%s %s,%s", p.given, p.surname, p.ou), Class: "user", Attrs: plainAttributes(p)}
		o.Password = startPassword(o.Attrs["sAMAccountName"][0])
		if p.disabled {
			o.Note = "the account is disabled"
		}
		s.Objects = append(s.Objects, o)
		if p.manager != "" {
			s.Later = append(s.Later, link{From: o.RDN, Attribute: "manager", To: []string{"CN=" + p.manager + ",OU=Staff,BASE"}})
		}
	}
	s.Objects = append(s.Objects,
		group("Helpdesk", "CN=Gus Vale,OU=Staff,BASE"),
		group("IT-Security", "CN=Helpdesk,OU=Groups,BASE", "CN=Hal Moor,OU=Staff,BASE"),
		group("Finance", "CN=Cleo Marsh,OU=Staff,BASE", "CN=Dan Fields,OU=Staff,BASE"),
		group("Everybody", "CN=Finance,OU=Groups,BASE", "CN=Ada Stone,OU=Staff,BASE"))
	s.PSOs = []pso{{Name: "Finance", Applies: []string{"CN=Finance,OU=Groups,BASE"}, Attrs: map[string][]string{
		"msDS-PasswordSettingsPrecedence": {"10"}, "msDS-MinimumPasswordLength": {"14"}, "msDS-PasswordHistoryLength": {"5"},
		"msDS-PasswordComplexityEnabled": {"TRUE"}, "msDS-PasswordReversibleEncryptionEnabled": {"FALSE"},
		"msDS-MinimumPasswordAge": {"0"}, "msDS-MaximumPasswordAge": {"-36288000000000"},
		"msDS-LockoutThreshold": {"3"}, "msDS-LockoutDuration": {"-18000000000"}, "msDS-LockoutObservationWindow": {"-18000000000"},
	}}}
	return s
}

func plainAttributes(p plainPerson) map[string][]string {
	account := strings.ToLower(p.given)
	upn := account + "@" + strings.ToLower(realm)
	a := map[string][]string{
		"sAMAccountName": {account}, "userPrincipalName": {upn}, "mail": {upn}, "userAccountControl": {"512"},
		"givenName": {p.given}, "sn": {p.surname}, "displayName": {p.given + " " + p.surname}, "department": {p.department},
	}
	if p.title != "" {
		a["title"] = []string{p.title}
	}
	if p.photo {
		a["thumbnailPhoto"] = []string{minidc.Portrait(p.department)}
	}
	if p.disabled {
		a["userAccountControl"] = []string{"514"}
	}
	return a
}

// group is a global security group below OU=Groups.
func group(name string, members ...string) object {
	return object{RDN: "CN=" + name + ",OU=Groups", Class: "group", Attrs: map[string][]string{
		"sAMAccountName": {name}, "groupType": {"-2147483646"}, "member": members,
	}}
}

func startPassword(account string) string { return "Start-" + account + "-26!x" }

// peopleOf lists the people of the seed.
func peopleOf(dc *DC, s seed) (people []Person) {
	for _, o := range s.Objects {
		if o.Class != "user" {
			continue
		}
		people = append(people, Person{
			Name: o.Attrs["displayName"][0], Account: o.Attrs["sAMAccountName"][0], UPN: o.Attrs["userPrincipalName"][0],
			Password: o.Password, DN: o.RDN + "," + dc.BaseDN, Note: o.Note,
		})
	}
	return people
}
