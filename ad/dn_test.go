package ad

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestUnderComparesWholeRelativeNames(t *testing.T) {
	const staff = "OU=Staff,DC=corp,DC=example,DC=test"
	for _, c := range []struct {
		name, dn, ou string
		want         bool
	}{
		{"child", "CN=Ann,OU=Staff,DC=corp,DC=example,DC=test", staff, true},
		{"grandchild", "CN=Ann,OU=Sales,OU=Staff,DC=corp,DC=example,DC=test", staff, true},
		{"other case", "cn=ann,ou=STAFF,dc=Corp,dc=example,dc=test", staff, true},
		{"blanks around names", "CN=Ann, OU=Staff, DC=corp, DC=example, DC=test", staff, true},
		{"itself", staff, staff, false},
		{"sibling", "CN=Ann,OU=Other,DC=corp,DC=example,DC=test", staff, false},
		{"name that ends alike", "CN=Ann,OU=NotStaff,DC=corp,DC=example,DC=test", staff, false},
		{"the text inside a value", `CN=Ann\,OU\=Staff\,DC\=corp\,DC\=example\,DC\=test,DC=evil`, staff, false},
		{"escaped comma in the person's name", `CN=Doe\, Ann,OU=Staff,DC=corp,DC=example,DC=test`, staff, true},
		{"hex escape", `CN=Ann,OU=\53taff,DC=corp,DC=example,DC=test`, staff, true},
		{"other domain", "CN=Ann,OU=Staff,DC=corp,DC=example,DC=org", staff, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Under(c.dn, c.ou)
			if err != nil || got != c.want {
				t.Fatalf("Under(%q, %q) = %v, %v; want %v", c.dn, c.ou, got, err, c.want)
			}
		})
	}
}

func TestUnderNeverAnswersNoForBrokenText(t *testing.T) {
	for _, c := range [][2]string{{"", "OU=a"}, {"CN=a", ""}, {"no dn", "OU=a"}, {"CN=a", "no dn"}, {"CN=a,", "OU=a"}} {
		if _, err := Under(c[0], c[1]); err == nil {
			t.Errorf("Under(%q, %q): no error", c[0], c[1])
		}
	}
}

func FuzzUnder(f *testing.F) {
	f.Add("CN=a,OU=b", "OU=b")
	f.Add(`CN=\,,OU=b`, `OU=\20b`)
	f.Add("CN=a+OU=b+OU=b,DC=\u212a", "dc=k")
	f.Add(`CN=a\00\31:\32\2c\31\2cOUb`, "OU=b")
	f.Add("CN=x,OU=a+CN=b,DC=c", "cn=B+ou=A,dc=C")
	f.Add("CN=x,OU=a+OU=a+OU=b", "OU=a+OU=b+OU=b")
	f.Add("CN=Ann B. Lee-2,OU=St aff,DC=k", `ou=s\74 AFF,dc=\e2\84\aa`)
	f.Add("CN=a,OU= b,DC=c", "OU=b ,DC=c")
	f.Add("CN=a,OU=b,", "OU=b,")
	f.Add("CN=a, OU=b", "OU=b")
	f.Add("CN=\xff,OU=\xfe", "OU=\ufffd")
	f.Fuzz(func(t *testing.T, dn, ou string) {
		yes, err := Under(dn, ou)
		if yes && err != nil {
			t.Fatalf("Under(%q, %q) = true beside %v", dn, ou, err)
		}
		// The library's own comparison, name by name, says the same.
		object, errObject := ldap.ParseDN(dn)
		above, errAbove := ldap.ParseDN(ou)
		if errObject == nil && errAbove == nil && err == nil && yes != above.AncestorOfFold(object) {
			t.Fatalf("Under(%q, %q) = %v", dn, ou, yes)
		}
	})
}
