package conformance

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// peopleCases: managers, members of groups, photos, and whose password ends:
// what approvals and reminders read.
var peopleCases = []Case{
	{"nested members are found by the group's name from its SID", func(c *C) {
		a, b := c.person(), c.person()
		outer := c.group(a.DN, c.group(b.DN))
		dn := c.read(c.service, "<SID="+sidText(c.raw(outer, "objectSid"))+">", "cn").DN
		c.finds("(&(sAMAccountType=805306368)(memberOf:"+chain+":="+ldap.EscapeFilter(dn)+"))", a.SAM, b.SAM)
	}},
	{"members who are no people, or disabled, can be left out", func(c *C) {
		p, off := c.person(), c.person()
		off.set(disable)
		pc := c.name("pc")
		c.must(c.add("CN="+pc+","+c.ou, attrs{"objectClass": {"computer"}, "sAMAccountName": {pc + "$"}, "userAccountControl": {"4096"}}))
		g := c.group(p.DN, off.DN, "CN="+pc+","+c.ou)
		c.finds("(&(sAMAccountType=805306368)(!(userAccountControl:1.2.840.113556.1.4.803:=2))(memberOf:"+chain+":="+g+"))", p.SAM)
	}},
	{"members of a group with special characters in its name are found", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(g, "CN="+ldap.EscapeDN(c.name(`IT, (all)* "x" \2a`)), true, "")))
		dn := c.read(c.service, p.DN, "memberOf").GetAttributeValue("memberOf")
		c.finds("(memberOf:"+chain+":="+ldap.EscapeFilter(dn)+")", p.SAM)
	}},
	{"members over more than one page come once each", func(c *C) { membersByPage(c) }},
	{"a manager with special characters in the name is read by the name given", func(c *C) {
		for _, name := range []string{"Doe, Jane", `Jane "JD" Doe`, `back\slash`, "#1", "one; two", "<x>", "a+b=c", "Jürgen", "line\nbreak"} {
			managerNamed(c, name)
		}
	}},
	{"a renamed manager is named by the new name", func(c *C) {
		boss := c.person()
		p := c.person(attrs{"manager": {boss.DN}})
		cn := c.name("renamed")
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(boss.DN, "CN="+cn, true, "")))
		p.has("manager", "CN="+cn+","+c.ou)
		_, err := c.service.Search(query(boss.DN, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
		c.want(err, "32")
	}},
	{"a manager who moved is named by the new place", func(c *C) {
		boss := c.person()
		p := c.person(attrs{"manager": {boss.DN}})
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(boss.DN, "CN="+boss.SAM, true, c.outside)))
		p.has("manager", "CN="+boss.SAM+","+c.outside)
	}},
	{"one may be one's own manager", func(c *C) {
		p := c.person()
		p.set(replace("manager", p.DN))
		p.has("manager", p.DN)
	}},
	{"a disabled manager stays named", func(c *C) {
		boss := c.person()
		p := c.person(attrs{"manager": {boss.DN}})
		boss.set(disable)
		p.has("manager", boss.DN)
	}},
	{"a title is read as it was written", func(c *C) {
		title := "Head of \u202e <b>Boats</b>, \"R&D\""
		c.person(attrs{"title": {title}}).has("title", title)
	}},
	{"a base that is no name is 34", func(c *C) {
		for _, dn := range []string{"nobody", "CN=", "="} {
			_, err := c.service.Search(query(dn, ldap.ScopeBaseObject, "(objectClass=*)", "cn"))
			c.want(err, "34")
		}
	}},
	{"a photo is the bytes that were written", func(c *C) {
		for _, name := range []string{"thumbnailPhoto", "jpegPhoto"} {
			photo := "\xff\xd8\xff\xe0\x00\x10JFIF\x00" + strings.Repeat("\x00\x0a\xfe\"", 5000) + "\xff\xd9"
			p := c.person(attrs{name: {photo}})
			p.has(name, photo)
			p.set(replace(name, photo[:7]))
			p.has(name, photo[:7])
			p.set(replace(name))
			p.has(name, "")
		}
	}},
	{"a thumbnail of more than 100 KiB is refused", func(c *C) {
		p := c.person()
		p.set(replace("thumbnailPhoto", strings.Repeat("x", 102400)))
		large := strings.Repeat("x", 102401)
		c.want(modify(c.admin, p.DN, replace("thumbnailPhoto", large)), "21")
		p.has("thumbnailPhoto", large[1:])
		name := c.name("p")
		c.want(c.add("CN="+name+","+c.ou, attrs{"objectClass": {"user"}, "sAMAccountName": {name}, "thumbnailPhoto": {large}}), "21")
	}},
	{"a photo comes only when it is asked for by name or by star", func(c *C) {
		p := c.person(attrs{"thumbnailPhoto": {"photo"}})
		if e := c.read(c.service, p.DN, "cn"); len(e.Attributes) != 1 {
			c.Errorf("%d attributes", len(e.Attributes))
		}
	}},
	{"expiry comes over many pages, once each", expiryByPage},
	{"expiry is the password's age and the policy's", func(c *C) {
		p := c.person()
		set := time.Now().Add(-40 * 24 * time.Hour)
		c.must(c.Backdate(p.DN, filetime(set)))
		got := c.expiryOf(p)
		if want := filetime(set) + 36288000000000; got != strconv.FormatInt(want, 10) {
			c.Errorf("%s, want %d", got, want)
		}
	}},
	{"who need not care for expiry is told by a filter", func(c *C) {
		p, off, keeps, card, must := c.person(), c.person(), c.person(), c.person(), c.person()
		off.set(disable)
		keeps.set(uac(uacNeverExpires))
		card.set(uac(uacSmartcard))
		must.set(mustChange)
		d := c.name("dep")
		for _, x := range []*person{p, off, keeps, card, must} {
			x.set(replace("department", d))
		}
		c.finds("(&(department="+d+")"+mayExpire+")", p.SAM)
		for what, x := range map[string]*person{"never": keeps, "smart card": card} {
			c.same("expiry of "+what, c.expiryOf(x), never)
		}
		c.same("expiry of must change", c.expiryOf(must), "0")
	}},
}

