package enroll_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/go-tpm/tpm2"
	"github.com/google/uuid"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/enroll/enrolltest"
	"github.com/latchkey/latchkey/secret"
)

var (
	modelA = uuid.MustParse("2fc0579f-8113-47ea-b116-bb5a8db9202a")
	modelB = uuid.MustParse("cb69481e-8ff7-4039-93ec-0a2729a154a8")
	later  = time.Now().Add(10 * 365 * 24 * time.Hour)
)

func hardware(t testing.TB, models []string, makers ...*enrolltest.Maker) *enroll.HardwareKeys {
	t.Helper()
	var roots []*x509.Certificate
	for _, m := range makers {
		roots = append(roots, m.Root)
	}
	return must(enroll.NewHardwareKeys(roots, models, false))(t)
}

// computers takes what computers' own chips keep as well.
func computers(t testing.TB, models []string, maker *enrolltest.Maker) *enroll.HardwareKeys {
	t.Helper()
	return must(enroll.NewHardwareKeys([]*x509.Certificate{maker.Root}, models, true))(t)
}

// enrolKey enrols with a security key, and returns what came of it.
func (w *world) enrolKey(account ad.GUID, k *enrolltest.SecurityKey) (enroll.Session, error) {
	w.t.Helper()
	token, _, err := w.Invite(w.ctx, account, audit.ActorOperator, false, 0)
	wantErr(w.t, "invite", err, nil)
	ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(w.t, "begin enrol", err, nil)
	session, _, err := w.FinishEnrol(w.ctx, ceremony, "My key", k.Create(options, origin), phone)
	return session, err
}

// keyProof steps up with a security key.
func (w *world) keyProof(k *enrolltest.SecurityKey, of enroll.Session) (enroll.Proof, error) {
	w.t.Helper()
	token, options, err := w.BeginStepUp(w.ctx, of, "test/v1", []byte("statement"))
	wantErr(w.t, "begin step-up", err, nil)
	return w.FinishStepUp(w.ctx, of, token, k.Assert(options, origin))
}

func (w *world) keySignIn(k *enrolltest.SecurityKey) enroll.Proof {
	w.t.Helper()
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(w.t, "begin sign-in", err, nil)
	session, _, err := w.FinishSignIn(w.ctx, token, k.Assert(options, origin), phone)
	wantErr(w.t, "sign in", err, nil)
	return must(w.store.SignInProof(w.ctx, session.ID))(w.t)
}

func TestAHardwareKeyIsWhatAMakerVouchesFor(t *testing.T) {
	maker, other := enrolltest.NewMaker(t, later), enrolltest.NewMaker(t, later)
	ended := enrolltest.NewMaker(t, time.Now().Add(-7*24*time.Hour)) // before the world's clock
	for name, c := range map[string]struct {
		key    func() *enrolltest.SecurityKey
		models []string
		want   bool
	}{
		"the right chain":             {func() *enrolltest.SecurityKey { return maker.Key(modelA) }, nil, true},
		"a model that is listed":      {func() *enrolltest.SecurityKey { return maker.Key(modelA) }, []string{modelB.String(), modelA.String()}, true},
		"a model that is not listed":  {func() *enrolltest.SecurityKey { return maker.Key(modelA) }, []string{modelB.String()}, false},
		"another maker":               {func() *enrolltest.SecurityKey { return other.Key(modelA) }, nil, false},
		"a root that ended":           {func() *enrolltest.SecurityKey { return ended.Key(modelA) }, nil, false},
		"another model certified":     {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Certified = modelB; return k }, nil, false},
		"no model certified":          {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Certified = uuid.Nil; return k }, nil, false},
		"no model at all":             {func() *enrolltest.SecurityKey { return maker.Key(uuid.Nil) }, nil, false},
		"self attestation":            {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Format = "self"; return k }, nil, false},
		"none":                        {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Format = "none"; return k }, nil, false},
		"a signature that is another": {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Spoiled = true; return k }, nil, false},
		"may be backed up":            {func() *enrolltest.SecurityKey { k := maker.Key(modelA); k.Backup = true; return k }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = hardware(t, c.models, maker, ended) })
			k := c.key()
			session, err := w.enrolKey(alice, k)
			wantErr(t, "enrol", err, nil)
			kind := enroll.ProofPasskey
			if c.want {
				kind = enroll.ProofHardwareKey
			}
			p, err := w.keyProof(k, session)
			wantErr(t, "step up", err, nil)
			if in := w.keySignIn(k); p.Kind != kind || in.Kind != kind {
				t.Errorf("it proves %s, and as a sign-in %s", p.Kind, in.Kind)
			}
			own := must(w.Credentials(w.ctx, session))(t)
			if len(own) != 1 || w.IsHardware(own[0]) != c.want {
				t.Errorf("%d passkeys, or one that is shown as something else", len(own))
			}
			held := must(w.Held(w.ctx, alice))(t)
			if (len(held) == 2) != c.want {
				t.Errorf("held %v", held)
			}
		})
	}
}

