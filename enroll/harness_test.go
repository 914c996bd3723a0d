package enroll_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/server"
)

var _ server.Passkeys = (*enroll.Service)(nil)

const (
	rpID   = "reset.example.test"
	origin = "https://reset.example.test"
)

var (
	alice = ad.GUID{1}
	bob   = ad.GUID{2}
	phone = enroll.Client{Device: "Chrome on Android", Address: "192.0.2.7", Remember: true}
	kiosk = enroll.Client{Device: "Firefox on Linux", Address: "192.0.2.8"}
)

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// directory holds accounts and passwords as one controller does.
type directory struct {
	mu        sync.Mutex
	accounts  map[ad.GUID]ad.Account
	passwords map[ad.GUID]string
	down      error
	bind      error // the answer to the right password; nil is success
	tried     int
	asked     int // for an account
	now       func() time.Time
}

func (d *directory) Account(_ context.Context, id ad.GUID) (ad.Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.down != nil {
		return ad.Account{}, d.down
	}
	a, ok := d.accounts[id]
	if !ok {
		return ad.Account{}, &ad.Error{Cause: ad.ErrNotFound, Op: "read account"}
	}
	return a, nil
}

func (d *directory) CheckPassword(_ context.Context, id ad.GUID, password secret.Text) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried++
	if d.down != nil {
		return d.down
	}
	if d.passwords[id] != password.Reveal() {
		a := d.accounts[id]
		a.BadPasswords++
		a.LastBad = d.now()
		d.accounts[id] = a
		return &ad.Error{Cause: ad.ErrWrongPassword, Op: "bind"}
	}
	return d.bind
}

func (d *directory) change(id ad.GUID, fn func(*ad.Account)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.accounts[id]
	fn(&a)
	d.accounts[id] = a
}

func (d *directory) remove(id ad.GUID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.accounts, id)
}

func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.down = err
}

// withPolicy is a directory that tells its lockout threshold.
type withPolicy struct {
	*directory
	policy ad.PasswordPolicy
	err    error
}

func (d withPolicy) PasswordPolicy(context.Context, ad.Account) (ad.PasswordPolicy, error) {
	return d.policy, d.err
}

// world is the relying party on a real store.
type world struct {
	*enroll.Service
	t     *testing.T
	ctx   context.Context
	store *db.Store
	dir   *directory
	clock *clock
	cfg   enroll.Config

	frozen map[ad.GUID]error // nil as value: frozen; else the store's fault
}

func (w *world) isFrozen(_ context.Context, id ad.GUID) (bool, error) {
	err, frozen := w.frozen[id]
	return frozen && err == nil, err
}

// migrated is the empty database of a new installation.
func migrated(path string) error {
	s, err := db.Open(context.Background(), db.Config{Path: path})
	if err != nil {
		return err
	}
	return s.Close()
}

func newWorld(t *testing.T, change ...func(*enroll.Config)) *world {
	t.Helper()
	w := &world{t: t, ctx: context.Background(), clock: &clock{t: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}}
	w.dir = &directory{
		now: w.clock.now,
		accounts: map[ad.GUID]ad.Account{
			alice: {GUID: alice, SAMAccountName: "alice", UserPrincipalName: "alice@corp.example.test", DisplayName: "Alice Miller", GivenName: "Alice"},
			bob:   {GUID: bob, SAMAccountName: "bob", DisplayName: "Bob", GivenName: "Bob"},
		},
		passwords: map[ad.GUID]string{alice: "Old-Secret-1", bob: "Old-Secret-2"},
	}
	path := dbtest.Filled(t, filepath.Join(t.TempDir(), "latchkey.db"), migrated)
	store, err := db.Open(w.ctx, db.Config{Path: path, Box: dbtest.Box(), Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.verifyLog()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = store
	w.cfg = enroll.Config{
		RPID: rpID, Origins: []string{origin}, RPName: "Example", Store: store, Directory: w.dir, Now: w.clock.now,
		Frozen: w.isFrozen, Sealer: dbtest.Box(),
	}
	for _, c := range change {
		c(&w.cfg)
	}
	w.Service = must(enroll.New(w.cfg))(t)
	return w
}

// must unwraps a value and its error: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (want == nil) != (err == nil) {
		t.Fatalf("%s: got %v, want %v", what, err, want)
	}
}

// verifyLog holds every test's log to the verifier: the chain, and each receipt.
func (w *world) verifyLog() audit.Report {
	var out bytes.Buffer
	if err := w.store.Export(w.ctx, &out); err != nil {
		w.t.Errorf("export log: %v", err)
	}
	report, err := audit.Verify(&out)
	if err != nil {
		w.t.Errorf("verify log: %v", err)
	}
	return report
}

// events counts the log's entries about an account by action.
func (w *world) events(account ad.GUID) map[audit.Action]int {
	count := map[audit.Action]int{}
	for _, e := range must(w.store.Events(w.ctx, account, 10000))(w.t) {
		count[e.Action]++
	}
	return count
}

