package enroll_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// settings changes what counts while the service runs, as a reload does.
func (w *world) settings(change func(*enroll.ProofSettings)) {
	w.t.Helper()
	p := w.ProofSettings()
	change(&p)
	wantErr(w.t, "set", w.Set(enroll.Settings{Proofs: p}), nil)
}

// keeps puts in an address as if it had been verified.
func (w *world) keeps(kind enroll.ProofKind, to string) {
	w.t.Helper()
	f := enroll.Factor{ID: "f-" + to, Account: alice, Kind: kind, Secret: []byte(to), Step: -1, Created: w.clock.now()}
	wantErr(w.t, "keep", w.store.ReplaceFactors(w.ctx, alice, kind, []enroll.Factor{f}), nil)
}

// holds says whether alice holds a proof, by either way to ask, which agree.
func (w *world) holds(kind enroll.ProofKind) bool {
	w.t.Helper()
	held := must(w.Held(w.ctx, alice))(w.t)
	by, ranks, err := w.HeldBy(w.ctx, w.dir.accounts[alice])
	wantErr(w.t, "held by", err, nil)
	if !slices.Equal(held, by) {
		w.t.Errorf("held %v, and of the account %v", held, by)
	}
	for _, kind := range held {
		if !slices.Contains(ranks, kind) {
			w.t.Errorf("%s is held and does not rank", kind)
		}
	}
	return slices.Contains(held, kind)
}

// ranks says whether what alice set up counts for the strongest that she holds.
func (w *world) ranks(kind enroll.ProofKind) bool {
	w.t.Helper()
	_, ranks, err := w.HeldBy(w.ctx, w.dir.accounts[alice])
	wantErr(w.t, "ranks", err, nil)
	if len(slices.Compact(slices.Sorted(slices.Values(ranks)))) != len(ranks) {
		w.t.Errorf("ranks %v", ranks)
	}
	return slices.Contains(ranks, kind)
}

func (w *world) removes(d *device, of enroll.Session, kind enroll.ProofKind) error {
	w.t.Helper()
	p := must(w.stepUp(d, of, enroll.LabelRemoveProof, enroll.ProofStatement(alice, kind)))(w.t)
	return w.RemoveFactor(w.ctx, of, p, kind)
}

func (w *world) stale(of enroll.Session) string {
	w.t.Helper()
	all := must(w.Stale(w.ctx, of))(w.t)
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		out = append(out, strings.TrimSpace(string(kind)+" "+all[kind]))
	}
	return strings.Join(out, ", ")
}

