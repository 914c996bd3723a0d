package config_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
)

// entries is a right file with these policies in place of its own.
func entries(t *testing.T, policies ...string) string {
	t.Helper()
	head, _, _ := strings.Cut(valid(t), "policies:")
	var text strings.Builder
	text.WriteString(head + "policies:\n")
	for i, p := range policies {
		fmt.Fprintf(&text, "  - name: p%d\n    %s\n", i, strings.ReplaceAll(p, "; ", "\n    "))
	}
	return text.String()
}

// described is what the proofs and approvers of the tables need.
const described = `mail: {host: smtp.corp.example.test, from: latchkey@corp.example.test}
proofs:
  mail_code: {attribute: extensionAttribute3}
  sms_code: {verified: true, countries: ["+49"], gateway: {url: https://sms.example.test}}
  directory: {attribute: employeeNumber, en: Number, de: Nummer}
approvers: [{name: helpdesk, group: "CN=Helpdesk,OU=Groups,DC=corp,DC=example,DC=test"}]
`

// found is the one mistake that has this key; without a key there is none at all.
func found(t *testing.T, name, text, key, what string) {
	t.Helper()
	_, err := config.Parse("c.yaml", []byte(text))
	var all config.Problems
	errors.As(err, &all)
	if key == "" {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return
	}
	if len(all) != 1 || all[0].Key != key || !strings.Contains(all[0].What, what) {
		t.Errorf("%s: %v, want %s: %s", name, err, key, what)
	}
}

func TestAnEntryThatIsNeverReachedIsFound(t *testing.T) {
	const (
		staff   = `{ou: "OU=Staff,DC=corp,DC=example,DC=test"}`
		sales   = `{ou: "ou=sales,OU=Staff,DC=corp,DC=example,DC=test"}`
		finance = `{group: "CN=Finance,DC=corp,DC=example,DC=test"}`
		payroll = `{group: "CN=Payroll,DC=corp,DC=example,DC=test"}`
		both    = `{any: [` + finance + `, ` + payroll + `]}`
		day     = `hours: {from: "07:00", to: "19:00", zone: UTC}`
	)
	inside := func(who, more string) string { return strings.TrimSuffix(who, "}") + ", " + more + "}" }
	for _, c := range []struct {
		name string
		who  []string
		by   string // nothing where each is reached
	}{
		{"behind everyone", []string{"{everyone: true}", "{department: Sales}"}, "policies[0]"},
		{"everyone behind", []string{"{department: Sales}", "{everyone: true}"}, ""},
		{"a group twice", []string{finance, finance}, "policies[0]"},
		{"a group twice, otherwise written", []string{finance, strings.Replace(finance, "CN=Finance", "cn=finance", 1)}, "policies[0]"},
		{"two groups", []string{finance, payroll}, ""},
		{"a unit below an earlier one", []string{staff, sales}, "policies[0]"},
		{"a unit above an earlier one", []string{sales, staff}, ""},
		{"a group within a unit", []string{staff, inside(finance, strings.Trim(sales, "{}"))}, "policies[0]"},
		{"one of an earlier any", []string{both, payroll}, "policies[0]"},
		{"an any with an earlier one among others", []string{finance, both}, ""},
		{"an any of which each has an earlier one", []string{finance, "{department: Sales}", payroll, both}, "policies[0] or policies[2]"},
		{"an all with an earlier one", []string{finance, "{all: [" + finance + ", {department: Sales}]}"}, "policies[0]"},
		{"more conditions than an earlier one", []string{finance, inside(finance, "department: Sales")}, "policies[0]"},
		{"fewer conditions than an earlier one", []string{inside(finance, "department: Sales"), finance}, ""},
		{"by day, and at any time", []string{inside(finance, day), finance}, ""},
		{"at any time, and by day", []string{finance, inside(finance, day)}, "policies[0]"},
		{"a network within an earlier one", []string{"{network: [10.0.0.0/8]}", "{network: [10.1.0.0/16]}"}, "policies[0]"},
		{"a network around an earlier one", []string{"{network: [10.1.0.0/16]}", "{network: [10.0.0.0/8]}"}, ""},
		{"all but those, and those", []string{"{everyone: true, not: " + finance + "}", finance}, ""},
		{"hours that are all there are", []string{`{hours: {from: "00:00", to: "24:00", zone: UTC}}`, finance}, ""},
		{"new and known devices", []string{"{any: [{new_device: true}, {new_device: false}]}", finance}, ""},
	} {
		var policies []string
		for _, who := range c.who {
			policies = append(policies, "who: "+who+"; unlock: {prove: [passkey]}")
		}
		key, what := "", ""
		if c.by != "" {
			key, what = fmt.Sprintf("policies[%d]", len(c.who)-1), "is never reached: "+c.by+" before it"
		}
		found(t, c.name, entries(t, policies...), key, what)
	}
}

