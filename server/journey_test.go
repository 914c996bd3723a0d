package server

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/enroll/enrolltest"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/workflow"
)

var (
	_ Passkeys = (*enroll.Service)(nil)
	_ Requests = (*workflow.Engine)(nil)
	_ Log      = (*db.Store)(nil)
	_ Limits   = (*db.Store)(nil)
	_ Browsers = (*db.Store)(nil)
)

// house is the whole product behind the edge: real rules, real store, and a
// company's directory.
type house struct {
	post postbox
	*Server
	t        *testing.T
	company  *company
	passkeys *enroll.Service
	store    *db.Store
	engine   *workflow.Engine
	logged   *bytes.Buffer
	ahead    atomic.Int64 // nanoseconds of the clock
}

// now is the time of all of it.
func (h *house) now() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }

func (h *house) later(d time.Duration) { h.ahead.Add(int64(d)) }

func newHouse(t *testing.T, change ...func(map[workflow.Kind]workflow.Act)) *house {
	t.Helper()
	live := NewBroker()
	h := &house{t: t, company: newCompany(t), logged: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(&locked{w: h.logged}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	path := dbtest.Filled(t, filepath.Join(t.TempDir(), "latchkey.db"), migrated)
	h.store, err = db.Open(t.Context(), db.Config{Path: path, Logger: log, Box: dbtest.Box(), Changed: live.Publish, Now: h.now})
	must(err)
	t.Cleanup(func() { _ = h.store.Close() })
	h.passkeys, err = enroll.New(enroll.Config{
		RPID: testHost, Origins: []string{"https://" + testHost}, Store: h.store, Directory: h.company, Names: h.company.Resolve, Sealer: dbtest.Box(),
		Frozen: h.store.IsFrozen, Logger: log, Courier: &h.post, Proofs: everyProof(), Now: h.now,
		HardwareOnly: func(ctx context.Context, a ad.Account, address string) (bool, error) {
			return h.engine.HardwareOnly(ctx, a, address)
		},
		ToldToo: func(ctx context.Context, account ad.GUID) ([]enroll.Notice, error) {
			return h.engine.ToldOfPasskey(ctx, account)
		},
	})
	must(err)
	judge, err := password.NewJudge(password.JudgeConfig{MinScore: 2})
	must(err)
	t.Cleanup(func() { judge.Close() })
	acts := map[workflow.Kind]workflow.Act{}
	for _, k := range workflow.Kinds {
		acts[k] = workflow.Act{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}}
	}
	for _, f := range change {
		f(acts)
	}
	engine := workflow.New(workflow.Config{
		Store: h.store, Directory: h.company, Proofs: h.store, Judge: judge, Executor: "test", Logger: log, Sealer: dbtest.Box(), Now: h.now,
		Policy: workflow.Policy{Hash: "h", Rules: []workflow.Rule{{Name: "all", Who: workflow.Condition{Everyone: true}, Acts: acts}}},
	})
	h.engine = engine
	h.Server, err = New(Config{
		PublicURL: "https://" + testHost, RPID: testHost, Passkeys: h.passkeys, Requests: engine, Log: h.store, Limits: h.store, Browsers: h.store, Now: h.now,
		Reviews: engine, Freezes: engine, Photos: h.company, Devices: &phones{}, Live: live,
		Ready: func(context.Context) error { return nil }, Static: builtApp(), Logger: log,
	})
	must(err)
	return h
}

// migrated is the empty database of a new installation.
func migrated(path string) error {
	s, err := db.Open(context.Background(), db.Config{Path: path})
	if err != nil {
		return err
	}
	return s.Close()
}

// pausesOf the product, which make every way in as slow as the slowest: a test of what
// can be timed takes them, and no other. They are out before any test runs, for some run
// beside each other.
var pausesOf = func() timing {
	of := pauses
	pauses = timing{begin: time.Millisecond, finish: time.Millisecond, guess: time.Millisecond, asked: time.Millisecond, wait: time.Millisecond, slack: time.Minute}
	return of
}()

func (h *house) invitation(account ad.GUID) string {
	h.t.Helper()
	token, _, err := h.passkeys.Invite(h.t.Context(), account, audit.ActorOperator, true, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	return token.Reveal()
}

// phone is a browser with one passkey.
type phone struct {
	h       *house
	cookie  string
	browser string // the browser's own cookie
	from    string // X-Forwarded-For; "" for none
	rp      virtualwebauthn.RelyingParty
	auth    virtualwebauthn.Authenticator
	cred    virtualwebauthn.Credential
	key     *enrolltest.SecurityKey // takes the place of the phone's own authenticator; nil for none
}

func (h *house) phone() *phone {
	return &phone{
		h: h, rp: virtualwebauthn.RelyingParty{ID: testHost, Name: testHost, Origin: "https://" + testHost},
		auth: virtualwebauthn.NewAuthenticator(), cred: wholeCredential(h.t),
	}
}

// wholeCredential draws until both coordinates fill their 32 bytes, for the
// virtual authenticator leaves leading zeros out.
func wholeCredential(t *testing.T) virtualwebauthn.Credential {
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		key, err := x509.ParsePKCS8PrivateKey(c.Key.Data)
		if err != nil {
			t.Fatal(err)
		}
		b, err := key.(*ecdsa.PrivateKey).PublicKey.Bytes()
		if err == nil && b[1] != 0 && b[33] != 0 {
			return c
		}
	}
}

// call sends what the page would send, and keeps the cookie as a browser does.
func (p *phone) call(method, path string, body any) *http.Response {
	p.h.t.Helper()
	var r *http.Request
	if method == http.MethodGet {
		r = httptest.NewRequest(method, path, nil)
	} else {
		b, _ := json.Marshal(body)
		r = httptest.NewRequest(method, path, bytes.NewReader(b))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "https://"+testHost)
	}
	r.Host = testHost
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Mobile Safari/537.36")
	if p.from != "" {
		r.Header.Set("X-Forwarded-For", p.from)
	}
	if p.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: p.cookie})
	}
	if p.browser != "" {
		r.AddCookie(&http.Cookie{Name: browserCookie, Value: p.browser})
	}
	res, err := p.h.App().Test(r, -1)
	if err != nil {
		p.h.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if c.Name == cookieName {
			p.cookie = c.Value
		}
		if c.Name == browserCookie {
			p.browser = c.Value
		}
	}
	return res
}

