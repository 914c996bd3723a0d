package enroll_test

import (
	"crypto/x509"
	"testing"

	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/enroll/enrolltest"
)

func TestEachPartOfAnAddressIsLookedAtBeforeACodeGoesOut(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*enroll.Config)
		kind, held enroll.ProofKind
		to         string
		want       error
	}{
		"as it should be":            {nil, enroll.ProofSMSCode, enroll.ProofSMSCode, "+4915112345678", nil},
		"what is never sent":         {nil, enroll.ProofPIN, enroll.ProofPIN, "alice@home.example", enroll.ErrAddress},
		"no address":                 {nil, enroll.ProofSMSCode, enroll.ProofSMSCode, "12", enroll.ErrAddress},
		"where none is verified":     {func(c *enroll.Config) { c.Proofs.SMS.Verified = false }, enroll.ProofSMSCode, enroll.ProofSMSCode, "+4915112345678", enroll.ErrAddress},
		"a proof for something else": {nil, enroll.ProofSMSCode, enroll.ProofMailCode, "+4915112345678", enroll.ErrWrongProof},
		"nobody brings codes":        {func(c *enroll.Config) { c.Courier = nil }, enroll.ProofSMSCode, enroll.ProofSMSCode, "+4915112345678", enroll.ErrNotSent},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := aviary(t)
			if tc.change != nil {
				tc.change(&w.cfg)
				w.Service = must(enroll.New(w.cfg))(t)
			}
			d, of := w.enrolled(alice)
			_, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, tc.held), tc.kind, tc.to)
			wantErr(t, "begin", err, tc.want)
			if (p.n == 1) != (tc.want == nil) {
				t.Errorf("%d codes went out", p.n)
			}
		})
	}
}

// A code to the mailbox that the account opens helps nobody who is locked out, and beside
// the password it is no second proof.
func TestTheMailboxThatTheAccountOpensIsNoAddress(t *testing.T) {
	for to, want := range map[string]error{
		"alice@corp.example.test":       enroll.ErrOwnMailbox,
		"ALICE@corp.EXAMPLE.test":       enroll.ErrOwnMailbox,
		"a.smith@corp.example.test":     enroll.ErrOwnMailbox,
		"smith@corp.example.test":       enroll.ErrOwnMailbox,
		"alice.smith@corp.example.test": enroll.ErrOwnMailbox,
		"alice@corp.cloud.test":         enroll.ErrOwnMailbox,
		"alice+home@corp.example.test":  enroll.ErrOwnMailbox,
		"bob@corp.example.test":         nil, // of whom it is not known that alice reads it
		"alice@home.example":            nil,
		"+@home.example":                nil,
	} {
		t.Run(to, func(t *testing.T) {
			w, p := aviary(t)
			d, of := w.enrolled(alice)
			a := w.dir.accounts[alice]
			a.Mail, a.UserPrincipalName = "A.Smith@corp.example.test", "alice@corp.example.test"
			a.Attributes = map[string][]string{
				"proxyaddresses": {"SMTP:Alice.Smith@corp.example.test", "smtp:smith@corp.example.test", "X500:/o=Example/cn=alice", ""},
				"targetaddress":  {"SMTP:alice@corp.cloud.test"},
			}
			w.dir.accounts[alice] = a
			proof := w.mayHold(d, of, enroll.ProofMailCode)
			_, _, err := w.BeginAddress(w.ctx, of, proof, enroll.ProofMailCode, to)
			wantErr(t, "begin", err, want)
			if (p.n == 1) != (want == nil) {
				t.Errorf("%d codes went out", p.n)
			}
			if want != nil { // the touch counts still
				_, _, err = w.BeginAddress(w.ctx, of, proof, enroll.ProofMailCode, "alice@home.example")
				wantErr(t, "another", err, nil)
			}
		})
	}
}

