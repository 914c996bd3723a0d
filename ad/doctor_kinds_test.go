package ad_test

import (
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/doctor/doctortest"
)

// ill is one finding: how it comes about, and how it goes away.
type ill struct {
	kind    string
	provoke func(*ward)
	// mend is nil where undoing is all that provoke registered with w.undo.
	mend func(*ward)
	// with makes the controllers, where a ward as usual won't do.
	with [2]minidc.Config
	own  bool // with counts
	// mendless findings have nothing to run.
	mendless bool
}

// undo registers what takes the provocation back.
func (w *ward) undo(f func()) { w.kept = append(w.kept, f) }

// now runs a provocation whose undoing it registers.
func (w *ward) both(do, undo func()) { do(); w.undo(undo) }

// set spoils an attribute until the mending.
func (w *ward) set(dn, name string, values ...string) {
	before := w.one.Get(dn, name)
	w.both(func() { w.one.Set(dn, name, values...) }, func() { w.one.Set(dn, name, before...) })
}

// setting changes the client's or the doctor's configuration until the mending.
func (w *ward) setting(f func(*ad.Config, *ad.DoctorConfig)) {
	cfg, doc := w.cfg, w.doc
	f(&w.cfg, &w.doc)
	w.undo(func() { w.cfg, w.doc = cfg, doc })
}

func (w *ward) mend() {
	for i := len(w.kept) - 1; i >= 0; i-- {
		w.kept[i]()
	}
	w.kept = nil
}

var ills = [][]ill{reachIlls, dnsIlls, tlsIlls, rootIlls, serviceIlls, rightsIlls, policyIlls}

func TestEveryFindingIsProvokedAndMended(t *testing.T) {
	provoked := map[string]bool{}
	for _, group := range ills {
		for _, one := range group {
			t.Run(one.kind, func(t *testing.T) {
				t.Parallel()
				first, second := minidc.Config{PolicyHints: true}, minidc.Config{PolicyHints: true}
				if one.own {
					first, second = one.with[0], one.with[1]
				}
				w := wardOf(t, first, second)
				one.provoke(w)
				findings := w.run()
				f, found := has(findings, "ad."+one.kind)
				if !found {
					t.Fatalf("not found among%s", list(bad(findings)))
				}
				if f.Subject == "" || f.Seen == "" || !strings.HasSuffix(f.Why, ".") {
					t.Errorf("says too little: %+v", f)
				}
				if doctortest.Mends(f.Mend) == one.mendless {
					t.Errorf("lines that mend: %v", f.Mend)
				}
				if one.mend != nil {
					one.mend(w)
				}
				w.mend()
				if spoiled := bad(w.run()); len(spoiled) > 0 && !one.own {
					t.Errorf("mended, and still%s", list(spoiled))
				} else if _, still := has(spoiled, "ad."+one.kind); still {
					t.Errorf("mended, and still%s", list(spoiled))
				}
			})
			provoked["ad."+one.kind] = true
		}
	}
	kinds := map[string]bool{}
	for _, k := range ad.DoctorKinds() {
		if !provoked[k.ID] {
			t.Errorf("%s is never provoked", k.ID)
		}
		if kinds[k.ID] || !strings.HasPrefix(k.ID, "ad.") || k.Severity == 0 || k.Why == "" {
			t.Errorf("kind %+v", k)
		}
		kinds[k.ID] = true
	}
	for id := range provoked {
		if !kinds[id] {
			t.Errorf("%s is no kind", id)
		}
	}
	if len(kinds) < 45 {
		t.Errorf("%d kinds", len(kinds))
	}
	t.Logf("%d kinds", len(kinds))
}
