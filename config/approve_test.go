package config_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/workflow"
)

const (
	helpdeskDN = "CN=Helpdesk,OU=Groups,DC=corp,DC=example,DC=test"
	securityDN = "CN=IT-Security,OU=Groups,DC=corp,DC=example,DC=test"
)

// reviewed is a valid file whose one act demands more.
func reviewed(t *testing.T, act string) string {
	t.Helper()
	return strings.Replace(valid(t), "unlock: {prove: [passkey]}", "one-time: "+act, 1) +
		"approvers:\n  - name: helpdesk\n    group: " + helpdeskDN + "\n"
}

func TestApproversAreAWordOrAGroup(t *testing.T) {
	helpdesk, inline := &workflow.Group{DN: helpdeskDN}, &workflow.Group{DN: securityDN}
	for _, k := range []struct {
		act    string
		want   workflow.Tier
		number workflow.Number
	}{
		{"{prove: [passkey], approve: [{by: manager}]}", workflow.Tier{By: workflow.Approvers{Manager: true}}, ""},
		{"{prove: [passkey], approve: [{by: helpdesk, within: 15m}], number: off}", workflow.Tier{By: workflow.Approvers{Group: helpdesk}, Within: 15 * time.Minute}, workflow.NumberOff},
		{`{prove: [passkey], approve: [{by: {group: "` + securityDN + `"}}], number: required}`, workflow.Tier{By: workflow.Approvers{Group: inline}}, workflow.NumberRequired},
		{"{prove: [passkey], approve: [{by: manager, else: helpdesk}]}", workflow.Tier{By: workflow.Approvers{Manager: true}, Else: &workflow.Approvers{Group: helpdesk}}, ""},
		{`{prove: [passkey], approve: [{by: "manager", within: 72h, else: {group: "` + securityDN + `"}}], number: weak-proof}`,
			workflow.Tier{By: workflow.Approvers{Manager: true}, Within: 72 * time.Hour, Else: &workflow.Approvers{Group: inline}}, workflow.NumberWeakProof},
	} {
		c, err := config.Parse("c.yaml", []byte(reviewed(t, k.act)))
		if err != nil {
			t.Errorf("%s: %v", k.act, err)
			continue
		}
		act := c.Policy().Rules[0].Acts[workflow.KindOneTime]
		if len(act.Approve) != 1 || act.Number != k.number || !sameTier(act.Approve[0], k.want) {
			t.Errorf("%s: %+v", k.act, act)
		}
	}
}

func sameTier(a, b workflow.Tier) bool {
	same := func(x, y workflow.Approvers) bool {
		return x.Manager == y.Manager && (x.Group == nil) == (y.Group == nil) && (x.Group == nil || *x.Group == *y.Group)
	}
	return a.Within == b.Within && same(a.By, b.By) && (a.Else == nil) == (b.Else == nil) && (a.Else == nil || same(*a.Else, *b.Else))
}

func TestEachMistakeInAReviewIsNamedWithItsPlace(t *testing.T) {
	const at = "policies[0].one-time"
	for _, k := range []struct {
		name, act string
		key, what string
		column    int
	}{
		{"a word for the list", "{prove: [passkey], approve: manager}", at + ".approve", "such as [{by: manager", 43},
		{"a map for the list", "{prove: [passkey], approve: {by: manager}}", at + ".approve", "such as [{by: manager", 0},
		{"a word for a tier", "{prove: [passkey], approve: [manager]}", at + ".approve[0]", "allowed: by, within, else", 44},
		{"an empty list", "{prove: [passkey], approve: []}", at + ".approve", "names nobody", 0},
		{"an empty value", "{prove: [passkey], approve: [{by: }]}", at + ".approve[0].by", "is empty", 0},
		{"no by", "{prove: [passkey], approve: [{within: 5m}]}", at + ".approve[0]", "needs by: manager, {group: DN}, helpdesk", 0},
		{"an unknown word", "{prove: [passkey], approve: [{by: boss}]}", at + ".approve[0].by", `"boss" is not known; write manager, {group: DN}, helpdesk`, 49},
		{"an unknown word in else", "{prove: [passkey], approve: [{by: manager, else: desk}]}", at + ".approve[0].else", `"desk" is not known`, 64},
		{"an unknown key in by", "{prove: [passkey], approve: [{by: {ou: x}}]}", at + ".approve[0].by", "allowed: group", 0},
		{"a list in by", "{prove: [passkey], approve: [{by: [manager]}]}", at + ".approve[0].by", "manager, a name of approvers, or {group: DN}", 0},
		{"a number in by", "{prove: [passkey], approve: [{by: 1}]}", at + ".approve[0].by", "manager, a name of approvers, or {group: DN}", 49},
		{"no group", "{prove: [passkey], approve: [{by: {}}]}", at + ".approve[0].by", "needs a group", 0},
		{"a group that is no DN", "{prove: [passkey], approve: [{by: {group: IT}}]}", at + ".approve[0].by.group", "distinguished name", 0},
		{"two tiers", "{prove: [passkey], approve: [{by: manager}, {by: helpdesk}]}", at + ".approve[1]", "one tier in this version", 0},
		{"else of a group", "{prove: [passkey], approve: [{by: helpdesk, else: helpdesk}]}", at + ".approve[0].else", "has no effect", 0},
		{"else of an unknown word", "{prove: [passkey], approve: [{by: boss, else: helpdesk}]}", at + ".approve[0].by", "is not known", 0},
		{"else is the manager", "{prove: [passkey], approve: [{by: manager, else: manager}]}", at + ".approve[0].else", "must be a group", 0},
		{"too short", "{prove: [passkey], approve: [{by: manager, within: 59s}]}", at + ".approve[0].within", "1m0s to 72h0m0s", 0},
		{"no time at all", "{prove: [passkey], approve: [{by: manager, within: 0s}]}", at + ".approve[0].within", "1m0s to 72h0m0s", 0},
		{"negative", "{prove: [passkey], approve: [{by: manager, within: -15m}]}", at + ".approve[0].within", "1m0s to 72h0m0s", 0},
		{"too long", "{prove: [passkey], approve: [{by: manager, within: 73h}]}", at + ".approve[0].within", "1m0s to 72h0m0s", 0},
		{"without a unit", "{prove: [passkey], approve: [{by: manager, within: 15}]}", at + ".approve[0].within", "such as 30m", 0},
		{"approve without prove", "{approve: [{by: manager}]}", at, "an approval does not show that it is this person", 0},
		{"number without approve", "{prove: [passkey], number: required}", at + ".number", "no effect without approve", 0},
		{"an unknown number", "{prove: [passkey], approve: [{by: manager}], number: always}", at + ".number", "allowed: required, weak-proof, off", 0},
		{"a number as number", "{prove: [passkey], approve: [{by: manager}], number: [off]}", at + ".number", "one value", 0},
	} {
		t.Run(k.name, func(t *testing.T) { mistake(t, reviewed(t, k.act), k.key, k.what, 10, k.column) })
	}
}

