package conformance

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// chain is LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS 3.1.1.3.4.4.3).
const chain = "1.2.840.113556.1.4.1941"

// membershipCases: who is in which group, directly and by nesting.
var membershipCases = []Case{
	{"memberOf follows member", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		p.has("memberOf", g)
		c.must(modify(c.admin, g, remove("member", p.DN)))
		p.has("memberOf", "")
	}},
	{"memberOf names the direct groups only", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		c.group(g)
		p.has("memberOf", g)
	}},
	{"memberOf can't be written", func(c *C) {
		p := c.person()
		if answer(modify(c.admin, p.DN, addValue("memberOf", c.group()))) == "" {
			c.Error("accepted")
		}
	}},
	{"a filter finds members", func(c *C) {
		p, _ := c.person(), c.person()
		c.finds("(memberOf="+c.group(p.DN)+")", p.SAM)
	}},
	{"a filter finds groups by member", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		c.findsDN("(member="+p.DN+")", g)
	}},
	{"the chain rule finds nested members", func(c *C) {
		p := c.person()
		inner := c.group(p.DN)
		outer := c.group(c.group(inner))
		c.finds("(&(objectCategory=person)(memberOf:"+chain+":="+outer+"))", p.SAM)
		c.finds("(&(objectCategory=person)(memberOf=" + outer + "))")
	}},
	{"the chain rule finds all groups of a member", func(c *C) {
		p := c.person()
		inner := c.group(p.DN)
		outer := c.group(inner)
		c.findsDN("(member:"+chain+":="+p.DN+")", inner, outer)
	}},
	{"the chain rule ends in a circle", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		h := c.group(g)
		c.join(g, h)
		c.findsDN("(member:"+chain+":="+p.DN+")", g, h)
		c.finds("(&(objectCategory=person)(memberOf:"+chain+":="+g+"))", p.SAM)
	}},
	{"the chain rule goes through a mailing list", func(c *C) {
		p := c.person()
		outer := c.group(c.groupOf(mailingList, p.DN))
		c.finds("(&(objectCategory=person)(memberOf:"+chain+":="+outer+"))", p.SAM)
	}},
	{"the chain rule follows managers", func(c *C) {
		boss := c.person()
		middle := c.person(attrs{"manager": {boss.DN}})
		worker := c.person(attrs{"manager": {middle.DN}})
		c.finds("(manager:"+chain+":="+boss.DN+")", middle.SAM, worker.SAM)
		c.finds("(manager="+boss.DN+")", middle.SAM)
	}},
	{"the chain rule does not see the primary group", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		p.set(replace("primaryGroupID", c.ridOf(g)))
		c.finds("(memberOf:" + chain + ":=" + g + ")")
	}},
	{"tokenGroups holds nested groups", func(c *C) {
		p := c.person()
		inner := c.group(p.DN)
		outer := c.group(inner)
		c.tokens(p, true, inner, outer)
	}},
	{"tokenGroups holds the primary group", func(c *C) {
		p := c.person()
		sids := tokenGroups(c, p)
		if want := sidText(c.raw(c.BaseDN, "objectSid")) + "-513"; !slices.Contains(sids, want) {
			c.Errorf("%s is not in %v", want, sids)
		}
	}},
	{"tokenGroups holds another primary group and what is above it", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		outer := c.group(g)
		p.set(replace("primaryGroupID", c.ridOf(g)))
		c.tokens(p, true, g, outer)
	}},
	{"tokenGroups holds no mailing list, nor what is above it", func(c *C) {
		p := c.person()
		list := c.groupOf(mailingList, p.DN)
		c.tokens(p, false, list, c.group(list))
	}},
	{"tokenGroups ends in a circle", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		h := c.group(g)
		c.join(g, h)
		c.tokens(p, true, g, h)
	}},
	{"tokenGroups of a new person are Domain Users and Users", func(c *C) {
		sids := tokenGroups(c, c.person())
		slices.Sort(sids)
		want := []string{sidText(c.raw(c.BaseDN, "objectSid")) + "-513", "S-1-5-32-545"}
		slices.Sort(want)
		if !slices.Equal(sids, want) {
			c.Errorf("%v, want %v", sids, want)
		}
	}},
	{"tokenGroups hold universal and domain local groups", func(c *C) {
		p := c.person()
		c.tokens(p, true, c.groupOf("-2147483640", p.DN), c.groupOf("-2147483644", p.DN))
	}},
	{"tokenGroups are told of one object at a time", func(c *C) {
		p := c.person()
		_, err := c.service.Search(query(c.ou, ldap.ScopeWholeSubtree, "(sAMAccountName="+p.SAM+")", "tokenGroups"))
		if err == nil {
			c.Error("told for a subtree")
		}
	}},
	{"a group in a filter is named in any case", func(c *C) {
		p := c.person()
		g := strings.ToLower(c.group(c.group(p.DN)))
		c.finds("(&(objectCategory=person)(memberOf:"+chain+":="+g+"))", p.SAM)
	}},
	{"an unknown group in a filter finds nobody", func(c *C) {
		c.finds("(memberOf=CN=nobody," + c.ou + ")")
		c.finds("(memberOf:" + chain + ":=CN=nobody," + c.ou + ")")
	}},
	{"tokenGroups of the administrator names Domain Admins", func(c *C) {
		e := c.read(c.service, "CN=Administrator,CN=Users,"+c.BaseDN, "tokenGroups")
		want := sidText(c.raw(c.BaseDN, "objectSid")) + "-512"
		for _, b := range e.GetRawAttributeValues("tokenGroups") {
			if sidText(b) == want {
				return
			}
		}
		c.Errorf("%s is missing", want)
	}},
	{"the administrator carries adminCount", func(c *C) {
		c.same("adminCount", c.read(c.service, "CN=Administrator,CN=Users,"+c.BaseDN, "adminCount").GetAttributeValue("adminCount"), "1")
	}},
	{"the primary group leaves memberOf", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		p.set(replace("primaryGroupID", c.ridOf(g)))
		if slices.Contains(c.read(c.service, p.DN, "memberOf").GetAttributeValues("memberOf"), g) {
			c.Error("still in memberOf")
		}
	}},
	{"a primary group needs membership first", func(c *C) {
		p := c.person()
		rid := c.ridOf(c.group())
		if answer(modify(c.admin, p.DN, replace("primaryGroupID", rid))) == "" {
			c.Error("accepted")
		}
		p.has("primaryGroupID", "513")
	}},
	{"a member twice is refused", func(c *C) {
		p := c.person()
		c.want(modify(c.admin, c.group(p.DN), addValue("member", p.DN)), "68")
	}},
	{"a member who is not there can't be removed", func(c *C) {
		p := c.person()
		if answer(modify(c.admin, c.group(), remove("member", p.DN))) == "" {
			c.Error("accepted")
		}
	}},
	{"a member must exist", func(c *C) {
		if answer(modify(c.admin, c.group(), addValue("member", "CN=nobody,"+c.ou))) == "" {
			c.Error("accepted")
		}
	}},
	{"a renamed person stays a member", func(c *C) {
		p := c.person()
		g, cn := c.group(p.DN), c.name("renamed")
		c.must(c.admin.ModifyDN(ldap.NewModifyDNRequest(p.DN, "CN="+cn, true, "")))
		c.same("member", c.read(c.service, g, "member").GetAttributeValue("member"), "CN="+cn+","+c.ou)
	}},
	{"a deleted person leaves the group", func(c *C) {
		p := c.person()
		g := c.group(p.DN)
		c.must(c.admin.Del(ldap.NewDelRequest(p.DN, nil)))
		c.same("member", c.read(c.service, g, "member").GetAttributeValue("member"), "")
	}},
	{"a deleted manager leaves the reports", func(c *C) {
		boss := c.person()
		p := c.person(attrs{"manager": {boss.DN}})
		c.same("reports", c.read(c.service, boss.DN, "directReports").GetAttributeValue("directReports"), p.DN)
		c.must(c.admin.Del(ldap.NewDelRequest(boss.DN, nil)))
		p.has("manager", "")
	}},
	{"a manager must exist", func(c *C) {
		c.want(modify(c.admin, c.person().DN, replace("manager", "CN=nobody,"+c.ou)), "19")
	}},
}

