package push

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// A token is good for half a day and used for half of that: Apple wants no new
// one within the hour, and RFC 8292 2 allows none for longer than a day.
const (
	tokenLife = 12 * time.Hour
	tokenUse  = 6 * time.Hour
	maxTokens = 256
)

var b64 = base64.RawURLEncoding

var errNoKey = errors.New("push.no-key")

// newKeypair makes a VAPID key (RFC 8292 2): P-256.
func newKeypair(id string, now time.Time, random io.Reader) (Keypair, error) {
	k, err := ecdh.P256().GenerateKey(random)
	if err != nil {
		return Keypair{}, fmt.Errorf("make push key: %w", err)
	}
	return Keypair{ID: id, Public: b64.EncodeToString(k.PublicKey().Bytes()), Private: k.Bytes(), Created: now}, nil
}

// vapid signs for push services, and keeps what it signed for a while.
type vapid struct {
	subject string // the "sub" claim
	now     func() time.Time

	mu     sync.Mutex
	tokens map[[2]string]token // by key id and origin
}

type token struct {
	header string
	made   time.Time
}

// subjectClaim takes a bare mail address or an https URL. Apple refuses any other
// with 403.
func subjectClaim(subject string) (string, error) {
	if u, err := url.Parse(subject); err == nil && u.Scheme == "https" && u.Host != "" {
		return subject, nil
	}
	if a, err := mail.ParseAddress(subject); err == nil && a.Address == subject && !strings.HasPrefix(subject, "mailto:") {
		return "mailto:" + subject, nil
	}
	return "", fmt.Errorf("push subject %q is neither a mail address nor an https URL", subject)
}

// authorization is the header for one origin (RFC 8292 3), signed with k or kept
// since it was.
func (v *vapid) authorization(k Keypair, origin string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now, name := v.now(), [2]string{k.ID, origin}
	if t, ok := v.tokens[name]; ok && now.Sub(t.made) < tokenUse && !now.Before(t.made) {
		return t.header, nil
	}
	header, err := v.sign(k, origin, now)
	if err != nil {
		return "", err
	}
	if v.tokens == nil || len(v.tokens) >= maxTokens {
		v.tokens = map[[2]string]token{}
	}
	v.tokens[name] = token{header: header, made: now}
	return header, nil
}

func (v *vapid) sign(k Keypair, origin string, now time.Time) (string, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), k.Private)
	if err != nil {
		return "", fmt.Errorf("read push key: %w", err)
	}
	claims, err := json.Marshal(map[string]any{"aud": origin, "exp": now.Add(tokenLife).Unix(), "sub": v.subject})
	if err != nil {
		return "", fmt.Errorf("write push token: %w", err)
	}
	signed := b64.EncodeToString([]byte(`{"typ":"JWT","alg":"ES256"}`)) + "." + b64.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(nil, private, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign push token: %w", err)
	}
	return "vapid t=" + signed + "." + b64.EncodeToString(joined(r, s)) + ", k=" + k.Public, nil
}

// joined is a signature as RFC 7518 3.4 has it.
func joined(r, s *big.Int) []byte {
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out
}

// keyring are the keys that the store holds, newest first.
type keyring struct {
	mu   sync.RWMutex
	keys []Keypair
}

func (r *keyring) set(keys []Keypair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
}

func (r *keyring) newest() Keypair {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.keys) == 0 {
		return Keypair{}
	}
	return r.keys[0]
}

// find takes an id or a public key.
func (r *keyring) find(name string) (Keypair, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if name == k.ID || name == k.Public {
			return k, true
		}
	}
	return Keypair{}, false
}

// PublicKey is the newest VAPID key, base64url: new subscriptions are made with
// it.
func (s *Service) PublicKey() string { return s.keys.newest().Public }

// Rotate adds a VAPID key. Subscriptions stay with the key that they were made
// with; browsers take the new one when they subscribe anew.
func (s *Service) Rotate(ctx context.Context) error {
	if _, err := s.addKey(ctx, false); err != nil {
		return err
	}
	return s.loadKeys(ctx)
}

// firstKey makes a key where the store has none.
func (s *Service) firstKey(ctx context.Context) error {
	if err := s.loadKeys(ctx); err != nil || s.PublicKey() != "" {
		return err
	}
	if _, err := s.addKey(ctx, true); err != nil {
		return err
	}
	if err := s.loadKeys(ctx); err != nil {
		return err
	}
	if s.PublicKey() == "" {
		return fmt.Errorf("make first push key: %w", errNoKey)
	}
	return nil
}

func (s *Service) addKey(ctx context.Context, first bool) (bool, error) {
	k, err := newKeypair(s.cfg.NewID(), s.cfg.Now(), s.cfg.Rand)
	if err != nil {
		return false, err
	}
	added, err := s.cfg.Store.AddVAPIDKey(ctx, k, first, audit.Event{
		Time: k.Created, Action: audit.PushKeysMade, Actor: audit.ActorSystem, Outcome: audit.OK,
		Detail: map[string]any{"key": k.ID, "first": first},
	})
	if err != nil {
		return false, fmt.Errorf("keep push key: %w", err)
	}
	return added, nil
}

func (s *Service) loadKeys(ctx context.Context) error {
	keys, err := s.cfg.Store.VAPIDKeys(ctx)
	if err != nil {
		return fmt.Errorf("read push keys: %w", err)
	}
	s.keys.set(keys)
	return nil
}

// key finds the one that a subscription was made with; another server may have
// added it.
func (s *Service) key(ctx context.Context, id string) (Keypair, error) {
	if k, ok := s.keys.find(id); ok {
		return k, nil
	}
	if err := s.loadKeys(ctx); err != nil {
		return Keypair{}, err
	}
	if k, ok := s.keys.find(id); ok {
		return k, nil
	}
	return Keypair{}, errNoKey
}
