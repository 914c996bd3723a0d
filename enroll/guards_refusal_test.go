package enroll_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

func TestAChallengeThatOutlivesItsTimeIsNone(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	for name, tc := range map[string]struct {
		lives time.Duration
		want  error
	}{"in its time": {time.Minute, enroll.ErrMalformed}, "over": {0, enroll.ErrNoCeremony}, "for years": {9000 * time.Hour, enroll.ErrNoCeremony}} {
		challenge := binary.BigEndian.AppendUint64(nil, uint64(w.clock.now().Add(tc.lives).UnixMilli()))
		token := dbtest.Box().Seal("ceremony/sign-in/v2", append(challenge, make([]byte, 24)...))
		_, _, err := w.FinishSignIn(w.ctx, secret.New(base64.RawURLEncoding.EncodeToString(token)), []byte("{}"), phone)
		wantErr(t, name, err, tc.want)
	}
	token, options, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	body := append(d.assert(t, options), bytes.Repeat([]byte(" "), 1<<20)...)
	_, _, err = w.FinishSignIn(w.ctx, token, body, phone)
	wantErr(t, "an answer that is far too long", err, enroll.ErrMalformed)
}

// passedOn gives each passkey to somebody else before its closure sees it.
type passedOn struct{ enroll.Store }

func (p passedOn) SignedIn(ctx context.Context, c enroll.Ceremony, id []byte, fn func(*enroll.Credential) ([]audit.Event, error), proof enroll.Proof, s enroll.Session) error {
	return p.Store.SignedIn(ctx, c, id, func(c *enroll.Credential) ([]audit.Event, error) {
		c.Account = bob
		return fn(c)
	}, proof, s)
}

func TestAPasskeyThatIsSomebodyElsesByNowSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	d, _ := w.enrolled(alice)
	w.cfg.Store = passedOn{w.store}
	w.Service = must(enroll.New(w.cfg))(t)
	if _, cookie, err := w.signIn(d, phone); err == nil || !cookie.Empty() {
		t.Errorf("%v", err)
	}
}

// spentBefore says of each refusal that its ceremony was taken.
type spentBefore struct{ enroll.Store }

func (spentBefore) SpendCeremony(context.Context, enroll.Ceremony, *enroll.PasskeyChange, ...audit.Event) error {
	return enroll.ErrNoCeremony
}

func TestARefusalOfWhatWasTakenBeforeTellsNothingNew(t *testing.T) {
	w := newWorld(t)
	w.cfg.Store = spentBefore{w.store}
	w.Service = must(enroll.New(w.cfg))(t)
	token, _, err := w.BeginSignIn(w.ctx)
	wantErr(t, "begin", err, nil)
	_, _, err = w.FinishSignIn(w.ctx, token, []byte("{}"), phone)
	if !errors.Is(err, enroll.ErrNoCeremony) || errors.Is(err, enroll.ErrMalformed) {
		t.Errorf("%v", err)
	}
}

func TestARefusalThatCantBeRecordedSaysSo(t *testing.T) {
	w := newWorld(t, withNames)
	d, of := w.enrolled(alice)
	codes := w.codes(d, of)
	token, _, err := w.Invite(w.ctx, bob, audit.ActorOperator, true, 0)
	wantErr(t, "invite", err, nil)
	way := must(w.begun(w.ctx, "alice", "unlock"))(t)
	_, _, err = w.FinishRecovery(w.ctx, way, []enroll.Answer{code(codes[0])}, phone, enough)
	wantErr(t, "recover", err, nil)
	_, _, err = w.FinishRecovery(w.ctx, way, []enroll.Answer{code(codes[1])}, phone, enough)
	wantErr(t, "recover by the same token", err, enroll.ErrNoCeremony)
	w.wantEvents(alice, map[audit.Action]int{audit.RecoverRefused: 1, audit.Recovered: 1})

	w.cfg.Store = &faulty{Store: w.store, fail: "Record"}
	w.Service = must(enroll.New(w.cfg))(t)
	_, err = w.recoverAs("alice", "unlock", enough, code(secret.New("0000-0000-0000-0000")))
	if !errors.Is(err, enroll.ErrRecoverRefused) || !errors.Is(err, errDisk) {
		t.Errorf("a wrong code: %v", err)
	}
	_, err = w.ProvePassword(w.ctx, token, secret.New("wrong"), phone)
	if !errors.Is(err, ad.ErrWrongPassword) || !errors.Is(err, errDisk) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestALinkThatNobodyMadeLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.BeginEnrol(w.ctx, secret.New("nothing"), secret.Text{})
	wantErr(t, "begin", err, enroll.ErrNoInvitation)
	if got := w.events(ad.GUID{}); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestANameIsAskedForBeforeAnythingIsTaken(t *testing.T) {
	w := newWorld(t)
	d := newDevice()
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, false, 0)
	wantErr(t, "invite", err, nil)
	ceremony, options, err := w.BeginEnrol(w.ctx, token, secret.Text{})
	wantErr(t, "begin", err, nil)
	body := d.create(t, options)
	_, _, err = w.FinishEnrol(w.ctx, ceremony, "", body, phone)
	wantErr(t, "without a name", err, enroll.ErrName)
	_, _, err = w.FinishEnrol(w.ctx, ceremony, "Phone", body, phone)
	wantErr(t, "with one", err, nil)
}