// mayExpire matches people whose password ends some day.
const mayExpire = "(sAMAccountType=805306368)(!(userAccountControl:1.2.840.113556.1.4.803:=2))" +
	"(!(userAccountControl:1.2.840.113556.1.4.803:=65536))(!(userAccountControl:1.2.840.113556.1.4.803:=262144))(!(pwdLastSet=0))"

const expiryAttribute = "msDS-UserPasswordExpiryTimeComputed"

// expiryOf reads the computed moment out of a search, as the job does.
func (c *C) expiryOf(p *person) string {
	c.Helper()
	res, err := c.service.Search(query(c.ou, ldap.ScopeWholeSubtree, "(sAMAccountName="+p.SAM+")", expiryAttribute))
	c.must(err)
	return res.Entries[0].GetAttributeValue(expiryAttribute)
}

func managerNamed(c *C, name string) {
	c.Helper()
	boss := c.person()
	rdn := "CN=" + strings.ReplaceAll(ldap.EscapeDN(name+" "+c.name("b")), "=", `\3D`)
	c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(boss.DN, rdn, true, "")))
	renamed := c.read(c.service, "<GUID="+guidText(c.raw(rdn+","+c.ou, "objectGUID"))+">", "cn").DN
	p := c.person(attrs{"manager": {renamed}})
	e := c.read(c.service, p.get("manager"), "sAMAccountName")
	c.same("manager "+name, e.GetAttributeValue("sAMAccountName"), boss.SAM)
	if _, err := ldap.ParseDN(p.get("manager")); err != nil {
		c.Errorf("%q: %v", p.get("manager"), err)
	}
}

// pagesOf reads a search three at a time, and says how many pages it took.
func (c *C) pagesOf(filter string, names ...string) (found []*ldap.Entry, pages int) {
	c.Helper()
	req, page := query(c.ou, ldap.ScopeWholeSubtree, filter, names...), ldap.NewControlPaging(3)
	req.Controls = []ldap.Control{page}
	for {
		res, err := c.service.Search(req)
		c.must(err)
		found, pages = append(found, res.Entries...), pages+1
		next, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok {
			c.Fatal("no paging control in the answer")
		}
		if len(next.Cookie) == 0 {
			return found, pages
		}
		page.SetCookie(next.Cookie)
	}
}

func membersByPage(c *C) {
	var dns, want, got []string
	for range 7 {
		p := c.person()
		dns, want = append(dns, p.DN), append(want, p.SAM)
	}
	found, pages := c.pagesOf("(&(objectCategory=person)(memberOf:"+chain+":="+c.group(c.group(dns...))+"))", "sAMAccountName")
	for _, e := range found {
		got = append(got, e.GetAttributeValue("sAMAccountName"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || pages != 3 {
		c.Errorf("%v on %d pages, want %v", got, pages, want)
	}
}

func expiryByPage(c *C) {
	d := c.name("dep")
	want := map[string]string{}
	for i := range 7 {
		p := c.person(attrs{"department": {d}})
		set := time.Now().Add(-time.Duration(30+i) * 24 * time.Hour)
		c.must(c.Backdate(p.DN, filetime(set)))
		want[p.SAM] = strconv.FormatInt(filetime(set)+36288000000000, 10)
	}
	found, pages := c.pagesOf("(&(department="+d+")"+mayExpire+")", "sAMAccountName", expiryAttribute)
	if len(found) != 7 || pages != 3 {
		c.Errorf("%d people on %d pages", len(found), pages)
	}
	for _, e := range found {
		c.same(expiryAttribute, e.GetAttributeValue(expiryAttribute), want[e.GetAttributeValue("sAMAccountName")])
	}
}