func (c *C) findsDN(filter string, want ...string) {
	c.Helper()
	res, err := c.service.Search(query(c.ou, ldap.ScopeWholeSubtree, filter, "cn"))
	c.must(err)
	var got []string
	for _, e := range res.Entries {
		got = append(got, e.DN)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		c.Errorf("%s finds %v, want %v", filter, got, want)
	}
}

func tokenGroups(c *C, p *person) (sids []string) {
	c.Helper()
	for _, b := range c.read(c.service, p.DN, "tokenGroups").GetRawAttributeValues("tokenGroups") {
		sids = append(sids, sidText(b))
	}
	return sids
}

// tokens says whether these groups are all in, or all out of, tokenGroups.
func (c *C) tokens(p *person, in bool, groups ...string) {
	c.Helper()
	sids := tokenGroups(c, p)
	for _, g := range groups {
		if slices.Contains(sids, sidText(c.raw(g, "objectSid"))) != in {
			c.Errorf("%s in tokenGroups: %v", g, !in)
		}
	}
}

// sidText writes a binary SID as S-1-… (MS-DTYP 2.4.2.1).
func sidText(b []byte) string {
	authority := uint64(0)
	for _, x := range b[2:8] {
		authority = authority<<8 | uint64(x)
	}
	s := fmt.Sprintf("S-%d-%d", b[0], authority)
	for i := 8; i+4 <= len(b); i += 4 {
		s += fmt.Sprintf("-%d", binary.LittleEndian.Uint32(b[i:]))
	}
	return s
}

// escapeAll escapes every byte for a filter.
func escapeAll(b []byte) string {
	var s strings.Builder
	for _, x := range b {
		fmt.Fprintf(&s, `\%02x`, x)
	}
	return s.String()
}
