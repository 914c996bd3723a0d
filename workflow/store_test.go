package workflow_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// onDisk is a company whose store is a real SQLite file, and whose clock goes
// ahead of the real one where a test says so.
type onDisk struct {
	*testing.T
	path   string
	store  *db.Store
	dir    *directory // the scripted one, where it is used
	domain workflow.Directory
	ann    workflow.Actor
	ahead  atomic.Int64
	engine *workflow.Engine
}

func newOnDisk(t *testing.T) *onDisk {
	dir := newDirectory()
	dir.add(person(annGUID, "ann"))
	o := onDiskWith(t, dir, annGUID)
	o.dir = dir
	return o
}

func onDiskWith(t *testing.T, domain workflow.Directory, ann ad.GUID) *onDisk {
	o := &onDisk{
		T: t, path: filepath.Join(t.TempDir(), "latchkey.db"), domain: domain,
		ann: workflow.Actor{Account: ann, Session: "session-ann", Device: "Phone", Address: "192.0.2.7"},
	}
	o.open()
	credential := enroll.Credential{ID: []byte("key"), Account: ann, Created: o.now(), Record: webauthn.Credential{ID: []byte("key")}}
	if err := o.store.AddCredential(t.Context(), credential); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o *onDisk) now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

func (o *onDisk) pass(d time.Duration) { o.ahead.Add(int64(d)) }

// open starts the server process; after a crash, on the same file.
func (o *onDisk) open() {
	o.Helper()
	store, err := db.Open(o.Context(), db.Config{Path: o.path, Now: o.now, Box: dbtest.Box()})
	if err != nil {
		o.Fatal(err)
	}
	judge, err := password.NewJudge(password.JudgeConfig{MinScore: 3})
	if err != nil {
		o.Fatal(err)
	}
	o.store = store
	o.engine = workflow.New(workflow.Config{
		Store: store, Directory: o.domain, Proofs: store, Judge: judge, Now: o.now,
		Policy: everyone("policy-1", passkey), Sealer: dbtest.Box(), Executor: "server",
	})
}

func (o *onDisk) reopen() {
	o.Helper()
	if err := o.store.Close(); err != nil {
		o.Fatal(err)
	}
	o.open()
}

// prove leaves a proof behind as an assertion does, in one commit.
func (o *onDisk) prove(p enroll.Proof, session *enroll.Session) enroll.Proof {
	o.Helper()
	p.Kind, p.Account, p.Session, p.At = enroll.ProofPasskey, o.ann.Account, o.ann.Session, o.now().Truncate(time.Millisecond)
	p.Receipt = enroll.Receipt{CredentialID: []byte("key")}
	nothing := func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }
	if err := o.store.Asserted(o.Context(), []byte("key"), nothing, p, session); err != nil {
		o.Fatal(err)
	}
	return p
}

func (o *onDisk) signIn() {
	o.Helper()
	session := enroll.Session{
		ID: o.ann.Session, Account: o.ann.Account, Credential: []byte("key"),
		SignedIn: o.now(), LastSeen: o.now(), Expires: o.now().Add(time.Hour),
	}
	o.prove(enroll.Proof{ID: "sign-in"}, &session)
}

func (o *onDisk) approved(kind workflow.Kind) (workflow.Request, enroll.Proof) {
	o.Helper()
	r, err := o.engine.Submit(o.Context(), o.ann, kind, "I forgot it")
	if err != nil {
		o.Fatal(err)
	}
	label, statement, err := o.engine.Statement(o.Context(), o.ann, r.ID)
	if err != nil {
		o.Fatal(err)
	}
	p := o.prove(enroll.Proof{ID: "step-up-" + r.ID, Label: label, Statement: statement}, nil)
	r, err = o.engine.Prove(o.Context(), o.ann, r.ID, p)
	if err != nil {
		o.Fatal(err)
	}
	return r, p
}

// verify holds the whole chain, and returns how many events it has.
func (o *onDisk) verify() {
	o.Helper()
	var out bytes.Buffer
	if err := o.store.Export(o.Context(), &out); err != nil {
		o.Fatal(err)
	}
	if _, err := audit.Verify(&out); err != nil {
		o.Fatal(err)
	}
}