// What was not read, or has no value, keeps nobody's address out.
func TestAMailboxThatIsNotKnownIsNone(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	a := w.dir.accounts[alice]
	a.Mail, a.UserPrincipalName, a.Attributes = "", "", nil
	w.dir.accounts[alice] = a
	_, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofMailCode), enroll.ProofMailCode, "alice@home.example")
	wantErr(t, "begin", err, nil)
}

func TestAnAddressThatDoesNotOpenIsNone(t *testing.T) {
	for name, data := range map[string]func(c enroll.Ceremony) []byte{
		"cut": func(c enroll.Ceremony) []byte { return c.Data[1:] },
		"no JSON": func(c enroll.Ceremony) []byte {
			return dbtest.Box().Seal("ceremony/address/v1\x00"+c.ID, []byte("text"))
		},
	} {
		w, p := aviary(t)
		d, of := w.enrolled(alice)
		token, _, err := w.BeginAddress(w.ctx, of, w.mayHold(d, of, enroll.ProofSMSCode), enroll.ProofSMSCode, "+4915112345678")
		wantErr(t, "begin", err, nil)
		w.cfg.Store = changing{w.store, func(c *enroll.Ceremony) { c.Data = append([]byte(nil), data(*c)...) }}
		w.Service = must(enroll.New(w.cfg))(t)
		wantErr(t, name, w.FinishAddress(w.ctx, of, token, p.last(), anyKind), enroll.ErrNoCeremony)
	}
}

// A code opens nothing once its address was replaced: whoever has the old number has it.
func TestACodeToAnAddressThatWasReplacedOpensNothing(t *testing.T) {
	for name, want := range map[string]error{"the same": nil, "replaced": enroll.ErrRecoverRefused} {
		w, p := aviary(t)
		w.enrolled(alice)
		keep := func(to string) {
			f := enroll.Factor{ID: "f-" + to, Account: alice, Kind: enroll.ProofSMSCode, Secret: []byte(to), Step: -1, Created: w.clock.now()}
			wantErr(t, "keep", w.store.ReplaceFactors(w.ctx, alice, f.Kind, []enroll.Factor{f}), nil)
		}
		keep("+4915112345678")
		token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), enroll.ProofSMSCode, true, phone))(t)
		wantErr(t, "drain", w.Drain(w.ctx), nil)
		if want != nil {
			keep("+4915187654321")
		}
		_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(enroll.ProofSMSCode, p.last())}, phone, enough)
		wantErr(t, name, err, want)
	}
}

func TestEachPartOfAHardwareKeyIsLookedAt(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	if _, err := enroll.NewHardwareKeys(nil, nil, true); err == nil {
		t.Error("without a root")
	}
	roots := hardware(t, nil, maker)
	for _, model := range []string{"", "x"} {
		if _, err := enroll.NewHardwareKeys([]*x509.Certificate{maker.Root}, []string{model}, true); err == nil {
			t.Errorf("model %q", model)
		}
	}
	w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = roots })
	k := maker.Key(modelA)
	session, err := w.enrolKey(alice, k)
	wantErr(t, "enrol", err, nil)
	made := must(w.Credentials(w.ctx, session))(t)[0]
	for name, tc := range map[string]struct {
		change func(*enroll.Credential)
		want   bool
	}{
		"as it was made":   {func(*enroll.Credential) {}, true},
		"no model":         {func(c *enroll.Credential) { c.Attested.Model = "" }, false},
		"no root":          {func(c *enroll.Credential) { c.Attested.Root = "" }, false},
		"may be backed up": {func(c *enroll.Credential) { c.Record.Flags.BackupEligible = true }, false},
	} {
		c := made
		tc.change(&c)
		if w.IsHardware(c) != tc.want {
			t.Errorf("%s: %v", name, !tc.want)
		}
	}
	plain := newWorld(t)
	spoiled := maker.Key(modelA)
	spoiled.Spoiled = true
	if _, err := plain.enrolKey(alice, spoiled); err == nil {
		t.Error("a forged attestation where none is looked at")
	}
}
