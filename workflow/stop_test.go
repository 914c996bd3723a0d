package workflow_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

var anywhere = workflow.From{Device: "Phone\x00<b>", Address: "192.0.2.9"}

// link is what a notice to Ann carries that is committed now.
func (w *world) link() secret.Text {
	return w.engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, time.Now())
}

func (w *world) wantFrozen(t *testing.T, want bool) {
	t.Helper()
	if _, frozen := w.store.frozen[annGUID]; frozen != want {
		t.Fatalf("frozen %v, want %v", frozen, want)
	}
}

func TestOneTouchStopsEverythingForTheAccount(t *testing.T) {
	for way, touch := range map[string]func(*world) error{
		"account": func(w *world) error { return w.engine.FreezeSelf(w.ctx, w.ann) },
		"notice":  func(w *world) error { return w.engine.FreezeByNotice(w.ctx, w.link(), anywhere) },
	} {
		t.Run(way, func(t *testing.T) {
			underReview(t, byManager, "", func(w *world) {
				pending, draft := w.pending(workflow.KindReset), w.submit(workflow.KindOneTime)
				approved := w.pending(workflow.KindChange)
				if _, err := w.approve(boss, approved); err != nil {
					t.Fatal(err)
				}
				signature := w.signature(boss, pending)
				for range 2 { // a second tap answers the same
					if err := touch(w); err != nil {
						t.Fatal(err)
					}
				}
				for _, id := range []string{pending.ID, draft.ID, approved.ID} {
					r := w.stored(id)
					wantState(t, r, workflow.Cancelled)
					if r.Result.Code != "account.frozen" || !r.Wake.IsZero() {
						t.Errorf("%+v", r)
					}
				}
				if len(w.store.ended) != 1 || w.store.ended[0].Account != annGUID || w.store.ended[0].Keep != "" {
					t.Fatalf("sessions %+v", w.store.ended)
				}
				if f := w.store.frozen[annGUID]; f.By != annGUID || f.Request != "" {
					t.Fatalf("%+v", f)
				}
				if n := w.store.count(audit.AccountStopped); n != 1 || w.store.count(audit.RequestCancelled) != 3 || w.store.count(audit.SignedOut) != 1 {
					t.Fatalf("%d freezes in the log", n)
				}
				for _, event := range w.store.events {
					if event.Action == audit.AccountStopped && (event.Detail["way"] != way || event.Detail["requests"] != 3) {
						t.Errorf("%+v", event)
					}
				}
				if w.store.told(annGUID, workflow.NoticeFrozen) != 1 || w.store.told(ad.GUID{}, workflow.NoticeAlert) != 1 {
					t.Fatal("nobody is told")
				}
				_, err := w.engine.Approve(w.ctx, boss, pending.ID, signature)
				wantErr(t, err, workflow.ErrCancelled)
				_, err = w.execute(approved)
				wantErr(t, err, workflow.ErrCancelled)
				_, err = w.engine.Submit(w.ctx, w.ann, workflow.KindReset, "")
				wantErr(t, err, workflow.ErrFrozen)
				if w.dir.written() != 0 {
					t.Fatal("written")
				}
			})
		})
	}
}

