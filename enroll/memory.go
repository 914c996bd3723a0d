package enroll

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
)

// What people remember could be guessed by whoever has the hash, so it is kept as
// Argon2id (RFC 9106), with the parameters that were current when it was made.
type remembered struct {
	Memory uint32 `json:"m"` // KiB
	Time   uint32 `json:"t"`
	Salt   []byte `json:"s"`
	Hash   []byte `json:"h"`
}

// The smallest of OWASP's equal choices: two cores serve everybody.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonHash   = 32
	argonSalt   = 16
)

// hashing lets two at a time in: each takes 19 MiB.
var hashing = make(chan struct{}, 2)

// argonCost is what a guess costs. Tests of this package pay less, but for the one that
// holds it.
var argonCost = cost{memory: argonMemory, time: argonTime}

type cost struct{ memory, time uint32 }

func argon(text string, r remembered) []byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return argon2.IDKey([]byte(text), r.Salt, r.Time, r.Memory, 1, argonHash)
}

func (s *Service) remember(text string) (remembered, error) {
	salt, err := s.random(argonSalt)
	if err != nil {
		return remembered{}, err
	}
	r := remembered{Memory: argonCost.memory, Time: argonCost.time, Salt: salt}
	r.Hash = argon(text, r)
	return r, nil
}

// same takes as long for nothing remembered as for something.
func (r remembered) same(text string) bool {
	none := len(r.Hash) == 0
	if none {
		r = remembered{Memory: argonCost.memory, Time: argonCost.time, Salt: make([]byte, argonSalt), Hash: make([]byte, argonHash)}
	}
	return subtle.ConstantTimeCompare(argon(text, r), r.Hash) == 1 && !none
}

// freeFails is how often in a row something may be wrong before it rests.
const (
	freeFails = 5
	restFirst = time.Minute
	// restMost is short: a stranger must not keep a proof useless by a try or two a day.
	restMost = 15 * time.Minute
)

// rest is how long nothing is tried after so many wrong tries: it doubles, and ends.
// A lock without an end would let a stranger shut somebody out.
func rest(fails int) time.Duration {
	if fails < freeFails {
		return 0
	}
	return min(restFirst<<min(fails-freeFails, 20), restMost)
}

// resting says whether nothing is tried now. A last try that lies ahead was written under
// a clock that was set back since.
func resting(fails int, last, now time.Time) bool {
	wait := rest(fails)
	return wait > 0 && now.Before(last.Add(wait)) && !last.After(now.Add(clockMargin))
}

// begin counts a try before it is made, so that no crowd of tries gets past the
// count; done takes the count back. ErrFactorLocked while it rests. The tries of whoever
// is signed in are counted by themselves: those of strangers make nobody wait there, nor
// those there a stranger. What the edge has counted apart is counted by the edge alone,
// and neither waits for a rest nor makes it longer; so is an app of whoever is signed in,
// who is told that a clock is off, and tries while they set it.
func (s *Service) begin(ctx context.Context, t attempt, f Factor) error {
	if t.apart || t.own && f.Kind == ProofTOTP {
		return nil
	}
	now := s.now()
	err := s.store.UpdateFactor(ctx, f.ID, func(f *Factor) error {
		fails, last := &f.Fails, &f.Failed
		if t.own {
			fails, last = &f.OwnFails, &f.OwnFailed
		}
		if resting(*fails, *last, now) {
			return ErrFactorLocked
		}
		*fails++
		*last = now
		return nil
	})
	if err != nil {
		return fmt.Errorf("count try: %w", err)
	}
	return nil
}

// done is the use of a factor that was right.
func done(kind ProofKind, now time.Time) func(*Factor) error {
	return func(f *Factor) error {
		if f.Kind != kind {
			return ErrWrongCode
		}
		f.Fails, f.OwnFails, f.Used = 0, 0, now
		return nil
	}
}

// one is the only factor of its kind.
func one(factors []Factor, kind ProofKind) (Factor, bool) {
	for _, f := range factors {
		if f.Kind == kind {
			return f, true
		}
	}
	return Factor{}, false
}

func encodeSecret(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode proof: %w", err)
	}
	return b, nil
}

func decodeSecret(b []byte, v any) error {
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decode proof: %w", err)
	}
	return nil
}