// fetch expects success and decodes it.
func fetch[T any](p *phone, method, path string, body any) (out T) {
	p.h.t.Helper()
	res := p.call(method, path, body)
	text := bodyOf(p.h.t, res)
	if res.StatusCode >= 300 {
		p.h.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, text)
	}
	if res.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			p.h.t.Fatalf("%s: %v", text, err)
		}
	}
	return out
}

type fields = map[string]any

// begin starts a ceremony and returns token and options.
func (p *phone) begin(path string, body any) (token, options string) {
	p.h.t.Helper()
	c := fetch[struct {
		Token     string
		PublicKey json.RawMessage
		TimeoutMs int
	}](p, "POST", path, body)
	if c.Token == "" || c.TimeoutMs < 60_000 {
		p.h.t.Fatalf("ceremony of %s: %+v", path, c)
	}
	return c.Token, `{"publicKey":` + string(c.PublicKey) + `}`
}

func (p *phone) create(options string) json.RawMessage {
	p.h.t.Helper()
	if p.key != nil {
		return p.key.Create(decoded[protocol.CredentialCreation](p.h.t, options), p.rp.Origin)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(options)
	if err != nil {
		p.h.t.Fatal(err)
	}
	p.auth.Options.UserHandle = []byte(o.UserID)
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.rp, p.auth, p.cred, *o))
}

func (p *phone) assert(options string) json.RawMessage {
	p.h.t.Helper()
	if p.key != nil {
		return p.key.Assert(decoded[protocol.CredentialAssertion](p.h.t, options), p.rp.Origin)
	}
	o, err := virtualwebauthn.ParseAssertionOptions(options)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.rp, p.auth, p.cred, *o))
}