// Whoever has the phone proves as well as its owner that it is them. The owner is told,
// and the link of that takes it back: once, and no link that lay there before.
func TestTheLinkOfAnAskingTakesItBack(t *testing.T) {
	inWorld(t, func(w *world) {
		earlier := w.link()
		label, statement := w.frozenNow()
		proofs := 0
		stolen := func() enroll.Proof {
			proofs++
			p := signed(w.ann, label, statement)
			p.ID = fmt.Sprint("stolen", proofs)
			return p
		}
		ask := func() {
			t.Helper()
			if err := w.engine.AskThaw(w.ctx, w.ann, stolen()); err != nil {
				t.Fatal(err)
			}
		}
		stop := func(link secret.Text) {
			t.Helper()
			if err := w.engine.FreezeByNotice(w.ctx, link, anywhere); err != nil {
				t.Fatal(err)
			}
		}
		seen := func(what string, asks, stops, ended, alerts, toIT int) {
			t.Helper()
			got := []int{
				w.store.told(annGUID, workflow.NoticeThawAsked), w.store.count(audit.AccountStopped), len(w.store.ended),
				w.store.told(ad.GUID{}, workflow.NoticeAlert), w.store.told(ad.GUID{}, workflow.NoticeThaw),
			}
			if want := []int{asks, stops, ended, alerts, toIT}; !slices.Equal(got, want) {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
		}
		time.Sleep(10 * time.Minute)
		ask()
		ask()
		seen("asked", 1, 1, 1, 1, 1)
		stop(earlier)
		if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
			t.Fatal(err)
		}
		seen("neither an earlier link nor a session takes it back", 1, 1, 1, 1, 1)

		link := w.link()
		time.Sleep(time.Minute)
		stop(link)
		stop(link)
		seen("its link does, once", 1, 2, 2, 2, 1)
		wantErr(t, w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator}), workflow.ErrUnproved)
		wantErr(t, w.engine.AskThaw(w.ctx, w.ann, stolen()), workflow.ErrProofMismatch) // about the freeze before

		// Within the hour only the owner is told again, however often.
		for n := range 3 {
			time.Sleep(6 * time.Minute)
			label, statement = w.frozenNow()
			ask()
			seen("asked again", 2+n, 2+n, 2+n, 2, 1)
			stop(w.link())
			seen("and taken back", 2+n, 3+n, 3+n, 2, 1)
		}
		time.Sleep(time.Hour)
		label, statement = w.frozenNow()
		ask()
		stop(w.link())
		seen("an hour later", 5, 6, 6, 3, 2)

		label, statement = w.frozenNow()
		ask()
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator}); err != nil {
			t.Fatal(err)
		}
		wantErr(t, w.engine.FreezeByNotice(w.ctx, link, anywhere), workflow.ErrFreezeLink)
		if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
			t.Fatal(err)
		}
		wantErr(t, w.engine.FreezeByNotice(w.ctx, link, anywhere), workflow.ErrFreezeLink) // dead, frozen or not
	})
}

// The link names one person: whose it is decides nothing but whom it freezes.
func TestALinkFreezesItsOwnPersonOnly(t *testing.T) {
	inWorld(t, func(w *world) {
		if err := w.engine.FreezeByNotice(w.ctx, w.engine.FreezeLink(bobGUID, workflow.NoticeChanged, 7, time.Now()), anywhere); err != nil {
			t.Fatal(err)
		}
		w.wantFrozen(t, false)
		if _, frozen := w.store.frozen[bobGUID]; !frozen {
			t.Fatal("not frozen")
		}
		w.submit(workflow.KindReset)
	})
}

