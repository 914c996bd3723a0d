package enroll_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// What the other tests pay less for: OWASP's 19 MiB and two passes.
func TestAPINIsKeptAtItsFullCost(t *testing.T) {
	defer enroll.WithFullCost()()
	w, _ := furnished(t)
	d, of := w.enrolled(alice)
	wantErr(t, "set", w.SetPIN(w.ctx, of, w.mayHold(d, of, enroll.ProofPIN), secret.New("739201")), nil)
	all := must(w.store.Factors(w.ctx, alice))(t)
	i := slices.IndexFunc(all, func(f enroll.Factor) bool { return f.Kind == enroll.ProofPIN })
	var kept struct{ M, T uint32 }
	if i < 0 || json.Unmarshal(all[i].Secret, &kept) != nil || kept.M != 19<<10 || kept.T != 2 {
		t.Errorf("kept with %+v", kept)
	}
	if enroll.FullCost.Memory() != 19<<10 || enroll.FullCost.Time() != 2 {
		t.Errorf("%+v", enroll.FullCost)
	}
	w.clock.move(enroll.ProofValid)
	_, err := w.recoverAs("alice", "unlock", enough, typed(enroll.ProofPIN, "739201"))
	wantErr(t, "right", err, nil)
}
