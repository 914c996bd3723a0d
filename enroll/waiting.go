package enroll

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// What the browser of somebody holds who asked others to vouch for them, and the session
// that it gets once somebody did. Until then all of it is the same for a name that nobody
// has: the two digits and the session's secret are worked out of the token.

const (
	placeWaiting = "ceremony/wait/v1"
	// WaitValid is how long a browser waits, from when the name was given.
	WaitValid = time.Hour
)

// waiting is what the browser's token holds, sealed.
type waiting struct {
	Account ad.GUID `json:"a"` // zero for a name that nobody has
	Act     string  `json:"k"`
	Nonce   []byte  `json:"n"`
	End     int64   `json:"e"` // unix milliseconds
	// Proved: it was asked for with a proof beside. What the token gives then, its session
	// among it, it gives to nobody who asked without one: that there is such a request says
	// that something was proved.
	Proved bool `json:"p,omitempty"`
}

// Waiting is what somebody is given who asked others to vouch for them.
type Waiting struct {
	Token  secret.Text
	Number string // two digits, which whoever vouches asks for
	Until  time.Time
}

// Given says whether somebody vouched for the session with this id, and by which
// request.
type Given func(ctx context.Context, account ad.GUID, session string) (request string, yes bool, err error)

// derive works something out of the nonce, which is random, stands in no token but
// sealed, and outlives a rotation of the keys.
func (h waiting) derive(what string) []byte {
	if h.Proved {
		what += "/proved"
	}
	mac := hmac.New(sha256.New, h.Nonce)
	mac.Write([]byte(placeWaiting + "/" + what + "\x00" + h.Account.String() + "\x00" + h.Act))
	return mac.Sum(nil)
}

// session is the one that is waited for: its cookie and id.
func (h waiting) session() (cookie secret.Text, id string) {
	cookie = secret.New(base64.RawURLEncoding.EncodeToString(h.derive("session")))
	return cookie, sessionID(cookie)
}

// whoever is the account that the store is asked about: for a name that nobody has, one
// that nobody has.
func (h waiting) whoever() ad.GUID {
	account := h.Account
	if account.IsZero() {
		copy(account[:], h.derive("nobody"))
	}
	return account
}

// number is two digits; 2^64 is so much more that none is likelier.
func (h waiting) number() string {
	return fmt.Sprintf("%02d", binary.BigEndian.Uint64(h.derive("number"))%100)
}

// spent is the id of the way in that a proof beside the word uses up. What only names
// somebody uses up none: whether it did would tell that it was right.
func (h waiting) spent() string {
	if !h.Proved {
		return spentID("named/" + hex.EncodeToString(h.Nonce))
	}
	return spentID(hex.EncodeToString(h.Nonce))
}

// over is the id of the ceremony that whoever takes the session spends, or stops: of
// both one comes first.
func (h waiting) over() string {
	word := "word/"
	if h.Proved {
		word = "word/proved/"
	}
	return spentID(word + hex.EncodeToString(h.Nonce))
}

func (s *Service) overNow(h waiting, purpose Purpose) Ceremony {
	return Ceremony{ID: h.over(), Purpose: purpose, Created: s.now(), Expires: time.UnixMilli(h.End).Add(spentKept).UTC()}
}

// StopWord ends what the browser waits for. That it is stopped is kept before the
// answer, and alike for a name that nobody has: from then on nobody is asked any more,
// and nobody comes in, whatever of the asking is still under way here or on another
// server. The row is one for each token that was given for asking, and goes with it.
//
// A request that was opened before is taken back behind the answer, since how long that
// takes would tell that there is one; nobody approves it meanwhile, and what is dropped
// there, or lost in a crash, a job finds by the row. Where the session was taken before, its request is its owner's to
// take back, and is tried only once here. ErrNoCeremony for a token that is none.
func (s *Service) StopWord(ctx context.Context, token secret.Text, stop func(ctx context.Context, account ad.GUID, session string) error) error {
	h, err := s.openWaiting(token)
	if err != nil {
		return err
	}
	_, id := h.session()
	spent := s.overNow(h, PurposeStop)
	spent.Session = id
	if err := s.store.SpendCeremony(ctx, spent, nil); err != nil && !errors.Is(err, ErrNoCeremony) {
		return fmt.Errorf("keep that nobody waits: %w", err)
	}
	if h.Account.IsZero() {
		return nil
	}
	s.behind(ctx, s.stopping, func(ctx context.Context) {
		if err := stop(ctx, h.Account, id); err != nil {
			s.log.Error("what was waited for is not stopped", slog.Any("error", err))
		}
	})
	return nil
}

// TakeWord makes the session of somebody for whom a colleague vouched: it lives as
// long as that of any way in, and with the same token it is the same. Nil, and no
// error, while nobody did, whatever the reason. Errors: ErrNoCeremony for a token that
// is none, or whose time or session is over.
func (s *Service) TakeWord(ctx context.Context, token secret.Text, from Client, given Given) (*Session, secret.Text, string, error) {
	none := secret.Text{}
	h, err := s.openWaiting(token)
	if err != nil {
		return nil, none, "", err
	}
	cookie, id := h.session()
	request, yes, err := given(ctx, h.whoever(), id)
	if err != nil {
		s.log.Error("whether somebody vouched is not known", slog.Any("error", err))
	}
	if err != nil || !yes || h.Account.IsZero() {
		return nil, none, "", nil
	}
	session, err := s.wordSession(ctx, h, id, request, from)
	if err != nil {
		return nil, none, "", err
	}
	return &session, cookie, request, nil
}

func (s *Service) wordSession(ctx context.Context, h waiting, id, request string, from Client) (Session, error) {
	person, err := s.account(ctx, h.Account)
	if err != nil {
		return Session{}, err
	}
	from.Remember = false
	session, _, err := s.newSession(h.Account, nil, from)
	if err != nil {
		return Session{}, err
	}
	session.ID, session.Expires = id, session.SignedIn.Add(RecoveredValid)
	e := s.event(audit.Recovered, h.Account)
	e.Request = request
	e.Detail["proofs"], e.Detail["proof_kinds"] = []string{}, []string{string(ProofVouching)}
	e.Detail["session"], e.Detail["for"] = id, h.Act
	err = s.store.Recovered(ctx, s.overNow(h, PurposeRecover), nil, session, withClient(e, from))
	if errors.Is(err, ErrNoCeremony) { // the answer to an earlier try was lost
		if session, err = s.live(ctx, id, s.now()); err != nil {
			return Session{}, fmt.Errorf("take word: %w", ErrNoCeremony)
		}
	}
	if err != nil {
		return Session{}, fmt.Errorf("store recovery: %w", err)
	}
	session.Person = &person
	return session, nil
}

func (s *Service) openWaiting(token secret.Text) (waiting, error) {
	var h waiting
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token.Reveal())
	if err != nil {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	plain, err := s.cfg.Sealer.Open(placeWaiting, sealed)
	if err != nil || json.Unmarshal(plain, &h) != nil {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	end := time.UnixMilli(h.End)
	if now := s.now(); !now.Before(end) || end.After(now.Add(WaitValid+spentKept)) {
		return h, fmt.Errorf("open waiting: %w", ErrNoCeremony)
	}
	return h, nil
}
