package workflow

import (
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

// A freeze link is the means to freeze one account and for nothing else: what it
// names is sealed in it, so that nothing has to be stored, a link works after a
// restart and on each server, and nobody makes or changes one. Whoever holds it can
// stop Latchkey for that account until that is lifted. It can't be used again after
// that: what was told before a thaw was cleared by it.

const (
	placeFreeze = "notice/freeze/v1"
	// freezeLinkTime is how long a link is good for, from the moment at which its
	// notice was committed.
	freezeLinkTime = 7 * day
	// maxFreezeKind is the longest kind of a notice that a link names, in bytes.
	maxFreezeKind = 64
	// freezeLinkSkew is by how much the clock of the server that made a link may be
	// ahead of the one that reads it.
	freezeLinkSkew = 5 * time.Minute

	// The plaintext: objectGUID, when the notice was committed in unix ms, and its id,
	// both big-endian; the rest is its kind.
	guidLen        = 16
	freezeHeadLen  = guidLen + 8 + 8
	maxFreezeToken = 256 // of its text, in characters
)

// freezeLink is what a link says.
type freezeLink struct {
	Account ad.GUID
	Made    time.Time
	Notice  int64
	Kind    string
}

// FreezeLink makes the secret of a link by which the account can be frozen, for the
// notice that tells the person; "" where there is no Sealer or the notice is not one
// that a link could name. made is when the notice was committed: the link is good for
// a week from then.
func (e *Engine) FreezeLink(account ad.GUID, kind string, notice int64, made time.Time) secret.Text {
	if e.sealer == nil || account.IsZero() || kind == "" || len(kind) > maxFreezeKind {
		return secret.Text{}
	}
	plain := make([]byte, 0, freezeHeadLen+len(kind))
	plain = append(plain, account[:]...)
	plain = binary.BigEndian.AppendUint64(plain, uint64(made.UnixMilli()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(notice))
	plain = append(plain, kind...)
	return secret.New(base64.RawURLEncoding.EncodeToString(e.sealer.Seal(placeFreeze, plain)))
}

// openFreezeLink reads a link that is good now. What is wrong with another is
// nobody's to know.
func (e *Engine) openFreezeLink(token secret.Text) (freezeLink, error) {
	text := token.Reveal()
	if e.sealer == nil || len(text) > maxFreezeToken {
		return freezeLink{}, ErrFreezeLink
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return freezeLink{}, ErrFreezeLink
	}
	plain, err := e.sealer.Open(placeFreeze, sealed)
	if err != nil || len(plain) <= freezeHeadLen || len(plain) > freezeHeadLen+maxFreezeKind {
		return freezeLink{}, ErrFreezeLink
	}
	out := freezeLink{
		Account: ad.GUID(plain[:guidLen]),
		Made:    time.UnixMilli(int64(binary.BigEndian.Uint64(plain[guidLen:]))).UTC(),
		Notice:  int64(binary.BigEndian.Uint64(plain[guidLen+8:])),
		Kind:    string(plain[freezeHeadLen:]),
	}
	now := e.now()
	if out.Account.IsZero() || !now.Before(out.Made.Add(freezeLinkTime)) || out.Made.After(now.Add(freezeLinkSkew)) {
		return freezeLink{}, ErrFreezeLink
	}
	return out, nil
}
