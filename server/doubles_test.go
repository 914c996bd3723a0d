package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// The doubles stand where a test is about the edge alone. journey_test.go goes
// through the real parts.

var (
	alice      = ad.GUID{1}
	someone    = []byte{7, 7, 7}
	goodCookie = strings.Repeat("c", 43)
)

// relyingParty knows one session, one invitation and one passkey; err, when set,
// is what every method returns.
type relyingParty struct {
	err     error
	lookErr error // of Session and Look only
	atHand  error // of AtHand only
	ended   int
	panics  bool // in FinishRecovery
	from    enroll.Client
	braked  []audit.Action
	used    atomic.Int32                 // calls of Session
	alive   atomic.Pointer[func() error] // what Alive answers; nil for nil
}

func (p *relyingParty) session() enroll.Session {
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	return enroll.Session{ID: "s1", Account: alice, Credential: someone, SignedIn: at, LastSeen: at, Expires: at.Add(time.Hour)}
}

func (p *relyingParty) request() *protocol.CredentialAssertion {
	return &protocol.CredentialAssertion{Response: protocol.PublicKeyCredentialRequestOptions{Challenge: []byte("challenge-16-byte"), Timeout: 300000}}
}

func (p *relyingParty) creation() *protocol.CredentialCreation {
	return &protocol.CredentialCreation{Response: protocol.PublicKeyCredentialCreationOptions{Challenge: []byte("challenge-16-byte"), Timeout: 300000}}
}

func (p *relyingParty) BeginSignIn(context.Context) (secret.Text, *protocol.CredentialAssertion, error) {
	return secret.New("token"), p.request(), p.err
}

func (p *relyingParty) FinishSignIn(_ context.Context, _ secret.Text, _ []byte, from enroll.Client) (enroll.Session, secret.Text, error) {
	p.from = from
	s := p.session()
	s.Remember = from.Remember
	return s, secret.New(goodCookie), p.err
}

func (p *relyingParty) Session(ctx context.Context, cookie secret.Text) (enroll.Session, error) {
	p.used.Add(1)
	return p.Look(ctx, cookie)
}

func (p *relyingParty) Look(_ context.Context, cookie secret.Text) (enroll.Session, error) {
	switch {
	case p.lookErr != nil:
		return enroll.Session{}, p.lookErr
	case cookie.Reveal() != goodCookie:
		return enroll.Session{}, enroll.ErrNoSession
	}
	return p.session(), nil
}

func (p *relyingParty) Alive(context.Context, string) error {
	if f := p.alive.Load(); f != nil {
		return (*f)()
	}
	return nil
}

func (p *relyingParty) SignOut(context.Context, enroll.Session, bool) error { p.ended++; return p.err }

func (p *relyingParty) BeginStepUp(context.Context, enroll.Session, string, []byte) (secret.Text, *protocol.CredentialAssertion, error) {
	return secret.New("token"), p.request(), p.err
}

func (p *relyingParty) FinishStepUp(context.Context, enroll.Session, secret.Text, []byte) (enroll.Proof, error) {
	return enroll.Proof{ID: "p1"}, p.err
}

func (p *relyingParty) Proof(context.Context, enroll.Session, string) (enroll.Proof, error) {
	return enroll.Proof{ID: "p1"}, p.err
}

func (p *relyingParty) OpenInvitation(context.Context, secret.Text) (enroll.Opened, error) {
	return enroll.Opened{GivenName: "Alice", Password: true}, p.err
}

func (p *relyingParty) ProvePassword(context.Context, secret.Text, secret.Text, enroll.Client) (secret.Text, error) {
	return secret.New("grant"), p.err
}

func (p *relyingParty) BeginEnrol(context.Context, secret.Text, secret.Text) (secret.Text, *protocol.CredentialCreation, error) {
	return secret.New("token"), p.creation(), p.err
}

func (p *relyingParty) FinishEnrol(context.Context, secret.Text, string, []byte, enroll.Client) (enroll.Session, secret.Text, error) {
	return p.session(), secret.New(goodCookie), p.err
}

func (p *relyingParty) InviteSelf(context.Context, enroll.Session, enroll.Proof) (secret.Text, time.Time, error) {
	return secret.New("invitation"), time.Time{}, p.err
}

func (p *relyingParty) BeginRegister(context.Context, enroll.Session, enroll.Proof) (secret.Text, *protocol.CredentialCreation, error) {
	return secret.New("token"), p.creation(), p.err
}

func (p *relyingParty) FinishRegister(context.Context, enroll.Session, secret.Text, string, []byte) (enroll.Credential, error) {
	return enroll.Credential{ID: someone}, p.err
}

