package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// ready is a policy of docs/policies as a server has it: the group of each name has a
// SID that ends in that name.
func ready(t *testing.T, file string) workflow.Policy {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../docs/policies", file))
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(valid(t), "policies:")
	c, err := config.Parse(file, []byte(head+"proofs: {hardware_key: {roots_file: "+rootsFile(t, 365*24*time.Hour)+"}}\n"+string(text)))
	if err != nil {
		t.Fatal(err)
	}
	p := c.Policy()
	found := func(g *workflow.Group) {
		if g != nil {
			name, _, _ := strings.Cut(g.DN, ",")
			g.SID = "S-" + strings.TrimPrefix(name, "CN=")
		}
	}
	for i := range p.Rules {
		p.Rules[i].Who.Walk(func(c *workflow.Condition, _ bool) { found(c.Group) })
		for _, act := range p.Rules[i].Acts {
			for _, tier := range act.Approve {
				found(tier.By.Group)
				if tier.Else != nil {
					found(tier.Else.Group)
				}
			}
		}
	}
	return p.Ready()
}

// member is somebody in these groups, nested ones too.
func member(names ...string) ad.Account {
	a := ad.Account{GUID: ad.GUID{1}, DN: "CN=Dana,OU=Staff,DC=corp,DC=example,DC=test", Groups: []string{"S-Domain Users"}}
	for _, name := range names {
		a.Groups = append(a.Groups, "S-"+name)
	}
	return a
}

// demanded is what is decided, in the file's words; "no" where it is not allowed.
func demanded(d workflow.Decision) string {
	if d.Verdict != workflow.Allow {
		return "no"
	}
	var ways []string
	for _, set := range d.Prove {
		var all []string
		for _, kind := range set {
			all = append(all, string(kind))
		}
		ways = append(ways, strings.Join(all, " + "))
	}
	text := strings.Join(ways, ", ")
	name := func(a workflow.Approvers) string {
		if a.Manager {
			return "manager"
		}
		return strings.TrimPrefix(a.Group.SID, "S-")
	}
	for _, tier := range d.Approve {
		text += "; " + name(tier.By)
		if tier.Else != nil {
			text += " else " + name(*tier.Else)
		}
		text += " (" + string(d.Number) + ")"
	}
	return text
}

// Each ready policy does what its comments say: for these people, at these times, of
// each kind: unlock, reset, change, one-time, enrol.
func TestTheReadyPoliciesDoWhatTheySay(t *testing.T) {
	kinds := []workflow.Kind{workflow.KindUnlock, workflow.KindReset, workflow.KindChange, workflow.KindOneTime, workflow.KindEnrol}
	contractor := member()
	contractor.Attributes = map[string][]string{"employeetype": {"Contractor"}}
	employee := member()
	employee.Attributes = map[string][]string{"employeetype": {"employee"}}
	accounts := member()
	accounts.Department = "finance"
	const (
		noon     = "2026-11-25T12:00:00+01:00" // a Wednesday
		security = "; IT-Security (required)"
		manager  = "; manager else Helpdesk (required)"
		asked    = "; manager else Helpdesk (weak-proof)"
		spare    = "recovery-code + totp"
		paper    = "recovery-code + pin"
		two      = "passkey, " + spare + ", " + paper
	)
	plain := []string{"passkey", "passkey", "passkey", "no", "no"}
	atWork := []string{"passkey", "passkey" + manager, "passkey", "no", "no"}
	unlockOnly := []string{"passkey", "no", "no", "no", "no"}
	finance := []string{"passkey", "passkey" + security, "no", "no", "no"}
	for _, c := range []struct {
		file, name string
		who        ad.Account
		at         string
		want       []string
	}{
		{"smallest.yaml", "somebody", member(), noon, plain},
		{"smallest.yaml", "somebody of finance, at night", member("Finance", "Executives"), "2026-11-28T03:00:00+01:00", plain},
		{"two-proofs.yaml", "somebody", member(), noon, []string{two, two, "passkey", "no", spare + ", " + paper}},
		{"manager-approves.yaml", "somebody", member(), noon, []string{"passkey", "passkey" + asked, "passkey", "passkey" + manager, "no"}},
		{"four-eyes-finance.yaml", "finance", member("Finance"), noon, finance},
		{"four-eyes-finance.yaml", "the department, not yet in the group", accounts, noon, finance},
		{"four-eyes-finance.yaml", "who approves for them", member("IT-Security"), noon, plain},
		{"four-eyes-finance.yaml", "everybody else", member(), noon, plain},
		{"executives.yaml", "an executive", member("Executives"), noon,
			[]string{"hardware-key", "hardware-key", "hardware-key", "no", "recovery-code" + security}},
		{"executives.yaml", "everybody else", member(), noon, plain},
		{"contractors.yaml", "a contractor at noon", contractor, noon, atWork},
		{"contractors.yaml", "a contractor at seven", contractor, "2026-11-23T07:00:00+01:00", atWork},
		{"contractors.yaml", "a contractor before seven", contractor, "2026-11-23T06:59:00+01:00", unlockOnly},
		{"contractors.yaml", "a contractor before the evening", contractor, "2026-11-27T18:59:00+01:00", atWork},
		{"contractors.yaml", "a contractor in the evening", contractor, "2026-11-27T19:00:00+01:00", unlockOnly},
		{"contractors.yaml", "a contractor at night", contractor, "2026-11-25T02:00:00+01:00", unlockOnly},
		{"contractors.yaml", "a contractor on Saturday", contractor, "2026-11-28T12:00:00+01:00", unlockOnly},
		{"contractors.yaml", "a contractor on Sunday", contractor, "2026-11-29T12:00:00+01:00", unlockOnly},
		{"contractors.yaml", "a contractor in summer", contractor, "2026-07-01T06:30:00Z", atWork}, // half past eight there
		{"contractors.yaml", "staff", employee, noon, plain},
		{"contractors.yaml", "staff at night", employee, "2026-11-28T02:00:00+01:00", plain},
	} {
		p := ready(t, c.file)
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		for i, kind := range kinds {
			if got := demanded(workflow.Evaluate(p, c.who, c.who, kind, workflow.Circumstances{Now: at})); got != c.want[i] {
				t.Errorf("%s, %s, %s: %q, want %q", c.file, c.name, kind, got, c.want[i])
			}
		}
	}
}

