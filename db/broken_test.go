package db

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// What can't be read is an error, and never a row with nothing in it.
func TestARowThatIsBrokenIsAnError(t *testing.T) {
	for broken, read := range map[string]func(*Store) error{
		`UPDATE requests SET data = '{' WHERE id = 'r'`: func(s *Store) error { _, err := s.Request(t.Context(), "r"); return err },
		`UPDATE factors SET account = 'x' WHERE id = 'f'`: func(s *Store) error {
			return s.UpdateFactor(t.Context(), "f", func(*enroll.Factor) error { return nil })
		},
		`UPDATE factors SET secret = X'00' WHERE id = 'f'`: func(s *Store) error {
			return s.UpdateFactor(t.Context(), "f", func(*enroll.Factor) error { return nil })
		},
		`UPDATE proofs SET account = 'x' WHERE id = 'thaw'`: func(s *Store) error { _, err := s.Proof(t.Context(), "thaw"); return err },
		`UPDATE proofs SET receipt = '{' WHERE id = 'thaw'`: func(s *Store) error { _, err := s.Proof(t.Context(), "thaw"); return err },
		`UPDATE freezes SET account = 'x'`:                  func(s *Store) error { _, err := s.ThawsAsked(t.Context(), anna, 1); return err },
	} {
		s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
		prepare(t, s)
		if err := read(s); err != nil {
			t.Fatalf("%s: %v before", broken, err)
		}
		if err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(broken); return err }); err != nil {
			t.Fatal(err)
		}
		if err := read(s); err == nil {
			t.Errorf("%s: read all the same", broken)
		}
	}
}

func TestAReadThatFailsIsAnError(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	prepare(t, s)
	if err := s.read.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, read := range map[string]func() error{
		"proofs held":     func() error { _, _, err := s.HeldProofs(ctx, ad.Account{GUID: anna}); return err },
		"first passkey":   func() error { _, err := s.FirstPasskey(ctx, anna); return err },
		"proofs replaced": func() error { _, err := s.ProofsReplaced(ctx, anna); return err },
		"is frozen":       func() error { _, err := s.IsFrozen(ctx, anna); return err },
		"freeze":          func() error { _, err := s.Frozen(ctx, anna); return err },
		"session":         func() error { _, err := s.Session(ctx, "s", s.tx.now()); return err },
		"request":         func() error { _, err := s.Request(ctx, "r"); return err },
		"proof":           func() error { _, err := s.Proof(ctx, "thaw"); return err },
		"passkeys":        func() error { _, err := s.Credentials(ctx, anna); return err },
		"proofs":          func() error { _, err := s.Factors(ctx, anna); return err },
	} {
		err := read()
		if err == nil || errors.Is(err, enroll.ErrNoSession) || errors.Is(err, enroll.ErrNoProof) || errors.Is(err, enroll.ErrNoCredential) {
			t.Errorf("%s: nothing is there, says a store that can't be read: %v", name, err)
		}
	}
}

// Whoever finds a bucket empty is not let in where it can't be read how empty.
func TestABucketThatCantBeReadIsAnError(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	take := func() (time.Duration, error) { return s.Take(t.Context(), "k", 1, time.Minute, time.Unix(1000, 0)) }
	if wait, err := take(); wait != 0 || err != nil {
		t.Fatal(wait, err)
	}
	s.tx.fault = func(query string) error {
		if strings.HasPrefix(query, "SELECT full_at") {
			return ErrIO
		}
		return nil
	}
	wait, err := take()
	s.tx.fault = nil
	if !errors.Is(err, ErrIO) || wait != 0 {
		t.Errorf("%v, %v", wait, err)
	}
}

// What was remembered of a passkey is not written over what another server made of it: the
// row as it is decides.
func TestAPasskeyThatIsNotWhatItWasIsReadAnew(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	prepare(t, s)
	if _, err := s.Credentials(t.Context(), anna); err != nil {
		t.Fatal(err)
	}
	if err := s.write(t.Context(), func(t *tx) error {
		_, err := t.exec(`UPDATE credentials SET name = 'elsewhere' WHERE id = $1`, []byte("c"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	var seen []string
	used := time.UnixMilli(1798804800123)
	if err := s.UpdateCredential(t.Context(), []byte("c"), func(c *enroll.Credential) ([]audit.Event, error) {
		seen, c.LastUsed = append(seen, c.Name), used
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	s.decoded.forget([]byte("c"))
	all, err := s.Credentials(t.Context(), anna)
	if err != nil || len(all) != 1 || all[0].Name != "elsewhere" || !all[0].LastUsed.Equal(used) || len(seen) != 2 || seen[1] != "elsewhere" {
		t.Errorf("%+v, seen as %q, %v", all, seen, err)
	}
}
