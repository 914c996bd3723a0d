package enroll_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func TestSignInOptionsNameNobodyAndDemandUserVerification(t *testing.T) {
	w := newWorld(t)
	w.enrolled(alice)
	_, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	r := options.Response
	if r.RelyingPartyID != rpID || r.UserVerification != protocol.VerificationRequired || len(r.AllowedCredentials) != 0 || len(r.Challenge) < 32 || r.Timeout != 300000 {
		t.Errorf("options %+v", r)
	}
}

func TestSignInMakesASessionAndAnUnconsumedProof(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	w.clock.move(time.Hour)
	session, cookie, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, nil)
	found := must(w.Session(w.ctx, cookie))(t)
	if found.ID != session.ID || found.Account != alice || found.Device != phone.Device || string(found.Credential) != string(d.cred.ID) {
		t.Errorf("session %+v", found)
	}
	proof := must(w.SessionProof(w.ctx, session))(t)
	if proof.Kind != enroll.ProofPasskey || proof.Account != alice || proof.Label != "" || len(proof.Statement) != 0 || !proof.At.Equal(w.clock.now()) {
		t.Errorf("proof %+v", proof)
	}
	if len(proof.Receipt.Signature) == 0 || len(proof.Receipt.Nonce) != 0 {
		t.Errorf("receipt %+v", proof.Receipt)
	}
	if used := w.credential(d).LastUsed; !used.Equal(w.clock.now()) {
		t.Errorf("last used %v", used)
	}
	wantErr(t, "consume", w.store.UseProof(w.ctx, proof.ID, "request"), nil)
	_, err = w.SessionProof(w.ctx, session)
	wantErr(t, "a consumed proof", err, enroll.ErrNoProof)
	w.wantEvents(alice, map[audit.Action]int{audit.SignedIn: 2, audit.PasskeyRegistered: 1, audit.InvitationUsed: 1})
}

func TestEverySignInMakesANewSessionID(t *testing.T) {
	w := newWorld(t)
	d, first := w.enrolled(alice)
	second, third := w.signedIn(d), w.signedIn(d)
	if first.ID == second.ID || second.ID == third.ID {
		t.Error("a session id came twice")
	}
}

// tampered answers a sign-in wrongly, and with which error that ends.
var tampered = map[string]struct {
	change func(*device)
	want   error
}{
	"another origin":              {func(d *device) { d.rp.Origin = "https://reset.example.test.evil.test" }, enroll.ErrOrigin},
	"another port":                {func(d *device) { d.rp.Origin = origin + ":8443" }, enroll.ErrOrigin},
	"plain http":                  {func(d *device) { d.rp.Origin = "http://" + rpID }, enroll.ErrOrigin},
	"a broken origin":             {func(d *device) { d.rp.Origin = "https://%zz" }, enroll.ErrOrigin},
	"another RP ID":               {func(d *device) { d.rp.ID = "example.test" }, enroll.ErrRefused},
	"no user verification":        {func(d *device) { d.auth.Options.UserNotVerified = true }, enroll.ErrNotVerified},
	"no user presence":            {func(d *device) { d.auth.Options.UserNotPresent = true }, enroll.ErrRefused},
	"another key":                 {func(d *device) { d.cred.Key = wholeCredential().Key }, enroll.ErrRefused},
	"an unknown passkey":          {func(d *device) { d.cred.ID = []byte("somebody else's 32-byte credential") }, enroll.ErrNoCredential},
	"an unknown user handle":      {func(d *device) { d.auth.Options.UserHandle = []byte("nobody") }, enroll.ErrRefused},
	"no user handle":              {func(d *device) { d.auth.Options.UserHandle = nil }, enroll.ErrRefused},
	"backed up, but not eligible": {func(d *device) { d.auth.Options.BackupState = true }, enroll.ErrRefused},
}

