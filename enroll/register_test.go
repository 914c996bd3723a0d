package enroll_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func TestRegistrationAsksForAPasskey(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	_, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
	wantErr(t, "begin", err, nil)
	r := options.Response
	sel := r.AuthenticatorSelection
	if r.RelyingParty.ID != rpID || r.RelyingParty.Name != "Example" || r.Attestation != protocol.PreferNoAttestation || r.Timeout != 300000 {
		t.Errorf("options %+v", r)
	}
	if sel.ResidentKey != protocol.ResidentKeyRequirementRequired || sel.RequireResidentKey == nil || !*sel.RequireResidentKey || sel.UserVerification != protocol.VerificationRequired {
		t.Errorf("selection %+v", sel)
	}
	if len(r.Parameters) != 3 {
		t.Errorf("algorithms %+v", r.Parameters)
	}
	if len(r.CredentialExcludeList) != 1 || string(r.CredentialExcludeList[0].CredentialID) != string(d.cred.ID) {
		t.Errorf("excluded %+v", r.CredentialExcludeList)
	}
	handle := must(w.Handle(w.ctx, alice))(t)
	if len(handle) != enroll.HandleLen || string(r.User.ID.(protocol.URLEncodedBase64)) != string(handle) {
		t.Errorf("user handle of %d bytes", len(handle))
	}
	if r.User.Name != "alice@corp.example.test" || r.User.DisplayName != "Alice Miller" || strings.Contains(string(handle), "alice") {
		t.Errorf("user %+v", r.User)
	}
}

func TestUserHandlesAreRandomAndStay(t *testing.T) {
	w := newWorld(t)
	a, b := must(w.Handle(w.ctx, alice))(t), must(w.Handle(w.ctx, bob))(t)
	if string(a) == string(b) || string(a) != string(must(w.Handle(w.ctx, alice))(t)) {
		t.Error("handles of two people, or of one at two times")
	}
}

func TestAddingAPasskeyOnThisDevice(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	w.clock.move(time.Second) // the list is by age
	other := w.added(d, session)
	own := must(w.Credentials(w.ctx, session))(t)
	if len(own) != 2 || own[1].Name != "My laptop" || own[1].Account != alice || !own[1].LastUsed.IsZero() {
		t.Errorf("passkeys %+v", own)
	}
	w.signedIn(other)
	w.signedIn(d)
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRegistered: 2, audit.SteppedUp: 1})
}

func TestALinkForAnotherDevice(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	token, expires, err := w.InviteSelf(w.ctx, session, w.mayAdd(d, session))
	wantErr(t, "invite", err, nil)
	if got := expires.Sub(w.clock.now()); got != 10*time.Minute {
		t.Errorf("valid for %v", got)
	}
	if o := must(w.OpenInvitation(w.ctx, token))(t); o.Password || o.GivenName != "Alice" {
		t.Errorf("opened %+v", o)
	}
	other := newDevice()
	ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(t, "begin", err, nil)
	_, _, err = w.FinishEnrol(w.ctx, ceremony, "Tablet", other.create(t, options), phone)
	wantErr(t, "finish", err, nil)
	w.signedIn(other)
}

// Whoever made an approver freeze the account may hold a passkey, a session or a
// link of its owner. None of them makes another passkey, which would outlive the
// freeze; and a freeze that can't be looked up counts as one.
func TestAFrozenAccountGetsNoPasskey(t *testing.T) {
	fault := errors.New("store is down")
	for name, c := range map[string]struct{ state, want error }{"frozen": {nil, enroll.ErrFrozen}, "unknown": {fault, fault}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			link, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
			wantErr(t, "invite", err, nil)
			ceremony, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
			wantErr(t, "begin", err, nil)
			enrol, enrolOptions, err := w.BeginEnrol(w.ctx, link, secret.Text{})
			wantErr(t, "begin to enrol", err, nil)
			proof := w.mayAdd(d, session)

			w.frozen = map[ad.GUID]error{alice: c.state}
			_, err = w.FinishRegister(w.ctx, session, ceremony, "x", newDevice().create(t, options))
			wantErr(t, "finish", err, c.want)
			_, _, err = w.FinishEnrol(w.ctx, enrol, "x", newDevice().create(t, enrolOptions), phone)
			wantErr(t, "finish to enrol", err, c.want)
			_, _, err = w.BeginEnrol(w.ctx, link, secret.Text{})
			wantErr(t, "begin to enrol again", err, c.want)
			_, _, err = w.BeginRegister(w.ctx, session, proof)
			wantErr(t, "begin again", err, c.want)
			_, _, err = w.InviteSelf(w.ctx, session, proof)
			wantErr(t, "a link", err, c.want)
			if n := len(must(w.Credentials(w.ctx, session))(t)); n != 1 {
				t.Fatalf("%d passkeys", n)
			}
			w.signedIn(d) // to see why

			w.frozen = nil
			_, _, err = w.BeginRegister(w.ctx, session, proof)
			wantErr(t, "lifted", err, nil)
		})
	}
}