func TestWhoeverHasAllTheirPasskeysBeginsNoOther(t *testing.T) {
	w := newWorld(t, func(c *enroll.Config) { c.MaxPasskeys = 1 })
	_, of := w.enrolled(alice)
	_, _, err := w.BeginReplacement(w.ctx, of, "r-1")
	wantErr(t, "begin", err, enroll.ErrTooMany)
}

func TestASetUpThatDoesNotOpenIsNone(t *testing.T) {
	w := newWorld(t)
	d, of := w.enrolled(alice)
	p := must(w.stepUp(d, of, enroll.LabelTOTP, enroll.ProofStatement(alice, enroll.ProofTOTP)))(t)
	begun := must(w.BeginTOTP(w.ctx, of, p))(t)
	w.cfg.Store = looking{w.store, func(c *enroll.Ceremony) { c.Data = append([]byte(nil), c.Data[1:]...) }}
	w.Service = must(enroll.New(w.cfg))(t)
	wantErr(t, "finish", w.FinishTOTP(w.ctx, of, begun.Token, "000000"), enroll.ErrNoCeremony)
}

// Without a window the controller never forgets a wrong password.
func TestWithoutAnObservationWindowOldTriesCount(t *testing.T) {
	for window, want := range map[time.Duration]error{0: enroll.ErrNotNow, -1: enroll.ErrNotNow, time.Hour: nil} {
		w := newWorld(t)
		w.cfg.Directory = withPolicy{directory: w.dir, policy: ad.PasswordPolicy{Source: ad.PolicyDomain, LockoutThreshold: 5, ObservationWindow: window}}
		w.Service = must(enroll.New(w.cfg))(t)
		w.dir.change(alice, func(a *ad.Account) { a.BadPasswords, a.LastBad = 4, w.clock.now().Add(-48*time.Hour) })
		token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
		wantErr(t, "invite", err, nil)
		_, err = w.ProvePassword(w.ctx, token, secret.New("Old-Secret-1"), phone)
		wantErr(t, window.String(), err, want)
	}
}

func TestWhoeverCantWaitForTheirTurnTriesNoPassword(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
	wantErr(t, "invite", err, nil)
	held, entered := make(chan struct{}), make(chan struct{})
	w.cfg.Directory = slow{w.dir, entered, held}
	w.Service = must(enroll.New(w.cfg))(t)
	first := make(chan error, 1)
	go func() {
		_, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-1"), phone)
		first <- err
	}()
	<-entered
	ctx, cancel := context.WithTimeout(w.ctx, 50*time.Millisecond)
	defer cancel()
	_, err = w.ProvePassword(ctx, token, secret.New("Old-Secret-1"), phone)
	wantErr(t, "second", err, context.DeadlineExceeded)
	close(held)
	wantErr(t, "first", <-first, nil)
	if w.dir.tried != 1 {
		t.Errorf("%d tries", w.dir.tried)
	}
}

// slow holds each password until it is let go.
type slow struct {
	*directory
	entered chan<- struct{}
	held    <-chan struct{}
}

func (s slow) CheckPassword(ctx context.Context, id ad.GUID, password secret.Text) error {
	s.entered <- struct{}{}
	<-s.held
	return s.directory.CheckPassword(ctx, id, password)
}

// failsAt fails one reading of an account.
type failsAt struct {
	*directory
	n *int
}

func (f failsAt) Account(ctx context.Context, id ad.GUID) (ad.Account, error) {
	if *f.n--; *f.n == 0 {
		return ad.Account{}, errDisk
	}
	return f.directory.Account(ctx, id)
}

func TestNoPasswordIsTriedForAnAccountThatCantBeRead(t *testing.T) {
	w := newWorld(t)
	token, _, err := w.Invite(w.ctx, alice, audit.ActorOperator, true, 0)
	wantErr(t, "invite", err, nil)
	for n := 1; ; n++ {
		left, tried := n, w.dir.tried
		w.cfg.Directory = failsAt{w.dir, &left}
		w.Service = must(enroll.New(w.cfg))(t)
		_, err := w.ProvePassword(w.ctx, token, secret.New("Old-Secret-1"), phone)
		if left > 0 {
			wantErr(t, "with all", err, nil)
			if n < 2 {
				t.Error("the account is not read")
			}
			return
		}
		if !errors.Is(err, errDisk) || w.dir.tried != tried {
			t.Errorf("reading %d failed: %v, %d tries", n, err, w.dir.tried-tried)
		}
	}
}