// The places are enough to find both; of many ways the first ones are named.
func TestAnEntryThatNobodyMatchesIsFound(t *testing.T) {
	const staff, sales = `ou: "OU=Staff,DC=corp,DC=example,DC=test"`, `ou: "OU=Sales,OU=Staff,DC=corp,DC=example,DC=test"`
	const way = "who.department and who.any[%d].department at once"
	day := func(from, to string) string { return `{hours: {from: "` + from + `", to: "` + to + `", zone: UTC}}` }
	for _, c := range []struct{ name, who, never string }{
		{"not everyone", "{not: {everyone: true}}", "who.not.everyone"},
		{"a unit, and not it", "{" + staff + ", not: {" + staff + "}}", "who.ou and who.not.ou at once"},
		{"a unit, and not the one above", "{" + sales + ", not: {" + staff + "}}", "who.ou and who.not.ou at once"},
		{"two departments", "{all: [{department: X}, {department: Y}]}", "who.all[0].department and who.all[1].department at once"},
		{"two companies", "{company: X, attribute: {name: company, value: Y}}", "who.company and who.attribute at once"},
		{"two types", "{all: [{attribute: {name: employeeType, value: a}}, {attribute: {name: employeetype, value: b}}]}", "who.all[0].attribute and who.all[1].attribute at once"},
		{"two states", "{all: [{state: [expired]}, {state: [must-change]}]}", "who.all[0].state and who.all[1].state at once"},
		{"two times", "{all: [" + day("07:00", "12:00") + ", " + day("12:00", "07:00") + "]}", "who.all[0].hours and who.all[1].hours at once"},
		{"two networks", "{all: [{network: [10.0.0.0/8]}, {network: [192.0.2.0/24]}]}", "who.all[0].network and who.all[1].network at once"},
		{"two ways", "{department: X, any: [{department: Y}, {department: Z}]}", fmt.Sprintf(way+", nor "+way, 0, 1)},
		{"four ways", "{department: X, any: [{department: A}, {department: B}, {department: C}, {department: D}]}", fmt.Sprintf(way+", nor "+way+", nor "+way+", and so on", 0, 1, 2)},
		{"a unit, and not one in it", "{" + staff + ", not: {" + sales + "}}", ""},
		{"a department in two spellings", "{all: [{department: X}, {department: x}]}", ""},
		{"two values where several may stand", "{all: [{attribute: {name: description, value: a}}, {attribute: {name: description, value: b}}]}", ""},
		{"two groups", `{all: [{group: "CN=A,DC=corp"}, {group: "CN=B,DC=corp"}]}`, ""},
		{"two states that come together", "{all: [{state: [locked]}, {state: [expired]}]}", ""},
		{"a way that nobody goes", "{any: [{all: [{department: X}, {department: Y}]}, {department: X}]}", ""},
	} {
		key, what := "", ""
		if c.never != "" {
			key, what = "policies[1]", "is never reached: nobody matches "+c.never+"; change one of them, or remove the entry"
		}
		text := entries(t, "who: {department: first}; unlock: {prove: [passkey]}", "who: "+c.who+"; unlock: {prove: [passkey]}", "who: {everyone: true}; unlock: {prove: [passkey]}")
		found(t, c.name, text, key, what)
		if _, err := config.Parse("c.yaml", []byte(text)); key != "" {
			line := 1 + strings.Count(text[:strings.Index(text, "- name: p1")], "\n")
			if !strings.HasPrefix(fmt.Sprint(err), fmt.Sprintf("c.yaml:%d:", line)) {
				t.Errorf("%s: %v, not in line %d", c.name, err, line)
			}
		}
	}
}

// What is in the file twice is said once: an entry that nobody matches is not hidden, too.
func TestAnEntryThatNobodyMatchesIsNotCalledHidden(t *testing.T) {
	who := "who: {department: X, not: {department: x}}; unlock: {prove: [passkey]}"
	found(t, "behind everyone", entries(t, "who: {everyone: true}; unlock: {prove: [passkey]}", who), "policies[1]", "nobody matches who.department and who.not.department at once")
}