func TestSignInRefusesWhatDoesNotVerify(t *testing.T) {
	for name, c := range tampered {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, _ := w.enrolled(alice)
			before := w.credential(d)
			bad := *d
			c.change(&bad)
			session, cookie, err := w.signIn(&bad, phone)
			wantErr(t, "sign in", err, c.want)
			if session.ID != "" || !cookie.Empty() {
				t.Error("a session was made")
			}
			if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 1 {
				t.Errorf("%d sessions, want the one of the enrolment", n)
			}
			if after := w.credential(d); toJSON(t, after) != toJSON(t, before) {
				t.Error("the passkey changed")
			}
			w.signedIn(d) // and the true one still works
		})
	}
}

func TestSignInRefusesAnotherPersonsUserHandle(t *testing.T) {
	w := newWorld(t)
	a, _ := w.enrolled(alice)
	b, _ := w.enrolled(bob)
	mixed := *a
	mixed.auth.Options.UserHandle = b.auth.Options.UserHandle
	_, _, err := w.signIn(&mixed, phone)
	wantErr(t, "Alice's passkey with Bob's handle", err, enroll.ErrRefused)
}

func TestSignInRefusesMalformedBodies(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	for name, body := range map[string]string{
		"empty": "", "text": "hello", "array": "[]", "no id": `{"type":"public-key"}`, "too long": `{"id":"` + strings.Repeat("A", 64<<10) + `"}`,
		"a registration": toJSON(t, map[string]any{"id": "AA", "rawId": "AA", "type": "public-key", "response": map[string]string{"clientDataJSON": "e30", "attestationObject": "oA"}}),
	} {
		token, _, err := w.BeginSignIn(w.ctx)
		wantErr(t, "begin", err, nil)
		_, _, err = w.FinishSignIn(w.ctx, token, []byte(body), phone)
		wantErr(t, name, err, enroll.ErrMalformed)
	}
	w.signedIn(d)
}

func TestAnAssertionIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	body := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, body, phone)
	wantErr(t, "first", err, nil)
	_, _, err = w.FinishSignIn(w.ctx, token, body, phone)
	wantErr(t, "replay with its ceremony", err, enroll.ErrNoCeremony)
	other, _, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	_, _, err = w.FinishSignIn(w.ctx, other, body, phone)
	wantErr(t, "replay in another ceremony", err, enroll.ErrRefused)
}

func TestAFailedAttemptTakesTheCeremony(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	_, _, err = w.FinishSignIn(w.ctx, token, []byte("{}"), phone)
	wantErr(t, "malformed", err, enroll.ErrMalformed)
	_, _, err = w.FinishSignIn(w.ctx, token, d.assert(t, options), phone)
	wantErr(t, "the right answer, too late", err, enroll.ErrNoCeremony)
}

func TestCeremoniesExpire(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.CeremonyTimeout = time.Minute })
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	w.clock.move(time.Minute)
	_, _, err = w.FinishSignIn(w.ctx, token, d.assert(t, options), phone)
	wantErr(t, "after a minute", err, enroll.ErrNoCeremony)
	if options.Response.Timeout != 60000 {
		t.Errorf("the browser is told %d ms", options.Response.Timeout)
	}
}

func TestUnknownTokensAreNoCeremony(t *testing.T) {
	w := newWorld(t)
	for _, token := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 1<<16), "' OR 1=1 --"} {
		_, _, err := w.FinishSignIn(w.ctx, secret.New(token), []byte("{}"), phone)
		wantErr(t, "token", err, enroll.ErrNoCeremony)
	}
}