// A chip attests whatever is loaded into it: only what it made itself and gives to nobody
// is on this computer alone.
func TestAComputersOwnChipCountsWhereItIsTaken(t *testing.T) {
	maker, other := enrolltest.NewMaker(t, later), enrolltest.NewMaker(t, later)
	ended := enrolltest.NewMaker(t, time.Now().Add(-7*24*time.Hour))
	spoilt := func(k *enrolltest.SecurityKey, f func(*enrolltest.SecurityKey)) *enrolltest.SecurityKey {
		f(k)
		return k
	}
	for name, c := range map[string]struct {
		key  *enrolltest.SecurityKey
		keys *enroll.HardwareKeys
		want bool
	}{
		"a chip that is taken":           {maker.Computer(modelA), computers(t, nil, maker), true},
		"models are of security keys":    {maker.Computer(modelA), computers(t, []string{modelB.String()}, maker), true},
		"computers are not taken":        {maker.Computer(modelA), hardware(t, nil, maker), false},
		"nor by the model it calls":      {maker.Computer(modelA), hardware(t, []string{modelA.String()}, maker), false},
		"another maker":                  {other.Computer(modelA), computers(t, nil, maker), false},
		"a root that ended":              {ended.Computer(modelA), computers(t, nil, ended), false},
		"a key that may be given away":   {maker.Computer(modelA, func(o *tpm2.TPMAObject) { o.FixedTPM = false }), computers(t, nil, maker), false},
		"a key below another's":          {maker.Computer(modelA, func(o *tpm2.TPMAObject) { o.FixedParent = false }), computers(t, nil, maker), false},
		"a key that was brought":         {maker.Computer(modelA, func(o *tpm2.TPMAObject) { o.SensitiveDataOrigin = false }), computers(t, nil, maker), false},
		"may be backed up":               {spoilt(maker.Computer(modelA), func(k *enrolltest.SecurityKey) { k.Backup = true }), computers(t, nil, maker), false},
		"a signature that is another":    {spoilt(maker.Computer(modelA), func(k *enrolltest.SecurityKey) { k.Spoiled = true }), computers(t, nil, maker), false},
		"a security key beside them":     {maker.Key(modelA), computers(t, nil, maker), true},
		"a security key of no model":     {spoilt(maker.Key(modelA), func(k *enrolltest.SecurityKey) { k.Certified = uuid.Nil }), computers(t, nil, maker), false},
		"a chip that calls itself a key": {spoilt(maker.Computer(modelA), func(k *enrolltest.SecurityKey) { k.Format = "packed" }), computers(t, nil, maker), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = c.keys })
			session, err := w.enrolKey(alice, c.key)
			wantErr(t, "enrol", err, nil)
			kind := enroll.ProofPasskey
			if c.want {
				kind = enroll.ProofHardwareKey
			}
			p, err := w.keyProof(c.key, session)
			wantErr(t, "step up", err, nil)
			own := must(w.Credentials(w.ctx, session))(t)
			if p.Kind != kind || len(own) != 1 || w.IsHardware(own[0]) != c.want {
				t.Errorf("it proves %s, %+v", p.Kind, own)
			}
			if chip := c.want && c.key.Format == "tpm"; len(own) == 1 && w.IsComputer(own[0]) != chip {
				t.Errorf("shown as a computer: %v, want %v", !chip, chip)
			}
		})
	}
}