func TestWhatNobodyCanGiveIsRefused(t *testing.T) {
	for _, c := range []struct{ acts, key, what string }{
		{"unlock: {prove: [password + recovery-code, vouching], approve: [{by: manager}]}; hold: {may: []}", "unlock.prove[0]", "nobody can give password here"},
		// A word is no proof for whoever is signed in.
		{"change: {prove: [vouching], approve: [{by: manager}]}", "change.prove[0]", "nobody can give vouching here: change is for whoever is signed in"},
		{"change: {prove: [passkey, vouching + pin], approve: [{by: manager}]}", "change.prove[1]", "write passkey"},
		{"change: {prove: [passkey], approve: [{by: manager}]}", "", ""},
		{"reset: {prove: [vouching], approve: [{by: manager}]}", "", ""},
		// The password of a locked account is never tried.
		{"unlock: {prove: [password]}", "unlock.prove[0]", "that of a locked account is never tried"},
		{"unlock: {prove: [passkey, password + mail-code]}", "unlock.prove[1]", "write recovery-code or totp in its place"},
		{"unlock: {prove: [totp]}", "", ""},
		{"reset: {prove: [passkey, password + mail-code]}", "", ""},
		// Each counts once.
		{"unlock: {prove: [passkey, totp + totp]}", "unlock.prove[1]", "names totp twice"},
		// More than the forms take.
		{"unlock: {prove: [recovery-code + totp + pin + mail-code + directory]}", "unlock.prove[0]", "4 proofs at most, and a passkey beside them"},
		{"unlock: {prove: [recovery-code + totp + pin + mail-code]}", "", ""},
		{"unlock: {prove: [passkey + recovery-code + pin + mail-code + directory]}", "", ""},
		{"unlock: {prove: [vouching + recovery-code + pin + mail-code + directory], approve: [{by: manager}]}", "unlock.prove[0]", "asks for too much at once"},
	} {
		if c.key != "" {
			c.key = "policies[0]." + c.key
		}
		found(t, c.acts, entries(t, "who: {everyone: true}; "+c.acts)+described, c.key, c.what)
	}
}

// few is what is said of a file that is right, of what only few people can satisfy.
func few(t *testing.T, name, text string) (all []string) {
	t.Helper()
	c, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	for _, w := range c.Warnings() {
		if strings.Contains(w, "only for somebody") {
			all = append(all, w)
		}
	}
	return all
}

