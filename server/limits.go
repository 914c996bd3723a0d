package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey/latchkey/enroll"
)

// by says what a limit counts.
type by int

const (
	byAddress by = iota // client address; of IPv6 the /64, and the /48 more widely
	byAccount           // the signed-in person
	byValue             // what the handler hands over: an invitation's token, an account
)

// rate is a token bucket: it holds burst and gains one token each refill.
type rate struct {
	name   string
	by     by
	burst  int
	refill time.Duration
	local  bool // in memory only: it saves work and guards no secret
}

// siteFactor is how many networks of one IPv6 site may be at their limit at once.
const siteFactor = 16

// ofSite is the limit of a whole IPv6 site.
func (r rate) ofSite() rate {
	r.name += "-site"
	r.burst *= siteFactor
	r.refill /= siteFactor
	return r
}

// The limits. A site shares one address, so those are wide (and LimitFactor
// widens them); an account and an invitation are one person's.
var (
	rateSignInBegin  = rate{name: "sign-in-begin", by: byAddress, burst: 60, refill: time.Second, local: true}
	rateSignInFinish = rate{name: "sign-in-finish", by: byAddress, burst: 30, refill: 2 * time.Second}
	rateLookUp       = rate{name: "invitation", by: byAddress, burst: 30, refill: 3 * time.Second}
	rateInvitation   = rate{name: "invitation-one", by: byValue, burst: 20, refill: 10 * time.Second}
	rateADTry        = rate{name: "password-try", by: byAddress, burst: 30, refill: 20 * time.Second}
	rateADTryOne     = rate{name: "password-try-one", by: byValue, burst: 6, refill: 2 * time.Minute}
	rateOldTry       = rate{name: "old-password-try", by: byValue, burst: 6, refill: 2 * time.Minute}
	rateRecoverBegin = rate{name: "recover-begin", by: byAddress, burst: 20, refill: 5 * time.Second}
	rateRecover      = rate{name: "recover", by: byAddress, burst: 20, refill: 20 * time.Second}
	rateRecoverName  = rate{name: "recover-name", by: byValue, burst: 5, refill: 5 * time.Minute}    // network and kind
	rateRecoverKnown = rate{name: "recover-known", by: byValue, burst: 5, refill: 10 * time.Minute}  // of account and kind, from a known browser
	rateRecoverFresh = rate{name: "recover-fresh", by: byValue, burst: 5, refill: 6 * time.Hour}     // likewise, from one network
	rateRecoverFirst = rate{name: "recover-first", by: byValue, burst: 30, refill: 15 * time.Minute} // likewise, those together
	rateRecoverOne   = rate{name: "recover-one", by: byValue, burst: 15, refill: 15 * time.Minute}   // likewise, what is left
	rateRecoverAll   = rate{name: "recover-all", by: byValue, burst: 60, refill: time.Minute}        // everybody together
	rateRecoverNet   = rate{name: "recover-net", by: byAddress, burst: 15, refill: 4 * time.Minute}  // what could be guessed
	rateAnswer       = rate{name: "answer", by: byAccount, burst: 15, refill: 10 * time.Minute}      // likewise, signed in
	rateRecoverSend  = rate{name: "recover-send", by: byValue, burst: 4, refill: 2 * time.Minute}    // name and network
	rateSendKnown    = rate{name: "send-known", by: byValue, burst: 4, refill: 2 * time.Minute}      // of account, from a known browser
	rateWordNet      = rate{name: "word-net", by: byAddress, burst: 6, refill: 10 * time.Minute}     // asked from one network
	rateWordOne      = rate{name: "word-one", by: byValue, burst: 6, refill: time.Hour}              // for one account
	rateWordNear     = rate{name: "word-near", by: byValue, burst: 3, refill: 3 * time.Hour}         // likewise, from one network
	rateWordKnown    = rate{name: "word-known", by: byValue, burst: 6, refill: time.Hour}            // likewise, from a known browser
	rateWordFrom     = rate{name: "word-from", by: byValue, burst: 3, refill: 20 * time.Minute}      // of one approver, from one network
	rateWordApprover = rate{name: "word-approver", by: byValue, burst: 30, refill: 2 * time.Minute}  // of one approver, from anywhere
	rateWordAll      = rate{name: "word-all", by: byValue, burst: 120, refill: 30 * time.Second}     // everybody together
	rateWait         = rate{name: "wait", by: byAddress, burst: 60, refill: time.Second, local: true}
	rateStop         = rate{name: "stop", by: byAddress, burst: 60, refill: time.Second, local: true}
	rateBrake        = rate{name: "brake", by: byValue, burst: 1, refill: time.Hour} // alerts, of each brake apart
	rateFreeze       = rate{name: "freeze", by: byAddress, burst: 30, refill: 4 * time.Second}
	rateForget       = rate{name: "forget", by: byAddress, burst: 60, refill: time.Second, local: true}
	rateStepUp       = rate{name: "step-up", by: byAccount, burst: 30, refill: 5 * time.Second}
	rateSubmit       = rate{name: "submit", by: byAccount, burst: 30, refill: 10 * time.Second}
	rateAsk          = rate{name: "ask", by: byAccount, burst: 6, refill: time.Minute}
	rateCheck        = rate{name: "password-check", by: byAccount, burst: 60, refill: time.Second}
	rateExecute      = rate{name: "execute", by: byAccount, burst: 12, refill: 20 * time.Second}
	rateApprove      = rate{name: "approve", by: byAccount, burst: 30, refill: 5 * time.Second}
	rateReview       = rate{name: "review", by: byAccount, burst: 30, refill: 5 * time.Second}
	rateRemind       = rate{name: "remind", by: byAccount, burst: 12, refill: 20 * time.Second}
	rateDevice       = rate{name: "device", by: byAccount, burst: 20, refill: 30 * time.Second}
	rateDeviceTest   = rate{name: "device-test", by: byAccount, burst: 5, refill: 30 * time.Second}
	rateLive         = rate{name: "live", by: byAccount, burst: 30, refill: 5 * time.Second, local: true}
	ratePhoto        = rate{name: "photo", by: byAccount, burst: 60, refill: time.Second, local: true}
	rateWrite        = rate{name: "write", by: byAccount, burst: 60, refill: 2 * time.Second}
	rateRead         = rate{name: "read", by: byAccount, burst: 120, refill: 500 * time.Millisecond, local: true}
)