func (p *relyingParty) Credentials(context.Context, enroll.Session) ([]enroll.Credential, error) {
	return []enroll.Credential{{ID: someone, Name: "Phone"}}, p.err
}

func (p *relyingParty) IsHardware(enroll.Credential) bool                            { return false }
func (p *relyingParty) IsComputer(enroll.Credential) bool                            { return false }
func (p *relyingParty) Rename(context.Context, enroll.Session, []byte, string) error { return p.err }

func (p *relyingParty) Remove(context.Context, enroll.Session, []byte, enroll.Proof, bool) error {
	return p.err
}

func (p *relyingParty) Handle(context.Context, ad.GUID) ([]byte, error) { return []byte{1, 2}, p.err }

// rules is a double of workflow.
type rules struct {
	err  error
	hook func(context.Context) // runs inside Execute
	got  secret.Text

	request workflow.Request // the one that there is, where a test has its own
}

func (r *rules) one() (workflow.Request, error) {
	if r.request.ID != "" {
		return r.request, r.err
	}
	return workflow.Request{ID: "r1", Kind: workflow.KindReset, State: workflow.Approved, Tries: 2}, r.err
}

func (r *rules) Options(context.Context, Actor, ad.Account) []workflow.Option {
	return []workflow.Option{{Kind: workflow.KindUnlock, Allowed: true}}
}

func (r *rules) Account(context.Context, Actor) (ad.Account, error) {
	return ad.Account{GUID: alice, SAMAccountName: "alice", LogonAllowed: true}, r.err
}

func (r *rules) Rules(context.Context, Actor) (workflow.PasswordRules, error) {
	return workflow.PasswordRules{}, r.err
}

func (r *rules) Submit(context.Context, Actor, workflow.Kind, string) (workflow.Request, error) {
	return r.one()
}
func (r *rules) Request(_ context.Context, _ Actor, id string) (workflow.Request, error) {
	if id != "r1" {
		return workflow.Request{}, workflow.ErrNoRequest
	}
	return r.one()
}
func (r *rules) Mine(context.Context, Actor) ([]workflow.Request, error) { return nil, r.err }
func (r *rules) Statement(context.Context, Actor, string) (string, []byte, error) {
	return "label/v1", []byte("statement"), r.err
}
func (r *rules) ProveAll(context.Context, Actor, string, []enroll.Proof) (workflow.Request, error) {
	return r.one()
}

func (r *rules) Prove(context.Context, Actor, string, enroll.Proof) (workflow.Request, error) {
	return r.one()
}
func (r *rules) CheckPassword(_ context.Context, _ Actor, _ string, v secret.Text) ([]password.Finding, error) {
	r.got = v
	return []password.Finding{{Code: password.CodeStrength, OK: true, Have: "3"}}, r.err
}
func (r *rules) Execute(ctx context.Context, _ Actor, _ string, v, _ secret.Text) (workflow.Request, secret.Text, error) {
	r.got = v
	if r.hook != nil {
		r.hook(ctx)
	}
	req, err := r.one()
	return req, secret.New("GeneratedOnce"), err
}
func (r *rules) Seen(context.Context, Actor, string) (workflow.Request, error)   { return r.one() }
func (r *rules) Cancel(context.Context, Actor, string) (workflow.Request, error) { return r.one() }

// history is a double of the log.
type history struct{ err error }

func (h history) Events(context.Context, ad.GUID, int) ([]audit.Entry, error) {
	return []audit.Entry{{
		Time: 1_700_000_000_000, Action: audit.SignedIn, Bytes: []byte(`{"outcome":"ok","reason":""}`),
		Personal: map[string]audit.Salted{"device": {Value: "Chrome on Android"}},
	}}, h.err
}
func (h history) CountEvents(context.Context, ad.GUID) (int, error)        { return 1, h.err }
func (h history) CountRequests(context.Context, ad.GUID) (int, error)      { return 2, h.err }
func (h history) CountAsked(context.Context, ad.GUID) (int, error)         { return 3, h.err }
func (h history) CountSubscriptions(context.Context, ad.GUID) (int, error) { return 4, h.err }
func (h history) CountBrowsers(context.Context, ad.GUID) (int, error)      { return 5, h.err }
func (h history) IsFrozen(context.Context, ad.GUID) (bool, error)          { return false, h.err }
func (h history) Sessions(context.Context, ad.GUID) ([]enroll.Session, error) {
	return []enroll.Session{{ID: "s1", Device: "Chrome on Android"}}, h.err
}

// counter is a store of limits that always has a token.
type counter struct {
	mu   sync.Mutex
	took int
	keys []string
	err  error
}