// plainLink is what is sealed in a link.
func plainLink(t *testing.T, token secret.Text) []byte {
	t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(token.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := dbtest.Box().Open("notice/freeze/v1", sealed)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func sealedFor(where string, plain []byte) secret.Text {
	return secret.New(base64.RawURLEncoding.EncodeToString(dbtest.Box().Seal(where, plain)))
}

// Every wrong link has the one answer, and changes nothing: nobody is told, and the
// log says nothing, for anybody may send one.
func TestAWrongLinkChangesNothingAndSaysNothing(t *testing.T) {
	other, err := secret.NewBox([]byte("another key of thirty-two bytes."))
	if err != nil {
		t.Fatal(err)
	}
	for name, bend := range map[string]func(*world) secret.Text{
		"none":      func(*world) secret.Text { return secret.Text{} },
		"no base64": func(*world) secret.Text { return secret.New("!!!") },
		"noise":     func(*world) secret.Text { return secret.New(base64.RawURLEncoding.EncodeToString(make([]byte, 96))) },
		"another key": func(w *world) secret.Text {
			return secret.New(base64.RawURLEncoding.EncodeToString(other.Seal("notice/freeze/v1", plainLink(w.t, w.link()))))
		},
		"sealed for a sign-in": func(w *world) secret.Text { return sealedFor("ceremony/sign-in/v2", plainLink(w.t, w.link())) },
		"a sign-in's token":    func(*world) secret.Text { return sealedFor("ceremony/sign-in/v2", make([]byte, 32)) },
		"nobody's": func(w *world) secret.Text {
			return sealedFor("notice/freeze/v1", append(make([]byte, 16), plainLink(w.t, w.link())[16:]...))
		},
		"too short": func(w *world) secret.Text { return sealedFor("notice/freeze/v1", plainLink(w.t, w.link())[:32]) },
		"too long": func(w *world) secret.Text {
			return sealedFor("notice/freeze/v1", append(plainLink(w.t, w.link()), make([]byte, 64)...))
		},
		"a bit off": func(w *world) secret.Text {
			b, _ := base64.RawURLEncoding.DecodeString(w.link().Reveal())
			b[len(b)-1] ^= 1
			return secret.New(base64.RawURLEncoding.EncodeToString(b))
		},
		"something behind it": func(w *world) secret.Text {
			// Of every third length all of the link is decoded before what is behind it.
			for kind := workflow.NoticeChanged; ; kind += "x" {
				if text := w.engine.FreezeLink(annGUID, kind, 7, time.Now()).Reveal(); len(text)%4 == 0 {
					return secret.New(text + "!")
				}
			}
		},
		"spelled otherwise": func(w *world) secret.Text { return secret.New(w.link().Reveal() + "=") },
		"a week old": func(w *world) secret.Text {
			token := w.link()
			time.Sleep(7 * 24 * time.Hour)
			return token
		},
		"of a clock far ahead": func(w *world) secret.Text {
			return w.engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, time.Now().Add(time.Hour))
		},
		"from before the thaw": func(w *world) secret.Text {
			token := w.link()
			time.Sleep(time.Minute)
			if err := w.engine.FreezeByNotice(w.ctx, token, anywhere); err != nil {
				w.t.Fatal(err)
			}
			if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
				w.t.Fatal(err)
			}
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := w.submit(workflow.KindReset)
				token := bend(w)
				events, notices, ended := len(w.store.events), len(w.store.notices), len(w.store.ended)
				err := w.engine.FreezeByNotice(w.ctx, token, anywhere)
				if err != workflow.ErrFreezeLink { //nolint:errorlint // not even a word around it
					t.Fatalf("%v", err)
				}
				w.wantFrozen(t, false)
				if len(w.store.events) != events || len(w.store.notices) != notices || len(w.store.ended) != ended {
					t.Fatal("something changed")
				}
				if name != "from before the thaw" {
					wantState(t, w.stored(r.ID), workflow.Draft)
				}
			})
		})
	}
}

func TestALinkThatWasToldAfterAThawFreezesAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		if err := w.engine.FreezeSelf(w.ctx, w.ann); err != nil {
			t.Fatal(err)
		}
		if err := w.engine.Unfreeze(w.ctx, annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		if err := w.engine.FreezeByNotice(w.ctx, w.link(), anywhere); err != nil {
			t.Fatal(err)
		}
		w.wantFrozen(t, true)
	})
}

// A link still works in the last millisecond of its week, and at a server whose
// clock is a little behind.
func TestALinkIsGoodForAWeek(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at its end": 7*24*time.Hour - time.Millisecond, "before its time": 0} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				made := time.Now()
				if wait == 0 {
					made = made.Add(5 * time.Minute)
				}
				token := w.engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, made)
				time.Sleep(wait)
				if err := w.engine.FreezeByNotice(w.ctx, token, anywhere); err != nil {
					t.Fatal(err)
				}
				w.wantFrozen(t, true)
			})
		})
	}
}

