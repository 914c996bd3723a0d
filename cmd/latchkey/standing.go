package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// openToRead opens the database of a configuration beside a server, or without one, and
// changes nothing.
func openToRead(ctx context.Context, cfg config.Config, box *secret.Box) (*db.Store, error) {
	where, err := databaseOf(cfg)
	if err != nil {
		return nil, err
	}
	where.Box = box
	if !where.DSN.Empty() {
		return db.OpenReadOnly(ctx, where)
	}
	return db.OpenToExamine(ctx, where)
}

// standing is what is known of one person beside what the directory has: from the store,
// supposed by a flag, or nothing.
type standing struct {
	known    workflow.Known // nil where nothing is
	people   workflow.People
	held     []enroll.ProofKind
	ranks    []enroll.ProofKind // see workflow.Holders
	supposed bool
	unread   error // why nothing is known
	close    func() error
}

// standingOf reads the store, unless it is supposed what the person holds.
func (r policyReader) standingOf(ctx context.Context, cfg config.Config, who ad.Account, supposed []enroll.ProofKind, at time.Time) standing {
	s := standing{held: supposed, ranks: supposed, supposed: supposed != nil, close: func() error { return nil }}
	if s.supposed {
		s.known = supposition{held: supposed, at: at}
		return s
	}
	h, err := r.holders(ctx, cfg)
	if err != nil {
		s.unread = err
		return s
	}
	if s.held, s.ranks, s.unread = h.HeldProofs(ctx, who); s.unread != nil {
		h.Close()
		return s
	}
	s.known, s.people, s.close = h, r.dir, h.Close
	return s
}

// holders are the running server's, over a store that is only read.
func (r policyReader) holders(ctx context.Context, cfg config.Config) (holders, error) {
	box, err := secret.LoadBox(cfg.KeyFile(), false)
	if err != nil {
		return holders{}, err
	}
	hardware, err := cfg.Proofs.HardwareKey.Keys()
	if err != nil {
		return holders{}, err
	}
	store, err := openToRead(ctx, cfg, box)
	if err != nil {
		return holders{}, err
	}
	passkeys, err := enroll.New(enroll.Config{
		RPID: cfg.RPID(), Origins: []string{strings.TrimSuffix(cfg.PublicURL, "/")}, RPName: cfg.Organisation,
		Store: store, Directory: r.dir, Sealer: box, Frozen: store.IsFrozen, Now: now, Logger: r.log,
		Proofs: proofSettings(cfg, hardware),
	})
	if err != nil {
		return holders{}, errors.Join(err, store.Close())
	}
	return holders{store, passkeys}, nil
}

// supposition is somebody who holds these proofs since that moment, is not frozen, and
// of whom no proof was replaced.
type supposition struct {
	held []enroll.ProofKind
	at   time.Time
}

var _ workflow.Known = supposition{}

func (s supposition) HeldProofs(context.Context, ad.Account) (held, ranks []enroll.ProofKind, err error) {
	return s.held, s.held, nil
}

func (s supposition) HasPasskey(context.Context, ad.GUID) (bool, error) {
	return slices.Contains(s.held, enroll.ProofPasskey), nil
}

func (supposition) ProofsReplaced(context.Context, ad.GUID) (time.Time, error) {
	return time.Time{}, nil
}

func (supposition) Frozen(context.Context, ad.GUID) (*workflow.Freeze, error) { return nil, nil }

func (s supposition) FirstPasskey(context.Context, ad.GUID) (time.Time, error) {
	if !slices.Contains(s.held, enroll.ProofPasskey) {
		return time.Time{}, nil
	}
	return s.at, nil
}

// holdsNothing is what --holds takes for nobody's proofs.
const holdsNothing = "none"

// holdable are the proofs that a store keeps.
var holdable = []enroll.ProofKind{
	enroll.ProofPasskey, enroll.ProofHardwareKey, enroll.ProofRecoveryCode, enroll.ProofTOTP,
	enroll.ProofMailCode, enroll.ProofSMSCode, enroll.ProofPIN, enroll.ProofQuestions,
}

// supposedHeld reads --holds; nil where it is not given.
func supposedHeld(names []string) ([]enroll.ProofKind, error) {
	if len(names) == 0 {
		return nil, nil
	}
	held := []enroll.ProofKind{}
	for _, name := range names {
		kind := enroll.ProofKind(strings.TrimSpace(name))
		switch {
		case name == holdsNothing && len(names) == 1:
		case !slices.Contains(holdable, kind):
			return nil, fmt.Errorf("--holds: %q is none of %s, %s", name, kindList(holdable), holdsNothing)
		case !slices.Contains(held, kind):
			held = append(held, kind)
		}
	}
	if slices.Contains(held, enroll.ProofHardwareKey) && !slices.Contains(held, enroll.ProofPasskey) {
		held = append(held, enroll.ProofPasskey) // it is one
	}
	return held, nil
}

func kindList[T ~string](kinds []T) string {
	words := make([]string, len(kinds))
	for i, k := range kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}