func TestEachMistakeInTheListOfApproversIsNamed(t *testing.T) {
	for _, k := range []struct{ name, list, key, what string }{
		{"no name", "{group: \"" + helpdeskDN + "\"}", "approvers[0]", "needs a name"},
		{"no group", "{name: desk}", "approvers[0]", "needs a group"},
		{"no DN", "{name: desk, group: Helpdesk}", "approvers[0].group", "distinguished name"},
		{"the manager's name", "{name: manager, group: \"" + helpdeskDN + "\"}", "approvers[0].name", "another name"},
		{"twice", "{name: a, group: \"" + helpdeskDN + "\"}, {name: a, group: \"" + helpdeskDN + "\"}", "approvers[1].name", "used twice"},
		{"a word", "helpdesk", "approvers[0]", "allowed: name, group"},
	} {
		t.Run(k.name, func(t *testing.T) {
			mistake(t, valid(t)+"approvers: ["+k.list+"]\n", k.key, k.what, 11, 0)
		})
	}
	mistake(t, valid(t)+"approvers: helpdesk\n", "approvers", "such as [{name: …}]", 11, 0)
}

// A group without a DN is one mistake, where it stands, and not one for each use.
func TestAnApproverGroupInErrorIsReportedOnce(t *testing.T) {
	text := strings.Replace(reviewed(t, "{prove: [passkey], approve: [{by: helpdesk}]}"), "    group: "+helpdeskDN+"\n", "", 1)
	_, err := config.Parse("c.yaml", []byte(text))
	var found config.Problems
	if !errors.As(err, &found) || len(found) != 1 || found[0].Key != "approvers[0]" {
		t.Errorf("%v", err)
	}
}

func TestAnActCanBeNamedAndUsedAgain(t *testing.T) {
	act := "&act {prove: [passkey], approve: [{by: &who {group: \"" + securityDN + "\"}, within: 5m}]}\n    reset: *act"
	c, err := config.Parse("c.yaml", []byte(reviewed(t, act)))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []workflow.Kind{workflow.KindOneTime, workflow.KindReset} {
		if got := c.Policy().Rules[0].Acts[kind].Approve; len(got) != 1 || got[0].By.Group == nil || got[0].By.Group.DN != securityDN {
			t.Errorf("%s: %+v", kind, got)
		}
	}
	_, err = config.Parse("c.yaml", []byte(strings.Replace(reviewed(t, act), "within: 5m", "within: 5s", 1)))
	if err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("%v", err)
	}
}

// mistake wants one problem of the text; zero places are not compared.
func mistake(t *testing.T, text, key, what string, line, column int) {
	t.Helper()
	_, err := config.Parse("c.yaml", []byte(text))
	var found config.Problems
	if !errors.As(err, &found) {
		t.Fatalf("want problems, got %v", err)
	}
	for _, p := range found {
		if p.Key == key && strings.Contains(p.What, what) && (line == 0 || p.Line == line) && p.Column > 0 && (column == 0 || p.Column == column) {
			return
		}
	}
	t.Errorf("want %s %q at %d:%d, got:\n%v", key, what, line, column, err)
}

// What the manual shows can be copied.
func TestPoliciesOfTheManualAreRight(t *testing.T) {
	manual, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(valid(t), "policies:")
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(manual), -1)
	for _, block := range blocks {
		if _, err := config.Parse("policies.md", []byte(head+block[1])); err != nil {
			t.Errorf("%v", err)
		}
	}
	if len(blocks) < 2 {
		t.Errorf("%d examples", len(blocks))
	}
}