// Who holds a second passkey, or what no passkey stands beside any more, comes through.
func TestWhatOnlyFewCanSatisfyIsWarnedOf(t *testing.T) {
	const (
		another  = "only for somebody who has another passkey"
		removed  = "whose passkeys were all removed, since nothing weaker counts beside one"
		outright = "only for somebody " + removed
		code     = "; write prove: [recovery-code]"
		manager  = ", or approve: [{by: manager}] beside it"
	)
	keys := "proofs:\n  hardware_key: {roots_file: " + rootsFile(t, 365*24*time.Hour) + "}"
	unheld := func(proof string) string {
		return "unlock: hold lets nobody here set up " + proof + ": only for somebody who did before, or under another entry; write " + proof + " under hold.may, or leave it out"
	}
	for _, c := range []struct {
		acts string
		ends []string // of what is said, in this order
	}{
		// Nobody may set it up.
		{"unlock: {prove: [totp]}; hold: {may: []}", []string{unheld("totp")}},
		{"unlock: {prove: [passkey, totp]}; hold: {may: []}", []string{unheld("totp")}},
		{"unlock: {prove: [totp, pin + recovery-code]}; hold: {must: [passkey], may: [pin]}", []string{unheld("recovery-code"), unheld("totp")}},
		{"unlock: {prove: [totp + recovery-code]}; hold: {may: []}", []string{"set up totp or recovery-code: only for somebody who did before, or under another entry; write totp, recovery-code under hold.may, or leave it out"}},
		{"unlock: {prove: [sms-code]}; hold: {may: []}", []string{unheld("sms-code")}},
		{"unlock: {prove: [mail-code]}; hold: {may: []}", nil}, // the directory has the address
		{"unlock: {prove: [totp]}; hold: {may: [totp]}", nil},
		{"unlock: {prove: [totp]}; hold: {must: [totp], may: []}", nil},
		{"unlock: {prove: [totp]}; hold: {must: [passkey]}", nil},
		// Whoever holds what was set up holds a passkey, until it is removed.
		{"enrol: {prove: [totp]}", []string{"enrol: " + outright + code + manager}},
		{"enrol: {prove: [pin, totp]}", []string{outright + code + manager}},
		{"enrol: {prove: [totp], approve: [{by: manager}]}", nil},
		{"enrol: {prove: [totp + recovery-code]}", nil},
		{"enrol: {prove: [mail-code]}", nil}, // whoever never had a passkey
		{"enrol: {prove: [password + mail-code]}", nil},
		{"reset: {prove: [totp]}", []string{"reset: " + outright + "; write prove: [passkey]" + manager}},
		{"one-time: {prove: [sms-code + pin]}", []string{outright + "; write prove: [passkey]" + manager}},
		{"reset: {prove: [passkey, totp]}", nil},
		{"reset: {prove: [totp], approve: [{by: manager}]}", nil},
		{"change: {prove: [totp]}", nil},
		// A passkey to get a passkey.
		{"enrol: {prove: [passkey]}", []string{"enrol: " + another + code}},
		{"enrol: {prove: [hardware-key]}", []string{another + code}},
		{"enrol: {prove: [passkey + recovery-code]}", []string{another + code}},
		{"enrol: {prove: [passkey], approve: [{by: manager}]}", []string{another + code}},
		{"enrol: {prove: [passkey, totp]}", []string{another + ", or " + removed + code + manager}},
		{"enrol: {prove: [passkey]}; hold: {may: []}", []string{another + code + ", and recovery-code under hold.may"}},
		{"enrol: {prove: [passkey, recovery-code]}", nil},
		{"enrol: {prove: [passkey, recovery-code]}; hold: {must: [recovery-code], otherwise: limit}", nil},
	} {
		text := entries(t, "who: {everyone: true}; "+c.acts) + strings.Replace(described, "proofs:", keys, 1)
		got := few(t, c.acts, text)
		if !slices.EqualFunc(got, c.ends, strings.HasSuffix) {
			t.Errorf("%s: %q, want %q", c.acts, got, c.ends)
		}
	}
}