// enrol goes through an invitation.
func (p *phone) enrol(link, current string) Me {
	p.h.t.Helper()
	open := fetch[EnrolOpen](p, "POST", "/api/enrol/open", fields{"token": link})
	if open.Link != "https://"+testHost+"/enrol#"+link || open.QR == "" || !open.Password {
		p.h.t.Errorf("opened %+v", open)
	}
	wantProblem(p.h.t, p.call("POST", "/api/enrol/password", fields{"token": link, "password": "not it"}), http.StatusUnprocessableEntity, "bind.wrong-password")
	grant := fetch[Grant](p, "POST", "/api/enrol/password", fields{"token": link, "password": current})
	token, options := p.begin("/api/enrol/begin", fields{"token": link, "grant": grant.Grant})
	return fetch[Me](p, "POST", "/api/enrol/finish", fields{"token": token, "name": "My phone", "credential": p.create(options), "remember": true})
}

func (p *phone) signIn() Me {
	p.h.t.Helper()
	token, options := p.begin("/api/sign-in/begin", fields{})
	return fetch[Me](p, "POST", "/api/sign-in/finish", fields{"token": token, "credential": p.assert(options), "remember": true})
}

// approved submits a request and proves it.
func (p *phone) approved(kind string) Request {
	p.h.t.Helper()
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": kind})
	if r.State != "draft" || len(r.Needs) != 1 || r.Needs[0] != "passkey" {
		p.h.t.Fatalf("submitted %+v", r)
	}
	token, options := p.begin("/api/requests/"+r.ID+"/proof/begin", fields{})
	r = fetch[Request](p, "POST", "/api/requests/"+r.ID+"/proof/finish", fields{"token": token, "credential": p.assert(options)})
	if r.State != "approved" {
		p.h.t.Fatalf("proved %+v", r)
	}
	return r
}

// Rule 1 through the door: IT invites somebody anew, as after a lost phone, and the manager
// in the directory is told by name. Of a new colleague's first passkey nobody is.
func TestTheManagerHearsOfAPasskeyByInvitationThatIsNotTheFirst(t *testing.T) {
	h := newHouse(t)
	person, boss := h.colleague("priya.raman"), h.colleague("kwame.mensah")
	account := ad.GUID(person.GUID)
	told := func() (out []string) {
		t.Helper()
		all, err := h.store.ClaimNotices(t.Context(), h.now(), time.Minute, 20)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range all {
			switch {
			case n.Kind == workflow.NoticeReplaced && n.To == ad.GUID(boss.GUID).String() && n.Params["who"] == person.Name:
				out = append(out, "manager")
			case n.Kind == enroll.NoticeProofs && n.To == account.String():
				out = append(out, "person")
			default:
				t.Errorf("%+v", n)
			}
		}
		return out
	}
	lost := h.phone()
	lost.enrol(h.invitation(account), person.Password)
	if got := told(); got != nil {
		t.Errorf("of the first: %v", got)
	}
	h.phone().enrol(h.invitation(account), person.Password)
	if got := told(); !slices.Equal(got, []string{"manager", "person"}) {
		t.Errorf("of another: %v", got)
	}
}

func TestFromTheInvitationBackIntoTheAccount(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	link := h.invitation(h.company.person)
	me := p.enrol(link, h.company.who.Password)
	if me.Passkeys != 1 || len(me.Options) != len(workflow.Kinds) || !strings.HasPrefix(h.company.who.Name, me.Account.GivenName) || me.Session.Remember != true {
		t.Fatalf("enrolled %+v", me)
	}
	wantProblem(t, p.call("POST", "/api/enrol/open", fields{"token": link}), http.StatusGone, "invitation.used")
	fetch[nothing](p, "POST", "/api/sign-out", fields{"everywhere": false})
	wantProblem(t, p.call("GET", "/api/me", nil), http.StatusUnauthorized, "session.unknown")

	h.company.lock()
	me = p.signIn()
	if me.Account.State[0] != "locked" || me.Account.BadPasswords == 0 || me.Account.LockedSince == "" {
		t.Fatalf("locked out: %+v", me.Account)
	}
	r := fetch[Request](p, "POST", "/api/requests", fields{"kind": "unlock"})
	if r.State != "done" || !r.Unlocked || r.WatchUntil == "" {
		t.Fatalf("unlock: %+v", r)
	}
	if me = fetch[Me](p, "GET", "/api/me", nil); me.Account.State[0] != "ok" || len(me.Requests) != 1 {
		t.Fatalf("unlocked: %+v", me)
	}
	wantProblem(t, p.call("POST", "/api/requests", fields{"kind": "unlock"}), http.StatusConflict, "account.not-locked")
}