// Of one secret of one account strangers guess 24 h / rateRecoverFirst.refill and
// 24 h / rateRecoverOne.refill times a day, 192 together, from however many networks, and
// 24 times where it is answers. What that is worth, docs/security.md works out.

// slowAnswers is how much slower tries at answers come back: there are far fewer that
// anybody gives than there are PINs.
const slowAnswers = 8

// forKind is the limit of one kind of proof.
func (r rate) forKind(kind enroll.ProofKind) rate {
	if kind == enroll.ProofQuestions {
		r.refill *= slowAnswers
	}
	return r
}

// take spends one token of the bucket for what, or says how long to wait. Memory
// stands in front of the store, so that a flood costs no statement; an error of
// the store denies.
func (s *Server) take(ctx context.Context, r rate, what string) error {
	if r.by == byAddress {
		factor := s.settings().LimitFactor
		r.burst *= factor
		r.refill /= time.Duration(factor)
	}
	key, now := bucketKey(r.name, what), s.now()
	if wait := s.buckets.take(key, r.burst, r.refill, now); wait > 0 {
		return limited{wait}
	}
	if r.local {
		return nil
	}
	wait, err := s.cfg.Limits.Take(ctx, key, r.burst, r.refill, now)
	if err != nil {
		return fmt.Errorf("count %s: %w", r.name, err)
	}
	if wait > 0 {
		return limited{wait}
	}
	return nil
}

// bucketKey hides what is counted: neither addresses nor tokens stand in the store.
func bucketKey(name, what string) string {
	sum := sha256.Sum256([]byte("latchkey/limit/v1\x00" + name + "\x00" + what))
	return name + ":" + hex.EncodeToString(sum[:16])
}

// setBack is by how much a clock may be set back without giving tokens away; past
// that the bucket counts as full, or nobody would get in until the old time comes.
const setBack = 5 * time.Minute

// maxBuckets bounds the memory that strangers can make us use: about 2 MB.
const maxBuckets = 16384

// buckets are token buckets in memory. Of each only the moment is kept at which
// it is full again, so that full ones can be forgotten.
type buckets struct {
	mu    sync.Mutex
	full  map[string]time.Time
	swept time.Time
}

// take returns 0 when there was a token, else how long until there is one.
func (b *buckets) take(key string, burst int, refill time.Duration, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	full, ok := b.full[key]
	ahead := full.After(now.Add(time.Duration(burst)*refill + setBack)) // of a clock that was set back
	if !ok || ahead || full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - time.Duration(burst-1)*refill; wait > 0 {
		return wait
	}
	if !ok && len(b.full) >= maxBuckets {
		b.makeRoom(now)
	}
	if b.full == nil {
		b.full = map[string]time.Time{}
	}
	b.full[key] = full.Add(refill)
	return 0
}

// makeRoom forgets full buckets, once a second at most, and when there is none
// any of them: the store still counts.
func (b *buckets) makeRoom(now time.Time) {
	if now.Sub(b.swept) >= time.Second {
		b.swept = now
		for k, full := range b.full {
			if !full.After(now) {
				delete(b.full, k)
			}
		}
	}
	for k := range b.full {
		if len(b.full) < maxBuckets {
			return
		}
		delete(b.full, k)
	}
}