func (w *world) wantEvents(account ad.GUID, want map[audit.Action]int) {
	w.t.Helper()
	got := w.events(account)
	for action, n := range want {
		if got[action] != n {
			w.t.Errorf("%d events %s, want %d (all: %v)", got[action], action, n, got)
		}
	}
}

// device is a virtual authenticator with one passkey.
type device struct {
	rp   virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

func newDevice() *device {
	return &device{
		rp:   virtualwebauthn.RelyingParty{ID: rpID, Name: "Example", Origin: origin},
		auth: virtualwebauthn.NewAuthenticator(),
		cred: wholeCredential(),
	}
}

// wholeCredential draws until both coordinates fill their 32 bytes: the virtual
// authenticator leaves leading zeros out, which is no valid COSE key.
func wholeCredential() virtualwebauthn.Credential {
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		key, err := x509.ParsePKCS8PrivateKey(c.Key.Data)
		if err != nil {
			panic(err)
		}
		public, err := key.(*ecdsa.PrivateKey).PublicKey.Bytes()
		if err == nil && public[1] != 0 && public[33] != 0 {
			return c
		}
	}
}

// create answers creation options, and remembers the user handle.
func (d *device) create(t testing.TB, options *protocol.CredentialCreation) []byte {
	t.Helper()
	parsed := must(virtualwebauthn.ParseAttestationOptions(toJSON(t, options)))(t)
	d.auth.Options.UserHandle = []byte(parsed.UserID)
	return []byte(virtualwebauthn.CreateAttestationResponse(d.rp, d.auth, d.cred, *parsed))
}

// assert answers request options.
func (d *device) assert(t testing.TB, options *protocol.CredentialAssertion) []byte {
	t.Helper()
	parsed := must(virtualwebauthn.ParseAssertionOptions(toJSON(t, options)))(t)
	return []byte(virtualwebauthn.CreateAssertionResponse(d.rp, d.auth, d.cred, *parsed))
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	return string(must(json.Marshal(v))(t))
}

// enrolled registers a new device by an invitation without a password.
func (w *world) enrolled(account ad.GUID) (*device, enroll.Session) {
	w.t.Helper()
	d := newDevice()
	token, _, err := w.Invite(w.ctx, account, audit.ActorOperator, false, 0)
	wantErr(w.t, "invite", err, nil)
	ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(w.t, "begin enrol", err, nil)
	session, _, err := w.FinishEnrol(w.ctx, ceremony, "My phone", d.create(w.t, options), phone)
	wantErr(w.t, "finish enrol", err, nil)
	return d, session
}

func (w *world) signIn(d *device, from enroll.Client) (enroll.Session, secret.Text, error) {
	w.t.Helper()
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(w.t, "begin sign-in", err, nil)
	return w.FinishSignIn(w.ctx, token, d.assert(w.t, options), from)
}

// signedIn signs in and must succeed.
func (w *world) signedIn(d *device) enroll.Session {
	w.t.Helper()
	session, _, err := w.signIn(d, phone)
	wantErr(w.t, "sign in", err, nil)
	return session
}

func (w *world) stepUp(d *device, of enroll.Session, label string, statement []byte) (enroll.Proof, error) {
	w.t.Helper()
	token, options, err := w.BeginStepUp(w.ctx, of, label, statement)
	wantErr(w.t, "begin step-up", err, nil)
	return w.FinishStepUp(w.ctx, of, token, d.assert(w.t, options))
}

// mayAdd is a proof that lets the person add a passkey.
func (w *world) mayAdd(d *device, of enroll.Session) enroll.Proof {
	w.t.Helper()
	return must(w.stepUp(d, of, enroll.LabelAddPasskey, enroll.AddPasskeyStatement(of.Account)))(w.t)
}

func (w *world) mayRemove(d *device, of enroll.Session, id []byte) enroll.Proof {
	w.t.Helper()
	return must(w.stepUp(d, of, enroll.LabelRemovePasskey, enroll.RemovePasskeyStatement(id)))(w.t)
}

// added registers a second device of a signed-in person.
func (w *world) added(d *device, of enroll.Session) *device {
	w.t.Helper()
	other := newDevice()
	token, options, err := w.BeginRegister(w.ctx, of, w.mayAdd(d, of))
	wantErr(w.t, "begin register", err, nil)
	_, err = w.FinishRegister(w.ctx, of, token, "My laptop", other.create(w.t, options))
	wantErr(w.t, "finish register", err, nil)
	return other
}

func (w *world) credential(d *device) enroll.Credential {
	w.t.Helper()
	return must(w.store.Signer(w.ctx, enroll.Ceremony{}, d.cred.ID, nil))(w.t).Credential
}

// anyKind of proof may be set up.
func anyKind(enroll.ProofKind) error { return nil }