// Answers prove something while each question of the list has one. A list that lost some
// does no harm; one with another question has everybody answer anew, whatever their name
// draws.
func TestAnswersCountWhileEachQuestionOfTheListHasOne(t *testing.T) {
	other := func(i int) enroll.Question {
		return enroll.Question{ID: fmt.Sprint("other", i), English: "Which was the first?", German: "Welches war das erste?"}
	}
	reversed := questionList()
	slices.Reverse(reversed)
	lists := map[string][]enroll.Question{
		"the same": questionList(), "in another order": reversed, "one fewer": questionList()[1:],
		"one in place of another": append(questionList()[1:], other(0)), "none": nil,
	}
	for i := range 12 { // of these a name draws some, and others not
		lists[fmt.Sprint("one more, ", i)] = append(questionList(), other(i))
	}
	drawn := map[bool]int{}
	for name, list := range lists {
		t.Run(name, func(t *testing.T) {
			w, _ := furnished(t)
			d, of := w.enrolled(alice)
			w.setAnswers(d, of)
			w.settings(func(p *enroll.ProofSettings) { p.Questions = list })
			want := name == "the same" || name == "in another order" || name == "one fewer"
			if got := w.holds(enroll.ProofQuestions); got != want || w.ranks(enroll.ProofQuestions) != want {
				t.Errorf("held %v, want %v", got, want)
			}
			if got := w.stale(of) == "questions"; got == want {
				t.Errorf("stale %v", got)
			}
			at := must(w.AtHand(w.ctx, of, []enroll.ProofKind{enroll.ProofQuestions}))(t)
			if (len(at) == 1) != want {
				t.Errorf("at hand %v", at)
			}
			_, err := w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofQuestions})
			refused := map[bool][]error{true: {nil, nil}, false: {enroll.ErrNoFactor, enroll.ErrRecoverRefused}}[want]
			wantErr(t, "asked in a session", err, refused[0])

			token, asked, err := w.BeginRecovery(w.ctx, "alice", "unlock")
			wantErr(t, "begin", err, nil)
			if strings.HasPrefix(name, "one more") {
				drawn[slices.ContainsFunc(asked, func(q enroll.Question) bool { return strings.HasPrefix(q.ID, "other") })]++
			}
			wrong := enroll.Answer{Kind: enroll.ProofQuestions, Answers: make([]secret.Text, len(asked))}
			_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{wrong}, phone, enough)
			wantErr(t, "wrong on the way in", err, enroll.ErrRecoverRefused)
			f := must(w.store.Factors(w.ctx, alice))(t)[0]
			if counted := f.Fails > 0; counted != want { // as where nothing is held
				t.Errorf("a try is counted: %v", counted)
			}
			_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{answersOf(asked)}, phone, enough)
			wantErr(t, "right on the way in", err, refused[1])

			if len(list) > 0 {
				var anew []enroll.GivenAnswer
				for _, q := range list {
					anew = append(anew, enroll.GivenAnswer{ID: q.ID, Value: secret.New("rex the " + q.ID + " dog")})
				}
				wantErr(t, "anew", w.SetAnswers(w.ctx, of, w.mayHold(d, of, enroll.ProofQuestions), anew), nil)
				if !w.holds(enroll.ProofQuestions) || w.stale(of) != "" {
					t.Error("answered anew, they are not held")
				}
				w.settings(func(p *enroll.ProofSettings) { p.Questions = append(slices.Clone(list), other(99)) })
			}
			wantErr(t, "removed", w.removes(d, of, enroll.ProofQuestions), nil)
			if w.stale(of) != "" {
				t.Error("what was removed is told")
			}
		})
	}
	if drawn[true] == 0 || drawn[false] == 0 {
		t.Errorf("drawn %v: no case in which the name draws the new question, or none in which it does not", drawn)
	}
}

// mailboxOf is an account with each kind of address of its own.
func mailboxOf(a *ad.Account) {
	a.Mail, a.UserPrincipalName = "A.Smith@corp.example.test", "alice@corp.example.test"
	a.Attributes["proxyaddresses"] = []string{"SMTP:Alice.Smith@corp.example.test"}
	a.Attributes["targetaddress"] = []string{"SMTP:alice@corp.cloud.test"}
}