func TestAnAccountThatAnApproverFrozeAnswersTheSame(t *testing.T) {
	inWorld(t, func(w *world) {
		freeze := workflow.Freeze{Account: annGUID, By: bobGUID, Request: "r", At: time.Now()}
		w.store.frozen[annGUID] = freeze
		if err := errors.Join(w.engine.FreezeSelf(w.ctx, w.ann), w.engine.FreezeByNotice(w.ctx, w.link(), anywhere)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(w.store.frozen[annGUID], freeze) || len(w.store.events)+len(w.store.notices)+len(w.store.ended) != 0 {
			t.Fatal("something changed")
		}
	})
}

func TestAFreezeThatCannotBeKeptIsAnErrorAndNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.submit(workflow.KindReset)
		w.store.before = func(op string) error {
			if op == "freeze-own" {
				return errDown
			}
			return nil
		}
		wantErr(t, w.engine.FreezeSelf(w.ctx, w.ann), errDown)
		wantErr(t, w.engine.FreezeByNotice(w.ctx, w.link(), anywhere), errDown)
		wantErr(t, w.engine.FreezeSelf(w.ctx, workflow.Actor{}), workflow.ErrNotAllowed)
		w.wantFrozen(t, false)
		wantState(t, w.stored(r.ID), workflow.Draft)
	})
}

func TestWithoutASealerThereAreNoLinks(t *testing.T) {
	inWorld(t, func(w *world) {
		bare := workflow.New(workflow.Config{Store: w.store, Directory: w.dir, Proofs: w.proofs, Judge: w.judge, Policy: w.policy})
		if !bare.FreezeLink(annGUID, workflow.NoticeChanged, 7, time.Now()).Empty() {
			t.Fatal("a link")
		}
		wantErr(t, bare.FreezeByNotice(w.ctx, w.link(), anywhere), workflow.ErrFreezeLink)
		for _, kind := range []string{"", string(make([]byte, 65))} {
			if !w.engine.FreezeLink(annGUID, kind, 7, time.Now()).Empty() {
				t.Fatalf("a link for %q", kind)
			}
		}
	})
}

// With a real store: of 200 taps one freezes, all answer the same, and a link that
// was made before a restart works after it.
func TestOnDiskALinkFreezesAfterARestart(t *testing.T) {
	o := newOnDisk(t)
	o.signIn()
	approved, _ := o.approved(workflow.KindReset)
	token := o.engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, o.now())
	o.reopen()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if err := o.engine.FreezeByNotice(t.Context(), token, anywhere); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r, err := o.engine.Request(t.Context(), o.ann, approved.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, r, workflow.Cancelled)
	if _, err := o.store.Session(t.Context(), o.ann.Session, o.now()); !errors.Is(err, enroll.ErrNoSession) {
		t.Fatalf("session: %v", err)
	}
	_, err = o.engine.Submit(t.Context(), o.ann, workflow.KindReset, "")
	wantErr(t, err, workflow.ErrFrozen)

	if err := o.engine.Unfreeze(t.Context(), annGUID, workflow.Lifter{By: audit.ActorOperator, WithoutProof: true}); err != nil {
		t.Fatal(err)
	}
	o.reopen()
	wantErr(t, o.engine.FreezeByNotice(t.Context(), token, anywhere), workflow.ErrFreezeLink)
	if _, err := o.engine.Submit(t.Context(), o.ann, workflow.KindReset, ""); err != nil {
		t.Fatal(err)
	}
	o.verify()
}

func FuzzNoLinkIsGuessed(f *testing.F) {
	f.Add("")
	f.Add(fmt.Sprint(base64.RawURLEncoding.EncodeToString(make([]byte, 90))))
	w := &world{t: nil, store: newMemory(), dir: newDirectory(), judge: &judge{}, policy: everyone("p", passkey)}
	w.proofs = &proofs{store: w.store}
	engine := w.start(w.store, w.dir)
	f.Add(engine.FreezeLink(annGUID, workflow.NoticeChanged, 7, time.Now()).Reveal()[:60])
	f.Fuzz(func(t *testing.T, token string) {
		if err := engine.FreezeByNotice(t.Context(), secret.New(token), anywhere); err != workflow.ErrFreezeLink { //nolint:errorlint // as above
			t.Fatalf("%q: %v", token, err)
		}
	})
}
