package bench

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/e2e/world"
	"github.com/latchkey/latchkey/workflow"
)

// TestEvaluatingTwoHundredRules takes the longest way through a file of 200 rules:
// the last one decides, for somebody with a token of 100 groups.
func TestEvaluatingTwoHundredRules(t *testing.T) {
	p := largePolicy(t)
	who := ad.Account{
		GUID: ad.GUID{1}, DN: "CN=Dana Reyes,OU=Sales,OU=Staff,DC=corp,DC=example,DC=test", Department: "Sales",
		Attributes: map[string][]string{"employeetype": {"employee"}, "company": {"Example Ltd"}},
	}
	for i := range 100 {
		who.Groups = append(who.Groups, fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 1100+i))
	}
	at := workflow.Circumstances{Address: netip.MustParseAddr("203.0.113.7"), Now: time.Date(2026, 12, 24, 22, 0, 0, 0, time.UTC)}
	n := Count(100_000, 2_000)
	var took []float64
	for range Rounds() {
		began := time.Now()
		for range n {
			if d := workflow.Evaluate(p, who, who, workflow.KindReset, at); d.Verdict != workflow.Allow || len(d.Findings) != 200 {
				t.Fatalf("%+v", d)
			}
		}
		took = append(took, time.Since(began).Seconds()*1e6/float64(n))
	}
	Below("policy: one evaluation of 200 rules", Median(took), "µs", 20, fmt.Sprintf("garbage collection in it; %v", spread(took))).Add(t)
}

func largePolicy(t *testing.T) workflow.Policy {
	t.Helper()
	password := filepath.Join(t.TempDir(), "password")
	world.Must(t, os.WriteFile(password, []byte("x"), 0o600))
	var text strings.Builder
	fmt.Fprintf(&text, "public_url: https://latchkey.example.com\norganisation: Example\nsupport: {name: Desk, phone: \"1\"}\n"+
		"directory: {controllers: [ldaps://dc1.corp.example.test], read: {bind: svc, password_file: %q}}\npolicies:\n", password)
	for i := range 199 {
		who := []string{
			fmt.Sprintf("group: CN=G%d,OU=Groups,DC=corp,DC=example,DC=test", i),
			fmt.Sprintf("ou: OU=Unit %d,OU=Staff,DC=corp,DC=example,DC=test", i),
			fmt.Sprintf("department: Department %d", i),
			fmt.Sprintf("attribute: {name: employeeType, value: type %d}", i),
			fmt.Sprintf("network: [10.%d.0.0/16, \"2001:db8:1::/48\"]", i),
			fmt.Sprintf("any: [{department: Department %d}, {company: Other}]", i),
			fmt.Sprintf("state: [locked]\n      not: {ou: \"OU=Partners %d,DC=corp,DC=example,DC=test\"}", i),
			fmt.Sprintf("hours: {days: sat, from: \"07:00\", to: \"19:%02d\", zone: Europe/Berlin}", i/8),
		}[i%8]
		fmt.Fprintf(&text, "  - name: rule %d\n    who:\n      %s\n    unlock: {prove: [passkey]}\n", i, who)
	}
	text.WriteString("  - name: rest\n    who: {everyone: true}\n    reset: {prove: [passkey]}\n")
	cfg, err := config.Parse("large.yaml", []byte(text.String()))
	world.Must(t, err)
	p := cfg.Policy()
	for i := range p.Rules {
		p.Rules[i].Who.Walk(func(c *workflow.Condition, _ bool) {
			if c.Group != nil {
				c.Group.SID = fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 9000+i)
			}
		})
	}
	return p.Ready()
}