// The table holds each file, and two proofs of one alternative are not lost together.
func TestNoReadyPolicyTakesTwoProofsOnOneThing(t *testing.T) {
	files, err := filepath.Glob("../docs/policies/*.yaml")
	if err != nil || len(files) != 6 {
		t.Fatalf("%v, %v: give each a line in the table", files, err)
	}
	for _, file := range files {
		for _, rule := range ready(t, filepath.Base(file)).Rules {
			for kind, act := range rule.Acts {
				for _, set := range act.Prove {
					var on []string
					for _, proof := range set {
						if slices.Contains(on, enroll.Carrier(proof)) {
							t.Errorf("%s, %s, %s: %v", file, rule.Name, kind, set)
						}
						on = append(on, enroll.Carrier(proof))
					}
				}
			}
		}
	}
}

// Whoever lost the phone, and the authenticator app on it, comes to a new passkey where the
// policy means to give a way: by two proofs that are not on the phone, or by one and a
// second person. The other policies take nothing but a passkey: there IT invites anew.
func TestWhoLostThePhoneHasAWayInWhereTheReadyPolicyMeansOne(t *testing.T) {
	meant := map[string]bool{
		"smallest.yaml": false, "manager-approves.yaml": false, "four-eyes-finance.yaml": false, "contractors.yaml": false,
		"two-proofs.yaml": true, "executives.yaml": true,
	}
	for file, means := range meant {
		given := false
		for _, rule := range ready(t, file).Rules {
			act, named := rule.Acts[workflow.KindEnrol]
			if !named {
				for kind, act := range rule.Acts {
					for _, set := range act.Prove {
						if !slices.ContainsFunc(set, enroll.ProofKind.IsPasskey) {
							t.Errorf("%s, %s, %s takes %v, and gives no way back to a passkey", file, rule.Name, kind, set)
						}
					}
				}
				continue
			}
			left := slices.DeleteFunc(slices.Clone(act.Prove), func(set []enroll.ProofKind) bool {
				return slices.ContainsFunc(set, func(k enroll.ProofKind) bool { return k.IsPasskey() || enroll.Carrier(k) == "phone" })
			})
			if len(left) == 0 {
				t.Errorf("%s, %s: every way is lost with the phone: %v", file, rule.Name, act.Prove)
			}
			for _, set := range left {
				given = true
				if len(set) < 2 && len(act.Approve) == 0 {
					t.Errorf("%s, %s: %v alone", file, rule.Name, set)
				}
			}
		}
		if given != means {
			t.Errorf("%s gives a way: %t, means to: %t", file, given, means)
		}
	}
}