func TestOfTwoHundredFinishesOfOneCeremonyOneWins(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	body := d.assert(t, options)
	var won, lost atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for range 200 {
		done.Go(func() {
			start.Wait()
			_, _, err := w.FinishSignIn(w.ctx, token, body, phone)
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, enroll.ErrNoCeremony):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	if won.Load() != 1 || lost.Load() != 199 {
		t.Errorf("%d won, %d lost", won.Load(), lost.Load())
	}
	if n := len(must(w.Sessions(w.ctx, alice))(t)); n != 2 {
		t.Errorf("%d sessions, want the enrolment's and one", n)
	}
}

func TestABeganSignInLeavesNothing(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	first, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	for range 30_000 {
		_, _, err := w.BeginSignIn(w.ctx)
		wantErr(t, "begin", err, nil)
	}
	_, _, err = w.FinishSignIn(w.ctx, first, d.assert(t, options), phone)
	wantErr(t, "the first", err, nil)
	w.clock.move(24 * time.Hour)
	if n := must(w.Purge(w.ctx))(t).Ceremonies; n != 1 {
		t.Errorf("%d ceremonies were kept, want the finished one", n)
	}
}

func TestASignInIsTakenOnceHoweverItIsSpelt(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	text := token.Reveal()
	for _, spelling := range []string{text, text + "\n", text + "=", text[:10] + "\r\n" + text[10:], strings.ToUpper(text), text[:len(text)-1]} {
		_, _, err = w.FinishSignIn(w.ctx, secret.New(spelling), signed, phone)
		wantErr(t, fmt.Sprintf("again as %q", spelling), err, enroll.ErrNoCeremony)
	}
	for i := range len(text) {
		for _, c := range "Aa_9" {
			if rune(text[i]) == c {
				continue
			}
			_, _, err = w.FinishSignIn(w.ctx, secret.New(text[:i]+string(c)+text[i+1:]), signed, phone)
			wantErr(t, "altered", err, enroll.ErrNoCeremony)
		}
	}
}

// The browser knows its challenge; as the token of something else it takes nothing
// away that says that the sign-in was used.
func TestAChallengeIsNoTokenOfAnotherCeremony(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	_, err = w.FinishStepUp(w.ctx, session, secret.New(options.Response.Challenge.String()), signed)
	wantErr(t, "as a step-up", err, enroll.ErrNoCeremony)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "again", err, enroll.ErrNoCeremony)
}

// A clock that is set back after everything was purged brings no sign-in back.
func TestAPurgedSignInStaysTakenWhenTheClockIsSetBack(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	w.clock.move(30 * time.Minute)
	must(w.Purge(w.ctx))(t)
	w.clock.move(-29 * time.Minute)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "again", err, enroll.ErrNoCeremony)
}

func TestASignInOfAnotherKeyOrPlaceIsUnknown(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	_, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	other := must(secret.NewBox([]byte("another key of thirty-two bytes!")))(t)
	plain := make([]byte, 32)
	binary.BigEndian.PutUint64(plain, uint64(w.clock.now().Add(time.Minute).UnixMilli()))
	for name, sealed := range map[string][]byte{
		"key":   other.Seal("ceremony/sign-in/v2", plain),
		"older": dbtest.Box().Seal("ceremony/sign-in/v1", append(plain[:8:8], options.Response.Challenge...)),
		"place": dbtest.Box().Seal("outbox/body", plain),
		"short": dbtest.Box().Seal("ceremony/sign-in/v2", plain[:8]),
		"long":  dbtest.Box().Seal("ceremony/sign-in/v2", append(plain[:32:32], 0)),
		"none":  nil,
	} {
		_, _, err = w.FinishSignIn(w.ctx, secret.New(base64.RawURLEncoding.EncodeToString(sealed)), signed, phone)
		wantErr(t, name, err, enroll.ErrNoCeremony)
	}
}

// The log keeps every assertion, and its exports leave the machine. Who has one and
// the sealing key seals what they like, and is nobody with it: the end is signed.
func TestAKeptAssertionIsOverWhoeverSealsItsChallengeAgain(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed, challenge := d.assert(t, options), []byte(options.Response.Challenge)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	w.clock.move(30 * 24 * time.Hour)
	end := binary.BigEndian.AppendUint64(nil, uint64(w.clock.now().Add(time.Minute).UnixMilli()))
	replay := func(when string, exchanged error) {
		t.Helper()
		for name, c := range map[string]struct {
			place string
			plain []byte
			want  error
		}{
			"as it was":              {"ceremony/sign-in/v2", challenge, enroll.ErrNoCeremony},
			"behind a new end":       {"ceremony/sign-in/v2", append(end[:8:8], challenge...), enroll.ErrNoCeremony},
			"of a release before":    {"ceremony/sign-in/v1", append(end[:8:8], challenge...), enroll.ErrNoCeremony},
			"with its end exchanged": {"ceremony/sign-in/v2", append(end[:8:8], challenge[8:]...), exchanged},
		} {
			sealed := dbtest.Box().Seal(c.place, c.plain)
			session, _, err := w.FinishSignIn(w.ctx, secret.New(base64.RawURLEncoding.EncodeToString(sealed)), signed, phone)
			if !errors.Is(err, c.want) || session.ID != "" {
				t.Errorf("%s%s: %v, want %v", name, when, err, c.want)
			}
		}
	}
	replay("", enroll.ErrRefused)
	must(w.Purge(w.ctx))(t)
	replay(", purged", enroll.ErrNoCeremony)
}