// Once computers are not taken any more, or their root is not, none counts; and again once
// they are.
func TestAComputerCountsAsTheRunningConfigurationSays(t *testing.T) {
	maker, other := enrolltest.NewMaker(t, later), enrolltest.NewMaker(t, later)
	w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = hardware(t, nil, maker) })
	k := maker.Computer(modelA)
	_, err := w.enrolKey(alice, k)
	wantErr(t, "enrol", err, nil)
	for _, c := range []struct {
		running *enroll.HardwareKeys
		want    enroll.ProofKind
	}{
		{computers(t, nil, maker), enroll.ProofHardwareKey},
		{computers(t, nil, other), enroll.ProofPasskey},
		{hardware(t, []string{modelA.String()}, maker), enroll.ProofPasskey},
		{nil, enroll.ProofPasskey},
		{computers(t, []string{modelB.String()}, maker), enroll.ProofHardwareKey},
	} {
		wantErr(t, "configure", w.Set(enroll.Settings{Proofs: enroll.ProofSettings{Hardware: c.running}}), nil)
		if p := w.keySignIn(k); p.Kind != c.want {
			t.Errorf("with %+v it proves %s", c.running, p.Kind)
		}
	}
}

func TestAttestationIsAskedForOnlyWhereItCounts(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	for _, with := range []*enroll.HardwareKeys{nil, hardware(t, nil, maker)} {
		w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = with })
		d, session := w.enrolled(alice)
		_, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
		wantErr(t, "begin", err, nil)
		want := protocol.PreferNoAttestation
		if with != nil {
			want = protocol.PreferDirectAttestation
		}
		if options.Response.Attestation != want || len(options.Response.Hints) != 0 {
			t.Errorf("options %+v", options.Response)
		}
	}
}

// Without the configuration nothing is remembered as attested: it was not looked at.
func TestWithoutRootsASecurityKeyIsAPasskeyForGood(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	w := newWorld(t)
	k := maker.Key(modelA)
	_, err := w.enrolKey(alice, k)
	wantErr(t, "enrol", err, nil)
	wantErr(t, "configure", w.Set(enroll.Settings{Proofs: enroll.ProofSettings{Hardware: hardware(t, nil, maker)}}), nil)
	if p := w.keySignIn(k); p.Kind != enroll.ProofPasskey {
		t.Errorf("it proves %s", p.Kind)
	}
}

func TestAHardwareKeyCountsAsTheRunningConfigurationSays(t *testing.T) {
	maker, other := enrolltest.NewMaker(t, later), enrolltest.NewMaker(t, later)
	w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = hardware(t, nil, maker) })
	k := maker.Key(modelA)
	_, err := w.enrolKey(alice, k)
	wantErr(t, "enrol", err, nil)
	for _, c := range []struct {
		running *enroll.HardwareKeys
		want    enroll.ProofKind
	}{
		{hardware(t, []string{modelB.String()}, maker), enroll.ProofPasskey},
		{hardware(t, []string{modelA.String()}, maker, other), enroll.ProofHardwareKey},
		{hardware(t, nil, other), enroll.ProofPasskey}, // the maker was taken out
		{nil, enroll.ProofPasskey},
		{hardware(t, nil, maker), enroll.ProofHardwareKey},
	} {
		wantErr(t, "configure", w.Set(enroll.Settings{Proofs: enroll.ProofSettings{Hardware: c.running}}), nil)
		if p := w.keySignIn(k); p.Kind != c.want {
			t.Errorf("with %+v it proves %s", c.running, p.Kind)
		}
	}
	k.BackupLater = true
	if p := w.keySignIn(k); p.Kind != enroll.ProofPasskey {
		t.Errorf("a key that may be backed up by now proves %s", p.Kind)
	}
	k.BackupLater, k.Backup = false, true // and for good
	if p := w.keySignIn(k); p.Kind != enroll.ProofPasskey {
		t.Errorf("a key that may be backed up proves %s", p.Kind)
	}
}