// A mailbox that the account opens gets no code, whether the directory has it in an
// attribute of another name, or it was verified before it was the account's. Where the
// owner named the mailbox itself, it does.
func TestNoCodeGoesToTheMailboxThatTheAccountOpens(t *testing.T) {
	const home, work, kept = "alice@home.example", "a.smith+x@corp.example.test", "alice@private.example"
	for name, c := range map[string]struct {
		attribute string
		has       string // of it
		verified  string
		to, from  string
	}{
		"a private one":                         {"extensionAttribute3", kept, "", kept, "directory"},
		"mail in another attribute":             {"extensionAttribute3", work, "", "", ""},
		"the sign-in name there":                {"extensionAttribute3", "Alice@corp.example.test", "", "", ""},
		"a further address there":               {"extensionAttribute3", "alice.smith@corp.example.test", "", "", ""},
		"the target there":                      {"extensionAttribute3", "alice@corp.cloud.test", "", "", ""},
		"mail, named so":                        {"mail", "a.smith@corp.example.test", "", "a.smith@corp.example.test", "directory"},
		"mail, named in capitals":               {"MAIL", "a.smith@corp.example.test", "", "a.smith@corp.example.test", "directory"},
		"targetAddress, named so":               {"targetAddress", "alice@corp.cloud.test", "", "alice@corp.cloud.test", "directory"},
		"verified":                              {"", "", home, home, "verified"},
		"verified, and the account's since":     {"", "", work, "", ""},
		"verified, beside a private one":        {"extensionAttribute3", kept, home, home, "verified"},
		"the account's since, beside a private": {"extensionAttribute3", kept, work, "", ""},
		"both the account's":                    {"extensionAttribute3", work, "alice@corp.cloud.test", "", ""},
		"the account's since, beside mail":      {"mail", "a.smith@corp.example.test", work, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, p := aviary(t)
			w.settings(func(s *enroll.ProofSettings) {
				s.Mail = enroll.AddressSource{Attribute: c.attribute, Verified: true}
			})
			d, of := w.enrolled(alice)
			w.dir.change(alice, func(a *ad.Account) {
				a.Attributes = map[string][]string{}
				mailboxOf(a)
				if c.has != "" {
					a.Attributes[strings.ToLower(c.attribute)] = []string{c.has}
				}
			})
			if c.verified != "" {
				w.keeps(enroll.ProofMailCode, c.verified)
			}
			to, from, err := w.Address(w.ctx, of, enroll.ProofMailCode)
			wantErr(t, "address", err, nil)
			if to != c.to || from != c.from {
				t.Errorf("codes go to %q from %q, want %q from %q", to, from, c.to, c.from)
			}
			at := must(w.AtHand(w.ctx, of, []enroll.ProofKind{enroll.ProofMailCode}))(t)
			if (len(at) == 1) != (c.to != "") {
				t.Errorf("at hand %v", at)
			}
			// Notices go where they went.
			if got := must(w.DirectoryAddress(w.ctx, alice, enroll.ProofMailCode))(t); got != c.has {
				t.Errorf("notices go to %q of the directory, want %q", got, c.has)
			}
			goes := must(w.SendsToVerified(w.ctx, alice, enroll.ProofMailCode))(t)
			if counts := c.from == "verified"; w.holds(enroll.ProofMailCode) != counts || goes != counts {
				t.Errorf("what was verified counts: held %v, sent to %v, want %v", w.holds(enroll.ProofMailCode), goes, counts)
			}
			if w.ranks(enroll.ProofMailCode) != (c.verified != "") {
				t.Error("what the directory has by now changes the rank")
			}
			w.sendsAlike(p, c.to)
			_, err = w.Ask(w.ctx, of, "latchkey/request/v1", []byte("r"), []enroll.ProofKind{enroll.ProofMailCode})
			wantErr(t, "asked in a session", err, map[bool]error{true: nil, false: enroll.ErrNoAddress}[c.to != ""])
			stale := ""
			if c.verified != "" && c.from != "verified" {
				stale = "mail-code " + c.verified
			}
			if got := w.stale(of); got != stale {
				t.Errorf("stale %q, want %q", got, stale)
			}
			if c.verified != "" {
				wantErr(t, "removed", w.removes(d, of, enroll.ProofMailCode), nil)
			}
		})
	}
}

// sendsAlike has a stranger ask for a code, who gets the same token wherever it goes; it
// is recorded as of somebody without an address where it goes nowhere.
func (w *world) sendsAlike(p *pigeon, to string) {
	w.t.Helper()
	before := p.n
	token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(w.t), enroll.ProofMailCode, true, phone))(w.t)
	nobody := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "mallory", "unlock"))(w.t), enroll.ProofMailCode, true, phone))(w.t)
	wantErr(w.t, "drain", w.Drain(w.ctx), nil)
	if len(token.Reveal()) != len(nobody.Reveal()) {
		w.t.Errorf("tokens of %d and %d bytes", len(token.Reveal()), len(nobody.Reveal()))
	}
	recorded := slices.ContainsFunc(must(w.store.Events(w.ctx, alice, 1000))(w.t), func(e audit.Entry) bool {
		return e.Action == audit.CodeSent && strings.Contains(string(e.Bytes), `"proof.no-address"`)
	})
	if sent := p.n > before; sent != (to != "") || recorded == sent {
		w.t.Errorf("a code went out: %v, recorded that there is no address: %v; want one to %q", sent, recorded, to)
	}
	answer := enroll.ErrRecoverRefused
	if to != "" {
		answer = nil
	}
	code := "0000 0000"
	if to != "" {
		code = p.last()
	}
	_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(enroll.ProofMailCode, code)}, phone, enough)
	wantErr(w.t, "come in", err, answer)
}

