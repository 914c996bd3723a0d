package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// "Ask a colleague": somebody without a proof gives a name and waits until one who
// knows them vouches. Nothing that they are told depends on whether there is such a
// person, who was asked, or what came of it, until somebody vouched.

// Waiting is what the page shows meanwhile.
type Waiting struct {
	Token  string `json:"token" doc:"for the wait call; keep it for this tab only"`
	Number string `json:"number" doc:"two digits that whoever vouches asks for"`
	Until  string `json:"until" doc:"when it ends by itself"`
}

type askWord struct {
	Body struct {
		Token  secret.Text      `json:"token" maxLength:"2048"`
		Proofs []recoveryAnswer `json:"proofs" maxItems:"3" doc:"what the policy asks for beside a colleague's word"`
	}
}

func (s *Server) askWord(ctx context.Context, in *askWord) (*reply[Waiting], error) {
	start, c := time.Now(), callOf(ctx)
	// Named before anybody signed in: whoever vouches later in this window is known by it.
	cookie, browser := c.nameBrowser()
	ask := func(ctx context.Context, c *call) (enroll.Waiting, error) { return s.askFor(ctx, c, in, browser) }
	var waiting enroll.Waiting
	var err error
	if !anyProof(in.Body.Proofs) { // and whoever asks is told that they wait, whatever becomes of it
		defer func() { steady(ctx, start, pauses.finish) }()
		waiting, err = ask(ctx, c)
	} else {
		waiting, err = patiently(ctx, s, pauses.of(in.Body.Proofs), ask)
	}
	if err != nil {
		return nil, err
	}
	c.keepBrowser(cookie)
	return answer(Waiting{Token: waiting.Token.Reveal(), Number: waiting.Number, Until: stamp(waiting.Until)}), nil
}

// anyProof: an employee number is none.
func anyProof(given []recoveryAnswer) bool {
	return slices.ContainsFunc(given, func(a recoveryAnswer) bool { return enroll.Strength(enroll.ProofKind(a.Kind)) > 0 })
}

func (s *Server) askFor(ctx context.Context, c *call, in *askWord, browser string) (enroll.Waiting, error) {
	of, err := s.cfg.Passkeys.RecoveryOf(in.Body.Token)
	if err != nil {
		return enroll.Waiting{}, err
	}
	// What is told comes before what is counted by account.
	known, err := s.countedKnown(ctx, c, of, rateWordKnown, func() error { return s.countAsked(ctx, c) })
	if err != nil {
		return enroll.Waiting{}, err
	}
	answers, err := s.countRecovery(ctx, c, of, in.Body.Proofs, known, func(answers []enroll.Answer) bool {
		return s.taken(of, append(slices.Clone(answers), enroll.Answer{Kind: enroll.ProofVouching}))
	})
	if errors.Is(err, errAccountTries) && !anyProof(in.Body.Proofs) {
		// Then that of a wrong one is to wait: nothing that was typed is looked at.
		s.log.Info("nobody is asked to vouch", "id", c.id, "error", err)
		answers, err = []enroll.Answer{{Kind: enroll.ProofDirectory}}, nil
	}
	if err != nil {
		return enroll.Waiting{}, s.hideTries(ctx, c, of, err)
	}
	from := c.client(false)
	from.Browser, from.Known = browser, known
	return s.cfg.Passkeys.AskWord(ctx, in.Body.Token, answers, from, s.askOthers(c.id, network(c.address)))
}

// countAsked counts who asks, whomever they name.
func (s *Server) countAsked(ctx context.Context, c *call) error {
	if err := s.take(ctx, rateWordNet, network(c.address)); err != nil {
		return err
	}
	err := s.take(ctx, rateWordAll, "")
	if errors.As(err, new(limited)) {
		s.brakeWords(ctx, c.id, "nobody is asked for a word for a while: too many were asked for")
	}
	return err
}

// brakeWords is no brake of what could be guessed: every other way in is as it was.
func (s *Server) brakeWords(ctx context.Context, id, what string) {
	s.log.Error(what, "id", id)
	s.braked(ctx, "words", audit.WordsBraked)
}

// ruled is why the rules did not go on, as the log has it.
type ruled struct{ error }

// Code is stable, and holds nothing of a person or the directory.
func (r ruled) Code() string {
	if errors.As(r.error, new(limited)) {
		return errLimited.Error()
	}
	return workflow.CodeOf(r.error)
}

func (r ruled) Unwrap() error { return r.error }