func TestWhoNeedsAHardwareKeyRegistersNoOtherPasskey(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	only, fault := true, error(nil)
	var asked []string
	w := newWorld(t, func(cfg *enroll.Config) {
		cfg.Proofs.Hardware = hardware(t, nil, maker)
		cfg.HardwareOnly = func(_ context.Context, a ad.Account, address string) (bool, error) {
			asked = append(asked, a.SAMAccountName+" "+address)
			return only, fault
		}
	})
	plain := maker.Key(modelA)
	plain.Format = "none"
	_, err := w.enrolKey(alice, plain)
	wantErr(t, "enrol with a plain passkey", err, enroll.ErrNotHardware)
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRegistered: 0, audit.InvitationUsed: 0, audit.PasskeyRefused: 1})
	if last := asked[len(asked)-1]; last != "alice "+phone.Address {
		t.Errorf("asked for %q", last)
	}
	only, fault = false, errors.New("a rule in error")
	_, err = w.enrolKey(alice, plain)
	wantErr(t, "enrol while nobody can tell", err, enroll.ErrNotHardware)

	only, fault = true, nil
	k := maker.Key(modelA)
	session, err := w.enrolKey(alice, k)
	wantErr(t, "enrol with a hardware key", err, nil)
	add := func() (secret.Text, *protocol.CredentialCreation) {
		token, options, err := w.BeginStepUp(w.ctx, session, enroll.LabelAddPasskey, enroll.AddPasskeyStatement(alice))
		wantErr(t, "begin step-up", err, nil)
		proof, err := w.FinishStepUp(w.ctx, session, token, k.Assert(options, origin))
		wantErr(t, "step up", err, nil)
		ceremony, creation, err := w.BeginRegister(w.ctx, session, proof)
		wantErr(t, "begin", err, nil)
		return ceremony, creation
	}
	ceremony, options := add()
	if hints := options.Response.Hints; len(hints) != 1 || hints[0] != protocol.PublicKeyCredentialHintSecurityKey {
		t.Errorf("hints %v", hints)
	}
	_, err = w.FinishRegister(w.ctx, session, ceremony, "x", newDevice().create(t, options))
	wantErr(t, "add a plain passkey", err, enroll.ErrNotHardware)
	ceremony, options, err = w.BeginReplacement(w.ctx, session, "request")
	wantErr(t, "begin to replace", err, nil)
	_, err = w.FinishReplacement(w.ctx, session, "request", ceremony, "x", newDevice().create(t, options), true)
	wantErr(t, "replace by a plain passkey", err, enroll.ErrNotHardware)
	if n := len(must(w.Credentials(w.ctx, session))(t)); n != 1 {
		t.Errorf("%d passkeys", n)
	}

	only = false
	ceremony, options = add()
	_, err = w.FinishRegister(w.ctx, session, ceremony, "x", newDevice().create(t, options))
	wantErr(t, "add a plain passkey where the policy takes it", err, nil)
}

func TestAForgedRegistrationStaysRefusedWithRoots(t *testing.T) {
	maker := enrolltest.NewMaker(t, later)
	w := newWorld(t, func(cfg *enroll.Config) { cfg.Proofs.Hardware = hardware(t, nil, maker) })
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	for name, forge := range map[string]func(*protocol.CredentialCreation) string{
		"another origin":    func(*protocol.CredentialCreation) string { return "https://other.example.test" },
		"another challenge": func(o *protocol.CredentialCreation) string { o.Response.Challenge[0] ^= 1; return origin },
		"another site": func(o *protocol.CredentialCreation) string {
			o.Response.RelyingParty.ID = "other.example.test"
			return origin
		},
	} {
		ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
		wantErr(t, "begin", err, nil)
		at := forge(options)
		if _, _, err = w.FinishEnrol(w.ctx, ceremony, "x", maker.Key(modelA).Create(options, at), phone); err == nil {
			t.Errorf("%s: enrolled", name)
		}
	}
}