func (c *counter) Take(_ context.Context, key string, _ int, _ time.Duration, _ time.Time) (time.Duration, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took++
	c.keys = append(c.keys, key)
	return 0, c.err
}

// stage is a server with everything that a test may turn.
type stage struct {
	*Server
	t      *testing.T
	party  *relyingParty
	rules  *rules
	seats  *seats
	phones *phones
	limits *counter
	logged *bytes.Buffer
	clock  *clock
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

const testHost = "unlock.example.test"

func newStage(t *testing.T, change ...func(*Config)) *stage {
	t.Helper()
	st := &stage{
		t: t, party: &relyingParty{}, rules: &rules{}, seats: &seats{}, phones: &phones{}, limits: &counter{}, logged: &bytes.Buffer{},
		clock: &clock{at: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)},
	}
	cfg := Config{
		PublicURL: "https://" + testHost, RPID: testHost, Version: "test",
		Passkeys: st.party, Requests: st.rules, Log: history{}, Limits: st.limits,
		Reviews: st.seats, Freezes: st.seats, Photos: st.seats, Devices: st.phones, Live: NewBroker(), streams: streamTimes{life: time.Millisecond},
		Ready: func(context.Context) error { return nil }, Static: builtApp(), Now: st.clock.Now,
		Logger: slog.New(slog.NewTextHandler(&locked{w: st.logged}, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	st.Server = s
	return st
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func builtApp() fs.FS {
	return fstest.MapFS{
		"index.html":              {Data: []byte("<!doctype html><title>Latchkey</title>")},
		"index.html.br":           {Data: []byte("br-of-index")},
		"pages/start.en.html":     {Data: []byte("<!doctype html><title>Latchkey</title><style>p{}</style><p>Locked out?")},
		"pages/start.en.html.br":  {Data: []byte("br-of-start")},
		"pages/start.de.html":     {Data: []byte("<!doctype html><title>Latchkey</title><style>p{}</style><p>Ausgesperrt?")},
		"pages/account.en.html":   {Data: []byte("<!doctype html><title>Latchkey</title><style>p{}</style><p>account")},
		"pages/next.en.html":      {Data: []byte("<!doctype html><title>Latchkey</title><style>p{}</style><p>next")},
		"pages/request.en.html":   {Data: []byte("<!doctype html><title>Latchkey</title><style>p{}</style><p>request")},
		"sw.js":                   {Data: []byte("self.addEventListener")},
		"manifest.webmanifest":    {Data: []byte("{}")},
		"assets/app-1a2b3c.js":    {Data: []byte("export {}")},
		"assets/app-1a2b3c.js.br": {Data: []byte("br-of-app")},
		"assets/app-1a2b3c.js.gz": {Data: []byte("gz-of-app")},
		".keep":                   {},
	}
}

// ask is one request. Header names and values alternate.
func (st *stage) ask(method, target, body string, headers ...string) *http.Response {
	st.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, "/", r)
	req.RequestURI = target
	req.Host = testHost
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		if headers[i] == "Content-Type" {
			req.Header.Set(headers[i], headers[i+1])
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := st.App().Test(req, -1)
	if err != nil {
		st.t.Fatalf("%s %s: %v", method, target, err)
	}
	return res
}

// in is ask with a live session.
func (st *stage) in(method, target, body string, headers ...string) *http.Response {
	st.t.Helper()
	return st.ask(method, target, body, append(headers, "Cookie", cookieName+"="+goodCookie)...)
}

// wantProblem checks that the answer is a problem document with this code.
func wantProblem(t *testing.T, res *http.Response, status int, code string) Problem {
	t.Helper()
	body, _ := io.ReadAll(res.Body)
	var p Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("no problem document (%d): %q", res.StatusCode, body)
	}
	if res.StatusCode != status || p.Status != status || p.Code != code {
		t.Errorf("got %d, %d %q; want %d %q", res.StatusCode, p.Status, p.Code, status, code)
	}
	if got := res.Header.Get("Content-Type"); got != problemType {
		t.Errorf("content type %q", got)
	}
	if p.Type != "/problems/"+p.Code || p.Title == "" || p.Instance == "" {
		t.Errorf("incomplete problem: %s", body)
	}
	if res.Header.Get("Content-Security-Policy") != dataPolicy || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("problem without the headers: %v", res.Header)
	}
	return p
}

func bodyOf(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// empties is a store of limits without a token.
type empties struct{}

func (*empties) Take(context.Context, string, int, time.Duration, time.Time) (time.Duration, error) {
	return 7 * time.Second, nil
}