func TestOnDiskASignInUnlocksOnceAlsoAfterARestart(t *testing.T) {
	o := newOnDisk(t)
	o.dir.edit(annGUID, lock)
	o.signIn()
	r, err := o.engine.Submit(t.Context(), o.ann, workflow.KindUnlock, "")
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Done)
	o.reopen()
	o.dir.edit(annGUID, lock)
	r, err = o.engine.Submit(t.Context(), o.ann, workflow.KindUnlock, "")
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Draft)
	if o.dir.written() != 1 {
		t.Fatal("a consumed sign-in unlocked again")
	}
	o.verify()
}

func TestOnDiskOfManyUnlocksByOneSignInOneWrites(t *testing.T) {
	o := newOnDisk(t)
	o.dir.edit(annGUID, lock)
	o.signIn()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			_, err := o.engine.Submit(t.Context(), o.ann, workflow.KindUnlock, "")
			if err != nil && !errors.Is(err, workflow.ErrNotLocked) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if o.dir.written() != 1 {
		t.Fatalf("%d writes", o.dir.written())
	}
	o.verify()
}

func TestOnDiskOfManyExecutionsOneWrites(t *testing.T) {
	for _, kind := range passwordKinds {
		o := newOnDisk(t)
		o.dir.policy.MinAge = 0 // or the others find the new password too young
		r, _ := o.approved(kind)
		value, old := values(kind)
		var done atomic.Int32
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				_, _, err := o.engine.Execute(t.Context(), o.ann, r.ID, value, old)
				switch {
				case err == nil:
					done.Add(1)
				case !errors.Is(err, workflow.ErrExecuting) && !errors.Is(err, workflow.ErrDone):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if done.Load() != 1 || o.dir.written() != 1 {
			t.Fatalf("%s: %d done, %d writes", kind, done.Load(), o.dir.written())
		}
		o.verify()
	}
}

func TestOnDiskAProofCountsOnce(t *testing.T) {
	o := newOnDisk(t)
	r, p := o.approved(workflow.KindReset)
	if _, err := o.engine.Cancel(t.Context(), o.ann, r.ID); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	_, err := o.engine.Prove(t.Context(), o.ann, r.ID, p)
	wantErr(t, err, workflow.ErrCancelled)
	again, err := o.engine.Submit(t.Context(), o.ann, workflow.KindReset, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.engine.Prove(t.Context(), o.ann, again.ID, p)
	wantErr(t, err, workflow.ErrProofMismatch)
	o.verify()
}

func TestOnDiskALostAnswerIsSettledByTheNextProcess(t *testing.T) {
	o := newOnDisk(t)
	r, _ := o.approved(workflow.KindOneTime)
	o.dir.lost = true
	r, shown, err := o.engine.Execute(t.Context(), o.ann, r.ID, secret.Text{}, secret.Text{})
	if err != nil || !shown.Empty() {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Unknown)
	o.reopen()
	o.engine.Tick(t.Context())
	o.pass(31 * time.Second)
	o.engine.Tick(t.Context())
	if r, err = o.engine.Request(t.Context(), o.ann, r.ID); err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Done)
	o.dir.lost = false
	r, shown, err = o.engine.Execute(t.Context(), o.ann, r.ID, secret.Text{}, secret.Text{})
	if err != nil || shown.Empty() || o.dir.written() != 2 || !r.Intent.MustChange {
		t.Fatalf("%v, %d writes", err, o.dir.written())
	}
	o.verify()
}

func TestOnDiskAWeakPasswordIsRefusedByTheRealJudge(t *testing.T) {
	o := newOnDisk(t)
	r, _ := o.approved(workflow.KindReset)
	for _, value := range []string{"Password1!", "Qwertz123!", "Summer2026!", "short1A"} {
		_, _, err := o.engine.Execute(t.Context(), o.ann, r.ID, secret.New(value), secret.Text{})
		wantErr(t, err, workflow.ErrPasswordRules)
	}
	if o.dir.written() != 0 {
		t.Fatal("written")
	}
}
