package enroll

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/secret"
)

// Config says for which site passkeys are made, and how long things live. Zero
// durations and counts take the defaults named beside them.
type Config struct {
	// RPID is the domain that passkeys are bound to. It and Origins come from
	// the configuration only, never from a request: changing RPID makes every
	// registered passkey useless.
	RPID string
	// Origins that a ceremony may run on, "https://host[:port]"; plain http on
	// localhost and below only. Each lies at or below RPID.
	Origins []string
	// RPName is what authenticators show; RPID when empty.
	RPName string

	Store     Store
	Directory Directory
	Sealer    Sealer // of sign-ins that were begun
	// Names finds whom a name means, or ad.ErrNotFound. nil: there is no way in
	// without a passkey.
	Names func(ctx context.Context, name string) (ad.GUID, error)
	// Courier brings codes; nil: there are none.
	Courier Courier
	// Frozen says whether an approver froze the account. An error denies.
	Frozen func(ctx context.Context, account ad.GUID) (bool, error)
	// HardwareOnly says whether the account, from that address, is to have no passkey
	// but hardware keys. An error refuses any other; nil: nobody is.
	HardwareOnly func(ctx context.Context, a ad.Account, address string) (bool, error)

	// ToldToo are the notices to others than the account's owner of a passkey that was
	// made without one. nil: nobody else is told.
	ToldToo func(ctx context.Context, account ad.GUID) ([]Notice, error)

	SessionIdle     time.Duration // without a request; 24 hours
	SessionAbsolute time.Duration // of a remembered device; 30 days
	SessionShort    time.Duration // absolute, where it isn't remembered; 1 hour
	CeremonyTimeout time.Duration // from begin to finish; 5 minutes
	InvitationValid time.Duration // of Invite, when it names no other; 72 hours
	Proofs          ProofSettings

	MaxCeremonies int // outstanding ones of one purpose and account; 5
	MaxPasskeys   int // of one account; 20

	Now    func() time.Time // nil is time.Now
	Rand   io.Reader        // safe for concurrent use; nil is crypto/rand
	Logger *slog.Logger     // nil discards
}

// Fixed times.
const (
	// ProofValid bounds how old a proof may be when it is consumed.
	ProofValid = 5 * time.Minute
	// GrantValid is how long a proved password lets an enrolment begin.
	GrantValid = 10 * time.Minute
	// SelfInvitationValid is how long a link for one's other device lives.
	SelfInvitationValid = 10 * time.Minute

	touchEvery      = time.Minute         // LastSeen is written at most this often
	invitationLimit = 30 * 24 * time.Hour // the longest that Invite grants
	proofKept       = 24 * time.Hour      // proofs that nobody consumed
	maxBody         = 64 << 10            // bytes of a credential's JSON
)

// Service is the relying party. Its methods are safe for concurrent use.
type Service struct {
	cfg       Config
	running   atomic.Pointer[running]
	signIn    webauthn.SessionData // of any sign-in, but for challenge and end
	store     Store
	directory Directory
	gates     gates // one password try of an account at a time
	doubts    doubts
	sending   chan struct{}
	stopping  chan struct{}
	log       *slog.Logger
}

// New checks the configuration and returns the relying party.
func New(cfg Config) (*Service, error) {
	cfg = withDefaults(cfg)
	if cfg.Store == nil || cfg.Directory == nil || cfg.Sealer == nil || cfg.Frozen == nil {
		return nil, errors.New("enroll: a store, a directory, a sealer and who is frozen are needed")
	}
	if err := checkOrigins(cfg.RPID, cfg.Origins); err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	s := &Service{
		cfg: cfg, store: cfg.Store, directory: cfg.Directory, log: cfg.Logger,
		sending: make(chan struct{}, maxSending), stopping: make(chan struct{}, maxStopping),
	}
	err := s.Set(Settings{
		RPName: cfg.RPName, SessionIdle: cfg.SessionIdle, SessionAbsolute: cfg.SessionAbsolute,
		SessionShort: cfg.SessionShort, InvitationValid: cfg.InvitationValid, Proofs: cfg.Proofs,
	})
	if err != nil {
		return nil, err
	}
	_, signIn, err := s.rp().BeginDiscoverableLogin()
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	signIn.Challenge, signIn.Expires = "", time.Time{} // takeSignIn judges the end
	s.signIn = *signIn
	return s, nil
}

func withDefaults(cfg Config) Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	count := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	def(&cfg.CeremonyTimeout, 5*time.Minute)
	count(&cfg.MaxCeremonies, 5)
	count(&cfg.MaxPasskeys, 20)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// checkOrigins refuses what a browser would refuse later, in words (WebAuthn
// 5.1.3: the RP ID is the origin's host or a suffix of it).
func checkOrigins(rpID string, origins []string) error {
	if rpID == "" || len(origins) == 0 {
		return errors.New("an RP ID and at least one origin are needed")
	}
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || o != u.Scheme+"://"+u.Host {
			return fmt.Errorf("%q is no origin: scheme, host and port only", o)
		}
		host := strings.ToLower(u.Hostname())
		local := host == "localhost" || strings.HasSuffix(host, ".localhost")
		if u.Scheme != "https" && (u.Scheme != "http" || !local) {
			return fmt.Errorf("origin %q: browsers make passkeys over https only", o)
		}
		if host != rpID && !strings.HasSuffix(host, "."+rpID) {
			return fmt.Errorf("origin %q does not lie at or below the RP ID %q", o, rpID)
		}
	}
	return nil
}

// now is the time as the store keeps it, so that what was saved compares equal.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.cfg.Rand, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return b, nil
}

// token makes 32 random bytes in base64url, and the hash that the store keeps.
func (s *Service) token() (token secret.Text, id string, err error) {
	b, err := s.random(32)
	if err != nil {
		return secret.Text{}, "", err
	}
	token = secret.New(base64.RawURLEncoding.EncodeToString(b))
	return token, tokenID(token), nil
}

// tokenID is SHA-256 over the token's text, in hex.
func tokenID(token secret.Text) string {
	var few [64]byte // most tokens are short
	h := sha256.Sum256(append(few[:0], token.Reveal()...))
	return hexText(h[:])
}

// hexText is hex.EncodeToString for what is short.
func hexText(b []byte) string {
	var few [64]byte
	return string(hex.AppendEncode(few[:0], b))
}

// A cookie is the time of the sign-in (48 bits of unix milliseconds) and 32 random
// bytes, in base64url. Its session's id begins with that time, so that new ones stand
// together in the store, and goes on with 208 bits of the hash.
const (
	timeLen = 6
	timeHex = 2 * timeLen
)

func (s *Service) cookie(now time.Time) (cookie secret.Text, id string, err error) {
	b, err := s.random(32)
	if err != nil {
		return secret.Text{}, "", err
	}
	cookie = secret.New(audit.Base64(append(timePrefix(now), b...)))
	return cookie, sessionID(cookie), nil
}

// timePrefix is a time in 48 bits of unix milliseconds, with room behind it.
func timePrefix(t time.Time) []byte {
	b := make([]byte, 8, 8+32)
	binary.BigEndian.PutUint64(b, uint64(t.UnixMilli()))
	return b[8-timeLen:]
}

// sessionID knows cookies without a time too, of earlier releases and of those who
// waited for somebody's word.
func sessionID(cookie secret.Text) string {
	hash := tokenID(cookie)
	b, err := base64.RawURLEncoding.DecodeString(cookie.Reveal())
	if err != nil || len(b) != timeLen+32 {
		return hash
	}
	return hexText(b[:timeLen]) + hash[:len(hash)-timeHex]
}
