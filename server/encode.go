package server

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/workflow"
)

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// each encodes a list; the result is never null in JSON.
func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, 0, len(list))
	for _, v := range list {
		out = append(out, f(v))
	}
	return out
}

func encodeAccount(a ad.Account, now time.Time) Account {
	return Account{
		DisplayName: firstOf(a.DisplayName, a.SAMAccountName), GivenName: firstOf(a.GivenName, a.DisplayName, a.SAMAccountName),
		Name: firstOf(a.UserPrincipalName, a.SAMAccountName), Department: a.Department,
		State:       accountStates(a, now),
		LockedSince: stamp(a.LockedSince), LockedUntil: stamp(a.LockedUntil),
		BadPasswords: a.BadPasswords, LastBad: stamp(a.LastBad),
		PasswordSet: stamp(a.PasswordSet), PasswordExpires: stamp(a.PasswordExpires),
		AccountExpires: stamp(a.AccountExpires), NextLogon: stamp(a.NextLogon), ReadAt: stamp(a.ReadAt),
	}
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// expiresSoon is when the page begins to speak of a password's end.
const expiresSoon = 14 * 24 * time.Hour

// accountStates lists what is the matter, the most important first.
func accountStates(a ad.Account, now time.Time) []string {
	expired := !a.AccountExpires.IsZero() && !now.Before(a.AccountExpires)
	soon := !a.PasswordExpired && !a.PasswordExpires.IsZero() && a.PasswordExpires.Sub(now) < expiresSoon
	var out []string
	for _, s := range []struct {
		word string
		is   bool
	}{
		{"disabled", a.Disabled},
		{"account-expired", expired},
		{"locked", a.Locked},
		{"must-change", a.MustChange},
		{"password-expired", a.PasswordExpired},
		{"outside-hours", !a.LogonAllowed},
		{"protected", a.Protected != ad.NotProtected},
		{"smartcard", a.SmartcardRequired},
		{"password-expires-soon", soon},
	} {
		if s.is {
			out = append(out, s.word)
		}
	}
	if out == nil {
		return []string{"ok"}
	}
	return out
}

func encodeOption(o workflow.Option) Option {
	return Option{Kind: string(o.Kind), Allowed: o.Allowed, Code: o.Code, Approval: o.Approval}
}

// encodeRequest is for who reads it: the number is for the requester alone, and what
// they have at hand is theirs.
func (s *Server) encodeRequest(who ad.GUID, atHand hand) func(workflow.Request) Request {
	return func(r workflow.Request) Request {
		out := s.encodeOwn(r, atHand)
		out.Review = encodeReviewing(r, who)
		return out
	}
}

// hand says which of the kinds the person could give now; nil where nobody knows.
type hand func([]enroll.ProofKind) []enroll.ProofKind

// encodeMine is encodeRequest for the signed-in person. What they have at hand orders
// the ways and no more, so where it can't be told they are offered in the policy's order.
func (s *Server) encodeMine(ctx context.Context) func(workflow.Request) Request {
	own := signedIn(ctx)
	return s.encodeRequest(own.Account, func(kinds []enroll.ProofKind) []enroll.ProofKind {
		found, err := s.cfg.Passkeys.AtHand(ctx, own, kinds)
		if err != nil {
			s.log.Warn("what a person has at hand is not known", "error", err)
			return nil
		}
		return found
	})
}

// encodeWays tells what is left of each alternative of a draft. The first is what is
// needed, so that a page that knows of one only asks for that.
func encodeWays(out *Request, r workflow.Request, atHand hand) {
	ways := r.Ways(nil)
	var kinds []enroll.ProofKind
	for _, way := range ways {
		kinds = append(kinds, way.Needs...)
	}
	if slices.ContainsFunc(kinds, func(k enroll.ProofKind) bool { return k != enroll.ProofPasskey }) {
		ways = r.Ways(atHand(kinds))
	}
	out.Ways = each(ways, func(w workflow.Way) RequestWay { return RequestWay{proofWords(w.Needs), proofWords(w.Lacks)} })
	out.Needs = proofWords(r.Needs())
	if len(ways) > 0 {
		out.Needs = out.Ways[0].Needs
	}
}

func (s *Server) triesLeft(r workflow.Request) int { return max(0, s.cfg.Tries-r.Tries) }

func (s *Server) encodeOwn(r workflow.Request, atHand hand) Request {
	out := Request{
		ID: r.ID, Kind: string(r.Kind), State: string(r.State),
		Needs:   []string{},
		Ways:    []RequestWay{},
		Created: stamp(r.Created), Updated: stamp(r.Updated), Deadline: stamp(r.Deadline),
		Params:     map[string]string{},
		TriesLeft:  s.triesLeft(r),
		Vouched:    r.Vouched(),
		Unseen:     r.Kind == workflow.KindOneTime && r.State == workflow.Done && !r.Seen,
		WatchUntil: stamp(r.WatchUntil),
		Version:    r.Version,
	}
	if r.State == workflow.Draft {
		encodeWays(&out, r, atHand)
	}
	if r.Relocked != nil {
		out.Relocked = &Relocked{At: stamp(r.Relocked.At), BadPasswords: r.Relocked.BadPasswords, Cause: string(r.Relocked.Cause)}
	}
	encodeResult(&out, r)
	return out
}

// encodeResult tells how the last execution ended, or why there was none.
func encodeResult(out *Request, r workflow.Request) {
	if r.Result == nil {
		if r.State == workflow.Denied && len(r.Decision.Findings) > 0 {
			out.Code = r.Decision.Findings[len(r.Decision.Findings)-1].Code
		}
		if said := decision(r); said != nil && r.State == workflow.Denied {
			out.Code = deniedBy[said.Verdict]
		}
		return
	}
	out.Code, out.Unlocked = r.Result.Code, r.Result.Unlocked
	set := func(key, value string) {
		if value != "" {
			out.Params[key] = value
		}
	}
	set("diagnostic", r.Result.Diagnostic)
	set("controller", r.Result.Controller)
	set("since", stamp(r.Result.At))
}

func encodeRules(r workflow.PasswordRules) PasswordRules {
	return PasswordRules{
		Known: r.Known, Source: string(r.Source), Policy: r.Policy,
		MinLength: r.MinLength, Complexity: r.Complexity, Names: append([]string{}, r.Names...), MinScore: r.MinScore,
		History: r.History, HistoryOnReset: r.HistoryOnReset, MinAgeDays: r.MinAge.Hours() / 24,
		ChangeFrom: stamp(r.ChangeFrom), ChangeTriesLeft: r.ChangeTriesLeft,
		Strength: r.Strength, Banned: r.Banned, Breached: r.Breached,
	}
}

func encodeCheck(found []password.Finding) PasswordCheck {
	out := PasswordCheck{Score: -1, Findings: each(found, func(f password.Finding) Finding {
		return Finding{Code: string(f.Code), OK: f.OK, Have: f.Have, Want: f.Want}
	})}
	for _, f := range found {
		if n, err := strconv.Atoi(f.Have); f.Code == password.CodeStrength && err == nil {
			out.Score = n
		}
	}
	return out
}

func (s *Server) encodePasskey(of enroll.Session) func(enroll.Credential) Passkey {
	return func(c enroll.Credential) Passkey {
		return Passkey{
			ID: base64url(c.ID), Name: c.Name, Created: stamp(c.Created), LastUsed: stamp(c.LastUsed),
			Synced:  c.Record.Flags.BackupState,
			Current: string(c.ID) == string(of.Credential), Hardware: s.cfg.Passkeys.IsHardware(c), Computer: s.cfg.Passkeys.IsComputer(c),
		}
	}
}

func encodeSession(of enroll.Session) func(enroll.Session) StoredSession {
	return func(e enroll.Session) StoredSession {
		return StoredSession{Device: e.Device, SignedIn: stamp(e.SignedIn), LastSeen: stamp(e.LastSeen), Current: e.ID == of.ID}
	}
}

// encodeEvent reads outcome and reason from the sealed bytes.
func encodeEvent(e audit.Entry) Activity {
	var sealed struct {
		Outcome string `json:"outcome"`
		Reason  string `json:"reason"`
		Detail  struct {
			Kind string `json:"kind"`
		} `json:"detail"`
	}
	_ = json.Unmarshal(e.Bytes, &sealed) // the store verified them; without, the line is shorter
	return Activity{
		Time: stamp(time.UnixMilli(e.Time)), Action: string(e.Action),
		Outcome: sealed.Outcome, Reason: sealed.Reason, Kind: sealed.Detail.Kind, Device: deviceOf(e),
	}
}

// deviceOf leaves out what an approver, who is somebody else, did it with.
func deviceOf(e audit.Entry) string {
	if _, err := ad.ParseGUID(e.Actor); err == nil && e.Actor != e.Target {
		return ""
	}
	return e.Personal["device"].Value
}