// Whoever holds the passkey may be who the account was frozen against: they leave its owner
// what lets them in, and are told before they touch a sensor.
func TestNobodyTakesAWayInFromAFrozenAccount(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes, other := w.codes(d, of), w.added(d, of)
	passkey := w.mayRemove(d, of, other.cred.ID)
	factor := must(w.stepUp(d, of, enroll.LabelRemoveProof, enroll.ProofStatement(alice, enroll.ProofRecoveryCode)))(t)

	w.frozen = map[ad.GUID]error{alice: nil}
	wantErr(t, "remove a passkey", w.Remove(w.ctx, of, other.cred.ID, passkey, false), enroll.ErrFrozen)
	wantErr(t, "remove codes", w.RemoveFactor(w.ctx, of, factor, enroll.ProofRecoveryCode), enroll.ErrFrozen)
	for _, label := range []string{
		enroll.LabelAddPasskey, enroll.LabelRemovePasskey, enroll.LabelRecoveryCodes, enroll.LabelTOTP, enroll.LabelProof, enroll.LabelRemoveProof,
	} {
		_, _, err := w.BeginStepUp(w.ctx, of, label, enroll.ProofStatement(alice, enroll.ProofRecoveryCode))
		wantErr(t, label, err, enroll.ErrFrozen)
	}
	_, _, err := w.BeginStepUp(w.ctx, of, "latchkey/thaw/v1", []byte("a freeze"))
	wantErr(t, "what is no way in", err, nil)
	if n := len(must(w.Credentials(w.ctx, of))(t)); n != 2 {
		t.Fatalf("%d passkeys", n)
	}

	w.frozen = nil
	wantErr(t, "remove a passkey once it is lifted", w.Remove(w.ctx, of, other.cred.ID, passkey, false), nil)
	_, err = w.recoverAs("alice", "unlock", enough, code(codes[0]))
	wantErr(t, "a code is still there", err, nil)
}

func TestRegistrationRefusesWhatDoesNotVerify(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*device)
		want   error
	}{
		"another origin":              tampered["another origin"],
		"another port":                tampered["another port"],
		"another RP ID":               tampered["another RP ID"],
		"no user verification":        tampered["no user verification"],
		"no user presence":            tampered["no user presence"],
		"backed up, but not eligible": tampered["backed up, but not eligible"],
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, session := w.enrolled(alice)
			bad := newDevice()
			c.change(bad)
			token, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
			wantErr(t, "begin", err, nil)
			body := bad.create(t, options)
			_, err = w.FinishRegister(w.ctx, session, token, "x", body)
			wantErr(t, "finish", err, c.want)
			_, err = w.FinishRegister(w.ctx, session, token, "x", newDevice().create(t, options))
			wantErr(t, "a right one in the same ceremony", err, enroll.ErrNoCeremony)
			if n := len(must(w.Credentials(w.ctx, session))(t)); n != 1 {
				t.Errorf("%d passkeys", n)
			}
			w.wantEvents(alice, map[audit.Action]int{audit.PasskeyRefused: 1, audit.PasskeyRegistered: 1})
		})
	}
}

func TestRegistrationRefusesMalformedBodies(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	for _, body := range []string{"", "{}", "[]", `{"id":"AA","type":"public-key"}`, strings.Repeat(" ", 64<<10+1)} {
		token, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
		wantErr(t, "begin", err, nil)
		_ = options
		_, err = w.FinishRegister(w.ctx, session, token, "x", []byte(body))
		wantErr(t, "finish", err, enroll.ErrMalformed)
	}
}

func TestTheSameAuthenticatorTwiceIsADuplicate(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	token, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
	wantErr(t, "begin", err, nil)
	_, err = w.FinishRegister(w.ctx, session, token, "Again", d.create(t, options))
	wantErr(t, "finish", err, enroll.ErrDuplicate)
	if c := w.credential(d); c.Name != "My phone" {
		t.Errorf("the first one changed: %+v", c)
	}
	link, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	token, options, err = w.BeginEnrol(w.ctx, link, secret.Text{})
	wantErr(t, "begin", err, nil)
	stolen := *d
	_, _, err = w.FinishEnrol(w.ctx, token, "Again", stolen.create(t, options), phone)
	wantErr(t, "another person with the same credential ID", err, enroll.ErrDuplicate)
	must(w.OpenInvitation(w.ctx, link))(t) // not used up
}

func TestACredentialThatIsNoPasskeyIsRefused(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	for rk, want := range map[string]error{"false": enroll.ErrNotDiscoverable, "true": nil} {
		token, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
		wantErr(t, "begin", err, nil)
		body := strings.TrimSuffix(string(newDevice().create(t, options)), "}") + `,"clientExtensionResults":{"credProps":{"rk":` + rk + `},"appid":false}}`
		_, err = w.FinishRegister(w.ctx, session, token, "x", []byte(body))
		wantErr(t, "rk "+rk, err, want)
	}
}