// Who may set a proof up in one circumstance has it in another. Who may as one of a group
// has it after leaving, too; only so many that it is said.
func TestAProofMayBeSetUpWhereAnotherEntryDecides(t *testing.T) {
	office, ou := "who: {network: [10.0.0.0/8]}; unlock: {prove: [totp]}", `who: {ou: "OU=Staff,DC=corp,DC=example,DC=test"}; unlock: {prove: [totp]}`
	rest := "who: {everyone: true}; unlock: {prove: [totp]}; hold: {may: []}"
	for _, c := range []struct {
		name     string
		policies []string
		said     bool
	}{
		{"in the office", []string{office, rest}, false},
		{"nowhere", []string{strings.Replace(office, "totp", "passkey", 1) + "; hold: {may: []}", rest}, true},
		{"other people", []string{ou, rest}, true},
		{"outside the office", []string{office + "; hold: {may: []}", strings.Replace(rest, "may: []", "may: [totp]", 1)}, false},
	} {
		got := few(t, c.name, entries(t, c.policies...))
		if len(got) > 1 || len(got) == 1 != c.said || c.said && !strings.Contains(got[0], `policy "p1", unlock: hold lets nobody here set up totp`) {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// An entry for locked accounts takes no password, whatever it is for.
func TestAnEntryForLockedAccountsTakesNoPassword(t *testing.T) {
	for who, finds := range map[string]bool{
		"{state: [locked]}": true, "{all: [{state: [locked]}, {department: Sales}]}": true, "{any: [{state: [locked]}, {state: [locked], department: Sales}]}": true,
		"{state: [locked, expired]}": false, "{any: [{state: [locked]}, {department: Sales}]}": false, "{not: {state: [locked]}}": false, "{everyone: true}": false,
	} {
		key := ""
		if finds {
			key = "policies[0].reset.prove[1]"
		}
		found(t, who, entries(t, "who: "+who+"; reset: {prove: [passkey, password + mail-code]}")+described, key, "never tried")
	}
}

var advised = regexp.MustCompile(`write (prove: \[[a-z-]+\])|(approve: \[\{by: manager\}\])|put another proof beside (?:it|them): ([a-z-]+ \+ [a-z-]+)|write (within: 14d)|write (verified: true)|write ([a-z-]+) under hold.may`)

// What a warning says to write instead is right, and nothing is said of it.
func TestWhatIsAdvisedIsRight(t *testing.T) {
	const questions = `questions: {list: [{id: a, en: a, de: a}, {id: b, en: b, de: b}, {id: c, en: c, de: c}, {id: d, en: d, de: d}, {id: e, en: e, de: e}]}`
	sms := "  sms_code: {verified: true, countries: [\"+49\"], gateway: {url: https://sms.example.test}}\n"
	base := strings.Replace(strings.Replace(described, sms, "", 1), "  directory:", "  "+questions+"\n  directory:", 1)
	noMail := strings.Replace(base, "  mail_code: {attribute: extensionAttribute3}\n", "", 1)
	own := strings.Replace(base, "attribute: extensionAttribute3", "attribute: mail", 1)
	const use = "; change: {prove: [questions + directory + mail-code]}" // so that nothing described is idle
	const useNoMail = "; change: {prove: [passkey, questions + directory + recovery-code]}"
	for _, c := range []struct {
		act, rest string
		replaced  map[int]string // what each advice takes the place of
	}{
		{"reset: {prove: [passkey, vouching], approve: [{by: manager}]}" + use, base, map[int]string{3: "vouching"}},
		{"enrol: {prove: [recovery-code, vouching], approve: [{by: manager}]}" + use, base, map[int]string{3: "vouching"}},
		{"reset: {prove: [passkey, pin]}" + use, base, map[int]string{2: "[passkey, pin]", 3: "pin"}},
		{"reset: {prove: [passkey, pin]}" + useNoMail, noMail, map[int]string{2: "[passkey, pin]", 3: "pin"}},
		{"unlock: {prove: [questions]}" + use, base, map[int]string{2: "[questions]", 3: "questions"}},
		{"enrol: {prove: [recovery-code, questions]}" + useNoMail, noMail, map[int]string{2: "[recovery-code, questions]", 3: "questions"}},
		{"unlock: {prove: [passkey, mail-code]}; change: {prove: [questions + directory + mail-code]}", own, map[int]string{5: "attribute: mail"}},
		{"unlock: {prove: [totp]}; hold: {must: [totp], by: 2020-01-01}" + use, base, map[int]string{4: "by: 2020-01-01"}},
		{"unlock: {prove: [passkey, totp]}; hold: {may: [questions]}" + use, base, map[int]string{6: "may: [questions]"}},
		{"enrol: {prove: [totp]}" + use, base, map[int]string{1: "prove: [totp]", 2: "[totp]"}},
		{"enrol: {prove: [passkey]}" + use, base, map[int]string{1: "prove: [passkey]"}},
		{"reset: {prove: [pin]}" + use, base, map[int]string{1: "prove: [pin]", 2: "[pin]", 3: "pin"}},
		{"unlock: {prove: [totp]}; hold: {may: [questions]}" + use, base, map[int]string{6: "may: [questions]"}},
	} {
		text := entries(t, "who: {everyone: true}; "+c.act) + c.rest
		before := said(text)
		if len(before) == 0 {
			t.Errorf("%s: nothing is said", c.act)
		}
		advices := advised.FindAllStringSubmatch(strings.Join(before, "\n"), -1)
		kinds := map[int]bool{}
		for _, m := range advices {
			i := 1 + slices.IndexFunc(m[1:], func(s string) bool { return s != "" })
			kinds[i] = true
			old, instead := c.replaced[i], m[i]
			switch i {
			case 2:
				instead = old + ", " + instead
			case 6:
				instead = strings.TrimSuffix(old, "]") + ", " + instead + "]"
			}
			if old == "" || !strings.Contains(text, old) {
				t.Errorf("%s: %q has no place", c.act, m[0])
				continue
			}
			if after := said(strings.Replace(text, old, instead, 1)); len(after) > 0 {
				t.Errorf("%s: told %q, and then %q", c.act, m[0], after)
			}
		}
		if len(kinds) != len(c.replaced) {
			t.Errorf("%s: %d kinds of advice in %q", c.act, len(kinds), before)
		}
	}
}

// said is what `config check` says of a file.
func said(text string) []string {
	c, err := config.Parse("c.yaml", []byte(text))
	if err != nil {
		return []string{err.Error()}
	}
	return c.Warnings()
}