func TestPeopleInTroubleMaySignInToSeeIt(t *testing.T) {
	for name, change := range map[string]func(*ad.Account){
		"locked":       func(a *ad.Account) { a.Locked = true },
		"disabled":     func(a *ad.Account) { a.Disabled = true },
		"expired":      func(a *ad.Account) { a.PasswordExpired = true },
		"must change":  func(a *ad.Account) { a.MustChange = true },
		"account over": func(a *ad.Account) { a.AccountExpires = time.Unix(1, 0) },
		"protected":    func(a *ad.Account) { a.Protected = ad.ProtectedAdmin },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, _ := w.enrolled(alice)
			w.dir.change(alice, change)
			w.signedIn(d)
		})
	}
}

func TestNobodySignsInWhomTheDirectoryCannotConfirm(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	w.dir.fail(&ad.Error{Cause: ad.ErrUnavailable, Op: "read account"})
	_, _, err := w.signIn(d, phone)
	wantErr(t, "sign in", err, ad.ErrUnavailable)
	if code := enroll.Code(err); code != "directory.unavailable" {
		t.Errorf("code %q", code)
	}
	if errors.Is(err, enroll.ErrGone) {
		t.Error("an outage is taken for a person who left")
	}
	w.dir.fail(nil)
	w.signedIn(d)
}

func TestSignCountsAreWrittenBackAndARegressionIsRefused(t *testing.T) {
	w := newWorld(t)
	d, session := w.enrolled(alice)
	d.cred.Counter = 10
	w.signedIn(d)
	if n := w.credential(d).Record.Authenticator.SignCount; n != 10 {
		t.Fatalf("sign count %d, want 10", n)
	}
	for _, count := range []uint32{10, 9, 0} {
		d.cred.Counter = count
		_, _, err := w.signIn(d, phone)
		wantErr(t, "sign in", err, enroll.ErrCloned)
		_, err = w.stepUp(d, session, "latchkey/test/v1", []byte("x"))
		wantErr(t, "step up", err, enroll.ErrCloned)
	}
	c := w.credential(d)
	if !c.Record.Authenticator.CloneWarning || c.Record.Authenticator.SignCount != 10 {
		t.Errorf("authenticator %+v", c.Record.Authenticator)
	}
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyCloneWarning: 6, audit.SignInRefused: 3, audit.StepUpRefused: 3})
	d.cred.Counter = 11
	w.signedIn(d)
	if c := w.credential(d); !c.Record.Authenticator.CloneWarning || c.Record.Authenticator.SignCount != 11 {
		t.Errorf("the warning must stay: %+v", c.Record.Authenticator)
	}
}

// A clone's answer that is sent many times is one sign-in, and one warning.
func TestOneSignInOfACloneWarnsOnce(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	d.cred.Counter = 10
	w.signedIn(d)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	d.cred.Counter = 3
	signed := d.assert(t, options)
	var refused atomic.Int32
	var start, done sync.WaitGroup
	start.Add(1)
	for range 30 {
		done.Go(func() {
			start.Wait()
			_, _, err := w.FinishSignIn(w.ctx, token, signed, phone)
			switch {
			case errors.Is(err, enroll.ErrCloned):
				refused.Add(1)
			case !errors.Is(err, enroll.ErrNoCeremony):
				t.Error(err)
			}
		})
	}
	start.Done()
	done.Wait()
	if refused.Load() != 1 || !w.credential(d).Record.Authenticator.CloneWarning {
		t.Errorf("%d were refused as a clone's, warning %t", refused.Load(), w.credential(d).Record.Authenticator.CloneWarning)
	}
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyCloneWarning: 1, audit.SignInRefused: 1})
}