// An address or a number that was verified is none once nobody may verify one: codes go to
// what the directory has, or nowhere.
func TestWhatWasVerifiedCountsWhileItMayBe(t *testing.T) {
	for kind, verified := range map[enroll.ProofKind]string{enroll.ProofMailCode: "alice@home.example", enroll.ProofSMSCode: "+4915112345678"} {
		for _, attribute := range []string{"", "extensionAttribute9"} {
			t.Run(fmt.Sprint(kind, " ", attribute), func(t *testing.T) {
				w, p := aviary(t)
				d, of := w.enrolled(alice)
				kept := map[enroll.ProofKind]string{enroll.ProofMailCode: "alice@kept.example", enroll.ProofSMSCode: "+4917011122233"}[kind]
				w.dir.change(alice, func(a *ad.Account) { a.Attributes = map[string][]string{"extensionattribute9": {kept}} })
				set := func(may bool) {
					w.settings(func(s *enroll.ProofSettings) {
						from := enroll.AddressSource{Attribute: attribute, Verified: may}
						s.Mail, s.SMS = from, from
					})
				}
				set(true)
				w.keeps(kind, verified)
				token := must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), kind, true, phone))(t)
				wantErr(t, "drain", w.Drain(w.ctx), nil)
				code := p.last()
				if !w.holds(kind) || w.stale(of) != "" || !must(w.SendsToVerified(w.ctx, alice, kind))(t) {
					t.Fatal("it counts for nothing while it may")
				}

				set(false)
				if w.ranks(kind) {
					t.Error("what no setting takes ranks")
				}
				if w.holds(kind) || must(w.SendsToVerified(w.ctx, alice, kind))(t) {
					t.Error("it counts still")
				}
				if got := w.stale(of); got != string(kind)+" "+verified {
					t.Errorf("stale %q", got)
				}
				_, _, err := w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(kind, code)}, phone, enough)
				wantErr(t, "a code that went there before", err, enroll.ErrRecoverRefused)
				to, _, err := w.Address(w.ctx, of, kind)
				if want := map[bool]string{true: kept}[attribute != ""]; err != nil || to != want {
					t.Errorf("codes go to %q, %v; want %q", to, err, want)
				}
				if attribute != "" {
					token = must(w.SendRecovery(w.ctx, must(w.begun(w.ctx, "alice", "unlock"))(t), kind, true, phone))(t)
					wantErr(t, "drain", w.Drain(w.ctx), nil)
					_, _, err = w.FinishRecovery(w.ctx, token, []enroll.Answer{typed(kind, p.last())}, phone, enough)
					wantErr(t, "by the directory's", err, nil)
					if f := must(w.store.Factors(w.ctx, alice))(t); !f[0].Used.IsZero() {
						t.Error("what was verified is told as used")
					}
				}
				set(true)
				if !w.holds(kind) || w.stale(of) != "" {
					t.Error("it counts no more once it may again")
				}
				set(false)
				wantErr(t, "removed", w.removes(d, of, kind), nil)
				if w.stale(of) != "" || must(w.SendsToVerified(w.ctx, alice, kind))(t) {
					t.Error("what was removed is told")
				}
			})
		}
	}
}

// Only a verified mail address needs the directory to be judged; an account that is gone
// opens nothing, and what can't be read is told.
func TestTheDirectoryIsAskedOnlyWhetherAMailboxIsTheAccounts(t *testing.T) {
	w, _ := aviary(t)
	d, of := w.enrolled(alice)
	w.setAnswers(d, of)
	w.keeps(enroll.ProofSMSCode, "+4915112345678")
	w.dir.fail(errDisk)
	if !w.holds(enroll.ProofSMSCode) || !w.holds(enroll.ProofQuestions) {
		t.Error("not held without the directory")
	}
	w.keeps(enroll.ProofMailCode, "alice@home.example")
	_, err := w.Held(w.ctx, alice)
	wantErr(t, "held", err, errDisk)
	_, err = w.Stale(w.ctx, of)
	wantErr(t, "stale", err, errDisk)
	_, err = w.SendsToVerified(w.ctx, alice, enroll.ProofMailCode)
	wantErr(t, "where notices go", err, errDisk)
	w.settings(func(s *enroll.ProofSettings) { s.Mail.Verified = false })
	_, err = w.Held(w.ctx, alice)
	wantErr(t, "what counts for nothing anyway", err, nil)
	w.settings(func(s *enroll.ProofSettings) { s.Mail.Verified = true })
	w.dir.fail(nil)
	w.dir.remove(alice)
	held, err := w.Held(w.ctx, alice)
	if err != nil || !slices.Contains(held, enroll.ProofMailCode) || errors.Is(err, enroll.ErrGone) {
		t.Errorf("of an account that is gone: %v, %v", held, err)
	}
}
