package conformance

import "testing"

func TestTheSuiteHasAtLeast120CasesAndFewDifferences(t *testing.T) {
	names := map[string]bool{}
	for _, k := range Cases() {
		if names[k.Name] {
			t.Errorf("two cases are called %q", k.Name)
		}
		names[k.Name] = true
	}
	t.Logf("%d cases, %d differences", len(names), len(Differences))
	if len(names) < 120 || len(Differences) > 10 {
		t.Errorf("%d cases, %d differences", len(names), len(Differences))
	}
	for _, d := range Differences {
		if !names[d.Case] || d.Reason == "" {
			t.Errorf("difference %q names no case or no reason", d.Case)
		}
	}
}