// What a sign-in looked at is what its answer shows.
func TestASignInReadsThePersonOnce(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	before := h.company.reads.Load()
	if me := p.signIn(); me.Account.Name == "" {
		t.Errorf("%+v", me)
	}
	if n := h.company.reads.Load() - before; n != 1 {
		t.Errorf("the account was read %d times", n)
	}
	if fetch[Me](p, "GET", "/api/me", nil); h.company.reads.Load()-before != 2 {
		t.Error("what is asked for later is not read anew")
	}
}

func TestResetChangeAndOneTimeThroughTheEdge(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)

	reset := p.approved("reset")
	path := "/api/requests/" + reset.ID
	if rules := fetch[PasswordRules](p, "GET", "/api/password-rules", nil); !rules.Known || rules.MinLength == 0 {
		t.Errorf("rules %+v", rules)
	}
	check := fetch[PasswordCheck](p, "POST", path+"/password/check", fields{"password": "abc"})
	if len(check.Findings) == 0 || check.Score > 1 {
		t.Errorf("check %+v", check)
	}
	weak := wantProblem(t, p.call("POST", path+"/execute", fields{"password": "abc"}), http.StatusUnprocessableEntity, "password.rules")
	if weak.Params["rules"] == "" || weak.Params["request"] != reset.ID {
		t.Errorf("params %v", weak.Params)
	}
	done := fetch[Executed](p, "POST", path+"/execute", fields{"password": "Harbour-Violet-92"})
	if done.Request.State != "done" || done.Generated != "" || !h.company.opens("Harbour-Violet-92") || h.company.opens(h.company.who.Password) {
		t.Fatalf("reset: %+v", done)
	}
	wantProblem(t, p.call("POST", path+"/execute", fields{"password": "Harbour-Violet-93"}), http.StatusConflict, "request.done")

	change := p.approved("change")
	path = "/api/requests/" + change.ID
	wantProblem(t, p.call("POST", path+"/execute", fields{"password": "Lantern-Meadow-41"}), http.StatusUnprocessableEntity, "password.old-missing")
	wantProblem(t, p.call("POST", path+"/execute", fields{"password": "Lantern-Meadow-41", "old": "wrong"}), http.StatusUnprocessableEntity, "password.old-wrong")
	done = fetch[Executed](p, "POST", path+"/execute", fields{"password": "Lantern-Meadow-41", "old": "Harbour-Violet-92"})
	if done.Request.State != "done" || !h.company.opens("Lantern-Meadow-41") {
		t.Fatalf("change: %+v", done)
	}

	once := p.approved("one-time")
	done = fetch[Executed](p, "POST", "/api/requests/"+once.ID+"/execute", fields{})
	if done.Request.State != "done" || !done.Request.Unseen || done.Generated == "" || !h.company.opens(done.Generated) {
		t.Fatalf("one-time: %+v", done.Request)
	}
	seen := fetch[Request](p, "POST", "/api/requests/"+once.ID+"/seen", fields{})
	if seen.Unseen {
		t.Errorf("seen: %+v", seen)
	}
	for _, secret := range []string{"Harbour-Violet", "Lantern-Meadow", done.Generated, p.cookie} {
		if strings.Contains(h.logged.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestPasskeysAreAddedRenamedAndRemovedThroughTheEdge(t *testing.T) {
	h := newHouse(t)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	proof := func(body fields) string {
		token, options := p.begin("/api/step-up/begin", body)
		return fetch[ProofID](p, "POST", "/api/step-up/finish", fields{"token": token, "credential": p.assert(options)}).Proof
	}

	other := h.phone()
	token, options := p.begin("/api/passkeys/begin", fields{"proof": proof(fields{"purpose": "add-passkey"})})
	added := fetch[Passkey](p, "POST", "/api/passkeys/finish", fields{"token": token, "name": "Laptop", "credential": other.create(options)})
	if added.Name != "Laptop" || added.Current {
		t.Fatalf("added %+v", added)
	}
	if renamed := fetch[Passkey](p, "PATCH", "/api/passkeys/"+added.ID, fields{"name": "Work laptop"}); renamed.Name != "Work laptop" {
		t.Errorf("renamed %+v", renamed)
	}
	link := fetch[Invite](p, "POST", "/api/passkeys/invite", fields{"proof": proof(fields{"purpose": "add-passkey"})})
	if !strings.HasPrefix(link.Link, "https://"+testHost+"/enrol#") || link.QRSize == 0 {
		t.Errorf("invite %+v", link)
	}

	id := proof(fields{"purpose": "remove-passkey", "passkey": added.ID})
	mine := base64url(p.cred.ID)
	wantProblem(t, p.call("POST", "/api/passkeys/"+mine+"/remove", fields{"proof": id, "last": false}), http.StatusForbidden, "proof.mismatch")
	id = proof(fields{"purpose": "remove-passkey", "passkey": added.ID})
	fetch[nothing](p, "POST", "/api/passkeys/"+added.ID+"/remove", fields{"proof": id, "last": false})
	wantProblem(t, p.call("POST", "/api/passkeys/"+added.ID+"/remove", fields{"proof": id, "last": false}), http.StatusForbidden, "proof.unknown")
	id = proof(fields{"purpose": "remove-passkey", "passkey": mine})
	wantProblem(t, p.call("POST", "/api/passkeys/"+mine+"/remove", fields{"proof": id, "last": false}), http.StatusConflict, "passkey.last")

	stored := fetch[Stored](p, "GET", "/api/stored", nil)
	if len(stored.Passkeys) != 1 || len(stored.Sessions) != 1 || !stored.Sessions[0].Current || stored.Events == 0 || stored.Frozen || stored.Devices != 0 || stored.Browsers != 0 || stored.Sessions[0].Device != "Chrome on Android" {
		t.Errorf("stored %+v", stored)
	}
	events := fetch[activityList](p, "GET", "/api/activity", nil).Events
	if len(events) == 0 || events[len(events)-1].Action != string(audit.InvitationCreated) || events[0].Outcome == "" {
		t.Errorf("activity %+v", events)
	}
	p.signIn() // which remembers the browser
	if n := fetch[Stored](p, "GET", "/api/stored", nil).Browsers; n != 1 {
		t.Errorf("%d browsers are known", n)
	}
}

// What one person proved opens nothing of another.
func TestOnePersonsThingsAreUnknownToAnother(t *testing.T) {
	h := newHouse(t)
	p, q := h.phone(), h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	q.enrol(h.invitation(h.company.other), h.company.colleague.Password)
	r := p.approved("reset")
	for _, path := range []string{"", "/proof/begin", "/cancel", "/seen", "/execute", "/password/check"} {
		method, body := "POST", fields{}
		switch path {
		case "":
			method = "GET"
		case "/execute", "/password/check":
			body = fields{"password": "Harbour-Violet-92"}
		}
		foreign := p.h.strip(q.call(method, "/api/requests/"+r.ID+path, body))
		unknown := p.h.strip(q.call(method, "/api/requests/0192f0c0-0000-7000-8000-000000000000"+path, body))
		if foreign != unknown || !strings.Contains(foreign, "request.unknown") {
			t.Errorf("%s: %s, %s", path, foreign, unknown)
		}
	}
	theirs := base64url(p.cred.ID)
	wantProblem(t, q.call("PATCH", "/api/passkeys/"+theirs, fields{"name": "mine now"}), http.StatusNotFound, "passkey.unknown")
	if !h.company.opens(h.company.who.Password) {
		t.Error("something was written")
	}
}

// strip leaves out the correlation id.
func (h *house) strip(res *http.Response) string {
	text := bodyOf(h.t, res)
	if i := strings.Index(text, `"instance"`); i > 0 {
		return text[:i]
	}
	return text
}