func TestPasskeysAreCapped(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.MaxPasskeys = 2 })
	d, session := w.enrolled(alice)
	w.added(d, session)
	proof := w.mayAdd(d, session)
	_, _, err := w.BeginRegister(w.ctx, session, proof)
	wantErr(t, "register", err, enroll.ErrTooMany)
	_, _, err = w.InviteSelf(w.ctx, session, proof)
	wantErr(t, "invite", err, enroll.ErrTooMany)
	must(w.Proof(w.ctx, session, proof.ID))(t) // not spent
}

func TestNames(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	for name, want := range map[string]string{
		"x": "x", "  Büro-Laptop \t": "Büro-Laptop", strings.Repeat("é", 64): strings.Repeat("é", 64), "👩‍💻 mine": "👩‍💻 mine", "<b>&": "<b>&",
	} {
		wantErr(t, name, w.Rename(w.ctx, session, d.cred.ID, name), nil)
		if got := w.credential(d).Name; got != want {
			t.Errorf("%q became %q", name, got)
		}
	}
	before := w.credential(d).Name
	for _, name := range []string{"", "   ", strings.Repeat("é", 65), "a\x00b", "a\nb", "a\u202eb", "a\u2028b", "a\xffb", "\u200b"} {
		wantErr(t, name, w.Rename(w.ctx, session, d.cred.ID, name), enroll.ErrName)
	}
	if got := w.credential(d).Name; got != before {
		t.Errorf("renamed to %q", got)
	}
}

func TestABadNameTakesNoCeremony(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	other := newDevice()
	token, options, err := w.BeginRegister(w.ctx, session, w.mayAdd(d, session))
	wantErr(t, "begin", err, nil)
	body := other.create(t, options)
	_, err = w.FinishRegister(w.ctx, session, token, "\n", body)
	wantErr(t, "bad name", err, enroll.ErrName)
	_, err = w.FinishRegister(w.ctx, session, token, "Fine", body)
	wantErr(t, "good name", err, nil)
}

func TestAccountsThatMayNotEnrolAddNothing(t *testing.T) {
	for want, change := range map[error]func(*ad.Account){
		ad.ErrDisabled:       func(a *ad.Account) { a.Disabled = true },
		ad.ErrProtected:      func(a *ad.Account) { a.Protected = ad.ProtectedUnknown },
		ad.ErrAccountExpired: func(a *ad.Account) { a.AccountExpires = time.Unix(1, 0) },
	} {
		w := newWorld(t)
		d, session := w.enrolled(alice)
		first, second := w.mayAdd(d, session), w.mayAdd(d, session)
		token, options, err := w.BeginRegister(w.ctx, session, first)
		wantErr(t, "begin", err, nil)
		w.dir.change(alice, change)
		_, _, err = w.BeginRegister(w.ctx, session, second)
		wantErr(t, "begin", err, want)
		_, _, err = w.InviteSelf(w.ctx, session, second)
		wantErr(t, "invite", err, want)
		_, err = w.FinishRegister(w.ctx, session, token, "x", newDevice().create(t, options))
		wantErr(t, "finish", err, want)
	}
}

func TestNewRefusesWhatABrowserWould(t *testing.T) {
	w := newWorld(t)
	named := func(rpID string, origins ...string) func(*enroll.Config) {
		return func(c *enroll.Config) { c.RPID, c.Origins = rpID, origins }
	}
	for name, c := range map[string]struct {
		change func(*enroll.Config)
		says   string
	}{
		"no RP ID":            {named("", origin), "an RP ID and at least one origin"},
		"no origin":           {named(rpID), "an RP ID and at least one origin"},
		"an IP address":       {named("10.0.0.5", "https://10.0.0.5"), "RPID"},
		"a single label":      {named("unlock", "https://unlock"), "RPID"},
		"plain http":          {named(rpID, "http://"+rpID), "over https only"},
		"another way to here": {named("localhost", "ftp://localhost"), "over https only"},
		"a path":              {named(rpID, origin+"/"), "is no origin"},
		"a user":              {named(rpID, "https://x@"+rpID), "is no origin"},
		"nobody":              {named(rpID, "https://"), "is no origin"},
		"no URL":              {named(rpID, "https://%zz"), "is no origin"},
		"another domain":      {named(rpID, "https://reset.other.test"), "does not lie at or below"},
		"a suffix of a word":  {named(rpID, "https://my"+rpID), "does not lie at or below"},
		"no store":            {func(c *enroll.Config) { c.Store = nil }, "are needed"},
		"no directory":        {func(c *enroll.Config) { c.Directory = nil }, "are needed"},
		"no sealer":           {func(c *enroll.Config) { c.Sealer = nil }, "are needed"},
		"no freezes":          {func(c *enroll.Config) { c.Frozen = nil }, "are needed"},
	} {
		cfg := w.cfg
		c.change(&cfg)
		if _, err := enroll.New(cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range [][2]string{{"localhost", "http://localhost:8080"}, {"reset.localhost", "http://reset.localhost:1"}, {"example.test", origin}} {
		cfg := w.cfg
		cfg.RPID, cfg.Origins = o[0], []string{o[1]}
		must(enroll.New(cfg))(t)
	}
}
