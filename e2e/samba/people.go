package samba

import (
	"fmt"
	"strings"
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

// plainPeople is the seed that most tests want: a handful of people, a nested
// group, a policy.
var plainPeople = []struct{ given, surname, ou, department string }{
	{"Ada", "Stone", "OU=Staff", "Workshop"},
	{"Ben", "Rivers", "OU=Staff", "Workshop"},
	{"Cleo", "Marsh", "OU=Staff", "Finance"},
	{"Dan", "Fields", "OU=Staff", "Finance"},
	{"Eve", "Lake", "OU=Others", "Visitors"},
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
		account := strings.ToLower(p.given)
		s.Objects = append(s.Objects, object{
			RDN: fmt.Sprintf("CN=%s %s,%s", p.given, p.surname, p.ou), Class: "user", Password: startPassword(account),
			Attrs: map[string][]string{
				"sAMAccountName": {account}, "userPrincipalName": {account + "@" + strings.ToLower(realm)},
				"givenName": {p.given}, "sn": {p.surname}, "displayName": {p.given + " " + p.surname},
				"department": {p.department}, "userAccountControl": {"512"},
			},
		})
	}
	s.Objects = append(s.Objects,
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