// askOthers runs behind the answer. An account, and whoever is asked, is left in peace
// after some tries: whoever asks is not told. Of one approver's tries most are counted
// by where they come from, so that one network keeps nobody else from being heard. What is
// asked in a browser that the account's passkey was used in is counted apart from all that,
// and so is what is asked with a proof: strangers who ask without one neither stand in its
// way, nor see by it whom their asking reached.
func (s *Server) askOthers(id, from string) enroll.Words {
	asking := asking{s: s, id: id, from: from, spared: map[ad.GUID]bool{}}
	return enroll.Words{
		Given: s.cfg.Requests.VouchedFor,
		May: func(ctx context.Context, w enroll.Word) error {
			if err := asking.do(ctx, w, s.cfg.Requests.MayVouch); err != nil {
				return err
			}
			return asking.count(ctx, w) // last: what is refused costs nothing
		},
		Ask: func(ctx context.Context, w enroll.Word) error {
			if err := asking.count(ctx, w); err != nil {
				return err
			}
			return asking.do(ctx, w, func(ctx context.Context, v workflow.Vouch) error {
				_, err := s.cfg.Requests.Vouch(ctx, v)
				return err
			})
		},
	}
}

// asking is one asking, which is counted once, whether or not it is looked at before it
// is done.
type asking struct {
	s        *Server
	id, from string
	counted  bool
	spared   map[ad.GUID]bool
}

// lanes are by whom an approver's tries are counted, and apart from which others.
func (a *asking) lanes(w enroll.Word) (near, lane string) {
	near = a.from
	if w.From.Known {
		near, lane = "known "+w.Account.String(), " known"
	}
	if slices.ContainsFunc(w.Proofs, func(p enroll.Proof) bool { return enroll.Strength(p.Kind) > 0 }) {
		near, lane = near+" proved", lane+" proved"
	}
	return near, lane
}

// count counts who is asked about: of an account's share one network has less than comes
// back. A known browser's was counted before.
func (a *asking) count(ctx context.Context, w enroll.Word) error {
	if a.counted || w.From.Known {
		return nil
	}
	a.counted = true
	_, lane := a.lanes(w)
	err := a.s.take(ctx, rateWordNear, w.Account.String()+" "+w.From.Network+lane)
	if err == nil {
		err = a.s.take(ctx, rateWordOne, w.Account.String()+lane)
	}
	if err != nil {
		return ruled{err}
	}
	return nil
}

func (a *asking) do(ctx context.Context, w enroll.Word, vouch func(context.Context, workflow.Vouch) error) error {
	near, lane := a.lanes(w)
	err := vouch(ctx, workflow.Vouch{
		Account: w.Account, Kind: workflow.Kind(w.Act), Session: w.Session, Number: w.Number, Until: w.Until,
		From: workflow.From{Device: w.From.Device, Address: w.From.Address}, Browser: w.From.Browser, Proofs: w.Proofs, Over: w.Over,
		Spare: func(ctx context.Context, approver ad.GUID) (bool, error) { return a.spare(ctx, approver, near, lane) },
	})
	if errors.Is(err, workflow.ErrSpared) {
		a.s.brakeWords(ctx, a.id, "somebody waits for a word that nobody is asked for: all who could vouch were asked too often")
	}
	if err != nil {
		return ruled{err}
	}
	return nil
}

// spare says whether an approver is left in peace.
func (a *asking) spare(ctx context.Context, approver ad.GUID, near, lane string) (bool, error) {
	if out, known := a.spared[approver]; known {
		return out, nil
	}
	err := a.s.take(ctx, rateWordFrom, approver.String()+" "+near)
	if err == nil {
		err = a.s.take(ctx, rateWordApprover, approver.String()+lane)
	}
	out := errors.As(err, new(limited))
	if err != nil && !out {
		return false, err
	}
	a.spared[approver] = out
	return out, nil
}

// Waited is what became of the waiting.
type Waited struct {
	State   string `json:"state" enum:"waiting,in" doc:"in: somebody vouched, and this browser is signed in for the request"`
	Request string `json:"request" doc:"its id; empty while waiting"`
	Me      *Me    `json:"me"`
}

type waitWord struct {
	Body struct {
		Token secret.Text `json:"token" maxLength:"2048"`
	}
}

// waitWord says "waiting" whatever became of it but a word: also of what was denied, is
// over, or was asked for anew elsewhere. All of these happen only to a name that somebody
// has, whom a rule lets in and whose manager answers; told to whoever typed it, they
// would tell that of any name (docs/security.md, rule 13). The page waits its hour out.
func (s *Server) waitWord(ctx context.Context, in *waitWord) (*reply[Waited], error) {
	defer steady(ctx, time.Now(), pauses.wait)
	c := callOf(ctx)
	made, cookie, request, err := s.cfg.Passkeys.TakeWord(ctx, in.Body.Token, c.client(false), s.cfg.Requests.VouchedFor)
	if err != nil {
		return nil, err
	}
	if made == nil {
		return answer(Waited{State: "waiting"}), nil
	}
	me, err := s.welcome(ctx, *made, cookie)
	if err != nil {
		return nil, err
	}
	return answer(Waited{State: "in", Request: request, Me: &me.Body}), nil
}

// stopWord answers alike whether anything was waited for, or anybody asked.
func (s *Server) stopWord(ctx context.Context, in *waitWord) (*nothing, error) {
	defer steady(ctx, time.Now(), pauses.wait)
	if err := s.cfg.Passkeys.StopWord(ctx, in.Body.Token, s.cfg.Requests.StopVouching); err != nil {
		return nil, err
	}
	return &nothing{}, nil
}