// What is over already costs the directory nothing.
func TestASpentSignInAsksNoDirectory(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	signed := d.assert(t, options)
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "finish", err, nil)
	before := w.dir.asked
	_, _, err = w.FinishSignIn(w.ctx, token, signed, phone)
	wantErr(t, "again", err, enroll.ErrNoCeremony)
	if n := w.dir.asked - before; n != 0 {
		t.Errorf("the directory was asked %d times", n)
	}
}

func TestAPasskeyMayBecomeBackupEligible(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	if w.credential(d).Record.Flags.BackupEligible {
		t.Fatal("eligible from the start")
	}
	d.auth.Options.BackupEligible, d.auth.Options.BackupState = true, true
	forged := *d
	forged.cred.Key = wholeCredential().Key
	_, _, err := w.signIn(&forged, phone)
	wantErr(t, "a forged flip", err, enroll.ErrRefused)
	if w.credential(d).Record.Flags.BackupEligible {
		t.Fatal("the flip was stored before the signature verified")
	}
	w.signedIn(d)
	if f := w.credential(d).Record.Flags; !f.BackupEligible || !f.BackupState || !f.UserVerified {
		t.Errorf("flags %+v", f)
	}
	d.auth.Options.BackupState = false
	w.signedIn(d)
	if f := w.credential(d).Record.Flags; !f.BackupEligible || f.BackupState {
		t.Errorf("flags %+v", f)
	}
	w.wantEvents(alice, map[audit.Action]int{audit.PasskeyBackupFlip: 1})
}

func TestAPasskeyNeverStopsBeingBackupEligible(t *testing.T) {
	w := newWorld(t)
	d := newDevice()
	d.auth.Options.BackupEligible = true
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(t, "begin", err, nil)
	session, _, err := w.FinishEnrol(w.ctx, ceremony, "Synced", d.create(t, options), phone)
	wantErr(t, "finish", err, nil)
	d.auth.Options.BackupEligible = false
	_, _, err = w.signIn(d, phone)
	wantErr(t, "sign in", err, enroll.ErrRefused)
	_, err = w.stepUp(d, session, "latchkey/test/v1", []byte("x"))
	wantErr(t, "step up", err, enroll.ErrRefused)
}

func TestUnsolicitedExtensionsAreIgnored(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	body := strings.TrimSuffix(string(d.assert(t, options)), "}") + `,"clientExtensionResults":{"appid":false,"unheard-of":1}}`
	_, _, err = w.FinishSignIn(w.ctx, token, []byte(body), phone)
	wantErr(t, "sign in", err, nil)
}

func TestARestartedServerKnowsCeremoniesAndSessions(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	again := must(enroll.New(w.cfg))(t)
	_, cookie, err := again.FinishSignIn(w.ctx, token, d.assert(t, options), phone)
	wantErr(t, "finish", err, nil)
	must(w.Session(w.ctx, cookie))(t)
}

func FuzzFinishSignIn(f *testing.F) {
	f.Add([]byte("{}"))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA","userHandle":"AA"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		token, _, err := w.BeginSignIn(w.ctx)
		wantErr(t, "begin", err, nil)
		_, cookie, err := w.FinishSignIn(w.ctx, token, body, phone)
		if err == nil || !cookie.Empty() || enroll.Code(err) == "" {
			t.Fatalf("%v", err)
		}
	})
}

func FuzzFinishEnrol(f *testing.F) {
	f.Add([]byte("{}"), "name")
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oWNmbXRkbm9uZQ"}}`), "x")
	f.Fuzz(func(t *testing.T, body []byte, name string) {
		w := newWorld(t)
		link, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
		wantErr(t, "invite", err, nil)
		token, _, err := w.BeginEnrol(w.ctx, link, secret.Text{})
		wantErr(t, "begin", err, nil)
		_, cookie, err := w.FinishEnrol(w.ctx, token, name, body, phone)
		if err == nil || !cookie.Empty() || enroll.Code(err) == "" {
			t.Fatalf("%v", err)
		}
	})
}
